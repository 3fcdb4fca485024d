"""Analyses of a table of facts: which of its columns are kept for them, and what a contract may say of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from filon.project.contract import Column, Contract, Reference
from filon.project.types import Kind
from filon.project.vocabulary import AggregationSpec

PERIODS = ("jour", "mois", "annee")
ANALYSIS_PARAMETERS = {"by", "sort", "limit", "stats", "date_debut", "date_fin", "release"}
VALUE = "value"
"""The sort by what rows are grouped by."""
MOST_DIGITS = 18
"""Whole numbers of so many digits have 64 bits."""


class Operation(StrEnum):
    """What a measure does with the rows of a group."""

    COUNT = "count"
    SUM = "sum"
    DISTINCT = "distinct"


@dataclass(frozen=True)
class Dimension:
    """A dimension: a column of ``table``, reached through a column that refers to it if that is given."""

    table: str
    column: Column
    through: str | None
    reference: Reference | None


@dataclass(frozen=True)
class Measure:
    """A measure: rows are counted, or a column is summed, or its values are."""

    operation: Operation
    column: Column | None = None


@dataclass(frozen=True)
class Analysis:
    """What readers may ask of the facts of ``table``: any measure, by any column that is kept, for any choice."""

    table: str
    path: str
    time: Column
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Measure]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tables that the columns come from."""
        return tuple(dict.fromkeys((self.table, *(item.table for item in self.dimensions.values()))))

    @property
    def distinct(self) -> dict[str, Column]:
        """The columns whose values are counted, by name."""
        return self._columns(Operation.DISTINCT)

    @property
    def summed(self) -> dict[str, Column]:
        """The columns that are summed, by name."""
        return self._columns(Operation.SUM)

    @property
    def grouped(self) -> dict[str, Column]:
        """What rows are grouped by, periods apart: dimensions, then columns whose values are counted."""
        return {name: item.column for name, item in self.dimensions.items()} | {
            name: column for name, column in self.distinct.items() if name not in self.dimensions
        }

    def _columns(self, operation: Operation) -> dict[str, Column]:
        found = (item.column for item in self.measures.values() if item.operation is operation)
        return {column.name: column for column in found if column is not None}


def make_analysis(
    contract: Contract, spec: AggregationSpec, dimensions: Mapping[str, Dimension], path: str
) -> Analysis:
    """The analysis that a contract opens; its words must have been checked."""
    measures = {}
    for name, measure in spec.measures.items():
        if measure.sum is not None:
            measures[name] = Measure(Operation.SUM, contract.column(measure.sum))
        elif measure.distinct is not None:
            measures[name] = Measure(Operation.DISTINCT, contract.column(measure.distinct))
        else:
            measures[name] = Measure(Operation.COUNT)
    return Analysis(contract.name, path, contract.column(spec.time), dimensions, measures)


def is_discrete(column: Column) -> bool:
    """Whether values are told apart, not measured."""
    return column.type.kind in (Kind.TEXT, Kind.INTEGER, Kind.DATE, Kind.BOOLEAN)


def analysis_mistakes(contract: Contract, spec: AggregationSpec) -> Iterator[tuple[str, str]]:
    """What a contract says of distinct values and of analyses and cannot be: what, and how to mend it."""
    for name, measure in spec.measures.items():
        if measure.distinct is None:
            continue
        column = _column(contract, measure.distinct)
        if column is None or not is_discrete(column):
            what = f"aggregations: the measure `{name}` counts the values of `{measure.distinct}`"
            yield what, "name a text, integer, date or boolean column of the table"
    for answer in (spec.total, spec.series):
        for name in answer.measures.values():
            if name in spec.measures and spec.measures[name].distinct is not None:
                what = f"aggregations: `{answer.path}` gives `{name}`, and distinct values of days do not add up"
                yield what, "leave it out there, and open `analysis`"
    if spec.analysis is not None:
        yield from _sum_mistakes(contract, spec)
        yield from _name_mistakes(spec)


def _sum_mistakes(contract: Contract, spec: AggregationSpec) -> Iterator[tuple[str, str]]:
    for name, measure in spec.measures.items():
        column = _column(contract, measure.sum)
        if column is not None and column.type.kind is Kind.DECIMAL and column.type.precision > MOST_DIGITS:
            digits = column.type.precision
            what = f"aggregations: `analysis` cannot sum `{column.name}` for `{name}`: it has {digits} digits"
            yield what, f"give the column at most {MOST_DIGITS} digits, or leave `analysis` out"


def _name_mistakes(spec: AggregationSpec) -> Iterator[tuple[str, str]]:
    """Names that would mean two things in a question or in an answer."""
    taken = {*ANALYSIS_PARAMETERS, *PERIODS, VALUE}
    distinct = {measure.distinct for measure in spec.measures.values() if measure.distinct is not None}
    for name, dimension in spec.dimensions.items():
        is_other = name in distinct and (dimension.through is not None or dimension.column != name)
        if name in taken or is_other:
            yield f"aggregations: with `analysis`, `{name}` cannot be the name of a dimension", "give it another name"
    for name in sorted(distinct & taken):
        yield f"aggregations: with `analysis`, the column `{name}` cannot be counted", "give it another name"
    for name in spec.measures:
        if name in {*taken, *spec.dimensions, *distinct}:
            yield f"aggregations: with `analysis`, `{name}` cannot be the name of a measure", "give it another name"


def _column(contract: Contract, name: str | None) -> Column | None:
    return contract.column(name) if name in contract.column_names else None
