"""Explain a cell of an analysis: a measure of the facts that are chosen."""

from __future__ import annotations

from filon.errors import NotFound
from filon.explain.keys import typed_key
from filon.explain.lineage import Reading
from filon.explain.question import Cell
from filon.explain.report import EVERY_ROW, Explanation
from filon.explain.rows import Explainer
from filon.project import Column
from filon.serving.analysis import Analysis, Measure, Operation
from filon.serving.served import served_tables
from filon.sql import identifier


def explain_cell(explainer: Explainer, table: str, cell: Cell) -> Explanation:
    """Explain a cell of the analysis of a table: its value, the SQL that gives it, and the facts behind it.

    Raises:
        NotFound: the table has no analysis, or none with these names

    """
    served = served_tables(explainer.project).get(table)
    analysis = served.analysis if served else None
    if analysis is None or cell.measure not in analysis.measures:
        raise NotFound(f"{table} has no analysis with {cell.measure}")
    for name in analysis.inputs:
        explainer.bind(name)
    condition = " AND ".join(_conditions(explainer, analysis, cell)) or EVERY_ROW
    value = _spelled(analysis.measures[cell.measure])
    source = f"FROM {identifier(table)}\nWHERE {condition}"
    [(found, count)] = explainer.engine.rows(f"SELECT {value}, count(*) {source}")
    sql = f"SELECT {value} AS {identifier(cell.measure)}\n{source}"
    explanation = Explanation(table, explainer.release.number, {cell.measure: found}, None, sql, analysis.inputs)
    explainer.follow(Reading(table, condition, exact=True, used=count > 0), explanation, count)
    return explanation


def _conditions(explainer: Explainer, analysis: Analysis, cell: Cell) -> list[str]:
    time = identifier(analysis.time.name)
    bounds = ((">=", cell.first), ("<=", cell.last))
    parts = [f"{time} {sign} DATE '{day.isoformat()}'" for sign, day in bounds if day is not None]
    for name, texts in cell.wanted.items():
        column = _grouped(analysis, name)
        values = [typed_key(explainer.engine, column, text) for text in texts]
        known = [value for value in values if value is not None]
        parts.append(_of_fact(analysis, name, f"{identifier(column.name)} IN ({', '.join(known) or 'NULL'})"))
    empty = (_of_fact(analysis, name, f"{identifier(_grouped(analysis, name).name)} IS NULL") for name in cell.empty)
    return [*parts, *empty]


def _grouped(analysis: Analysis, name: str) -> Column:
    if name not in analysis.grouped:
        raise NotFound(f"the analysis of {analysis.table} knows no {name}")
    return analysis.grouped[name]


def _of_fact(analysis: Analysis, name: str, condition: str) -> str:
    """A condition on what facts are grouped by, as one on facts."""
    dimension = analysis.dimensions.get(name)
    if dimension is None or dimension.through is None or dimension.reference is None:
        return condition
    reference = dimension.reference
    those = f"SELECT {identifier(reference.column)} FROM {identifier(reference.table)} WHERE {condition}"
    return f"{identifier(dimension.through)} IN ({those})"


def _spelled(measure: Measure) -> str:
    if measure.column is None:
        return "count(*)"
    column = identifier(measure.column.name)
    return f"sum({column})" if measure.operation is Operation.SUM else f"count(DISTINCT {column})"
