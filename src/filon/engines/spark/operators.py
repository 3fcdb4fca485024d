"""Arithmetic as DuckDB does it: ``/`` divides as floating point, no zero makes it fail, and days are counted."""

from __future__ import annotations

from collections.abc import Callable

from filon.engines.spark.terms import Term, Unspellable
from filon.engines.spark.types import (
    BIGINT,
    DATE,
    DOUBLE,
    HUGEINT,
    INTERVAL,
    NULL,
    TIMESTAMP,
    TIMESTAMPTZ,
    WIDTHS,
    Type,
    decimal,
)

DIGITS = {"INTEGER": 10, "BIGINT": 20, "HUGEINT": 38, "SMALLINT": 5, "TINYINT": 3}
"""Digits of the decimals that Spark makes of whole numbers."""
TRY = {"+": "try_add", "-": "try_subtract", "*": "try_multiply", "%": "try_mod"}


def apply(operator: str, left: Term, right: Term, *, trying: bool) -> Term:
    """A binary operator, by the name of its node."""
    return OPERATORS[operator](left, right, trying)


def _refused(word: str, left: Term, right: Term) -> Unspellable:
    return Unspellable(f"{left.type} {word} {right.type} cannot be computed on Spark; write a CAST")


def _numbers(left: Term, right: Term) -> bool:
    return all(term.type.is_number or term.type == NULL for term in (left, right))


def _arithmetic(word: str, left: Term, right: Term, kind: Type, trying: bool) -> Term:
    tried = left.tried or right.tried
    if trying and kind.is_exact:
        return Term(f"{TRY[word]}({left.sql}, {right.sql})", kind, tried=True)
    return Term(f"({left.sql} {word} {right.sql})", kind, tried=tried)


def _number_type(word: str, left: Type, right: Type) -> Type:
    if NULL in (left, right):
        return right if left == NULL else left
    if left.is_floating or right.is_floating:
        return DOUBLE
    if left.is_whole and right.is_whole:
        return max(left, right, key=lambda kind: WIDTHS[kind.name])
    (first, low), (second, high) = ((DIGITS.get(kind.name, kind.precision), kind.scale) for kind in (left, right))
    if word == "*":
        return decimal(first + second + 1, low + high)
    if word == "%":
        return decimal(min(first - low, second - high) + max(low, high), max(low, high))
    return decimal(max(first - low, second - high) + max(low, high) + 1, max(low, high))


def _shifted(word: str, moment: Term, interval: Term) -> Term:
    """A day becomes a timestamp, whatever is added."""
    kind = TIMESTAMPTZ if moment.type == TIMESTAMPTZ else TIMESTAMP
    return Term(f"({moment.cast(kind).sql} {word} {interval.sql})", kind, tried=moment.tried or interval.tried)


def _add(left: Term, right: Term, trying: bool) -> Term:
    if _numbers(left, right):
        return _arithmetic("+", left, right, _number_type("+", left.type, right.type), trying)
    for moment, other in ((left, right), (right, left)):
        if moment.type.is_moment and other.type == INTERVAL:
            return _shifted("+", moment, other)
        if moment.type == DATE and other.type.is_whole:
            return Term(f"date_add({moment.sql}, CAST({other.sql} AS INT))", DATE, tried=left.tried or right.tried)
    raise _refused("+", left, right)


def _subtract(left: Term, right: Term, trying: bool) -> Term:
    if _numbers(left, right):
        return _arithmetic("-", left, right, _number_type("-", left.type, right.type), trying)
    tried = left.tried or right.tried
    if left.type == right.type == DATE:
        return Term(f"CAST(datediff({left.sql}, {right.sql}) AS BIGINT)", BIGINT, tried=tried)
    if left.type.is_moment and right.type == INTERVAL:
        return _shifted("-", left, right)
    if left.type == DATE and right.type.is_whole:
        return Term(f"date_sub({left.sql}, CAST({right.sql} AS INT))", DATE, tried=tried)
    raise _refused("-", left, right)


def _multiply(left: Term, right: Term, trying: bool) -> Term:
    if _numbers(left, right):
        return _arithmetic("*", left, right, _number_type("*", left.type, right.type), trying)
    for interval, other in ((left, right), (right, left)):
        if interval.type == INTERVAL and other.type.is_whole:
            return Term(f"({interval.sql} * {other.sql})", INTERVAL, tried=left.tried or right.tried)
    raise _refused("*", left, right)


def _divide(left: Term, right: Term, _trying: bool) -> Term:
    if not _numbers(left, right):
        raise _refused("/", left, right)
    tried = left.tried or right.tried
    above, below = (term.cast(DOUBLE).sql for term in (left, right))
    if right.number is not None and float(right.number) != 0:
        return Term(f"({above} / {below})", DOUBLE, tried=tried)
    endless = (
        f"CASE WHEN {above} > 0 THEN CAST('Infinity' AS DOUBLE) WHEN {above} < 0 THEN CAST('-Infinity' AS DOUBLE) "
        f"WHEN {above} = 0 THEN CAST('NaN' AS DOUBLE) END"
    )
    return Term(f"(CASE WHEN {below} = 0 THEN {endless} ELSE {above} / {below} END)", DOUBLE, tried=tried)


def _divide_whole(left: Term, right: Term, _trying: bool) -> Term:
    if not (left.type.is_whole and right.type.is_whole) or HUGEINT in (left.type, right.type):
        raise _refused("//", left, right)
    kind = _number_type("//", left.type, right.type)
    quotient = Term(f"({left.sql} div nullif({right.sql}, 0))", BIGINT, tried=left.tried or right.tried)
    return quotient if kind == BIGINT else Term(f"CAST({quotient.sql} AS {kind.spark})", kind, tried=quotient.tried)


def _remainder(left: Term, right: Term, _trying: bool) -> Term:
    if not _numbers(left, right):
        raise _refused("%", left, right)
    kind = _number_type("%", left.type, right.type)
    return Term(f"({left.sql} % nullif({right.sql}, 0))", kind, tried=left.tried or right.tried)


OPERATORS: dict[str, Callable[[Term, Term, bool], Term]] = {
    "Add": _add,
    "Sub": _subtract,
    "Mul": _multiply,
    "Div": _divide,
    "IntDiv": _divide_whole,
    "Mod": _remainder,
}
