"""Compile a dataset's contract to SQL: clean texts, typed values, and one expression that collects every reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from filon.engines.reader import FOOTER, FORGOTTEN
from filon.project import Column, Dataset, Kind, Rule
from filon.project.values import Value, at_scale, sql_value
from filon.project.vocabulary import WHITESPACE, Case, Dialect
from filon.sql import identifier, identifiers, literal
from filon.stages.moments import moment_value, plain_date, spelled_moments
from filon.stages.numbers import is_exact, is_number, number_of, number_value, plain_number, spelled_number

SEPARATOR = "chr(31)"
BLANKS = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(160)"
TRIM = "[!-~]([ -~]*[!-~])?"
"""ASCII with nothing around it that could be trimmed."""
COMPARISONS = {
    "minimum": "<",
    "maximum": ">",
    "exclusiveMinimum": "<=",
    "exclusiveMaximum": ">=",
    "notAfter": ">",
}
BRONZE = "bronze records"
"""The table that the query reads; no table of a project can have a name with a blank."""
PLAIN, CLEANED, TYPED, JUDGED = (identifier(f"{step} step") for step in ("plain", "cleaned", "typed", "judged"))


def judged_query(dataset: Dataset, as_of: dt.date, raw_text: str) -> str:
    """The query that cleans, types and judges the records of a dataset.

    Args:
        dataset: columns, rules and dialect
        as_of: the date that rules compare with
        raw_text: an expression for the text of a record, over its fields ``as_read`` and the columns of bronze

    Returns:
        A SELECT from ``BRONZE`` and the referenced tables, a row per record, footers apart: ``_file``, ``_record``, the
        typed columns, ``_reasons`` (joined by ``SEPARATOR``, empty when accepted) and ``_text`` (null when accepted).

    """
    columns = dataset.contract.columns
    reasons = ", ".join(_reason_cases(dataset, as_of))
    names = ", ".join(identifier(column.name) for column in columns)
    collected = f"concat_ws({SEPARATOR}, {reasons})" if reasons else "''"
    # the text is composed in the last step, for rejected rows only
    return (
        f"WITH {_typed_steps(dataset, f'_malformed IS DISTINCT FROM {literal(FOOTER)}')}, "
        f"{JUDGED} AS (SELECT *, CASE WHEN _malformed = {literal(FORGOTTEN)} THEN _malformed "
        f"WHEN _malformed IS NOT NULL THEN 'record:' || _malformed ELSE {collected} END AS _reasons "
        f"FROM {TYPED}{_joins(dataset)}) "
        f"SELECT _file, _record, {names}, _reasons, CASE WHEN _reasons <> '' THEN {raw_text} END AS _text FROM {JUDGED}"
    )


def typed_query(dataset: Dataset, columns: Iterable[str]) -> str:
    """The query of the typed values of some columns, for all records in ``BRONZE``, with their places."""
    names = identifiers(["_file", "_record", *dict.fromkeys(columns)])
    return f"WITH {_typed_steps(dataset, 'TRUE')} SELECT {names} FROM {TYPED}"


def _typed_steps(dataset: Dataset, where: str) -> str:
    """The steps that clean and type those records in ``BRONZE`` that meet a condition."""
    columns = dataset.contract.columns
    read = ", ".join(f"{identifier(column.name)} AS {as_read(column.name)}" for column in columns)
    spelled = [(column, dataset.dialect_of(column)) for column in columns]
    cleaned = ", ".join(f"{_cleaned(column, dialect)} AS {_text(column)}" for column, dialect in spelled)
    typed = ", ".join(
        f"{_typed(column, dialect, dataset.locale)} AS {identifier(column.name)}" for column, dialect in spelled
    )
    plain = {column.name: value for column, dialect in spelled if (value := _plain_value(column, dialect))}
    plainly = "".join(f", {value} AS {_plain(name)}" for name, value in plain.items())
    kept = "".join(f", {_plain(name)}" for name in plain)
    return (
        f"{PLAIN} AS (SELECT *{plainly} FROM {identifier(BRONZE)} WHERE {where}), "
        f"{CLEANED} AS (SELECT _file, _record, _malformed, _raw, _extra{kept}, {read}, {cleaned} FROM {PLAIN}), "
        f"{TYPED} AS (SELECT *, {typed} FROM {_spelled(dataset)})"
    )


def _plain_value(column: Column, dialect: Dialect) -> str | None:
    """The typed value of a field that needs no cleaning, null of others; None when a column has no such fields.

    Most fields are spelled as SQL spells values. To read these first takes half the time of cleaning all.
    """
    if column.type.is_number:
        value = plain_number(column, dialect)
    else:
        value = plain_date(column) if column.type.kind is Kind.DATE else None
    if value is None or not dialect.null_values:
        return value
    words = ", ".join(map(literal, dialect.null_values))
    return f"CASE WHEN {identifier(column.name)} NOT IN ({words}) THEN {value} END"


def _spelled(dataset: Dataset) -> str:
    """What typed values are read from: the cleaned texts, the plain numbers and the local times of those they spell."""
    values = []
    for column in dataset.contract.columns:
        dialect = dataset.dialect_of(column)
        number = spelled_number(column, dialect, dataset.locale) if column.type.is_number else None
        if number is not None:
            values.append(f"{number} AS {number_of(column, dialect)}")
        for name, moment in spelled_moments(column, dataset.locale):
            is_plain = _plain_value(column, dialect) is not None
            value = f"CASE WHEN {_plain(column.name)} IS NULL THEN {moment} END" if is_plain else moment
            values.append(f"{value} AS {name}")
    return f"(SELECT *, {', '.join(values)} FROM {CLEANED}) AS spelled" if values else CLEANED


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
    line = f"concat_ws({literal(dialect.separator)}, {', '.join(fields)})" if fields else "''"
    return f"CASE WHEN _malformed IS NOT NULL THEN _raw ELSE {line} END"


def _csv_field(value: str, dialect: Dialect) -> str:
    """A value as a field of CSV, quoted where it must be; null is empty."""
    if not dialect.quote:
        return f"coalesce({value}, '')"
    is_blank = dialect.delimiter == WHITESPACE
    quote = literal(dialect.quote)
    special = (literal(dialect.separator), quote, "chr(10)", "chr(13)", *(["chr(9)"] if is_blank else []))
    needs_quotes = " OR ".join(f"contains({value}, {character})" for character in special)
    inside = value
    if dialect.escape is not None:
        inside = f"replace({inside}, {literal(dialect.escape)}, {literal(dialect.escape * 2)})"
    quoted = f"{quote} || replace({inside}, {quote}, {literal(dialect.quote * 2)}) || {quote}"
    empty = literal(dialect.quote * 2 if is_blank else "")
    return f"coalesce(CASE WHEN {needs_quotes} THEN {quoted} ELSE {value} END, {empty})"


def _plain(column: str) -> str:
    """The name of a column's value where its field needs no cleaning, quoted."""
    return identifier(f"{column} plain")


def _text(column: Column) -> str:
    """The name of a column's cleaned text, quoted."""
    return identifier(f"{column.name} text")


def _match(column: Column) -> str:
    """The name of the key in the referenced table that a column equals, null when there is none; quoted."""
    return identifier(f"{column.name} found")


def _cleaned(column: Column, dialect: Dialect) -> str:
    """The text of a column without what is around it; null where it is empty or a word for null."""
    name = identifier(column.name)
    cleaned = f"nullif({_normalised(column) if column.is_text else _trimmed(name)}, '')"
    if dialect.null_values:
        words = ", ".join(map(literal, dialect.null_values))
        cleaned = f"CASE WHEN nfc(trim({name}, {BLANKS})) NOT IN ({words}) THEN {cleaned} END"
    if _plain_value(column, dialect) is None:
        return cleaned
    return f"CASE WHEN {_plain(column.name)} IS NOT NULL THEN {name} ELSE {cleaned} END"


def _trimmed(value: str) -> str:
    """What a number or date is read from; seeing that it has no blanks around takes a third of the time of trimming."""
    return f"CASE WHEN regexp_full_match({value}, {literal(TRIM)}) THEN {value} ELSE trim({value}, {BLANKS}) END"


def _normalised(column: Column) -> str:
    name, rule = identifier(column.name), column.normalise
    # texts repeat, and what has no CASE is computed once for each different text
    value = f"nfc(trim({name}, {BLANKS}))" if rule.trim else f"nfc({name})"
    cased = {
        Case.KEEP: value,
        Case.TITLE: f"title_case({value})",
        Case.UPPER: f"upper({value})",
        Case.LOWER: f"lower({value})",
    }[rule.case]
    if not rule.canonical:
        return cased
    choices = " ".join(f"WHEN lower({literal(word)}) THEN {literal(word)}" for word in rule.canonical)
    return f"CASE lower(trim({value}, {BLANKS})) {choices} ELSE {cased} END"


def _typed(column: Column, dialect: Dialect, locale: str) -> str:
    text, kind = _text(column), column.type.kind
    if kind is Kind.TEXT:
        return text
    if kind is Kind.BOOLEAN:
        return (
            f"CASE lower({text}) WHEN lower({literal(dialect.true)}) THEN TRUE "
            f"WHEN lower({literal(dialect.false)}) THEN FALSE END"
        )
    value = number_value(column, dialect) if column.type.is_number else moment_value(column, dialect, locale)
    return value if _plain_value(column, dialect) is None else f"coalesce({_plain(column.name)}, {value})"


def _reason_cases(dataset: Dataset, as_of: dt.date) -> Iterator[str]:
    for column in dataset.contract.columns:
        for name, condition in _conditions(column, dataset.dialect_of(column), as_of):
            yield f"CASE WHEN {condition} THEN {literal(f'{column.name}:{name}')} END"
    for rule in dataset.rules:
        # a rule that raises on a record is not met by it; null counts as met
        met = f"attempt(coalesce(({rule.expression}\n), TRUE))"
        yield f"CASE WHEN {met} IS NOT TRUE THEN {literal(rule.name)} END"


def _conditions(column: Column, dialect: Dialect, as_of: dt.date) -> Iterator[tuple[str, str]]:
    """Names of the column's rules, each with the condition that a row violates it."""
    name, text = identifier(column.name), _text(column)
    if column.required:
        yield "required", f"{text} IS NULL"
    if not column.is_text:
        yield from _type_conditions(column, dialect, text, name)
    for rule in column.rules:
        yield rule.name, _violated(rule, column, as_of)
    if column.is_bound:
        yield "reference", f"{name} IS NOT NULL AND {_match(column)} IS NULL"


def _type_conditions(column: Column, dialect: Dialect, text: str, name: str) -> Iterator[tuple[str, str]]:
    unread = f"{text} IS NOT NULL AND {name} IS NULL"
    if column.type.kind not in (Kind.INTEGER, Kind.DECIMAL):
        yield "type", unread
        return
    exact = is_exact(column, dialect)
    number = exact
    if column.type.kind is Kind.DECIMAL:
        number = is_number(column, dialect)
        yield "scale", f"{unread} AND {number} AND NOT {exact}"
    yield "type", f"{unread} AND ({number}) IS NOT TRUE"
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
