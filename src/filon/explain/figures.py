"""Which columns of models only count people: sums, numbers and means of many rows, by the lineage of their SQL."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

from filon.project import Model, Project
from filon.sql import DIALECT
from filon.stages.models import input_columns

ADDING = (exp.Sum, exp.Count, exp.CountIf, exp.Avg, exp.ApproxDistinct, exp.Stddev, exp.StddevPop, exp.StddevSamp)
SPREADING = (exp.Variance, exp.VariancePop)


def counted_columns(project: Project, model: Model) -> tuple[str, ...]:
    """The numbers of a model that are neither key nor reference, and in which many rows are added up or counted.

    Such a figure says how many people there were, not who they are. A maximum, a first value or a column as it was read
    does, and so may whatever is not understood.
    """
    contract = model.contract
    return tuple(
        column.name
        for column in contract.columns
        if column.type.is_number
        and column.name not in contract.key
        and column.reference is None
        and _is_counted(project, model, column.name)
    )


def _is_counted(project: Project, model: Model, column: str) -> bool:
    schema = {name: {c.name: c.type.sql for c in columns} for name, columns in input_columns(project, model).items()}
    try:
        root = lineage(column, model.sql, schema=schema, dialect=DIALECT)
    except (SqlglotError, ValueError):
        return False
    return _counts(project, root)


def _counts(project: Project, node: Node) -> bool:
    if isinstance(node.expression, exp.Table):
        model = next((m for name, m in project.models.items() if name.lower() == node.expression.name.lower()), None)
        name = node.name.rpartition(".")[2].lower()
        found = next((c.name for c in model.contract.columns if c.name.lower() == name), "") if model else ""
        return model is not None and bool(found) and _is_counted(project, model, found)
    aggregates = [part for part in node.expression.find_all(exp.AggFunc) if not isinstance(part.parent, exp.Window)]
    if aggregates and all(isinstance(part, (*ADDING, *SPREADING)) for part in aggregates):
        return True
    ordering = _only_order(node.expression)
    values = [part for part in node.downstream if part.name.lower() not in ordering]
    is_place = bool(ordering) and not values  # a rank says how many rows come before
    return is_place or (bool(values) and all(_counts(project, part) for part in values))


def _only_order(expression: exp.Expr) -> set[str]:
    """The columns that only decide the order and the parts of window functions."""
    inside = [
        part
        for window in expression.find_all(exp.Window)
        for part in (window.args.get("order"), *(window.args.get("partition_by") or ()))
        if part is not None
    ]
    ordering = [column for part in inside for column in part.find_all(exp.Column)]
    others = [column for column in expression.find_all(exp.Column) if not any(column is other for other in ordering)]
    return {_name(column) for column in ordering} - {_name(column) for column in others}


def _name(column: exp.Column) -> str:
    return f"{column.table}.{column.name}".lower()
