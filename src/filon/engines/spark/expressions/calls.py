"""Calls of functions: plain, aggregates with their order and filter, and over a window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlglot import exp

from filon.engines.spark.expressions.speller import Call, Expressions, Speller, line_of
from filon.engines.spark.terms import Term, Unspellable, name, text_term
from filon.engines.spark.types import NULL, TEXT
from filon.project.functions import words

IN_ORDER = words("cume_dist dense_rank lag lead nth_value ntile percent_rank rank rank_dense row_number")
"""Functions for which Spark wants an order of rows; without one, no row comes before another."""


def _call(speller: Speller, node: exp.Expr, **more: object) -> Term:
    called = node.name.lower()
    spell = speller.functions.get(called)
    line = line_of(node)
    if spell is None:
        raise Unspellable(f"the function {called} is not available on Spark", line)
    if called == "attempt":
        return replace(speller.in_scope(speller.scope, trying=True).term(node.expressions[0]), tried=False)
    return spell(_read_call(speller, node, line, **more))


def _read_call(speller: Speller, node: exp.Expr, line: int, **more: object) -> Call:
    nodes, distinct, order, fields, ignores = list(node.expressions), False, more.pop("order", ()), [], False
    if nodes and isinstance(nodes[-1], exp.Order):
        order, nodes[-1] = _order(speller, nodes[-1]), nodes[-1].this
    if nodes and isinstance(nodes[0], exp.Distinct):
        distinct, nodes = True, [*nodes[0].expressions, *nodes[1:]]
    if nodes and isinstance(nodes[0], (exp.IgnoreNulls, exp.RespectNulls)):
        ignores, nodes[0] = isinstance(nodes[0], exp.IgnoreNulls), nodes[0].this
    terms = []
    for part in nodes:
        if isinstance(part, exp.PropertyEQ):
            fields.append(part.this.name)
            terms.append(speller.term(part.args["expression"]))
        else:
            terms.append(Term("*", NULL) if isinstance(part, exp.Star) else speller.term(part))
    given = {"distinct": distinct, "order": order, "fields": tuple(fields), "ignores_nulls": ignores, **more}
    return Call(node.name.lower(), tuple(terms), speller, line=line, **given)  # type: ignore[arg-type]


def _order(speller: Speller, node: exp.Expr) -> tuple[tuple[Term, bool, bool], ...]:
    return tuple(
        (speller.term(part.this), bool(part.args.get("desc")), bool(part.args.get("nulls_first")))
        for part in node.expressions
    )


def order_by(terms: Sequence[tuple[Term, bool, bool]]) -> str:
    """What rows are ordered by."""
    return ", ".join(
        f"{term.sql} {'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}" for term, down, first in terms
    )


def _filtered(speller: Speller, node: exp.Expr) -> Term:
    where = speller.condition(node.args["expression"].this)
    if isinstance(node.this, exp.WithinGroup):
        return _within_group(speller, node.this, where=where.sql)
    return _call(speller, node.this, where=where.sql)


def _within_group(speller: Speller, node: exp.Expr, **more: object) -> Term:
    return _call(speller, node.this, order=_order(speller, node.args["expression"]), **more)


def _window(speller: Speller, node: exp.Expr) -> Term:
    inner, more = node.this, {}
    if isinstance(inner, exp.Filter):
        more["where"] = speller.condition(inner.args["expression"].this).sql
        inner = inner.this
    ignores = isinstance(inner, exp.IgnoreNulls)
    if isinstance(inner, (exp.IgnoreNulls, exp.RespectNulls)):
        inner = inner.this
    if ignores:
        more["ignores_nulls"] = True  # type: ignore[assignment]
    over = window(speller, node, in_order=inner.name.casefold() in IN_ORDER)
    return _call(speller, inner, over=f"OVER {over}", **more)


def window(speller: Speller, node: exp.Expr, *, in_order: bool = True) -> str:
    """The window of a function, or a window that has a name; one that must be ``in_order`` has an order in any case."""
    if node.args.get("alias"):
        return name(node.args["alias"].name)
    parts = []
    if keys := node.args.get("partition_by"):
        parts.append(f"PARTITION BY {', '.join(speller.term(key).sql for key in keys)}")
    if order := node.args.get("order"):
        parts.append(f"ORDER BY {order_by(_order(speller, order))}")
    elif in_order:
        parts.append("ORDER BY NULL")
    if spec := node.args.get("spec"):
        parts.append(_frame(speller, spec))
    return f"({' '.join(parts)})"


def _frame(speller: Speller, spec: exp.Expr) -> str:
    if spec.args.get("exclude") or spec.args.get("kind") not in ("ROWS", "RANGE"):
        raise Unspellable("a window has GROUPS or EXCLUDE, which Spark does not know")
    sides = []
    for side in ("start", "end"):
        bound = spec.args.get(side) or "CURRENT ROW"
        text = bound if isinstance(bound, str) else speller.term(bound).sql
        sides.append(f"{text} {spec.args.get(f'{side}_side') or ''}".strip())
    return f"{spec.args['kind']} BETWEEN {sides[0]} AND {sides[1]}"


def _as_call(called: str, *parts: str) -> Callable[[Speller, exp.Expr], Term]:
    """Some functions have a grammar of their own."""

    def spell(speller: Speller, node: exp.Expr) -> Term:
        nodes = [node.args[part] for part in parts if node.args.get(part) is not None]
        terms = tuple(text_term(part.name, TEXT) if isinstance(part, exp.Var) else speller.term(part) for part in nodes)
        return speller.functions[called](Call(called, terms, speller, line=line_of(node)))

    return spell


CALLS: Expressions = {
    exp.Anonymous: _call,
    exp.Filter: _filtered,
    exp.WithinGroup: _within_group,
    exp.Window: _window,
    exp.SimilarTo: _as_call("regexp_full_match", "this", "expression"),
    exp.RegexpLike: _as_call("regexp_full_match", "this", "expression"),
    exp.Extract: _as_call("date_part", "this", "expression"),
    exp.Trim: _as_call("trim", "this", "expression"),
    exp.Substring: _as_call("substr", "this", "start", "length"),
    exp.StrPosition: _as_call("strpos", "this", "substr"),
    exp.Pow: _as_call("pow", "this", "expression"),
}
