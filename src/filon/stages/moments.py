"""Dates and timestamps of texts, as SQL: which texts have the form of a column, and which moment they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from filon.project import Column, Kind
from filon.project.formats import Field, Names, Part, Reading, ungrouped
from filon.project.vocabulary import Dialect
from filon.sql import identifier, literal
from filon.stages.names import fold, folded, name_number

FIRST_MOMENT, LAST_MOMENT = "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"
"""Clients cannot represent others: neither as a local time, nor as a moment in UTC."""
ISO_DATE = "%Y-%m-%d"
ANY_BLANK = r"[ \t\x{A0}\x{202F}]"
"""What a blank stands for beside names, halves of the day and offsets: programs write no-break spaces there."""
FIRST_GROUP = r"\1"
ANY_NAME = "[^|]+?"
"""What stands where a name is read; whether it is one is asked afterwards, so that expressions stay short."""


def spelled_moments(column: Column, locale: str) -> Iterator[tuple[str, str]]:
    """Names, quoted, each with its expression, that ``moment_value`` is composed of: what each reading of a text gives.

    Args:
        column: a date or a timestamp, with its formats
        locale: of the names of months and days, such as ``fr``

    """
    for place, reading in enumerate(column.readings):
        spelling = _Spelling(column, place, reading, locale)
        yield spelling.local, spelling.read()
        if reading.field(Part.OFFSET) is not None and column.type.kind is Kind.TIMESTAMP:
            yield spelling.offset, spelling.read_offset()


def moment_value(column: Column, dialect: Dialect, locale: str) -> str:
    """An expression for the date or timestamp that a text spells; null when it spells none.

    Args:
        column: a date or a timestamp, with its formats, of which the first that reads a text counts
        dialect: the time zone of timestamps that say no offset
        locale: of the names of months and days, such as ``fr``

    """
    spellings = [_Spelling(column, place, reading, locale) for place, reading in enumerate(column.readings)]
    if column.type.kind is Kind.DATE:
        cases = " ".join(f"WHEN {spelling.exists} THEN {spelling.local}" for spelling in spellings)
        return f"CAST(CASE {cases} END AS DATE)"
    cases = " ".join(f"WHEN {spelling.exists} THEN {spelling.moment(dialect.timezone)}" for spelling in spellings)
    moment = f"CASE {cases} END"
    return f"CASE WHEN {moment} BETWEEN {_in_utc(FIRST_MOMENT)} AND {_in_utc(LAST_MOMENT)} THEN {moment} END"


def plain_date(column: Column) -> str | None:
    """An expression for the date of a field as it was read, null unless it is spelled as SQL spells dates.

    Args:
        column: a date or a timestamp, with its formats

    Returns:
        The expression; None when another format reads first, or the column is a timestamp.

    """
    reading = column.readings[0]
    if column.type.kind is not Kind.DATE or not reading.is_plain or reading.strptime != ISO_DATE:
        return None
    field = identifier(column.name)
    date = f"TRY_CAST({field} AS DATE)"
    has_form = f"regexp_full_match({field}, {literal(reading.regex)})"
    return f"CASE WHEN {has_form} AND {date} >= CAST(TIMESTAMP '{FIRST_MOMENT}' AS DATE) THEN {date} END"


def moment_form(column: Column) -> str:
    """A regular expression (RE2) for the texts of a date or timestamp column; any word stands for a name."""
    return "|".join(reading.regex if reading.is_plain else _loose_form(reading) for reading in column.readings)


def _loose_form(reading: Reading) -> str:
    forms = (_form(piece, re.escape, lambda field: ungrouped(field.form) or ANY_NAME) for piece in reading.pieces)
    return f"(?i:{''.join(forms)})"


@dataclass(frozen=True)
class _Spelling:
    """A reading of a column's text; ``place`` is its place among the readings of the column, from 0."""

    column: Column
    place: int
    reading: Reading
    locale: str

    @property
    def local(self) -> str:
        """The name of the local day and time, null where the text has another form; quoted."""
        return identifier(f"{self.column.name} local {self.place}")

    @property
    def offset(self) -> str:
        """The name of the offset from UTC in minutes, quoted."""
        return identifier(f"{self.column.name} offset {self.place}")

    @cached_property
    def text(self) -> str:
        """The text as it is compared with the reading."""
        text = identifier(f"{self.column.name} text")
        return folded(text) if self.reading.has_names else text

    @property
    def exists(self) -> str:
        """The condition that the text spells a day and a time that exist."""
        exists = f"{self.local} >= TIMESTAMP '{FIRST_MOMENT}'"
        weekday = self.reading.field(Part.WEEKDAY)
        if weekday is None:
            return exists
        return f"{exists} AND isodow({self.local}) = TRY_CAST({self._number_of(weekday)} AS INTEGER)"

    def read(self) -> str:
        """An expression for the local day and time."""
        return f"CASE WHEN {self._fits} THEN {self._parsed()} END"

    @property
    def _fits(self) -> str:
        """The condition that the text has the form of the reading."""
        form = self.reading.regex if self.reading.is_plain else self._form()
        return f"regexp_full_match({self.text}, {literal(form)})"

    def _parsed(self) -> str:
        if self.reading.is_plain:
            return f"parse_timestamp({self.text}, {literal(self.reading.strptime)})"
        fields = [field for field in self.reading.fields if field.strptime]
        plain = self._part(fields, "-".join(_digits(field, place) for place, field in enumerate(fields, start=1)))
        strptime = "-".join(field.strptime for field in fields)
        month = self.reading.field(Part.MONTH)
        if month is not None and month.names is not Names.NONE:
            plain, strptime = f"{plain} || '-' || {self._number_of(month)}", f"{strptime}-%m"
        return f"parse_timestamp({plain}, {literal(strptime)})"

    def read_offset(self) -> str:
        """An expression for the offset from UTC in minutes."""
        spelled = self._part([field for field in self.reading.fields if field.part is Part.OFFSET], FIRST_GROUP)
        hours = f"TRY_CAST(left({spelled}, 3) AS INTEGER)"  # of +02:00, +0200, +02 or Z
        minutes = f"TRY_CAST(left({spelled}, 1) || substr(replace({spelled}, ':', ''), 4) AS INTEGER)"
        # parts of a text of another form may be numbers in a notation that only one engine casts
        return f"CASE WHEN {self._fits} THEN 60 * coalesce({hours}, 0) + coalesce({minutes}, 0) END"

    def moment(self, zone: str) -> str:
        """The moment in UTC; ``zone`` is that of texts without an offset."""
        if self.reading.field(Part.OFFSET) is None:
            return f"from_zone({self.local}, {literal(zone)})"
        return f"from_zone({self.local} - {self.offset} * INTERVAL 1 MINUTE, 'UTC')"

    def _number_of(self, field: Field) -> str:
        return name_number(field, self._part([field], FIRST_GROUP), self.locale)

    def _part(self, fields: list[Field], spelled: str) -> str:
        """The text of some fields: ``spelled`` refers to their groups, in their order."""
        return f"regexp_replace({self.text}, {literal(f'^{self._form(fields)}$')}, {literal(spelled)})"

    def _form(self, captured: Sequence[Field] = ()) -> str:
        """The regular expression of the text, with a group for each of these fields and no other."""

        def field_form(field: Field) -> str:
            form = field.form or (rf"({ANY_NAME})\.?" if field.names is Names.SHORT else f"({ANY_NAME})")
            return form if field in captured else ungrouped(form)

        def literal_form(text: str) -> str:
            return re.escape(fold(text) if self.reading.has_names else text)

        return "".join(_form(piece, literal_form, field_form) for piece in self.reading.pieces)


def _form(piece: str | Field, literal_form: Callable[[str], str], field_form: Callable[[Field], str]) -> str:
    if isinstance(piece, Field):
        return field_form(piece)
    return re.sub(r"(?:\\)? ", lambda _: ANY_BLANK, literal_form(piece))


def _digits(field: Field, place: int) -> str:
    """How a field is written for ``strptime``, by the group that holds it."""
    return rf"\{place}m" if field.part is Part.HALF else rf"\{place}"


def _in_utc(moment: str) -> str:
    return f"TIMESTAMPTZ '{moment}+00'"
