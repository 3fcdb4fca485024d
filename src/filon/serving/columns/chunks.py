"""How columns lie in a store: chunks of a month's rows, each a compressed Arrow stream as text.

Every store keeps text, and a chunk is small enough for a document of MongoDB. Integers are as narrow as the values of
the chunk allow, texts are dictionary-encoded. Rows are in the order of their days.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from filon.serving.columns.stored import DAY, MONTH, USUAL_SIZE, ChunkSize

WIDTHS = (np.int8, np.int16, np.int32, np.int64)
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
    table = pa.table({name: _compact(rows.column(name)) for name in rows.column_names})
    starts = range(0, table.num_rows, size.most_rows)
    texts = (text for start in starts for text in _texts(table.slice(start, size.most_rows), size))
    for part, (count, data) in enumerate(texts):
        yield Chunk(month, part, count, digest_of(month, data), data.decode("ascii"))


def digest_of(month: str, data: bytes) -> str:
    """The digest of a chunk."""
    return hashlib.sha256(month.encode() + b"\0" + data).hexdigest()


def by_month(facts: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Rows of several months as one table a month, in the order of their days, without the month."""
    table = pa.table({name: _compact(facts.column(name)) for name in facts.column_names})
    month = table.column(MONTH).combine_chunks()
    places = pa.table({MONTH: month.indices, DAY: table.column(DAY)})
    order = pc.sort_indices(places, sort_keys=[(MONTH, "ascending"), (DAY, "ascending")])
    ordered = table.drop_columns([MONTH]).take(order)
    counted = pc.value_counts(month.indices)
    rows = dict(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True))
    start = 0
    for code, name in enumerate(month.dictionary.to_pylist()):
        yield name, ordered.slice(start, rows[code])
        start += rows[code]


def read_chunk(data: str) -> pa.Table:
    """The columns of a chunk."""
    with pa.ipc.open_stream(base64.b64decode(data)) as stream:
        return stream.read_all()


def _texts(table: pa.Table, size: ChunkSize) -> Iterator[tuple[int, bytes]]:
    """Number of rows and base64 of each chunk of a table; a chunk that is too large is halved."""
    sink = pa.BufferOutputStream()
    narrow = pa.table({name: _narrow(table.column(name)) for name in table.column_names})
    with pa.ipc.new_stream(sink, narrow.schema, options=_OPTIONS) as writer:
        writer.write_table(narrow)
    data = base64.b64encode(sink.getvalue())
    half = table.num_rows // 2
    if len(data) <= size.most_text or half < size.fewest_rows:
        yield table.num_rows, data
        return
    yield from _texts(table.slice(0, half), size)
    yield from _texts(table.slice(half), size)


def _compact(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return array.dictionary_encode() if pa.types.is_string(array.type) else array


def _narrow(column: pa.ChunkedArray) -> pa.Array:
    """A slice of a column in the narrowest type that holds its values, with the dictionary that it needs."""
    array = column.combine_chunks()
    if pa.types.is_dictionary(array.type):
        return array.cast(array.type.value_type).dictionary_encode()
    ends = pc.min_max(array).as_py()
    low, high = ends["min"] or 0, ends["max"] or 0
    width = next(kind for kind in WIDTHS if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return array.cast(pa.from_numpy_dtype(width))
