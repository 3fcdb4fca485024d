"""Date and timestamp patterns in contracts, in the letters of Java's ``DateTimeFormatter``, cut into their parts.

A pattern may have optional sections in brackets. Each choice of them is a *reading*: a sequence of literal texts and
fields without any option, which reads a text or does not.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

MOST_SECTIONS = 4
"""Each doubles the readings: more would make the condition of a column long, and say hardly anything."""
LONGEST_FRACTION = 6
HALF_HOUR = "%I"
"""An hour that counts from noon or midnight, so that another field must say which."""


class Part(StrEnum):
    """What a field says of a moment."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    WEEKDAY = "day of the week"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"
    FRACTION = "fraction"
    HALF = "half of the day"
    OFFSET = "offset"


class Names(StrEnum):
    """Which names of months or days a field reads: whole ones, or abbreviations and beginnings too."""

    NONE = "none"
    LONG = "long"
    SHORT = "short"


@dataclass(frozen=True)
class Field:
    """A part of a moment as it is spelled in a text.

    ``letters`` are those of a pattern. ``form`` is the regular expression (RE2) of its spellings, with a group around
    what says the value; it is empty for names, which depend on the locale. ``strptime`` reads what the group holds.
    ``is_open``: it has no fixed number of digits, so that no other digits may stand beside it.
    """

    letters: str
    part: Part
    form: str = ""
    strptime: str = ""
    names: Names = Names.NONE
    is_open: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is spelled by digits and nothing else."""
        return self.part not in (Part.HALF, Part.OFFSET) and self.names is Names.NONE


def _offset(letters: str) -> Field:
    """An offset from UTC of at most 14 hours; three letters: as ``+02:00``, two: ``+0200``, one: ``+02`` as well."""
    separator = ":" if len(letters) == 3 else ""
    optional = "?" if len(letters) == 1 else ""
    hours = f"[+-](?:(?:0[0-9]|1[0-3])(?:{separator}[0-5][0-9]){optional}|14(?:{separator}00){optional})"
    return Field(letters, Part.OFFSET, f"({hours}{'|[Zz]' if letters.isupper() else ''})")


def _fraction(letters: str, *, is_optional: bool = False) -> Field:
    """Digits of a fraction of a second: as many as letters, or fewer in a section that is optional."""
    digits = f"1,{len(letters)}" if is_optional else f"{len(letters)}"
    return Field(letters, Part.FRACTION, f"([0-9]{{{digits}}})", "%f", is_open=is_optional)


DATE_LETTERS = {
    field.letters: field
    for field in (
        Field("yyyy", Part.YEAR, "([0-9]{4})", "%Y"),
        Field("yy", Part.YEAR, "([0-9]{2})", "%y"),
        Field("MMMM", Part.MONTH, names=Names.LONG),
        Field("MMM", Part.MONTH, names=Names.SHORT),
        Field("MM", Part.MONTH, "([0-9]{2})", "%m"),
        Field("M", Part.MONTH, "([0-9]{1,2})", "%m", is_open=True),
        Field("dd", Part.DAY, "([0-9]{2})", "%d"),
        Field("d", Part.DAY, "([0-9]{1,2})", "%d", is_open=True),
        Field("EEEE", Part.WEEKDAY, names=Names.LONG),
        Field("EEE", Part.WEEKDAY, names=Names.SHORT),
        Field("HH", Part.HOUR, "([0-9]{2})", "%H"),
        Field("H", Part.HOUR, "([0-9]{1,2})", "%H", is_open=True),
        Field("hh", Part.HOUR, "(0[1-9]|1[0-2])", HALF_HOUR),
        Field("h", Part.HOUR, "(0?[1-9]|1[0-2])", HALF_HOUR, is_open=True),
        Field("mm", Part.MINUTE, "([0-9]{2})", "%M"),
        Field("ss", Part.SECOND, "([0-9]{2})", "%S"),
        *(_fraction("S" * digits) for digits in range(1, LONGEST_FRACTION + 1)),
        Field("a", Part.HALF, r"([AaPp])(?:[Mm]|\.[Mm]\.)", "%p"),
        *(_offset(letters) for letters in ("XXX", "XX", "X", "xxx", "xx", "x")),
    )
}
DAY = "yyyy-MM-dd"
LOCAL_MOMENT = "yyyy-MM-dd HH:mm:ss.SSSSSS"
MOMENT = "yyyy-MM-dd HH:mm:ss.SSSSSSXXX"
"""How Filon spells a day, a moment without a time zone, and one in UTC, that a file brings as such."""
Piece = str | Field
_Item = Piece | tuple["_Item", ...]


DAY, MOMENT = "yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss.SSSSSS[X]"
"""How Filon spells days and moments that a file brings as such; moments with a time zone are those of UTC (``Z``)."""


class UnknownFormat(ValueError):
    """A pattern that does not say what moment a text means."""


@dataclass(frozen=True)
class Reading:
    """Literal texts and fields, in the order in which they stand in a text."""

    pieces: tuple[Piece, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields, in their order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Field))

    def field(self, part: Part) -> Field | None:
        """The field that says a part; None when none does."""
        return next((field for field in self.fields if field.part is part), None)

    @property
    def is_plain(self) -> bool:
        """Whether ``strptime`` reads a text as it is: all its fields are digits."""
        return all(field.is_number for field in self.fields)

    @property
    def has_names(self) -> bool:
        """Whether it reads names, which depend on the locale."""
        return any(field.names is not Names.NONE for field in self.fields)

    @property
    def regex(self) -> str:
        """The texts that a plain reading reads, each digit of them at its place."""
        return "".join(re.escape(piece) if isinstance(piece, str) else ungrouped(piece.form) for piece in self.pieces)

    @property
    def strptime(self) -> str:
        """How ``strptime`` reads a text of a plain reading."""
        return "".join(piece.replace("%", "%%") if isinstance(piece, str) else piece.strptime for piece in self.pieces)


def ungrouped(form: str) -> str:
    """A form of a field without a group to refer to."""
    return re.sub(r"\((?!\?)", "(?:", form, count=1)


@lru_cache(maxsize=1_024)
def readings_of(pattern: str) -> tuple[Reading, ...]:
    """Compile a pattern such as ``dd/MM/yyyy HH:mm[:ss]``.

    Returns:
        A reading for each choice of the optional sections, those with more of them first.

    Raises:
        UnknownFormat: a part is not understood, missing or doubled

    """
    tokens = _tokens(pattern)
    if tokens.count("[") > MOST_SECTIONS:
        raise UnknownFormat(f"the format `{pattern}` has more than {MOST_SECTIONS} optional sections; write several")
    items = _items(pattern, tokens, is_optional=False)
    readings = tuple(Reading(pieces) for pieces in dict.fromkeys(_choices(items)))
    for reading in readings:
        _check(pattern, reading)
    return readings


def _tokens(pattern: str) -> deque[str]:
    return deque(part[0] for part in re.finditer(r"'[^']*'|([A-Za-z])\1*|.", pattern, re.DOTALL))


def _items(pattern: str, tokens: deque[str], *, is_optional: bool) -> tuple[_Item, ...]:
    """What tokens mean, up to the bracket that closes the section; they are taken away."""
    items: list[_Item] = []
    while tokens:
        part = tokens.popleft()
        if part == "[":
            items.append(_items(pattern, tokens, is_optional=True))
        elif part != "]":
            items.append(_piece(pattern, part, is_optional=is_optional))
        elif is_optional:
            return tuple(items)
        else:
            raise UnknownFormat(f"the format `{pattern}` closes a bracket that it does not open")
    if is_optional:
        raise UnknownFormat(f"the format `{pattern}` opens a bracket that it does not close")
    return tuple(items)


def _piece(pattern: str, token: str, *, is_optional: bool) -> Piece:
    field = DATE_LETTERS.get(token)
    if field is not None:
        # a program that leaves a fraction of zeros out leaves the zeros at its end out, too
        return _fraction(token, is_optional=True) if is_optional and field.part is Part.FRACTION else field
    if token[0].isalpha():
        raise UnknownFormat(f"`{token}` in the format `{pattern}` is not understood")
    return (token[1:-1] or "'") if token.startswith("'") else token


def _choices(items: Sequence[_Item]) -> Iterator[tuple[Piece, ...]]:
    """The pieces with each choice of the optional sections."""
    if not items:
        yield ()
        return
    first, *others = items
    firsts: list[tuple[Piece, ...]] = [*_choices(first), ()] if isinstance(first, tuple) else [(first,)]
    for beginning in firsts:
        for rest in _choices(others):
            yield (*beginning, *rest)


def _check(pattern: str, reading: Reading) -> None:
    said = [field.part for field in reading.fields]
    for part in Part:
        if said.count(part) > 1:
            raise UnknownFormat(f"the format `{pattern}` says the {part} twice")
        if part in (Part.YEAR, Part.MONTH, Part.DAY) and part not in said:
            left_out = " without its optional sections" if "[" in pattern else ""
            raise UnknownFormat(f"the format `{pattern}` does not say the {part}{left_out}")
    hour = reading.field(Part.HOUR)
    is_half = hour is not None and hour.strptime == HALF_HOUR
    if is_half and Part.HALF not in said:
        raise UnknownFormat(f"the format `{pattern}` does not say which half of the day; write HH, or add a")
    if Part.HALF in said and not is_half:
        raise UnknownFormat(f"the format `{pattern}` has a half of the day; write its hour as h or hh")
    for before, after in pairwise(reading.pieces):
        if isinstance(before, Field) and isinstance(after, Field) and _run_together(before, after):
            letters = before.letters if before.is_open else after.letters
            raise UnknownFormat(f"the format `{pattern}` does not say where `{letters}` ends; use MM and dd there")


def _run_together(before: Field, after: Field) -> bool:
    """Whether it is not clear where the digits of one field end and those of the next begin."""
    return before.is_number and after.is_number and (before.is_open or after.is_open)
