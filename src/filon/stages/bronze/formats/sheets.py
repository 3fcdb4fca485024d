"""What every kind of spreadsheet gives: sheets, and the rows of one of them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from filon.stages.bronze.formats.cells import Number, Value

MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
LONGEST_CELL = 1 << 20
"""Characters of a cell; programs allow 32,767."""
EXACT = 2**53
"""Whole numbers below are exact in a binary double."""


@dataclass(frozen=True)
class Sheet:
    """A sheet: its name, whether it is shown, and the part or the place where its rows are."""

    name: str
    is_visible: bool
    part: str


@dataclass(frozen=True)
class Row:
    """A row that has values: its number from 1, and its cells by the number of their column from 0."""

    number: int
    cells: dict[int, Value]


@dataclass
class Remarks:
    """What was noticed while the rows of a sheet were read.

    ``hidden_rows`` and ``hidden_columns`` were read like others; ``merged_until`` is the last row of a merged range;
    ``formulas`` are those without a stored value.
    """

    hidden_rows: int = 0
    hidden_columns: set[int] = field(default_factory=set)
    merged: list[int] = field(default_factory=list)
    formulas: int = 0


class Workbook(Protocol):
    """A spreadsheet file."""

    sheets: tuple[Sheet, ...]

    def rows(self, sheet: Sheet, remarks: Remarks) -> Iterator[Row]:
        """The rows of a sheet that hold something, from the top; remarks are complete after the last one."""


def shown_number(text: str) -> Value:
    """A stored number as spreadsheet programs show it, with 15 digits; whole numbers that are exact keep all of theirs.

    Binary fractions carry more digits than anybody typed: 0.1 + 0.2 is stored as 0.30000000000000004.
    """
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    if number.is_integer() and abs(number) < EXACT:
        return Number(int(number))
    return Number(format(number, ".15g"))


def duration_text(seconds: float) -> str:
    """A length of time as ``26:30:00``."""
    sign, rest = ("-", -seconds) if seconds < 0 else ("", seconds)
    whole = round(rest)
    return f"{sign}{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def moment_of(serial: float, *, starts_1904: bool) -> Value:
    """The date, the moment or the time that a number of days means; None when it means none.

    Args:
        serial: days since the first day of the workbook's calendar, with the time as a fraction
        starts_1904: whether that is 1904-01-01; else it is the last day of 1899, and 1900 is taken for a leap year

    """
    days = math.floor(serial)
    milliseconds = round((serial - days) * 86_400_000)
    if milliseconds == 86_400_000:
        days, milliseconds = days + 1, 0
    time = dt.timedelta(milliseconds=milliseconds)
    if days == 0 and milliseconds and not starts_1904:
        return (dt.datetime(1, 1, 1) + time).time()  # noqa: DTZ001
    if not starts_1904 and days == 60:
        return "1900-02-29"  # it never was; no calendar has it, so that rules see it
    if days < (0 if starts_1904 else 1) or days > 2_958_465:
        return None
    first = dt.datetime(1904, 1, 1) if starts_1904 else dt.datetime(1899, 12, 31 if days < 60 else 30)  # noqa: DTZ001
    try:
        moment = first + dt.timedelta(days=days) + time
    except OverflowError:
        return None
    return moment if milliseconds else moment.date()


def iso_moment(text: str) -> Value:
    """A date or a moment of a text such as ``2026-01-31T10:00:00``; the text when it is none."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.date() if moment.time() == dt.time.min and moment.tzinfo is None else moment
