"""Analyses of a table of facts: what a contract may say of them."""

from __future__ import annotations

from collections.abc import Iterator

from filon.project.columns import Column
from filon.project.contract import Contract
from filon.project.types import Kind
from filon.project.vocabulary import AggregationSpec, ApiSpec

ANALYSIS_PARAMETERS = {"by", "sort", "limit", "stats", "release", "measure", "empty", "of", "skip"}
"""Names that requests for analyses, and for explanations of their cells, have in every project."""
VALUE = "value"
"""The sort by what rows are grouped by."""
WORD_DIGITS = 18
"""Decimal digits of whole numbers that 64 bits always hold."""
Mistakes = Iterator[tuple[str, str]]
"""For each mistake what is wrong, and how to mend it."""


def is_discrete(column: Column) -> bool:
    """Whether values are told apart, not measured."""
    return column.type.kind in (Kind.TEXT, Kind.INTEGER, Kind.DATE, Kind.BOOLEAN)


def analysis_mistakes(contract: Contract, spec: AggregationSpec, words: ApiSpec) -> Mistakes:
    """Mistakes in what a contract says of distinct values and of analyses."""
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
        yield from _name_mistakes(spec, words)


def _sum_mistakes(contract: Contract, spec: AggregationSpec) -> Mistakes:
    for name, measure in spec.measures.items():
        column = _column(contract, measure.sum)
        if column is not None and column.type.kind is Kind.DECIMAL and column.type.precision > WORD_DIGITS:
            digits = column.type.precision
            what = f"aggregations: `analysis` cannot sum `{column.name}` for `{name}`: it has {digits} digits"
            yield what, f"give the column at most {WORD_DIGITS} digits, or leave `analysis` out"


def _name_mistakes(spec: AggregationSpec, words: ApiSpec) -> Mistakes:
    """Names that would mean two things in a question or in an answer."""
    taken = {*ANALYSIS_PARAMETERS, words.first_day, words.last_day, *words.periods, VALUE}
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
