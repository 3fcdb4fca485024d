"""Filon's own functions."""

from __future__ import annotations

from filon.engines.functions import day_names, month_names
from filon.engines.spark.casts import cast
from filon.engines.spark.expressions import Call, Spelling
from filon.engines.spark.functions.forms import let
from filon.engines.spark.functions.texts import lower, upper
from filon.engines.spark.terms import Term, quoted, require
from filon.engines.spark.types import BIGINT, DATE, HUGEINT, TEXT, decimal

BLANK = r"[ \t\n\x0B\f\r\xA0]"
WORDS = quoted(rf"{BLANK}+|[^ \t\n\x0B\f\r\xA0]+")
LIMB = 10**12


def _as_of(call: Call) -> Term:
    call.take(0)
    return Term(f"CAST({quoted(call.speller.facts.as_of)} AS DATE)", DATE)


def _name(names: list[str], place: str, value: Term) -> Term:
    require(value, "a date or a timestamp", fits=value.type.is_moment)
    listed = ", ".join(map(quoted, names))
    return Term(f"get(array({listed}), {place.format(value.sql)})", TEXT, tried=value.tried)


def _day_name(call: Call) -> Term:
    [value] = call.take(1)
    return _name(day_names(call.speller.facts.locale), "weekday({0})", value)


def _month_name(call: Call) -> Term:
    [value] = call.take(1)
    return _name(month_names(call.speller.facts.locale), "month({0}) - 1", value)


def _title_case(call: Call) -> Term:
    [value] = call.take(1)
    require(value, "a text", fits=value.type == TEXT)
    word = f"concat({upper('substr(_word, 1, 1)')}, {lower('substr(_word, 2)')})"
    words = f"regexp_extract_all({value.sql}, {WORDS}, 0)"
    return Term(f"array_join(transform({words}, _word -> {word}), '')", TEXT, tried=value.tried)


def _surrogate_key(call: Call) -> Term:
    [key] = call.take(1)
    text = cast(key, TEXT)
    return Term(f"CAST(conv(substr(md5({text.sql}), 1, 13), 16, 10) AS BIGINT)", BIGINT, tried=text.tried)


def _unscaled(call: Call) -> Term:
    [value] = call.take(1)
    require(value, "a decimal", fits=value.type.is_exact)
    return Term(f"CAST(replace(CAST({value.sql} AS STRING), '.', '') AS DECIMAL(38,0))", HUGEINT, tried=value.tried)


def _ratio(call: Call) -> Term:
    """Rounded half away from zero, with whole numbers alone: Spark's quotient of decimals has too few digits."""
    numerator, denominator = (cast(term, decimal(38, 6)) for term in call.take(2))
    call.speller.settled(numerator, denominator)
    millionths = {
        name: f"CAST({term.sql} * CAST(1000000 AS DECIMAL(7,0)) AS DECIMAL(38,0))"
        for name, term in (("n", numerator), ("d", denominator))
    }
    doubled = {
        "above": "CAST(200 * abs(_let.n) + abs(_let.d) AS DECIMAL(38,0))",
        "below": "CAST(2 * abs(_let.d) AS DECIMAL(38,0))",
        "minus": "(_let.n < 0) <> (_let.d < 0)",
    }
    # Spark's quotient of whole numbers has 64 bits, so that a larger one is made of two parts
    limb = f"CAST(_let.below * CAST({LIMB} AS DECIMAL(13,0)) AS DECIMAL(38,0))"
    first = f"CAST(_let.above div {limb} AS DECIMAL(38,0))"
    rest = "CAST((_let.above % " + limb + ") div _let.below AS DECIMAL(38,0))"
    large = f"CAST({first} * CAST({LIMB} AS DECIMAL(13,0)) + {rest} AS DECIMAL(38,0))"
    small = "CAST(_let.above div _let.below AS DECIMAL(38,0))"
    quotient = (
        f"CASE WHEN CAST(_let.above AS DOUBLE) / CAST(_let.below AS DOUBLE) < 9e18D THEN {small} ELSE {large} END"
    )
    has_query = any("SELECT " in term.sql for term in (numerator, denominator))
    hundredths = let(doubled, f"if(_let.minus, -1, 1) * {quotient}", spread=has_query)
    cents = f"CAST(CAST({hundredths} AS DECIMAL(36,0)) * CAST(0.01 AS DECIMAL(2,2)) AS DECIMAL(38,2))"
    return Term(let(millionths, f"CASE WHEN _let.d <> 0 THEN {cents} END", spread=has_query), decimal(38, 2))


def _attempt(call: Call) -> Term:
    """Spelled before its argument is, by ``expressions``."""
    return call.terms[0]


OWN: dict[str, Spelling] = {
    "as_of": _as_of,
    "attempt": _attempt,
    "day_name": _day_name,
    "month_name": _month_name,
    "ratio": _ratio,
    "surrogate_key": _surrogate_key,
    "title_case": _title_case,
    "unscaled": _unscaled,
}
