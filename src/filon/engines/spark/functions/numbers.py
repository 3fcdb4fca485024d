"""Functions of numbers, and choices between values."""

from __future__ import annotations

from filon.engines.spark import operators
from filon.engines.spark.casts import half_away
from filon.engines.spark.expressions import Call, Spelling, unified
from filon.engines.spark.functions.forms import Form, form, forms
from filon.engines.spark.terms import Term, Unspellable, require, text_term
from filon.engines.spark.types import BOOLEAN, DOUBLE, HUGEINT, INTEGER, TEXT, Type, decimal

MOST_PLACES = 15


def _same(kind: Type, *_: Type) -> Type:
    return DOUBLE if kind.name == "FLOAT" else kind


def _whole_of(kind: Type, *_: Type) -> Type:
    return decimal(kind.precision, 0)


def _operator(node: str) -> Spelling:
    def spell(call: Call) -> Term:
        left, right = call.take(2)
        return operators.apply(node, left, right, trying=call.trying)

    return spell


def _failing(condition: str, message: str, sql: str) -> Spelling:
    """A function that DuckDB does not compute for some numbers, where Spark says null or NaN."""
    failing = f"CASE WHEN {condition} THEN raise_error('{message}') ELSE {sql} END"
    return form("D", DOUBLE, f"({failing})", f"(CASE WHEN NOT ({condition}) THEN {sql} END)")


def _round(call: Call) -> Term:
    value, *digits = call.take(1, 2)
    require(value, "a number", fits=value.type.is_number)
    if digits and digits[0].number is None:
        raise Unspellable("round needs the number of decimals as a literal on Spark")
    places = int(digits[0].number or 0) if digits else 0
    if value.type.is_floating:
        if not 0 <= places <= MOST_PLACES:
            raise Unspellable(f"round of a double takes 0 to {MOST_PLACES} decimals on Spark")
        rounded = half_away(f"({value.sql} * 1e{places}D)")
        return Term(f"({rounded} / 1e{places}D)" if places else half_away(value.sql), DOUBLE, tried=value.tried)
    if value.type.is_whole:
        return Term(f"round({value.sql}, {places})", value.type, tried=value.tried)
    scale = min(max(places, 0), value.type.scale)
    kind = decimal(value.type.precision, scale)
    return Term(f"CAST(round({value.sql}, {places}) AS {kind.spark})", kind, tried=value.tried)


def _coalesce(call: Call) -> Term:
    values, kind = unified(call.terms)
    call.speller.settled(*values)
    return Term(f"coalesce({', '.join(value.sql for value in values)})", kind)


def _extreme(call: Call) -> Term:
    """Nulls are left out, as Spark does."""
    values, kind = unified(call.terms)
    call.speller.settled(*values)
    if len(values) == 1:
        return values[0]
    return Term(f"{call.name}({', '.join(value.sql for value in values)})", kind)


def _if(call: Call) -> Term:
    condition, *choices = call.take(3)
    require(condition, "a condition", fits=condition.type == BOOLEAN)
    values, kind = unified(choices)
    call.speller.settled(condition, *values)
    return Term(f"if({condition.sql}, {values[0].sql}, {values[1].sql})", kind)


def _nullif(call: Call) -> Term:
    left, right = call.take(2)
    (first, second), _ = unified((left, right))
    call.speller.settled(first, second)
    return Term(f"(CASE WHEN {first.sql} = {second.sql} THEN NULL ELSE {left.sql} END)", left.type)


def _typeof(call: Call) -> Term:
    [value] = call.take(1)
    names = {"NULL": '"NULL"', "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    return text_term(names.get(str(value.type), str(value.type)), TEXT)


def _floor(word: str) -> Spelling:
    return forms(
        Form("I", DOUBLE, "CAST({0} AS DOUBLE)"),
        Form("E", _whole_of, f"{word}({{0}})"),
        Form("D", DOUBLE, f"CAST({word}({{0}}) AS DOUBLE)"),
    )


def _double(sql: str) -> Spelling:
    return form("D", DOUBLE, sql)


_POWER = form("DD", DOUBLE, "power({0}, {1})")
_LOG10 = _failing("{0} <= 0", "the logarithm of a number that is not positive", "log10({0})")

NUMBERS: dict[str, Spelling] = {
    "abs": forms(Form("E", _same, "abs({0})"), Form("D", DOUBLE, "abs({0})")),
    "acos": _failing("abs({0}) > 1", "acos of a number beyond 1", "acos({0})"),
    "acosh": _double("acosh({0})"),
    "asin": _failing("abs({0}) > 1", "asin of a number beyond 1", "asin({0})"),
    "asinh": _double("asinh({0})"),
    "atan": _double("atan({0})"),
    "atanh": _double("atanh({0})"),
    "atan2": form("DD", DOUBLE, "atan2({0}, {1})"),
    "add": _operator("Add"),
    "subtract": _operator("Sub"),
    "multiply": _operator("Mul"),
    "divide": _operator("IntDiv"),
    "mod": _operator("Mod"),
    "bit_count": form("I", INTEGER, "bit_count({0})"),
    "cbrt": _double("cbrt({0})"),
    **dict.fromkeys(("ceil", "ceiling"), _floor("ceil")),
    "floor": _floor("floor"),
    "cos": _double("cos({0})"),
    "cosh": _double("cosh({0})"),
    "cot": _double("cot({0})"),
    "degrees": _double("degrees({0})"),
    "exp": _double("exp({0})"),
    "isfinite": form("D", BOOLEAN, "(NOT isnan({0}) AND abs({0}) <> CAST('Infinity' AS DOUBLE))"),
    "isinf": form("D", BOOLEAN, "(abs({0}) = CAST('Infinity' AS DOUBLE))"),
    "isnan": form("D", BOOLEAN, "(if({0} IS NULL, NULL, isnan({0})))"),
    "ln": _failing("{0} <= 0", "the logarithm of a number that is not positive", "ln({0})"),
    **dict.fromkeys(("log", "log10"), _LOG10),
    "log2": _failing("{0} <= 0", "the logarithm of a number that is not positive", "log2({0})"),
    "pi": form("", DOUBLE, "pi()"),
    **dict.fromkeys(("pow", "power"), _POWER),
    "radians": _double("radians({0})"),
    "round": _round,
    "sign": form("N", Type("TINYINT"), "CAST(signum(CAST({0} AS DOUBLE)) AS TINYINT)"),
    "sin": _double("sin({0})"),
    "sinh": _double("sinh({0})"),
    "sqrt": _failing("{0} < 0", "the square root of a negative number", "sqrt({0})"),
    "tan": _double("tan({0})"),
    "tanh": _double("tanh({0})"),
    "trunc": forms(
        Form("I", _same, "{0}"),
        Form("E", _whole_of, "if({0} < 0, ceil({0}), floor({0}))"),
        Form("D", DOUBLE, "CAST(if({0} < 0, ceil({0}), floor({0})) AS DOUBLE)"),
    ),
    "xor": form("II", HUGEINT, "CAST({0} ^ {1} AS DECIMAL(38,0))"),
    "coalesce": _coalesce,
    "ifnull": _coalesce,
    **dict.fromkeys(("greatest", "least"), _extreme),
    "if": _if,
    "nullif": _nullif,
    "typeof": _typeof,
}
