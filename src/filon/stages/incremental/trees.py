"""Small questions to the trees of queries. A query here has no WITH, and each column names its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from filon.project.functions import GROUPS
from filon.stages.incremental.reasons import NotLocal, Reason

AGGREGATES = GROUPS["aggregates"]
WINDOWS = GROUPS["windows"]


def walk(node: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of a query or an expression; of subqueries, only their tops."""
    yield from node.walk(prune=lambda part: part is not node and isinstance(part, exp.Query))


def columns(part: exp.Expr) -> list[exp.Column]:
    """The columns of an expression, those of its subqueries apart."""
    return [node for node in walk(part) if isinstance(node, exp.Column)]


def with_columns(part: exp.Expr, new: Callable[[exp.Column], exp.Expr]) -> exp.Expr:
    """A copy of an expression in which each column is replaced."""
    holder = exp.Paren(this=part.copy())
    for column in columns(holder):
        replacement = new(column).copy()
        is_operator = isinstance(replacement, (exp.Binary, exp.Unary, exp.Predicate))
        column.replace(exp.Paren(this=replacement) if is_operator and column.parent is not holder else replacement)
    replaced: exp.Expr = holder.this
    return replaced


def conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """The operands of a condition's top-level ANDs."""
    if condition is None:
        return []
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        return [*conjuncts(condition.left), *conjuncts(condition.right)]
    return [condition]


def query_of(relation: exp.Expr) -> exp.Expr:
    """The query inside brackets; NotLocal when something cuts its rows there."""
    while isinstance(relation, exp.Subquery):
        for word, value in relation.args.items():
            if value and word in ("limit", "offset", "fetch"):
                raise NotLocal(Reason.LIMIT, relation)
            if value and word not in ("this", "alias", "order"):
                raise NotLocal(Reason.NOT_UNDERSTOOD, relation)
        relation = relation.this
    return relation


def outputs(select: exp.Select) -> dict[str, exp.Expr]:
    """The columns of a SELECT by name; NotLocal when two have one name."""
    found = {part.alias_or_name: part.unalias() for part in select.selects}
    if len(found) != len(select.selects):
        raise NotLocal(Reason.AMBIGUOUS_NAME, select)
    return found


def names(query: exp.Expr) -> list[str]:
    """The names of a query's columns, in order."""
    return query.named_selects if isinstance(query, exp.Query) else []


def tables(relation: exp.Expr) -> list[exp.Table]:
    """Every table that is named below."""
    return list(relation.find_all(exp.Table))


def aggregates(part: exp.Expr) -> bool:
    """Whether a part of a SELECT aggregates rows, windows apart."""
    over = {id(function) for node in walk(part) if isinstance(node, exp.Window) for function in _functions(node)}
    return any(is_aggregate(node) and id(node) not in over for node in walk(part))


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node calls an aggregate."""
    return isinstance(node, exp.AggFunc) or (isinstance(node, exp.Anonymous) and node.name.lower() in AGGREGATES)


def _functions(window: exp.Window) -> Iterator[exp.Expr]:
    """The function of a window, inside FILTER and the like."""
    node: exp.Expr | None = window.this
    while isinstance(node, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)):
        node = node.this
    if node is not None:
        yield node


def is_composed_of(part: exp.Expr, parts: list[exp.Expr]) -> bool:
    """Whether an expression is a function of others alone."""
    if part in parts:
        return True
    if isinstance(part, (exp.Column, exp.Query, exp.Window, exp.UDTF, exp.Star)) or is_aggregate(part):
        return False
    return all(is_composed_of(below, parts) for below in part.iter_expressions())


def is_per_row(part: exp.Expr) -> bool:
    """Whether an expression gives one value for one row, whatever other rows there are."""
    beyond = (exp.Query, exp.Window, exp.UDTF, exp.Star)
    return not any(isinstance(node, beyond) or is_aggregate(node) for node in walk(part))
