"""Columns in memory: chunks as arrays, and the values that their codes stand for.

A code is an index into an array of values to which values are only appended. So the arrays of a chunk can be used for
every load that shows the chunk, together with that array of values (``Coded``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from filon.project import Column, Kind
from filon.serving.analysis import Analysis
from filon.serving.columns.chunks import Chunk, read_chunk
from filon.serving.columns.stored import DAY, group_column, sum_column
from filon.serving.columns.sums import NULL

Array = npt.NDArray[Any]
DECODERS = 4
"""Chunks that are unpacked side by side."""
SPARSEST = 8
"""Integers are looked up in a table, not by a search, if their range is at most so many times their number."""


@dataclass(frozen=True)
class Part:
    """The rows of a chunk.

    ``month`` is such as 2026-01, or empty for rows without a date. All arrays have ``rows`` elements. ``days`` are days
    of the month (int8), ascending. ``codes`` has for each column that groups the codes of its values (the narrowest
    unsigned integers that hold them); ``sums`` has for each column that is summed integers in units of its last decimal
    (int8 to int64), 0 for null, and ``known`` (bool) where these are not null (None: everywhere).
    """

    month: str
    rows: int
    days: Array
    codes: Mapping[str, Array]
    sums: Mapping[str, Array]
    known: Mapping[str, Array | None]

    @property
    def size(self) -> int:
        """Bytes in memory."""
        arrays = [self.days, *self.codes.values(), *self.sums.values(), *self.known.values()]
        return sum(array.nbytes for array in arrays if array is not None)


Values = Mapping[str, pa.Array]
"""For each column that groups, what its codes stand for; the first is null."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of a load: parts in the order of their months, those without a date first."""

    parts: tuple[Part, ...]
    values: Values

    @cached_property
    def months(self) -> tuple[str, ...]:
        """The months that there are, ascending; the empty text is no date."""
        return tuple(dict.fromkeys(part.month for part in self.parts))


@dataclass(frozen=True, eq=False)
class Coded:
    """Decoded chunks by their digest, and the values that their codes stand for.

    The codes of a part are only valid with the values of the same ``Coded``, so parts are only handed out together with
    them (``columns``). It is immutable: adding chunks makes another one, in which older codes still mean the same.
    """

    analysis: Analysis
    values: Values
    parts: Mapping[str, Part]

    @classmethod
    def empty(cls, analysis: Analysis) -> Coded:
        """No chunks; every code is null."""
        return cls(analysis, {name: pa.nulls(1, _type(column)) for name, column in analysis.grouped.items()}, {})

    def with_chunks(self, chunks: Sequence[Chunk]) -> Coded:
        """These chunks as well, and the values that are new in them."""
        parts, values = _decoded(self.analysis, chunks, self.values)
        added = {chunk.digest: part for chunk, part in zip(chunks, parts, strict=True)}
        return replace(self, values=values, parts={**self.parts, **added})

    def only(self, digests: Iterable[str]) -> Coded:
        """Without all chunks but these; without values too, if no chunk is left."""
        parts = {digest: self.parts[digest] for digest in digests if digest in self.parts}
        return replace(self, parts=parts) if parts else Coded.empty(self.analysis)

    def columns(self, digests: Sequence[str]) -> Columns:
        """These chunks in this order; KeyError when one was not added."""
        return Columns(tuple(self.parts[digest] for digest in digests), self.values)


def prepare() -> None:
    """Do what else the first conversion would do: pyarrow imports pandas then, which takes a second."""
    pa.nulls(0, pa.int64()).to_numpy()


def _decoded(analysis: Analysis, chunks: Sequence[Chunk], values: Values) -> tuple[list[Part], Values]:
    """Chunks as parts, and the values, to which those that are new were added."""
    with ThreadPoolExecutor(max_workers=DECODERS) as pool:
        tables = list(pool.map(lambda chunk: read_chunk(chunk.data).combine_chunks(), chunks))
    grown: dict[str, pa.Array] = {}
    codes: list[dict[str, Array]] = [{} for _ in chunks]
    for name, column in analysis.grouped.items():
        arrays = [table.column(group_column(name)) for table in tables]
        coded_arrays, grown[name] = _coded(arrays, _type(column), values[name])
        for place, array in zip(codes, coded_arrays, strict=True):
            place[name] = array
    parts = []
    for chunk, table, coded in zip(chunks, tables, codes, strict=True):
        summed = {name: table.column(sum_column(name)) for name in analysis.summed}
        sums = {name: pc.fill_null(column, 0).to_numpy() for name, column in summed.items()}
        known = {name: _known(column) for name, column in summed.items()}
        parts.append(Part(chunk.month, chunk.rows, table.column(DAY).to_numpy(), coded, sums, known))
    return parts, grown


def _type(column: Column) -> pa.DataType:
    return pa.int64() if column.type.kind is Kind.INTEGER else pa.string()


def _known(column: pa.ChunkedArray) -> Array | None:
    return None if column.null_count == 0 else np.asarray(column.is_valid().to_numpy())


def _coded(arrays: Sequence[pa.ChunkedArray], kind: pa.DataType, values: pa.Array) -> tuple[list[Array], pa.Array]:
    """The codes of several arrays, as narrow as possible, and the values with those that are new."""
    if pa.types.is_integer(kind):
        unique, places = _unique_numbers(arrays)
    else:
        column = pa.chunked_array([chunk for array in arrays for chunk in array.chunks]).unify_dictionaries()
        unique = column.chunk(0).dictionary if column.num_chunks else pa.array([], kind)
        places = pc.fill_null(column.combine_chunks().indices, -1).to_numpy() if column.num_chunks else np.empty(0, int)
    codes = pc.fill_null(pc.index_in(unique, value_set=values), -1).to_numpy().astype(np.int64)
    is_new = codes < 0
    codes[is_new] = len(values) + np.arange(np.count_nonzero(is_new))
    values = pa.concat_arrays([values, unique.filter(pa.array(is_new))])
    codes = codes.astype(_width(len(values)))
    coded = np.append(codes, codes.dtype.type(NULL))[places]  # the last one is for nulls, whose place is -1
    ends = np.cumsum([len(array) for array in arrays])
    return [np.ascontiguousarray(part) for part in np.split(coded, ends[:-1])], values


def _unique_numbers(arrays: Sequence[pa.ChunkedArray]) -> tuple[pa.Array, Array]:
    """The different numbers of several arrays, and for each row the place of its number, -1 for null."""
    column = pa.chunked_array([array.cast(pa.int64()).combine_chunks() for array in arrays])
    ends = pc.min_max(column).as_py()
    if ends["min"] is None:
        return pa.array([], pa.int64()), np.full(len(column), -1)
    low, high = ends["min"], ends["max"]
    if high - low > SPARSEST * len(column):
        encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
        return encoded.dictionary, pc.fill_null(encoded.indices, -1).to_numpy()
    numbers = pc.fill_null(column, low).to_numpy() - low
    there = np.zeros(high - low + 1, bool)
    there[numbers] = True
    places = np.cumsum(there, dtype=np.int64)[numbers] - 1
    if column.null_count:
        places[~column.is_valid().to_numpy()] = -1
    return pa.array(np.flatnonzero(there) + low), places


def _width(count: int) -> type[np.unsignedinteger[Any]]:
    return next(kind for kind in (np.uint8, np.uint16, np.uint32) if count <= np.iinfo(kind).max + 1)
