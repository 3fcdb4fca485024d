"""Where a column of a model comes from: the input table, and the expression over that table's columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

from filon.project.contract import Contract, Model


@dataclass(frozen=True)
class Origin:
    """A column is ``expression`` over one input ``table``; if passed on as it is, its name there is ``column``."""

    table: str
    expression: str
    column: str | None


def origin_of(model: Model, column: str, contracts: Mapping[str, Contract]) -> Origin | None:
    """Follow a column through the model's SELECT; None when several tables, or an aggregate, make it."""
    schema = {name: dict.fromkeys(contracts[name].column_names, "TEXT") for name in model.inputs}
    try:
        node = lineage(f'"{column}"', model.sql, schema=schema, dialect="duckdb")
    except (SqlglotError, ValueError):
        return None
    while True:
        expression = node.expression.unalias()
        if node.downstream and all(isinstance(below.expression, exp.Table) for below in node.downstream):
            return _origin(node, expression)
        if not isinstance(expression, exp.Column) or len(node.downstream) != 1:
            return None
        node = node.downstream[0]


def _origin(node: Node, expression: exp.Expr) -> Origin | None:
    tables = {below.expression.name for below in node.downstream}
    if len(tables) != 1 or expression.find(exp.AggFunc, exp.Window):
        return None
    plain = expression.transform(
        lambda part: exp.column(part.name, quoted=True) if isinstance(part, exp.Column) else part
    )
    column = expression.name if isinstance(expression, exp.Column) else None
    return Origin(tables.pop(), plain.sql(dialect="duckdb"), column)
