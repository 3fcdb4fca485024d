"""Casts as DuckDB makes them: what rounds, what fails, and how values are written as texts."""

from __future__ import annotations

import re

from filon.engines.spark.terms import NOTHING, Term, Unspellable, quoted
from filon.engines.spark.types import DOUBLE, NULL, TEXT, Type

INTEGER_FORM = r"\A\s*[+-]?[0-9]+\s*\z"
DECIMAL_FORM = r"\A\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*\z"
DAY_FORM = r"(?!0000)[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
DATE_FORM = rf"\A\s*{DAY_FORM}\s*\z"
TIME_FORM = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
ZONE_FORM = r"(\s*(Z|[+-][0-9]{2}(:?[0-9]{2})?))"
TIMESTAMP_FORM = rf"\A{DAY_FORM}([ T]{TIME_FORM}Z?)?\z"
MOMENT_FORM = rf"\A{DAY_FORM}([ T]{TIME_FORM}{ZONE_FORM}?)?\z"
OTHER_NUMBERS = r"\A\s*[+-]?(0[xXbB][0-9A-Fa-f]|[0-9.]+_)"
OTHER_MOMENTS = r"\A\s*(-?[0-9]+[-/ \\][0-9]+[-/ \\][0-9]|(?i:epoch|-?infinity))"
"""Texts that DuckDB casts, and that are not understood here: a cast fails, even where one tries."""
TRUE, FALSE = ("true", "t", "1", "yes", "y"), ("false", "f", "0", "no", "n")
PLAIN_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
PLAIN_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?")
PLAIN_MOMENT = re.compile(rf"({PLAIN_TIMESTAMP.pattern})([+-]\d{{2}})(?::?(\d{{2}}))?")
SPECIAL = quoted(r"""[,{}\[\]()"'=:]|\A\s|\s\z|\A\z|\A(?i:null)\z""")
QUOTE, ESCAPED_QUOTE, BACKSLASH, TWO_BACKSLASHES = (quoted(text) for text in ("'", "\\'", "\\", "\\\\"))
BEHIND_FIRST_DECIMAL = quoted(r"(\.[0-9])[0-9]*")
HOURS_ALONE = quoted(r"(:[0-9.]+)\s*([+-][0-9]{2})$")
ENDING_ZEROS = quoted(r"(\.[0-9]+?)0+$")
SMALL_EXPONENT, SMALL_LONG_EXPONENT = quoted(r"(\.0)?E-([0-9])$"), quoted(r"(\.0)?E-([0-9]+)$")
LARGE_EXPONENT = quoted(r"(\.0)?E([0-9]+)$")
INFINITY, MINUS_INFINITY, NO_NUMBER = r"\A[+]?(?i:inf|infinity)\z", r"\A-(?i:inf|infinity)\z", r"\A(?i:nan)\z"


def cast(value: Term, kind: Type, *, trying: bool = False) -> Term:
    """A value in another type.

    Args:
        value: what is cast
        kind: the type that is asked for
        trying: what cannot be cast is null instead of an error

    """
    if value.type == kind:
        return value
    if value.type == NULL:
        return Term(f"CAST(NULL AS {kind.spark})", kind)
    if kind == TEXT and value.query and value.type.name in ("LIST", "MAP"):
        # no query may stand in a function of lists
        inner = _as_text(Term("`_one`.`x`", value.type))
        return Term(f"(SELECT {inner} FROM ({value.query}) AS `_one`(`x`))", TEXT)
    if kind == TEXT:
        return Term(_as_text(value), TEXT, tried=value.tried)
    if value.type == TEXT:
        return _from_text(value, kind, trying=trying)
    sql = _from_value(value, kind)
    return Term(f"{'try_cast' if trying else 'CAST'}({sql} AS {kind.spark})", kind, tried=trying or value.tried)


def half_away(sql: str) -> str:
    """A double as the nearest whole one; of two, that away from zero."""
    size = f"abs({sql})"
    is_between = f"{size} < 4503599627370496D AND {size} - floor({size}) = 0.5D"  # larger ones are whole
    return f"(CASE WHEN {is_between} THEN signum({sql}) * ceil({size}) ELSE rint({sql}) END)"


def _from_value(value: Term, kind: Type) -> str:
    given = value.type
    if kind.is_whole and given.name == "DECIMAL":
        return f"round({value.sql}, 0)" if given.scale else value.sql
    if kind.is_whole and given.is_floating:
        return f"rint({value.sql})"
    if kind.name == "DECIMAL" and given.is_floating:
        digits = f"CAST({half_away(f'({value.sql} * 1e{kind.scale}D)')} AS DECIMAL(38,0))"
        return f"({digits} * CAST(1e-{kind.scale}BD AS DECIMAL({max(kind.scale, 1)},{kind.scale})))"
    alike = (
        (kind.is_number and (given.is_number or given.name == "BOOLEAN"))
        or (kind.name == "BOOLEAN" and given.is_number)
        or (kind.is_moment and given.is_moment)
        or (kind.name == given.name and kind.name in ("LIST", "MAP"))
    )
    if not alike:
        raise Unspellable(f"a {given} cannot be cast to {kind} on Spark")
    return value.sql


def _from_text(value: Term, kind: Type, *, trying: bool) -> Term:
    verb = "try_cast" if trying else "CAST"
    if value.text is not None and (literal := _literal(value.text, kind)):
        return Term(f"{verb}({quoted(literal)} AS {kind.spark})", kind, tried=trying)
    text = value.sql
    failing = "NULL" if trying else f"CAST(concat('not a value: ', {text}) AS {kind.spark})"
    if kind.is_whole:
        plain = f"{verb}({text} AS {kind.spark})"
        # only the first digit behind the point decides about rounding half away from zero
        cut = f"regexp_replace({text}, {BEHIND_FIRST_DECIMAL}, '$1')"
        rounded = f"{verb}(round({verb}({cut} AS DECIMAL(38,6)), 0) AS {kind.spark})"
        cases = f"WHEN {_has_form(text, INTEGER_FORM)} THEN {plain} WHEN {_has_form(text, DECIMAL_FORM)} THEN {rounded}"
    elif kind.name == "DECIMAL":
        cases = f"WHEN {_has_form(text, DECIMAL_FORM)} THEN {verb}({text} AS {kind.spark})"
    elif kind.is_floating:
        finite = f"WHEN {_has_form(text, DECIMAL_FORM)} THEN {verb}({text} AS {kind.spark})"
        endless = f"WHEN {_has_form(text, INFINITY)} THEN CAST('Infinity' AS {kind.spark})"
        below = f"WHEN {_has_form(text, MINUS_INFINITY)} THEN CAST('-Infinity' AS {kind.spark})"
        unreal = f"WHEN {_has_form(text, NO_NUMBER)} THEN CAST('NaN' AS {kind.spark})"
        cases = f"{finite} {endless} {below} {unreal}"
    elif kind.name == "BOOLEAN":
        words = (", ".join(map(quoted, words)) for words in (TRUE, FALSE))
        cases = " ".join(
            f"WHEN lower({text}) IN ({given}) THEN {said}" for given, said in zip(words, ("TRUE", "FALSE"), strict=True)
        )
    elif kind.is_moment:
        form = {"DATE": DATE_FORM, "TIMESTAMP": TIMESTAMP_FORM, "TIMESTAMPTZ": MOMENT_FORM}[kind.name]
        cases = f"WHEN {_has_form(text, form)} THEN {verb}({_moment_text(text, kind)} AS {kind.spark})"
    else:
        raise Unspellable(f"a text cannot be cast to {kind} on Spark")
    other = OTHER_MOMENTS if kind.is_moment else OTHER_NUMBERS
    if kind.name != "BOOLEAN":
        refused = quoted(f"a text has a form that is not cast to {kind} on Spark")
        cases = f"{cases} WHEN {_has_form(text, other)} THEN CAST(raise_error({refused}) AS {kind.spark})"
    return Term(f"(CASE {cases} WHEN {text} IS NOT NULL THEN {failing} END)", kind, tried=trying or value.tried)


def _moment_text(text: str, kind: Type) -> str:
    """Offsets in hours alone are no offsets for Spark."""
    if kind.name == "DATE":
        return text
    whole = f"regexp_replace(trim({text}), {HOURS_ALONE}, '$1$2:00')"
    return whole if kind.name == "TIMESTAMPTZ" else f"regexp_replace({whole}, 'Z$', '')"


def _has_form(text: str, form: str) -> str:
    return f"{text} RLIKE {quoted(form)}"


def _literal(text: str, kind: Type) -> str:
    """The text of a date or a timestamp as Spark reads it too; nothing where the form must be looked at."""
    if kind.name == "DATE" and PLAIN_DATE.fullmatch(text):
        return text
    if kind.name == "TIMESTAMP" and (PLAIN_TIMESTAMP.fullmatch(text) or PLAIN_DATE.fullmatch(text)):
        return text
    if kind.name == "TIMESTAMPTZ" and (found := PLAIN_MOMENT.fullmatch(text)):
        return f"{found[1]}{found[3]}:{found[4] or '00'}"
    return ""


def _as_text(value: Term) -> str:
    kind, sql = value.type, value.sql
    if kind.is_exact or kind.name in ("BOOLEAN", "DATE", "TIMESTAMP"):
        return f"CAST({sql} AS STRING)"
    if kind.name == "TIMESTAMPTZ":
        return f"concat(CAST({sql} AS STRING), '+00')"
    if kind == DOUBLE:
        return _double_as_text(sql)
    if kind.name == "LIST" and kind.item is not None:
        shown = _element(Term("x", kind.item))
        return f"concat('[', array_join(transform({sql}, x -> coalesce({shown}, 'NULL')), ', '), ']')"
    if kind.name == "STRUCT":
        fields = [_element(Term(f"{sql}.`{name}`", item)) for name, item in kind.fields]
        named = all(name for name, _ in kind.fields)
        labels = [quoted(f"'{name}': ") for name, _ in kind.fields]
        parts = [f"concat({label}, coalesce({shown}, 'NULL'))" for label, shown in zip(labels, fields, strict=True)]
        unnamed = [f"coalesce({shown}, 'NULL')" for shown in fields]
        ends = ("{", "}") if named else ("(", ")")
        return f"concat('{ends[0]}', concat_ws(', ', {', '.join(parts if named else unnamed)}), '{ends[1]}')"
    if kind.name == "MAP" and kind.key and kind.item:
        key, item = _element(Term("x.key", kind.key)), _element(Term("x.value", kind.item))
        pair = f"concat({key}, '=', coalesce({item}, 'NULL'))"
        return f"concat('{{', array_join(transform(map_entries({sql}), x -> {pair}), ', '), '}}')"
    if kind == NULL:
        return NOTHING.sql
    raise Unspellable(f"a {kind} cannot be cast to a text on Spark")


def _double_as_text(sql: str) -> str:
    """Java writes 1.0E20 and 1.0E-5, DuckDB 1e+20 and 1e-05; and Java turns to exponents at other sizes."""
    java = f"CAST({sql} AS STRING)"
    small = f"regexp_replace({java}, {SMALL_EXPONENT}, 'e-0$2')"
    small = f"regexp_replace({small}, {SMALL_LONG_EXPONENT}, 'e-$2')"
    large = f"regexp_replace({java}, {LARGE_EXPONENT}, 'e+$2')"
    plain = f"regexp_replace(CAST(CAST({sql} AS DECIMAL(38,20)) AS STRING), {ENDING_ZEROS}, '$1')"
    size = f"abs({sql})"
    return (
        f"(CASE WHEN isnan({sql}) THEN 'nan' "
        f"WHEN {size} = CAST('Infinity' AS DOUBLE) THEN if({sql} > 0, 'inf', '-inf') "
        f"WHEN {size} = 0 OR ({size} >= 1e-3D AND {size} < 1e7D) THEN {java} "
        f"WHEN {size} >= 1e-4D AND {size} < 1e16D THEN {plain} "
        f"WHEN {size} < 1 THEN {small} ELSE {large} END)"
    )


def _element(value: Term) -> str:
    """A value inside of a list: texts are quoted where they would be read otherwise."""
    text = _as_text(value) if value.type != TEXT else value.sql
    if value.type != TEXT:
        return text
    escaped = f"replace(replace({text}, {BACKSLASH}, {TWO_BACKSLASHES}), {QUOTE}, {ESCAPED_QUOTE})"
    return f"if({text} RLIKE {SPECIAL}, concat({QUOTE}, {escaped}, {QUOTE}), {text})"
