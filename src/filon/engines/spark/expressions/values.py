"""Expressions that name a value, put values together or take them apart."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from filon.engines.spark import casts, operators
from filon.engines.spark.expressions.speller import Expressions, Speller, line_of, unified
from filon.engines.spark.terms import NOTHING, Term, Unspellable, name, quoted, require, text_term
from filon.engines.spark.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    INTEGER,
    INTERVAL,
    NULL,
    TEXT,
    Type,
    decimal,
    list_of,
    struct_of,
    type_named,
)

LARGEST_INTEGER, LARGEST_BIGINT = 2**31 - 1, 2**63 - 1
UNNESTED = "_unnested"


def _column(speller: Speller, node: exp.Expr) -> Term:
    table, line = node.text("table"), line_of(node)
    if not table:
        return speller.scope.column(node.name, line, prefer_given=speller.prefers_given)
    source = speller.scope.source(table)
    if source is None:
        return _field(speller.scope.column(table, line), node.name)
    column = source.find(node.name)
    if column is None:
        raise Unspellable(f"there is no column {node.name} in {table}", line)
    return source.term(column)


def _field(value: Term, wanted: str) -> Term:
    for field, kind in value.type.fields:
        if field.casefold() == wanted.casefold():
            return Term(f"{value.sql}.{name(field)}", kind, tried=value.tried)
    raise Unspellable(f"a {value.type} has no field {wanted}")


def _literal(__: Speller, node: exp.Expr) -> Term:
    if node.args.get("is_string"):
        return text_term(node.name, TEXT)
    digits = node.name.replace("_", "")
    if "e" in digits.lower():
        return Term(f"{digits}D", DOUBLE, number=digits)
    if "." in digits:
        whole, _, fraction = digits.partition(".")
        precision = len((whole or "0") + fraction)
        if precision > 38:
            return Term(f"{digits}D", DOUBLE, number=digits)
        return Term(f"{whole or '0'}.{fraction or ''}BD", decimal(precision, len(fraction)), number=digits)
    value = int(digits)
    kind = INTEGER if value <= LARGEST_INTEGER else BIGINT if value <= LARGEST_BIGINT else HUGEINT
    if kind == HUGEINT and len(digits) > 38:
        raise Unspellable(f"{digits} has more than 38 digits")
    return Term(digits if kind != HUGEINT else f"CAST({digits}BD AS DECIMAL(38,0))", kind, number=digits)


def _concatenated(speller: Speller, node: exp.Expr) -> Term:
    parts: list[exp.Expr] = []
    left: exp.Expr = node
    while isinstance(left, exp.DPipe):
        parts.append(left.args["expression"])
        left = left.this
    terms = [speller.term(part) for part in [left, *reversed(parts)]]
    tried = any(term.tried for term in terms)
    if any(term.type.name == "LIST" for term in terms):
        lists, kind = unified(terms)
        return Term(f"concat({', '.join(term.sql for term in lists)})", kind, tried=tried)
    return Term(f"concat({', '.join(casts.cast(term, TEXT).sql for term in terms)})", TEXT, tried=tried)


def _cast(speller: Speller, node: exp.Expr) -> Term:
    kind = type_named(node.args["to"])
    if kind is None:
        raise Unspellable(f"Spark has no type {node.args['to'].sql(dialect='duckdb')}")
    value = speller.term(node.this)
    if isinstance(node, exp.TryCast):
        speller.settled(value)
        return replace(casts.cast(value, kind, trying=True), tried=False)
    return casts.cast(value, kind, trying=speller.trying)


def _array(speller: Speller, node: exp.Expr) -> Term:
    values, kind = unified(speller.terms(node.expressions)) if node.expressions else ((), NULL)
    return Term(
        f"array({', '.join(value.sql for value in values)})", list_of(kind), tried=any(value.tried for value in values)
    )


def _tuple(speller: Speller, node: exp.Expr) -> Term:
    values = speller.terms(node.expressions)
    kind = struct_of(*(("", value.type) for value in values))
    return Term(f"struct({', '.join(value.sql for value in values)})", kind)


def _struct(speller: Speller, node: exp.Expr) -> Term:
    fields, parts = [], []
    for part in node.expressions:
        value = speller.term(part.args["expression"])
        fields.append((part.this.name, value.type))
        parts += [quoted(part.this.name), value.sql]
    return Term(f"named_struct({', '.join(parts)})", struct_of(*fields))


def _map(speller: Speller, node: exp.Expr) -> Term:
    parts = node.this.expressions
    keys, key = unified([speller.term(part.this) for part in parts])
    values, item = unified([speller.term(part.args["expression"]) for part in parts])
    pairs = ", ".join(f"{left.sql}, {right.sql}" for left, right in zip(keys, values, strict=True))
    return Term(f"map({pairs})", Type("MAP", key=key, item=item))


def _bracket(speller: Speller, node: exp.Expr) -> Term:
    value, [index] = speller.term(node.this), node.expressions
    if isinstance(index, exp.Slice):
        raise Unspellable("a part of a list is taken with list_slice(list, first, last)")
    if value.type.name == "STRUCT" and isinstance(index, exp.Literal) and index.is_string:
        return _field(value, index.name)
    if value.type.name != "LIST" or value.type.item is None or not isinstance(index, exp.Literal):
        raise Unspellable("an element is taken out of a list by a number")
    return Term(f"get({value.sql}, {index.name})", value.type.item, tried=value.tried)


def _unnest(speller: Speller, node: exp.Expr) -> Term:
    value = speller.term(node.this)
    if value.type.name != "LIST" or value.type.item is None:
        raise Unspellable("unnest takes a list")
    if speller.unnested is None:
        return Term(f"explode({value.sql})", value.type.item)
    if speller.unnested:
        raise Unspellable("several calls of unnest stand in one SELECT; put each into a step of its own")
    speller.unnested.append(value.sql)
    return Term(f"{name(UNNESTED)}.{name(UNNESTED)}", value.type.item)


def _paren(speller: Speller, node: exp.Expr) -> Term:
    return speller.term(node.this)


def _negated(speller: Speller, node: exp.Expr) -> Term:
    value = speller.term(node.this)
    require(value, "a number", fits=value.type.is_number or value.type == INTERVAL)
    if value.number is not None:
        return replace(
            value, sql=f"-{value.sql}" if value.type != HUGEINT else f"(- {value.sql})", number=f"-{value.number}"
        )
    return Term(f"(- {value.sql})", value.type, tried=value.tried)


def _binary(speller: Speller, node: exp.Expr) -> Term:
    left, right = speller.term(node.this), speller.term(node.args["expression"])
    return operators.apply(type(node).__name__, left, right, trying=speller.trying)


VALUES: Expressions = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: lambda _, node: Term("TRUE" if node.this else "FALSE", BOOLEAN),
    exp.Null: lambda *_: NOTHING,
    exp.Paren: _paren,
    exp.DPipe: _concatenated,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Array: _array,
    exp.Tuple: _tuple,
    exp.Struct: _struct,
    exp.ToMap: _map,
    exp.Bracket: _bracket,
    exp.Explode: _unnest,
    exp.Neg: _negated,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod), _binary),
}
