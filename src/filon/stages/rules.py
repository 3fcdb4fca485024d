"""Compile a dataset's contract to SQL: clean texts, typed values, and one expression that collects every reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from filon.project import Column, Dataset, Kind, Rule
from filon.project.formats import date_format
from filon.project.values import LARGEST_DOUBLE, Value, at_scale, sql_value
from filon.project.vocabulary import Case, Dialect
from filon.sql import identifier, literal

SEPARATOR = "chr(31)"
BLANKS = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(160)"
COMPARISONS = {
    "minimum": "<",
    "maximum": ">",
    "exclusiveMinimum": "<=",
    "exclusiveMaximum": ">=",
    "notAfter": ">",
}
BRONZE = "bronze records"
"""The table that the query reads; no table of a project can have a name with a blank."""
CLEANED, TYPED, JUDGED = (identifier(f"{step} step") for step in ("cleaned", "typed", "judged"))


def judged_query(dataset: Dataset, as_of: dt.date, raw_text: str) -> str:
    """The query that cleans, types and judges the records of a dataset.

    Args:
        dataset: columns, rules and dialect
        as_of: the date that rules compare with
        raw_text: an expression for the text of a record, over its fields ``as_read`` and the columns of bronze

    Returns:
        A SELECT from ``BRONZE`` and the referenced tables, a row per record: ``_file``, ``_record``, the typed columns,
        ``_reasons`` (joined by ``SEPARATOR``, empty when accepted) and ``_text`` (null when accepted).

    """
    columns = dataset.contract.columns
    read = ", ".join(f"{identifier(column.name)} AS {as_read(column.name)}" for column in columns)
    cleaned = ", ".join(f"{_cleaned(column, dataset.dialect)} AS {_text(column)}" for column in columns)
    typed = ", ".join(f"{_typed(column, dataset.dialect)} AS {identifier(column.name)}" for column in columns)
    reasons = ", ".join(_reason_cases(dataset, as_of))
    names = ", ".join(identifier(column.name) for column in columns)
    collected = f"concat_ws({SEPARATOR}, {reasons})" if reasons else "''"
    # the text is composed in the last step, for rejected rows only
    return (
        f"WITH {CLEANED} AS (SELECT _file, _record, _malformed, _raw, _extra, {read}, {cleaned} "
        f"FROM {identifier(BRONZE)}), "
        f"{TYPED} AS (SELECT *, {typed} FROM {CLEANED}), "
        f"{JUDGED} AS (SELECT *, CASE WHEN _malformed IS NOT NULL "
        f"THEN 'record:' || _malformed ELSE {collected} END AS _reasons FROM {TYPED}{_joins(dataset)}) "
        f"SELECT _file, _record, {names}, _reasons, CASE WHEN _reasons <> '' THEN {raw_text} END AS _text FROM {JUDGED}"
    )


def as_read(column: str) -> str:
    """The name under which ``raw_text`` refers to a column of bronze, quoted."""
    return identifier(f"{column} as read")


def raw_record(names: list[tuple[str, bool]], dialect: Dialect) -> str:
    """An expression for a record as CSV text: of a malformed one its own text, else its fields in the given order.

    Args:
        names: the fields, each with whether it is a column of bronze (else it is a key of ``_extra``)
        dialect: delimiter and quote character

    """
    fields = []
    for name, is_column in names:
        path = literal("/" + name.replace("~", "~0").replace("/", "~1"))
        value = as_read(name) if is_column else f"json_extract_string(_extra, {path})"
        fields.append(_csv_field(value, dialect))
    line = f"concat_ws({literal(dialect.delimiter)}, {', '.join(fields)})" if fields else "''"
    return f"CASE WHEN _malformed IS NOT NULL THEN _raw ELSE {line} END"


def _csv_field(value: str, dialect: Dialect) -> str:
    """A value as a field of CSV, quoted where it must be; null is empty."""
    if not dialect.quote:
        return f"coalesce({value}, '')"
    quote = literal(dialect.quote)
    special = (literal(dialect.delimiter), quote, "chr(10)", "chr(13)")
    needs_quotes = " OR ".join(f"contains({value}, {character})" for character in special)
    quoted = f"{quote} || replace({value}, {quote}, {literal(dialect.quote * 2)}) || {quote}"
    return f"coalesce(CASE WHEN {needs_quotes} THEN {quoted} ELSE {value} END, '')"


def _text(column: Column) -> str:
    """The name of a column's cleaned text, quoted."""
    return identifier(f"{column.name} text")


def _match(column: Column) -> str:
    """The name of the key in the referenced table that a column equals, null when there is none; quoted."""
    return identifier(f"{column.name} found")


def _cleaned(column: Column, dialect: Dialect) -> str:
    name = identifier(column.name)
    if not column.is_text:
        value = f"trim({name}, {BLANKS})"
        for character in dialect.grouping if column.type.is_number else "":
            value = f"replace({value}, {literal(character)}, '')"
        return f"nullif({value}, '')"
    rule = column.normalise
    value = f"trim({name}, {BLANKS})" if rule.trim else name
    value = f"nfc({value})"
    cased = {
        Case.KEEP: value,
        Case.TITLE: f"title_case({value})",
        Case.UPPER: f"upper({value})",
        Case.LOWER: f"lower({value})",
    }[rule.case]
    if rule.canonical:
        choices = " ".join(f"WHEN lower({literal(word)}) THEN {literal(word)}" for word in rule.canonical)
        cased = f"CASE lower(trim({value}, {BLANKS})) {choices} ELSE {cased} END"
    return f"nullif({cased}, '')"


def _typed(column: Column, dialect: Dialect) -> str:
    text, kind = _text(column), column.type.kind
    if kind is Kind.TEXT:
        return text
    if kind is Kind.BOOLEAN:
        return (
            f"CASE lower({text}) WHEN lower({literal(dialect.true)}) THEN TRUE "
            f"WHEN lower({literal(dialect.false)}) THEN FALSE END"
        )
    if kind in (Kind.DATE, Kind.TIMESTAMP):
        return _moment(column, text, dialect)
    number = f"replace({text}, ',', '.')" if dialect.decimal == "," else text
    value = f"TRY_CAST({number} AS {column.type.sql})"
    fits = f" AND abs({value}) <= {LARGEST_DOUBLE}" if kind is Kind.DOUBLE else ""  # larger texts are cast to infinity
    return f"CASE WHEN {_well_formed(column, dialect)}{fits} THEN {value} END"


def _moment(column: Column, text: str, dialect: Dialect) -> str:
    form = date_format(column.format)
    value = f"parse_timestamp({text}, {literal(form.strptime)})"
    # clients cannot represent years before 1
    shown = f"regexp_full_match({text}, {literal(form.regex)}) AND {value} >= TIMESTAMP '0001-01-01'"
    value = f"CASE WHEN {shown} THEN {value} END"
    if column.type.kind is Kind.DATE:
        return f"CAST({value} AS DATE)"
    return f"from_zone({value}, {literal(dialect.timezone)})"


def _well_formed(column: Column, dialect: Dialect) -> str:
    """The condition that a text is a number with no more decimals than the column's type holds."""
    text, point = _text(column), "[" + dialect.decimal + "]"
    if column.type.kind is Kind.INTEGER:
        form = "[+-]?[0-9]+"
    elif column.type.kind is Kind.DECIMAL:
        scale = column.type.scale
        fraction = f"[0-9]{{1,{scale}}}0*" if scale else "0+"
        form = rf"[+-]?([0-9]+({point}[0-9]{{0,{scale}}}0*)?|{point}{fraction})"
    else:
        form = _any_number(dialect) + "([eE][+-]?[0-9]{1,2})?"
    return f"regexp_full_match({text}, {literal(form)})"


def _any_number(dialect: Dialect) -> str:
    point = "[" + dialect.decimal + "]"
    return rf"[+-]?([0-9]+({point}[0-9]*)?|{point}[0-9]+)"


def _reason_cases(dataset: Dataset, as_of: dt.date) -> Iterator[str]:
    for column in dataset.contract.columns:
        for name, condition in _conditions(column, dataset.dialect, as_of):
            yield f"CASE WHEN {condition} THEN {literal(f'{column.name}:{name}')} END"
    for rule in dataset.rules:
        yield f"CASE WHEN NOT ({rule.expression}\n) THEN {literal(rule.name)} END"


def _conditions(column: Column, dialect: Dialect, as_of: dt.date) -> Iterator[tuple[str, str]]:
    """Names of the column's rules, each with the condition that a row violates it."""
    name, text = identifier(column.name), _text(column)
    if column.required:
        yield "required", f"{text} IS NULL"
    if not column.is_text:
        yield from _type_conditions(column, dialect, text, name)
    for rule in column.rules:
        yield rule.name, _violated(rule, column, as_of)
    if column.reference:
        yield "reference", f"{name} IS NOT NULL AND {_match(column)} IS NULL"


def _type_conditions(column: Column, dialect: Dialect, text: str, name: str) -> Iterator[tuple[str, str]]:
    unread = f"{text} IS NOT NULL AND {name} IS NULL"
    if column.type.kind not in (Kind.INTEGER, Kind.DECIMAL):
        yield "type", unread
        return
    exact = _well_formed(column, dialect)
    number = exact
    if column.type.kind is Kind.DECIMAL:
        number = f"regexp_full_match({text}, {literal(_any_number(dialect))})"
        yield "scale", f"{unread} AND {number} AND NOT {exact}"
    yield "type", f"{unread} AND NOT {number}"
    yield "precision", f"{unread} AND {exact}"


def _violated(rule: Rule, column: Column, as_of: dt.date) -> str:
    name = identifier(column.name)
    if rule.name == "pattern":
        return f"NOT regexp_full_match({name}, {literal(_unanchored(str(rule.bound)))})"
    if rule.name in ("minLength", "maxLength"):
        sign = "<" if rule.name == "minLength" else ">"
        return f"length({name}) {sign} {rule.bound}"
    if isinstance(rule.bound, tuple):
        return f"{name} NOT IN ({', '.join(sql_value(value) for value in rule.bound)})"
    value = day_of(column) if rule.name == "notAfter" else name
    return f"{value} {COMPARISONS[rule.name]} {_bound(rule, rule.bound, column, as_of)}"


def day_of(column: Column) -> str:
    """An expression for the day of a date column, or of a timestamp column in the project's time zone."""
    name = identifier(column.name)
    return f"local_date({name})" if column.type.kind is Kind.TIMESTAMP else name


def _unanchored(pattern: str) -> str:
    """The pattern without ``^`` and ``$``: it is matched with the whole value anyway."""
    return pattern.removeprefix("^").removesuffix("$") if not pattern.endswith(r"\$") else pattern.removeprefix("^")


def _bound(rule: Rule, bound: Value, column: Column, as_of: dt.date) -> str:
    if rule.name == "notAfter":
        return f"DATE '{as_of.isoformat()}'"
    if isinstance(bound, Decimal) and column.type.kind is not Kind.DOUBLE:
        # rounded to the column's scale the result is the same, and comparing does not widen the column's type
        rounding = ROUND_CEILING if COMPARISONS[rule.name] in ("<", ">=") else ROUND_FLOOR
        bound = at_scale(bound, column.type.scale, rounding)
    return sql_value(bound)


def _joins(dataset: Dataset) -> str:
    joins = []
    for column, reference in dataset.references:
        key, match, table = identifier(reference.column), _match(column), identifier(reference.table)
        target = f"(SELECT DISTINCT {key} AS {match} FROM {table})"
        joins.append(f" LEFT JOIN {target} ON {identifier(column.name)} = {match}")
    return "".join(joins)
