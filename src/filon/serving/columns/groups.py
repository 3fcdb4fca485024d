"""Which rows a question chooses, and which groups they belong to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from filon.project.vocabulary import Period
from filon.serving.columns.arrays import arrow, arrow_texts, flags, numbers
from filon.serving.columns.memory import Columns, Part
from filon.serving.columns.sums import NULL, Array, concat

DAYS = 32
MOST_CHOICES = 3
MOST_GROUPS = 1 << 25
"""Groups that are counted one beside the other; if there can be more, those that occur are found by sorting."""


@dataclass(frozen=True)
class Chosen:
    """Rows of a part: a slice if they follow each other, else their positions (int32 or int64, ascending)."""

    part: Part
    rows: slice | Array

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.rows.stop - self.rows.start) if isinstance(self.rows, slice) else len(self.rows)

    def only(self, keep: Array) -> Chosen:
        """Those of the rows where ``keep`` (bool, of length ``size``) is true."""
        places = np.flatnonzero(keep)
        return Chosen(self.part, places + self.rows.start if isinstance(self.rows, slice) else self.rows[places])


@lru_cache(MOST_CHOICES)  # a page asks many questions about the same rows
def choose(
    columns: Columns, wanted: tuple[tuple[str, Sequence[object]], ...], first: dt.date | None, last: dt.date | None
) -> tuple[Chosen, ...]:
    """The rows that meet all conditions, part by part; parts without such a row are left out.

    Args:
        columns: the columns of a load
        wanted: names of columns, each with the values of which a row must have one
        first: first day, None for no bound
        last: last day, included, None for no bound

    """
    return tuple(_chosen(columns, dict(wanted), first, last))


def _chosen(
    columns: Columns, wanted: Mapping[str, Sequence[object]], first: dt.date | None, last: dt.date | None
) -> Iterator[Chosen]:
    allowed = {
        name: flags(pc.is_in(columns.values[name], value_set=_value_set(values, columns.values[name].type)))
        for name, values in wanted.items()
    }
    for part in columns.parts:
        start, stop = _range(part, first, last)
        if start == stop:
            continue
        keep: Array | None = None
        for name, table in allowed.items():
            meets = table[part.codes[name][start:stop]]
            keep = meets if keep is None else keep & meets
        if keep is None:
            yield Chosen(part, slice(start, stop))
        elif len(places := np.flatnonzero(keep)):
            yield Chosen(part, places.astype(np.int32) + np.int32(start))


def _value_set(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    return arrow(np.array(values, np.int64)) if pa.types.is_integer(kind) else arrow_texts(values)


def _range(part: Part, first: dt.date | None, last: dt.date | None) -> tuple[int, int]:
    """The rows of a part whose day lies in a range."""
    start, stop = 0, part.rows
    if (first is not None or last is not None) and not part.month:
        return 0, 0
    if first is not None and part.month <= first.isoformat()[:7]:
        is_same = part.month == first.isoformat()[:7]
        start = int(np.searchsorted(part.days, first.day)) if is_same else stop
    if last is not None and part.month >= last.isoformat()[:7]:
        is_same = part.month == last.isoformat()[:7]
        stop = int(np.searchsorted(part.days, last.day, side="right")) if is_same else start
    return start, max(start, stop)


class Key(Protocol):
    """What rows are grouped by. Each value has a code, an integer from 0 to ``size`` - 1."""

    size: int

    def codes(self, chosen: Chosen) -> Array:
        """The code of each row: integers, of length ``chosen.size``."""

    def values(self, codes: Array) -> list[Any]:
        """The values that codes stand for, None for null."""

    def ranks(self, codes: Array) -> Array:
        """The ranks of codes by their values: integers of equal length, null first."""


class PeriodKey:
    """Days, months or years. Codes are in the order of time, and the codes of one month are contiguous."""

    def __init__(self, period: Period, columns: Columns) -> None:
        length = 4 if period is Period.YEAR else 7
        self._periods = list(dict.fromkeys(month[:length] for month in columns.months))
        self._places = {month: self._periods.index(month[:length]) for month in columns.months}
        self._days = DAYS if period is Period.DAY else 1
        self.size = len(self._periods) * self._days

    def codes(self, chosen: Chosen) -> Array:
        """One for all rows, or one for each day."""
        place = self._places[chosen.part.month] * self._days
        if self._days == 1:
            return np.full(chosen.size, place, np.int32)
        return chosen.part.days[chosen.rows].astype(np.int32) + place

    def values(self, codes: Array) -> list[Any]:
        """Texts: 2026-01-31, 2026-01 or 2026."""
        places, days = np.divmod(codes, self._days)
        periods = [self._periods[place] for place in places]
        if self._days > 1:
            periods = [f"{month}-{day:02}" if month else "" for month, day in zip(periods, days, strict=True)]
        return [period or None for period in periods]

    def ranks(self, codes: Array) -> Array:
        """The codes themselves."""
        return codes


class ColumnKey:
    """The values of a column."""

    def __init__(self, name: str, columns: Columns) -> None:
        self._name = name
        self._values = columns.values[name]
        self.size = len(self._values)

    def codes(self, chosen: Chosen) -> Array:
        """Those of the column."""
        return chosen.part.codes[self._name][chosen.rows]

    def values(self, codes: Array) -> list[Any]:
        """Whole numbers or texts."""
        values: list[Any] = self._values.take(arrow(codes)).to_pylist()
        return values

    def ranks(self, codes: Array) -> Array:
        """By value."""
        ranks = pc.rank(self._values.take(arrow(codes)), sort_keys="ascending", tiebreaker="dense")
        return np.where(codes == NULL, 0, numbers(ranks).astype(np.int64))


class Grouping:
    """The groups of chosen rows: numbered from 0 to ``size`` - 1, and what they are grouped by.

    ``codes`` has an array of integers for each item of ``chosen``: the number of the group of each of its rows.
    """

    def __init__(
        self, columns: Columns, by: Sequence[str], chosen: Sequence[Chosen], periods: Mapping[str, Period]
    ) -> None:
        """Group ``chosen`` rows ``by`` columns or ``periods``, each under its name."""
        # a period first: the groups of a month then follow each other
        self._order = sorted(by, key=lambda name: name not in periods)
        self._periods = {periods[name] for name in by if name in periods}
        self._keys: dict[str, Key] = {
            name: PeriodKey(periods[name], columns) if name in periods else ColumnKey(name, columns) for name in by
        }
        self.size = 1
        for key in self._keys.values():
            self.size *= max(key.size, 1)
        self.codes = [self._combined(item) for item in chosen]
        self._present: Array | None = None
        if self.size > MOST_GROUPS:
            self._present, numbers = np.unique(concat(self.codes), return_inverse=True)
            self.codes = np.split(numbers, np.cumsum([item.size for item in chosen])[:-1])[: len(chosen)]
            self.size = len(self._present)

    @property
    def is_by_month(self) -> bool:
        """Whether no group has rows of two months."""
        return bool(self._periods - {Period.YEAR})

    def values(self, groups: Array) -> dict[str, list[Any]]:
        """For each name of ``by``, the value of each of these groups."""
        return {name: self._keys[name].values(codes) for name, codes in self._apart(groups).items()}

    def ranks(self, groups: Array) -> dict[str, Array]:
        """For each name of ``by``, the rank of each of these groups by its value."""
        return {name: self._keys[name].ranks(codes) for name, codes in self._apart(groups).items()}

    def _combined(self, chosen: Chosen) -> Array:
        if not self._order:
            return np.zeros(chosen.size, np.uint8)
        codes = self._keys[self._order[0]].codes(chosen)
        for name in self._order[1:]:
            codes = codes.astype(np.int64) * self._keys[name].size + self._keys[name].codes(chosen)
        return codes

    def _apart(self, groups: Array) -> dict[str, Array]:
        codes = groups if self._present is None else self._present[groups]
        apart: dict[str, Array] = {}
        for name in reversed(self._order):
            codes, apart[name] = np.divmod(codes, self._keys[name].size)
        return {name: apart[name] for name in self._keys}
