"""How columns lie in a store: chunks of a month's rows, each a compressed Arrow stream as text.

Every store keeps text, and a chunk is small enough for a document of MongoDB. Integers are as narrow as the values of
the chunk allow, texts are dictionary-encoded. Rows are in the order of their days.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from filon.serving.columns.arrays import arrow, numbers
from filon.serving.columns.stored import DAY, MONTH, USUAL_SIZE, ChunkSize, is_group_column

WIDTHS = (np.int8, np.int16, np.int32, np.int64)
LONGEST = 64
DAYS = 32
_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


@dataclass(frozen=True)
class Chunk:
    """Some rows of a month, as a store keeps them.

    ``month`` is such as 2026-01, or empty for rows without a date; ``part`` numbers the chunks of a month from 0;
    ``data`` is an Arrow IPC stream in base64. Chunks with the same ``digest`` have the same month and data.
    """

    month: str
    part: int
    rows: int
    digest: str
    data: str


def chunks_of(month: str, rows: pa.Table, size: ChunkSize = USUAL_SIZE) -> Iterator[Chunk]:
    """The rows of a month, which must be in the order of their days, as chunks."""
    starts = range(0, rows.num_rows, size.most_rows)
    texts = (text for start in starts for text in _texts(rows.slice(start, size.most_rows), size))
    for part, (count, data) in enumerate(texts):
        yield Chunk(month, part, count, digest_of(month, data), data.decode("ascii"))


def digest_of(month: str, data: bytes) -> str:
    """The digest of a chunk."""
    return hashlib.sha256(month.encode() + b"\0" + data).hexdigest()


def by_month(facts: pa.Table, texts: Mapping[str, pa.ChunkedArray]) -> Iterator[tuple[int, pa.Table]]:
    """Rows of several months as one table a month, in the order of their days, without the month.

    Columns of texts hold their codes, places in an array of ``texts``.
    """
    months, days = (numbers(facts.column(name).combine_chunks()).astype(np.int64) for name in (MONTH, DAY))
    places = months * DAYS + days
    order = np.argsort(places, kind="stable")  # nearly no work: the engine gives long stretches in order
    facts = facts.drop_columns([MONTH]).take(arrow(order)).combine_chunks()
    for name, values in texts.items():
        column = pa.DictionaryArray.from_arrays(facts.column(name).combine_chunks(), values.combine_chunks())
        facts = facts.set_column(facts.column_names.index(name), name, column)
    months = months[order]
    starts = np.flatnonzero(np.diff(months, prepend=months[:1] - 1))
    for start, end in zip(starts, [*starts[1:], len(months)], strict=True):
        yield int(months[start]), facts.slice(start, end - start)


def read_chunk(data: str) -> pa.Table:
    """The columns of a chunk."""
    with pa.ipc.open_stream(base64.b64decode(data)) as stream:
        return stream.read_all()


def _texts(table: pa.Table, size: ChunkSize) -> Iterator[tuple[int, bytes]]:
    """Number of rows and base64 of each chunk of a table; a chunk that is too large is halved."""
    sink = pa.BufferOutputStream()
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    narrow = pa.table({n: (_narrow if is_group_column(n) else _narrow_integers)(array) for n, array in columns.items()})
    with pa.ipc.new_stream(sink, narrow.schema, options=_OPTIONS) as writer:
        writer.write_table(narrow)
    data = base64.b64encode(sink.getvalue())
    half = table.num_rows // 2
    if len(data) <= size.most_text or half < size.fewest_rows:
        yield table.num_rows, data
        return
    yield from _texts(table.slice(0, half), size)
    yield from _texts(table.slice(half), size)


def _narrow(array: pa.Array) -> pa.Array:
    """What rows are grouped by, in the narrowest type that holds its values.

    Texts are dictionary-encoded, and so are numbers that need eight bytes, such as surrogate keys, if that is shorter.
    """
    if pa.types.is_string(array.type):
        array = array.dictionary_encode()
    if pa.types.is_dictionary(array.type):
        return _narrow_dictionary(array)
    narrow = _narrow_integers(array)
    if narrow.type.bit_width < LONGEST:
        return narrow
    encoded = _narrow_dictionary(narrow.dictionary_encode())
    return encoded if encoded.nbytes < narrow.nbytes else narrow


def _narrow_dictionary(array: pa.DictionaryArray) -> pa.DictionaryArray:
    """With the values that occur, and places of them as narrow as possible."""
    indices, values = array.indices, array.dictionary
    used = indices.unique().drop_null()
    if len(used) < len(values):
        places = np.zeros(len(values), np.int32)
        places[numbers(used)] = np.arange(len(used))
        indices, values = arrow(places).take(indices), values.take(used)
    return pa.DictionaryArray.from_arrays(_narrow_integers(indices), values)


def _narrow_integers(array: pa.Array) -> pa.Array:
    ends = pc.min_max(array).as_py()
    low, high = ends["min"] or 0, ends["max"] or 0
    width = next(kind for kind in WIDTHS if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return array.cast(pa.from_numpy_dtype(width))
