"""The SQL that computes the columns of facts.

Texts are sorted and handed over as codes, which takes half the time.
"""

from __future__ import annotations

from collections.abc import Mapping

from filon.project import Column, Kind
from filon.serving.analysis import Analysis
from filon.serving.columns.stored import DAY, MONTH, NO_MONTH, YEAR, group_column, sum_column
from filon.serving.cube import dimensions_of
from filon.serving.encoding import unscaled
from filon.sql import identifier, literal

UNKNOWN = -1
"""The code of a text that is not in the table."""


def texts_table(analysis: Analysis) -> str:
    """The table of the engine that has a code for each text: its column, the text, and the code."""
    return f"texts of {analysis.table}"


def columns_query(analysis: Analysis, bound: Mapping[str, str], facts: str = "") -> str:
    """The columns that analyses need, a row per fact.

    ``bound`` gives the names of the inputs in the engine, ``facts`` that of some of the facts, if not all are wanted.
    """
    dimensions, joins = dimensions_of(analysis.dimensions, bound)
    time = f"fact.{identifier(analysis.time.name)}"
    month = f"extract(year FROM {time}) * {YEAR} + extract(month FROM {time}) - 1"
    chosen = [
        f"CAST(coalesce({month}, {NO_MONTH}) AS INTEGER) AS {MONTH}",
        f"CAST(coalesce(extract(day FROM {time}), 0) AS SMALLINT) AS {DAY}",
    ]
    for name, column in analysis.grouped.items():
        place = dimensions.get(name, f"fact.{identifier(column.name)}")
        kind = "VARCHAR" if is_text(column) else "BIGINT"
        chosen.append(f"CAST({place} AS {kind}) AS {identifier(group_column(name))}")
    chosen += [f"{_as_integer(column)} AS {identifier(sum_column(name))}" for name, column in analysis.summed.items()]
    return f"SELECT {', '.join(chosen)} FROM {identifier(facts or bound[analysis.table])} AS fact{joins}"


def is_text(column: Column) -> bool:
    """Whether the values of a column that groups are texts; else they are whole numbers."""
    return column.type.kind is not Kind.INTEGER


def texts_query(analysis: Analysis, bound: Mapping[str, str]) -> str:
    """The rows of ``texts_table``: codes are numbers from 0 in the order of the texts of a column."""
    parts = []
    for name, column in analysis.grouped.items():
        if is_text(column):
            item = analysis.dimensions.get(name)
            value, source = identifier(column.name), identifier(bound[item.table if item else analysis.table])
            parts.append(
                f"SELECT DISTINCT {literal(name)} AS name, CAST({value} AS VARCHAR) AS value FROM {source} "
                f"WHERE {value} IS NOT NULL"
            )
    every = " UNION ALL ".join(parts) or "SELECT '' AS name, '' AS value WHERE FALSE"
    code = "CAST(row_number() OVER (PARTITION BY name ORDER BY value) - 1 AS INTEGER) AS code"
    return f"SELECT name, value, {code} FROM ({every}) AS texts"


def coded_query(analysis: Analysis, query: str) -> str:
    """The rows of a ``columns_query`` with codes instead of texts."""
    chosen, joins = [MONTH, DAY], []
    for number, (name, column) in enumerate(analysis.grouped.items()):
        value = identifier(group_column(name))
        if is_text(column):
            texts = f"t{number}"
            joins.append(
                f" LEFT JOIN {identifier(texts_table(analysis))} AS {texts} "
                f"ON {texts}.name = {literal(name)} AND {texts}.value = facts.{value}"
            )
            value = f"CASE WHEN facts.{value} IS NOT NULL THEN coalesce({texts}.code, {UNKNOWN}) END AS {value}"
        chosen.append(value)
    chosen += [identifier(sum_column(name)) for name in analysis.summed]
    return f"SELECT {', '.join(chosen)} FROM ({query}) AS facts{''.join(joins)}"


def _as_integer(column: Column) -> str:
    """A number as a whole one of its last decimal."""
    value = unscaled(column, of="fact") if column.type.kind is Kind.DECIMAL else f"fact.{identifier(column.name)}"
    return f"CAST({value} AS BIGINT)"
