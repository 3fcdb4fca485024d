"""Places in the order of a table, kept exact while rows come and go, so that a table is not sorted again for them.

A place stays where it is in the order, whether or not its row is still there. How many rows come before it changes by
the rows that came and went before it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from filon.serving.query import Value
from filon.serving.state import PageIndex, read_place
from filon.serving.tables import Order, StoredTable

Raw = tuple[Any, ...]
"""The values of a sort's columns as a ``PageIndex`` holds them."""
UNEVEN = 2
"""How many steps two neighbours may lie apart."""


@dataclass(frozen=True)
class Gap:
    """Too many rows between two neighbours.

    They begin at ``lower`` (None: with the first row) and end before ``upper`` (None: with the last); ``start`` rows
    come before them.
    """

    start: int
    size: int
    lower: Raw | None
    upper: Raw | None


@dataclass(frozen=True)
class _Descending:
    """A value that comes first when it is greater."""

    value: Any

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.value < self.value)


def moved(index: PageIndex, table: StoredTable, left: Iterable[Raw], came: Iterable[Raw]) -> PageIndex:
    """A page index after rows left and others came; places that lie close together become fewer."""
    sort = table.total_order(table.sort)
    gone, new = (sorted(_comparable(table, sort, row) for row in rows) for rows in (left, came))
    keys: list[Raw] = []
    numbers: list[int] = []
    for key, number in zip(index.keys, index.numbers, strict=True):
        place = _comparable(table, sort, key)
        now = number + bisect_left(new, place) - bisect_left(gone, place)
        if not numbers or 2 * (now - numbers[-1]) >= index.step:
            keys.append(key)
            numbers.append(now)
    return index.model_copy(update={"keys": tuple(keys), "rows": tuple(numbers)})


def gaps_of(index: PageIndex, rows: int) -> list[Gap]:
    """Where places lie too far apart in a table of so many rows."""
    numbers = (0, *index.numbers, rows)
    keys = (None, *index.keys, None)
    return [
        Gap(start, end - start, lower, upper)
        for start, end, lower, upper in zip(numbers[:-1], numbers[1:], keys[:-1], keys[1:], strict=True)
        if end - start > UNEVEN * index.step
    ]


def filled(index: PageIndex, places: Iterable[tuple[int, Raw]]) -> PageIndex:
    """A page index with further places, each with the number of rows before it."""
    every = sorted([*zip(index.numbers, index.keys, strict=True), *places], key=lambda place: place[0])
    return index.model_copy(update={"keys": tuple(key for _, key in every), "rows": tuple(n for n, _ in every)})


def _comparable(table: StoredTable, sort: Sequence[Order], row: Raw) -> tuple[Any, ...]:
    """What sorts as stores sort rows: nulls first, or last where it descends; texts by their code points."""
    values = [read_place(value, table.column(step.column).type) for step, value in zip(sort, row, strict=True)]
    return tuple(_step(step, value) for step, value in zip(sort, values, strict=True))


def _step(step: Order, value: Value) -> tuple[Any, ...]:
    if value is None:
        return (step.descending,)
    return (not step.descending, _Descending(value) if step.descending else value)
