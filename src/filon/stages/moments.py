"""Dates and timestamps of texts, as SQL: which texts have the form of a column, and which moment they mean."""

from __future__ import annotations

from collections.abc import Sequence

from filon.project import Column, Kind
from filon.project.formats import MOMENT, date_format
from filon.project.vocabulary import Dialect
from filon.sql import literal

FIRST_MOMENT, LAST_MOMENT = "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"
"""Clients cannot represent others: neither as a local time, nor as a moment in UTC."""


def moment_value(column: Column, text: str, dialect: Dialect) -> str:
    """An expression for the date or timestamp that a text spells; null when it spells none.

    Args:
        column: a date or a timestamp, with its formats, of which the first that reads a text counts
        text: the expression of the text, without blanks around
        dialect: the time zone of timestamps

    """
    local = _local(text, [pattern for pattern in column.formats if pattern != MOMENT])
    if column.type.kind is Kind.DATE:
        return f"CAST({local} AS DATE)"
    moment = f"from_zone({local}, {literal(dialect.timezone)})"
    if MOMENT in column.formats:
        moment = f"coalesce({moment}, from_zone({_local(text, [MOMENT])}, 'UTC'))"
    return f"CASE WHEN {moment} BETWEEN {_in_utc(FIRST_MOMENT)} AND {_in_utc(LAST_MOMENT)} THEN {moment} END"


def _local(text: str, patterns: Sequence[str]) -> str:
    """An expression for the moment that a text spells, whatever its zone; the first pattern that reads it counts."""
    return f"CASE {' '.join(_read_by(pattern, text) for pattern in patterns)} END"


def _read_by(pattern: str, text: str) -> str:
    form = date_format(pattern)
    local = f"parse_timestamp({text}, {literal(form.strptime)})"
    is_read = f"regexp_full_match({text}, {literal(form.regex)}) AND {local} >= TIMESTAMP '{FIRST_MOMENT}'"
    return f"WHEN {is_read} THEN {local}"


def _in_utc(moment: str) -> str:
    return f"TIMESTAMPTZ '{moment}+00'"
