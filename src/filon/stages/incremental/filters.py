"""Conditions of WHERE on the rows of a subquery, IN and EXISTS, as equalities with columns of a relation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from filon.stages.incremental.trees import columns, conjuncts, is_per_row, names, query_of


@dataclass(frozen=True)
class Filter:
    """A condition on the rows of a subquery that equal something: its columns, and what they equal."""

    part: exp.Expr
    query: exp.Expr
    pairs: tuple[tuple[str, exp.Expr], ...]

    @classmethod
    def read(cls, part: exp.Expr) -> Filter | None:
        """Read one part of WHERE; None when it is another condition, or cannot be read so."""
        bare = part.this.unnest() if isinstance(part, exp.Not) else part
        if isinstance(bare, exp.Exists):
            return cls._of_exists(part, bare.this)
        if isinstance(part, exp.In) and part.args.get("query") is not None:
            return cls._of_in(part)
        return None

    @classmethod
    def _of_in(cls, part: exp.In) -> Filter | None:
        query = query_of(part.args["query"])
        compared = part.this.expressions if isinstance(part.this.unnest(), exp.Tuple) else [part.this.unnest()]
        if not isinstance(query, exp.Query) or len(names(query)) != len(compared) or _reaches_out(query):
            return None
        return cls(part, query, tuple(zip(names(query), compared, strict=True)))

    @classmethod
    def _of_exists(cls, part: exp.Expr, query: exp.Expr) -> Filter | None:
        """EXISTS whose rows are tied to the outer ones by equalities, as a SELECT of the tied columns."""
        query = query.this if isinstance(query, exp.Subquery) else query
        cuts = ("group", "having", "qualify", "distinct", "limit", "offset", "fetch", "windows")
        if not isinstance(query, exp.Select) or any(query.args.get(word) for word in cuts):
            return None
        if not all(is_per_row(item) or isinstance(item, exp.Star) for item in query.expressions):
            return None
        where = query.args.get("where")
        inside = {node.alias_or_name for node in _relations(query)}
        ties, kept = [], []
        for condition in conjuncts(where.this if where is not None else None):
            if all(column.table in inside for column in columns(condition)) and condition.find(exp.Query) is None:
                kept.append(condition)
            elif (tie := _tie(condition, inside)) is not None:
                ties.append(tie)
            else:
                return None
        joins = query.args.get("joins") or []
        if not ties or any(column.table not in inside for join in joins for column in columns(join)):
            return None
        inner = exp.select(*(exp.alias_(mine.copy(), f"t{index}", quoted=True) for index, (mine, _) in enumerate(ties)))
        inner.set("from_", query.args["from_"].copy())
        inner.set("joins", [join.copy() for join in joins])
        if kept:
            inner = inner.where(*kept)
        return cls(part, inner, tuple((f"t{index}", theirs) for index, (_, theirs) in enumerate(ties)))


def _tie(condition: exp.Expr, inside: set[str]) -> tuple[exp.Expr, exp.Expr] | None:
    """The inner and the outer side of an equality between a subquery and the query around it."""
    for mine, theirs in both_ways(condition):
        is_mine = columns(mine) and all(column.table in inside for column in columns(mine))
        is_theirs = columns(theirs) and all(column.table not in inside for column in columns(theirs))
        if is_mine and is_theirs and is_per_row(mine) and is_per_row(theirs):
            return mine, theirs
    return None


def _reaches_out(query: exp.Expr) -> bool:
    """Whether a subquery reads columns of the query around it."""
    for select in query.find_all(exp.Select):
        inside = {node.alias_or_name for node in _relations(select)}
        if any(column.table and column.table not in inside for column in columns(select)):
            return True
    return False


def _relations(select: exp.Select) -> list[exp.Expr]:
    from_ = select.args.get("from_")
    return ([from_.this] if from_ is not None else []) + [join.this for join in select.args.get("joins") or ()]


def sides_of(part: exp.Expr) -> tuple[exp.Expr, ...]:
    """The sides of an equality; none of another condition."""
    return (part.this.unnest(), part.expression.unnest()) if isinstance(part, exp.EQ) else ()


def both_ways(part: exp.Expr) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    """The sides of an equality, each once as the first."""
    if isinstance(part, exp.EQ):
        one, other = sides_of(part)
        yield one, other
        yield other, one
