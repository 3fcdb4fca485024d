"""The SQL that computes the columns of facts."""

from __future__ import annotations

from collections.abc import Mapping

from filon.project import Column, Kind
from filon.serving.analysis import Analysis
from filon.serving.columns.stored import DAY, MONTH, group_column, sum_column
from filon.serving.cube import dimensions_of
from filon.serving.encoding import unscaled
from filon.sql import identifier


def columns_query(analysis: Analysis, bound: Mapping[str, str], facts: str = "") -> str:
    """The columns that analyses need, a row per fact.

    ``bound`` gives the names of the inputs in the engine, ``facts`` that of some of the facts, if not all are wanted.
    """
    dimensions, joins = dimensions_of(analysis.dimensions, bound)
    time = f"fact.{identifier(analysis.time.name)}"
    chosen = [
        f"coalesce(substr(CAST({time} AS VARCHAR), 1, 7), '') AS {MONTH}",
        f"CAST(coalesce(extract(day FROM {time}), 0) AS SMALLINT) AS {DAY}",
    ]
    for name, column in analysis.grouped.items():
        place = dimensions.get(name, f"fact.{identifier(column.name)}")
        kind = "BIGINT" if column.type.kind is Kind.INTEGER else "VARCHAR"
        chosen.append(f"CAST({place} AS {kind}) AS {identifier(group_column(name))}")
    chosen += [f"{_as_integer(column)} AS {identifier(sum_column(name))}" for name, column in analysis.summed.items()]
    return f"SELECT {', '.join(chosen)} FROM {identifier(facts or bound[analysis.table])} AS fact{joins}"


def _as_integer(column: Column) -> str:
    """A number as a whole one of its last decimal."""
    value = unscaled(column, of="fact") if column.type.kind is Kind.DECIMAL else f"fact.{identifier(column.name)}"
    return f"CAST({value} AS BIGINT)"
