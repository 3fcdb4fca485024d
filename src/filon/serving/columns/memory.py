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
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from filon.project import Column, Kind
from filon.serving.analysis import Analysis
from filon.serving.columns.arrays import arrow, flags, numbers
from filon.serving.columns.chunks import Chunk, read_chunk
from filon.serving.columns.stored import DAY, group_column, sum_column
from filon.serving.columns.sums import NULL, Array

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


def _decoded(analysis: Analysis, chunks: Sequence[Chunk], values: Values) -> tuple[list[Part], Values]:
    """Chunks as parts, and the values, to which those that are new were added."""
    with ThreadPoolExecutor(max_workers=DECODERS) as pool:
        tables = list(pool.map(lambda chunk: read_chunk(chunk.data).combine_chunks(), chunks))
    grown: dict[str, pa.Array] = {}
    codes: list[dict[str, Array]] = [{} for _ in chunks]
    for name in analysis.grouped:
        arrays = [table.column(group_column(name)).combine_chunks() for table in tables]
        coded_arrays, grown[name] = _coded(arrays, values[name])
        for place, array in zip(codes, coded_arrays, strict=True):
            place[name] = array
    parts = []
    for chunk, table, coded in zip(chunks, tables, codes, strict=True):
        summed = {name: table.column(sum_column(name)).combine_chunks() for name in analysis.summed}
        sums = {name: numbers(column) for name, column in summed.items()}
        known = {name: flags(column.is_valid()) if column.null_count else None for name, column in summed.items()}
        parts.append(Part(chunk.month, chunk.rows, numbers(table.column(DAY).combine_chunks()), coded, sums, known))
    return parts, grown


def _type(column: Column) -> pa.DataType:
    return pa.int64() if column.type.kind is Kind.INTEGER else pa.string()


def _coded(arrays: Sequence[pa.Array], values: pa.Array) -> tuple[list[Array], pa.Array]:
    """The codes of several arrays, as narrow as possible, and the values with those that are new."""
    if all(pa.types.is_integer(array.type) for array in arrays):
        ends = [pc.min_max(array) for array in [values, *arrays]]
        low = min((end["min"].as_py() for end in ends if end["min"].is_valid), default=0)
        high = max((end["max"].as_py() for end in ends if end["max"].is_valid), default=0)
        if high - low <= SPARSEST * sum(map(len, arrays)):
            return _coded_numbers(arrays, values, low, high)
    encoded = [array if pa.types.is_dictionary(array.type) else array.dictionary_encode() for array in arrays]
    dictionaries = [array.dictionary.cast(values.type) for array in encoded]
    values = pa.concat_arrays([values, *dictionaries]).unique()  # each stays where it occurs first
    places = numbers(pc.index_in(pa.concat_arrays(dictionaries), value_set=values)).astype(_width(len(values)))
    stops = np.cumsum([len(dictionary) for dictionary in dictionaries])
    codes = np.split(places, stops[:-1])
    # the last one is for nulls, whose place is -1
    pairs = zip(codes, encoded, strict=True)
    coded = [np.append(own, own.dtype.type(NULL))[numbers(array.indices, -1)] for own, array in pairs]
    return coded, values


def _coded_numbers(arrays: Sequence[pa.Array], values: pa.Array, low: int, high: int) -> tuple[list[Array], pa.Array]:
    """The same for numbers from ``low`` to ``high``: the code of each is looked up at its place."""
    codes = np.zeros(high - low + 1, np.uint32)
    codes[numbers(values[1:]) - low] = np.arange(1, len(values))
    is_there = np.zeros(len(codes), bool)
    for array in arrays:
        is_there[_places(array.drop_null(), low)] = True
    new = np.flatnonzero(is_there & (codes == NULL))
    codes[new] = np.arange(len(values), len(values) + len(new))
    values = pa.concat_arrays([values, arrow(new + low)])
    codes = codes.astype(_width(len(values)))
    coded = []
    for array in arrays:
        found = codes[_places(array, low)]
        if array.null_count:
            found[~flags(array.is_valid())] = NULL
        coded.append(found)
    return coded, values


def _places(array: pa.Array, low: int) -> Array:
    return numbers(array.cast(pa.int64()), low) - low


def _width(count: int) -> type[np.unsignedinteger[Any]]:
    return next(kind for kind in (np.uint8, np.uint16, np.uint32) if count <= np.iinfo(kind).max + 1)
