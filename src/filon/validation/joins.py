"""Outer joins that engines carry out by trying each row of one side with each of the other."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from filon.errors import Problem
from filon.project import Project
from filon.project.document import read_text
from filon.project.query import one_select
from filon.sql import DIALECT
from filon.stages.incremental.reasons import line_of

COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Between)
FIX = (
    "let each condition compare a value of one table with one of the other, and join them by AND: "
    "`x < coalesce(y, …)` for `y IS NULL OR x < y`, `CASE WHEN condition THEN x END = y` for `condition AND x = y`"
)


def slow_joins(project: Project) -> Iterator[Problem]:
    """The conditions of outer joins in models for which no engine can look up the rows that meet them.

    Of a million rows on both sides, each is then tried with each. An inner join tries only what its comparisons find.
    """
    for model in project.models.values():
        text = read_text(model.path)
        above = text[: len(text) - len(text.lstrip())].count("\n")
        for join in one_select(text).tree.find_all(exp.Join):
            for condition in _tried(join):
                said = condition.sql(dialect=DIALECT)
                what = f"{join.side} JOIN {join.this.alias_or_name} tries each row with each other for `{said[:100]}`"
                yield Problem(model.path, above + (line_of(condition) or 1), what, FIX)


def _tried(join: exp.Join) -> Iterator[exp.Expr]:
    """The conditions of a join that are neither comparisons of its two sides nor about the side that may be null."""
    on = join.args.get("on")
    if not join.side or on is None:
        return
    joined = join.this.alias_or_name.casefold()
    for condition in on.flatten() if isinstance(on, exp.And) else [on]:
        bare = condition.unnest()
        sides = [_tables(side) for side in _sides(bare)]
        is_lookup = len(sides) > 1 and all(len({name == joined for name in side}) <= 1 for side in sides)
        tables = set().union(*sides)
        is_comparison = is_lookup and joined in tables and len(tables) > 1
        is_filter = (join.side == "LEFT" and tables == {joined}) or (join.side == "RIGHT" and joined not in tables)
        if tables and "" not in tables and not is_comparison and not is_filter:
            yield bare


def _sides(condition: exp.Expr) -> list[exp.Expr]:
    """The values that a comparison compares; the condition itself when it is none."""
    if isinstance(condition, exp.Between):
        return [condition.this, condition.args["low"], condition.args["high"]]
    return [condition.this, condition.args["expression"]] if isinstance(condition, COMPARISONS) else [condition]


def _tables(value: exp.Expr) -> set[str]:
    """The tables whose columns a value is computed from; empty text where a column does not name its own."""
    return {column.table.casefold() for column in value.find_all(exp.Column)}
