"""Expressions that are true or not, and those that choose by them; subqueries."""

from __future__ import annotations

from sqlglot import exp

from filon.engines.spark.expressions.speller import Expressions, Speller, unified
from filon.engines.spark.terms import NOTHING, Term, Unspellable, quoted, require
from filon.engines.spark.types import BOOLEAN, TEXT, common_type

COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.NullSafeEQ: "<=>",
}


def _and_or(speller: Speller, node: exp.Expr) -> Term:
    """Chains of conditions may be long, so that they are not read by recursion."""
    word, parts = ("AND" if isinstance(node, exp.And) else "OR"), []
    left: exp.Expr = node
    while type(left) is type(node):
        parts.append(left.args["expression"])
        left = left.this
    terms = [speller.condition(part) for part in [left, *reversed(parts)]]
    speller.settled(*terms)
    return Term(f"({f' {word} '.join(term.sql for term in terms)})", BOOLEAN)


def _not(speller: Speller, node: exp.Expr) -> Term:
    value = speller.condition(node.this)
    return Term(f"(NOT {value.sql})", BOOLEAN, tried=value.tried)


def _compared(speller: Speller, node: exp.Expr) -> Term:
    right = node.args["expression"]
    if isinstance(right, exp.Any) and isinstance(node, exp.EQ):
        return _in_query(speller, node, right.this)
    left, right = unified((speller.term(node.this), speller.term(right)))[0]
    tried = left.tried or right.tried
    if isinstance(node, (exp.NullSafeEQ, exp.NullSafeNEQ)):
        speller.settled(left, right)
    if isinstance(node, exp.NullSafeNEQ):
        return Term(f"(NOT ({left.sql} <=> {right.sql}))", BOOLEAN)
    return Term(f"({left.sql} {COMPARISONS[type(node)]} {right.sql})", BOOLEAN, tried=tried)


def _between(speller: Speller, node: exp.Expr) -> Term:
    terms, _ = unified(speller.terms([node.this, node.args["low"], node.args["high"]]))
    speller.settled(*terms)
    value, low, high = (term.sql for term in terms)
    return Term(f"({value} BETWEEN {low} AND {high})", BOOLEAN)


def _is(speller: Speller, node: exp.Expr) -> Term:
    value, what = speller.term(node.this), node.args["expression"]
    speller.settled(value)
    if isinstance(what, exp.Null):
        return Term(f"({value.sql} IS NULL)", BOOLEAN)
    if isinstance(what, exp.Boolean):
        require(value, "a condition", fits=value.type == BOOLEAN)
        return Term(f"({value.sql} <=> {'TRUE' if what.this else 'FALSE'})", BOOLEAN)
    raise Unspellable(f"`{node.sql(dialect='duckdb')}` cannot be said in Spark's SQL")


def _in(speller: Speller, node: exp.Expr) -> Term:
    if node.args.get("query"):
        return _in_query(speller, node, node.args["query"])
    value = speller.term(node.this)
    if not node.expressions:
        raise Unspellable("a list that is a value is asked with list_contains(list, value)")
    (first, *others), _ = unified([value, *speller.terms(node.expressions)])
    speller.settled(first, *others)
    return Term(f"({first.sql} IN ({', '.join(other.sql for other in others)}))", BOOLEAN)


def _in_query(speller: Speller, node: exp.Expr, query: exp.Expr) -> Term:
    if id(node) not in speller.looked_up:
        raise Unspellable("IN (SELECT …) stands in a condition by itself or beside AND on Spark; use EXISTS")
    value, found = speller.term(node.this), speller.query(query, speller.scope)
    if len(found.columns) != 1 or common_type([value.type, found.columns[0].type]) is None:
        raise Unspellable(f"a {value.type} cannot be looked for in that query")
    return Term(f"({value.sql} IN ({found.sql}))", BOOLEAN)


def _exists(speller: Speller, node: exp.Expr) -> Term:
    return Term(f"(EXISTS ({speller.query(node.this, speller.scope).sql}))", BOOLEAN)


def _scalar(speller: Speller, node: exp.Expr) -> Term:
    found = speller.query(node, speller.scope)
    if len(found.columns) != 1:
        raise Unspellable("a query that stands for a value has one column")
    return Term(f"({found.sql})", found.columns[0].type, query=found.sql)


def _case(speller: Speller, node: exp.Expr) -> Term:
    subject = speller.term(node.this) if node.this else None
    whens = []
    for branch in node.args["ifs"]:
        if subject is None:
            whens.append(speller.condition(branch.this))
        else:
            left, right = unified((subject, speller.term(branch.this)))[0]
            whens.append(Term(f"{left.sql} = {right.sql}", BOOLEAN, tried=left.tried or right.tried))
    default = node.args.get("default")
    results = speller.terms([branch.args["true"] for branch in node.args["ifs"]])
    values, kind = unified([*results, speller.term(default) if default else NOTHING])
    speller.settled(*whens, *values)
    branches = " ".join(f"WHEN {when.sql} THEN {value.sql}" for when, value in zip(whens, values, strict=False))
    return Term(f"(CASE {branches} ELSE {values[-1].sql} END)", kind)


def _like(speller: Speller, node: exp.Expr) -> Term:
    escape = None
    if isinstance(node, exp.Escape):
        escape, node = node.args["expression"].name, node.this
    left, right = speller.term(node.this), speller.term(node.args["expression"])
    for term in (left, right):
        require(term, "a text", fits=term.type == TEXT)
    pattern = right.sql
    if escape is None:
        pattern = f"replace({pattern}, {quoted(chr(92))}, {quoted(chr(92) * 2)})"
        if right.text is not None:
            pattern = quoted(right.text.replace("\\", "\\\\"))
    ending = f" ESCAPE {quoted(escape)}" if escape is not None and escape != "\\" else ""
    sides = (left.sql, pattern) if isinstance(node, exp.Like) else (f"lower({left.sql})", f"lower({pattern})")
    return Term(f"({sides[0]} LIKE {sides[1]}{ending})", BOOLEAN, tried=left.tried or right.tried)


CONDITIONS: Expressions = {
    exp.And: _and_or,
    exp.Or: _and_or,
    exp.Not: _not,
    **dict.fromkeys((*COMPARISONS, exp.NullSafeNEQ), _compared),
    exp.Between: _between,
    exp.Is: _is,
    exp.In: _in,
    exp.Exists: _exists,
    exp.Subquery: _scalar,
    exp.Case: _case,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Escape: _like,
}
