"""Analyses of a table of facts: which of its columns are kept for them, and what readers may ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from filon.project import Column, Contract
from filon.project.serving import Dimension
from filon.project.vocabulary import AggregationSpec, ApiSpec, Period


class Operation(StrEnum):
    """What a measure does with the rows of a group."""

    COUNT = "count"
    SUM = "sum"
    DISTINCT = "distinct"


@dataclass(frozen=True)
class Measure:
    """A measure: the number of rows, the sum of a column, or the number of its different values."""

    operation: Operation
    column: Column | None = None


@dataclass(frozen=True)
class Analysis:
    """What readers may ask of the facts of ``table``: any measure, by any column that is kept, for any choice.

    ``path`` is that of the endpoint; ``words`` are the API's names for periods and for the first and the last day.
    """

    table: str
    path: str
    time: Column
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Measure]
    words: ApiSpec

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tables that the columns come from."""
        return tuple(dict.fromkeys((self.table, *(item.table for item in self.dimensions.values()))))

    @property
    def periods(self) -> dict[str, Period]:
        """The periods that rows are grouped by, under their names in the API."""
        return self.words.periods

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
        columns = (item.column for item in self.measures.values() if item.operation is operation)
        return {column.name: column for column in columns if column is not None}


def make_analysis(
    contract: Contract, spec: AggregationSpec, dimensions: Mapping[str, Dimension], path: str, words: ApiSpec
) -> Analysis:
    """The analysis that a contract opens at ``path``; its words must have been checked."""
    measures = {}
    for name, measure in spec.measures.items():
        if measure.sum is not None:
            measures[name] = Measure(Operation.SUM, contract.column(measure.sum))
        elif measure.distinct is not None:
            measures[name] = Measure(Operation.DISTINCT, contract.column(measure.distinct))
        else:
            measures[name] = Measure(Operation.COUNT)
    return Analysis(contract.name, path, contract.column(spec.time), dimensions, measures, words)
