"""The answer to a question about facts, computed from their columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np

from filon.project import Column, Kind
from filon.project.analysis import VALUE
from filon.project.values import EXACT, WHOLE
from filon.serving.analysis import Analysis, Measure, Operation
from filon.serving.columns.groups import Chosen, Grouping, choose
from filon.serving.columns.memory import Columns
from filon.serving.columns.sums import (
    Array,
    Distribution,
    concat,
    distributions,
    group_counts,
    group_distinct,
    group_sums,
)

FEW_GROUPS = 1 << 16
"""Groups of which all are computed, though few are asked for."""
Number = int | Decimal | None


@dataclass(frozen=True)
class Question:
    """All measures for each group of the facts that are chosen.

    ``by``: names of columns or periods that make groups (none: one group). ``wanted``: dimensions, each with the values
    of which a fact must have one. ``first`` and ``last`` day are included. ``sort`` is a measure, or ``value`` for what
    rows are grouped by; ``limit`` is the largest number of groups in the answer; ``stats`` is a measure that is a sum,
    whose single values are described.
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
class AnalysisResult:
    """The number of all groups, and a row for each of the first ``limit`` of them.

    A row has what it is grouped by, every measure (int or Decimal), and ``stats`` if they were asked for.
    """

    total: int
    rows: list[dict[str, Any]]


def analyse(analysis: Analysis, columns: Columns, question: Question) -> AnalysisResult:
    """Answer a question exactly, to the last decimal. Groups that are equal in the sort are ordered by their values."""
    return _Evaluation(analysis, columns, question).answer()


class _Evaluation:
    """The evaluation of one question over the columns of a load."""

    def __init__(self, analysis: Analysis, columns: Columns, question: Question) -> None:
        self._analysis = analysis
        self._columns = columns
        self._question = question
        self._chosen = choose(columns, question.wanted, question.first, question.last)
        grouping = self._grouping = Grouping(columns, question.by, self._chosen, analysis.periods)
        self._every = _Rows(
            analysis, columns, self._chosen, grouping.codes, grouping.size, by_month=grouping.is_by_month
        )

    def answer(self) -> AnalysisResult:
        question, every = self._question, self._every
        present = np.flatnonzero(every.counts) if question.by else np.zeros(1, np.int64)
        groups = self._first(present)
        rows, places = every, groups
        # distributions take longest: they are computed for the groups of the answer only
        if self._grouping.size > FEW_GROUPS or (question.stats is not None and len(groups) < len(present)):
            rows, places = self._only(groups), np.arange(len(groups))
        by_name: dict[str, list[Any]] = self._values(groups)
        for name in self._analysis.measures:
            by_name[name] = rows.measure(name, places)
        if question.stats is not None:
            by_name["stats"] = rows.stats(question.stats, places)
        return AnalysisResult(
            len(present), [dict(zip(by_name, row, strict=True)) for row in zip(*by_name.values(), strict=True)]
        )

    def _values(self, groups: Array) -> dict[str, list[Any]]:
        """What groups are grouped by. In chunks booleans are texts."""
        kinds = {name: column.type.kind for name, column in self._analysis.grouped.items()}
        return {
            name: [value and value == "true" for value in values] if kinds.get(name) is Kind.BOOLEAN else values
            for name, values in self._grouping.values(groups).items()
        }

    def _first(self, present: Array) -> Array:
        """The groups that are asked for, in order."""
        question = self._question
        if not question.by:
            return present
        if question.sort == VALUE:
            return self._ordered(present, None)[: question.limit]
        numbers = self._every.numbers(question.sort)[present]
        numbers = -numbers if question.descending else numbers
        if question.limit < len(present):  # groups beyond the last number that is in the answer need no rank
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

    def _only(self, groups: Array) -> _Rows:
        """The rows of some groups, numbered in their order."""
        places = np.full(self._grouping.size, -1, np.int32)
        places[groups] = np.arange(len(groups), dtype=np.int32)
        chosen, codes = [], []
        for item, array in zip(self._chosen, self._grouping.codes, strict=True):
            group_places = places[array]
            keep = group_places >= 0
            chosen.append(item.only(keep))
            codes.append(group_places[keep])
        return _Rows(self._analysis, self._columns, chosen, codes, len(groups), by_month=self._grouping.is_by_month)


class _Rows:
    """Chosen rows with the numbers of their groups (``codes``, part by part), and the measures of these groups."""

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
        self._known: dict[str, Array] = {}

    @cached_property
    def counts(self) -> Array:
        """Number of rows of each group."""
        return group_counts(self._codes, self._size)

    def measure(self, name: str, groups: Array) -> list[Number]:
        """A measure of some groups."""
        measured = self._analysis.measures[name]
        numbers: list[int] = self.numbers(name)[groups].tolist()
        if measured.operation is Operation.SUM and measured.column is not None:
            return [_shown(number, measured.column) for number in numbers]
        return [*numbers]

    def numbers(self, name: str) -> Array:
        """A measure of each group, as whole numbers."""
        if name not in self._known:
            self._known[name] = self._numbers(self._analysis.measures[name])
        return self._known[name]

    def stats(self, name: str, groups: Array) -> list[dict[str, Number] | None]:
        """How the single values of a summed column are spread in some groups; None for one without rows."""
        column = self._analysis.measures[name].column
        if column is None or not self._codes:
            return [None] * len(groups)
        codes, numbers = [], []
        for item, array, values in zip(self._chosen, self._codes, self._sums(column.name), strict=True):
            known = item.part.known[column.name]
            keep = slice(None) if known is None else known[item.rows]
            codes.append(array[keep])
            numbers.append(values[keep])
        described = distributions(codes, numbers, self._size)
        return [_described(described[group], column) for group in groups]

    def _numbers(self, measured: Measure) -> Array:
        if measured.column is None:
            return self.counts
        if measured.operation is Operation.SUM:
            return group_sums(self._codes, self._sums(measured.column.name), self._size)
        return self._distinct(measured.column.name)

    def _sums(self, name: str) -> list[Array]:
        return [item.part.sums[name][item.rows] for item in self._chosen]

    def _distinct(self, name: str) -> Array:
        """Count month by month if no group has rows of two months: few groups are then compared at once."""
        most = len(self._columns.values[name])
        counts = np.zeros(self._size, np.int64)
        pairs = zip(self._chosen, self._codes, strict=True)
        for _, same in groupby(pairs, key=lambda pair: pair[0].part.month if self._by_month else None):
            items = list(same)
            codes = concat(array for _, array in items)
            values = concat(item.part.codes[name][item.rows] for item, _ in items)
            first, last = (int(codes.min()), int(codes.max())) if len(codes) else (0, 0)
            counts[first : last + 1] += group_distinct(codes - codes.dtype.type(first), values, last - first + 1, most)
        return counts


def _described(spread: Distribution, column: Column) -> dict[str, Number]:
    first, second, third = spread.quarters
    numbers = {
        "mean": spread.mean,
        "std": spread.std,
        "min": spread.low,
        "25%": first,
        "50%": second,
        "75%": third,
        "max": spread.high,
    }
    return {"count": spread.count} | {name: _shown(number, column) for name, number in numbers.items()}


def _shown(number: int | None, column: Column) -> Number:
    """A whole number of the last decimal as a value of its column."""
    if number is None or (column.type.kind is not Kind.DECIMAL and number in WHOLE):
        return number
    return EXACT.scaleb(Decimal(number), -column.type.scale)  # a sum of whole numbers may need more than 64 bits
