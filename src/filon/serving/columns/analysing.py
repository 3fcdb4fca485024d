"""The answer to a question about facts, computed from their columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

import numpy as np

from filon.project import Column, Kind
from filon.project.analysis import VALUE, Analysis, Operation
from filon.serving.columns.groups import Chosen, Grouping, choose
from filon.serving.columns.memory import Array, Columns
from filon.serving.columns.sums import (
    Distribution,
    distributions,
    group_counts,
    group_distinct,
    group_sums,
    whole,
)

Number = int | Decimal | None


@dataclass(frozen=True)
class Question:
    """All measures for each group of the facts that are chosen.

    ``by``: columns or periods that make groups (none: one group). ``wanted``: each of these dimensions has one of its
    values. ``first`` and ``last`` day are included. ``sort`` is a measure, or ``value`` for what rows are grouped by;
    ``stats`` is a measure whose single values are described.
    """

    by: tuple[str, ...]
    wanted: tuple[tuple[str, tuple[int | str, ...]], ...]
    first: dt.date | None
    last: dt.date | None
    sort: str
    descending: bool
    limit: int
    stats: str | None


@dataclass(frozen=True)
class Answer:
    """The number of groups, and the rows of the first of them."""

    total: int
    rows: list[dict[str, Any]]


def analyse(analysis: Analysis, columns: Columns, question: Question) -> Answer:
    """The answer, exact to the last decimal. Groups that are equal in the sort are in the order of their values."""
    return _Work(analysis, columns, question).answer()


class _Work:
    """A question on its way to the answer."""

    def __init__(self, analysis: Analysis, columns: Columns, question: Question) -> None:
        self._analysis = analysis
        self._columns = columns
        self._question = question
        self._chosen = list(choose(columns, dict(question.wanted), question.first, question.last))
        self._grouping = Grouping(columns, question.by, self._chosen)

    def answer(self) -> Answer:
        question, grouping = self._question, self._grouping
        counts = group_counts(grouping.codes, grouping.size)
        present = np.flatnonzero(counts) if question.by else np.zeros(1, np.int64)
        groups = self._first(present, counts)
        chosen, codes = self._only(groups)
        rows = self._rows(chosen, codes, len(groups))
        measured = {name: rows.measure(name) for name in self._analysis.measures}
        found = self._values(groups) | measured
        if question.stats is not None:
            found["stats"] = rows.stats(question.stats)
        return Answer(len(present), [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)])

    def _values(self, groups: Array) -> dict[str, list[Any]]:
        """What groups are groups of; chunks spell booleans as texts."""
        kinds = {name: column.type.kind for name, column in self._analysis.grouped.items()}
        return {
            name: [value and value == "true" for value in values] if kinds.get(name) is Kind.BOOLEAN else values
            for name, values in self._grouping.values(groups).items()
        }

    def _first(self, present: Array, counts: Array) -> Array:
        """The groups that are asked for, in order."""
        question = self._question
        if not question.by:
            return present
        if question.sort == VALUE:
            return self._ordered(present, None)[: question.limit]
        operation = self._analysis.measures[question.sort].operation
        if operation is Operation.COUNT:
            numbers = counts[present]
        else:
            rows = self._rows(self._chosen, self._grouping.codes, self._grouping.size)
            numbers = rows.numbers(question.sort)[present]
        numbers = -numbers if question.descending else numbers
        if question.limit < len(present):  # whoever is behind the last of these in one number needs no place
            near = numbers <= np.partition(numbers, question.limit - 1)[question.limit - 1]
            present, numbers = present[near], numbers[near]
        return self._ordered(present, numbers)[: question.limit]

    def _ordered(self, groups: Array, numbers: Array | None) -> Array:
        """Groups by a number, if there is one, then by their values."""
        ranks = list(self._grouping.ranks(groups).values())
        if numbers is None and self._question.descending:
            ranks[0] = -ranks[0].astype(np.int64)
        keys = [*reversed(ranks), *([] if numbers is None else [numbers])]
        return groups[np.lexsort(keys)]

    def _rows(self, chosen: Sequence[Chosen], codes: Sequence[Array], size: int) -> _Rows:
        return _Rows(self._analysis, self._columns, chosen, codes, size, by_month=self._grouping.is_by_month)

    def _only(self, groups: Array) -> tuple[list[Chosen], list[Array]]:
        """The rows of some groups, and the places of these for each row."""
        places = np.full(self._grouping.size, -1, np.int32)
        places[groups] = np.arange(len(groups), dtype=np.int32)
        chosen, codes = [], []
        for item, array in zip(self._chosen, self._grouping.codes, strict=True):
            found = places[array]
            keep = found >= 0
            if keep.all():
                chosen.append(item)
                codes.append(found)
            elif keep.any():
                chosen.append(item.only(keep))
                codes.append(found[keep])
        return chosen, codes


class _Rows:
    """Chosen rows with the places of their groups, and the measures of these."""

    def __init__(
        self,
        analysis: Analysis,
        columns: Columns,
        chosen: Sequence[Chosen],
        codes: Sequence[Array],
        size: int,
        *,
        by_month: bool,
    ) -> None:
        self._analysis = analysis
        self._columns = columns
        self._chosen = chosen
        self._codes = codes
        self._size = size
        self._by_month = by_month

    def measure(self, name: str) -> list[Number]:
        """A measure of each group."""
        measured = self._analysis.measures[name]
        numbers = self.numbers(name).tolist()
        return (
            numbers
            if measured.column is None or measured.operation is not Operation.SUM
            else [_shown(number, measured.column) for number in numbers]
        )

    def numbers(self, name: str) -> Array:
        """The same, as whole numbers."""
        measured = self._analysis.measures[name]
        if measured.column is None:
            return group_counts(self._codes, self._size)
        if measured.operation is Operation.SUM:
            return group_sums(self._codes, self._sums(measured.column.name), self._size)
        return self._distinct(measured.column.name)

    def stats(self, name: str) -> list[dict[str, Number] | None]:
        """How the single values of a summed column are spread; None for a group without rows."""
        column = self._analysis.measures[name].column
        if column is None or not self._codes:
            return [None] * self._size
        codes, numbers = [], []
        for item, array, values in zip(self._chosen, self._codes, self._sums(column.name), strict=True):
            known = item.part.known[column.name]
            keep = slice(None) if known is None else known[item.rows]
            codes.append(array[keep])
            numbers.append(values[keep])
        return [_described(found, column) for found in distributions(whole(codes), whole(numbers), self._size)]

    def _sums(self, name: str) -> list[Array]:
        return [item.part.sums[name][item.rows] for item in self._chosen]

    def _distinct(self, name: str) -> Array:
        """Month by month where no group has rows of two, so that few groups are compared at once."""
        most = len(self._columns.values[name])
        found = np.zeros(self._size, np.int64)
        pairs = zip(self._chosen, self._codes, strict=True)
        for _, same in groupby(pairs, key=lambda pair: pair[0].part.month if self._by_month else None):
            items = list(same)
            codes = whole(array for _, array in items)
            values = whole(item.part.codes[name][item.rows] for item, _ in items)
            local = np.unique(codes) if self._by_month else np.arange(self._size)
            places = np.zeros(self._size, np.int64)
            places[local] = np.arange(len(local))
            found[local] += group_distinct(places[codes] if self._by_month else codes, values, len(local), most)
        return found


def _described(found: Distribution, column: Column) -> dict[str, Number]:
    first, second, third = found.quarters
    numbers = {
        "mean": found.mean,
        "std": found.std,
        "min": found.low,
        "25%": first,
        "50%": second,
        "75%": third,
        "max": found.high,
    }
    return {"count": found.count} | {name: _shown(number, column) for name, number in numbers.items()}


def _shown(number: int | None, column: Column) -> Number:
    """A whole number of the last decimal as a value of its column."""
    if number is None or column.type.kind is not Kind.DECIMAL:
        return number
    return Decimal(number).scaleb(-column.type.scale)
