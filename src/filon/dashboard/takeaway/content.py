"""What a page that is taken away says: facts of it, numbers, and tables with typed columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from filon.dashboard.language import Language
from filon.dashboard.timeline import DAY, MONTH

MOST_DECIMALS, QUOTIENT_DECIMALS = 12, 6
"""A number with more digits after the mark is a quotient, which is rounded to so many."""
Value = str | int | float | Decimal | bool | dt.date | dt.datetime | None


class Kind(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    SHARE = "share"
    PERCENT = "percent"
    PLAIN = "plain"
    DAY = "day"
    MONTH = "month"
    MOMENT = "moment"
    TRUTH = "truth"


@dataclass(frozen=True)
class Column:
    """A column of a part; ``decimals``: the digits after the mark, those of each value if None."""

    name: str
    title: str
    kind: Kind = Kind.TEXT
    decimals: int | None = None

    @property
    def is_number(self) -> bool:
        """Whether its values are written to the right."""
        return self.kind in (Kind.NUMBER, Kind.MONEY, Kind.SHARE, Kind.PERCENT, Kind.PLAIN)

    def value_of(self, row: Mapping[str, Any]) -> Value:
        """The typed value of a row; a text where the value is none of the kind, such as a day before year 1."""
        value: Value | list[object] = row.get(self.name)
        if self.kind is Kind.PERCENT and value is not None:
            return Decimal(str(value)) / 100  # a percentage of contracts is 12.5, and one of spreadsheets 0.125
        if isinstance(value, Decimal) and int(value.as_tuple().exponent) < -MOST_DECIMALS:
            return round(value, QUOTIENT_DECIMALS)
        if isinstance(value, list):
            return ", ".join(map(str, value))
        if not isinstance(value, str) or self.kind not in (Kind.DAY, Kind.MONTH, Kind.MOMENT):
            return value
        if self.kind is Kind.MOMENT:
            return dt.datetime.fromisoformat(value)
        return dt.date.fromisoformat(f"{value}-01"[:DAY] if len(value) == MONTH else value)


@dataclass(frozen=True)
class Part:
    """A chart or table: what it is called, its columns, its rows.

    ``by`` is the column that rows are called by; ``measures`` are drawn, nothing without one; ``is_time`` when rows
    follow each other in time. ``note`` says what is left out.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    by: str = ""
    measures: Sequence[str] = ()
    is_time: bool = False
    note: str = ""

    def column(self, name: str) -> Column:
        """A column by its name."""
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class Report:
    """A page: its title, what its numbers are of (release, filters, when), its cards, and its parts."""

    title: str
    facts: Sequence[tuple[str, str]]
    cards: Sequence[tuple[Column, Value]]
    parts: Sequence[Part]
    language: Language

    def write(self, column: Column, value: Value) -> str:
        """A value as people read it."""
        language = self.language
        if value is None:
            return language.text("none")
        match column.kind, value:
            case Kind.MONEY, int() | float() | Decimal():
                return language.money(value)
            case Kind.SHARE | Kind.PERCENT, int() | float() | Decimal():
                return language.percent(value)
            case Kind.NUMBER, int() | float() | Decimal():
                return language.number(value, column.decimals)
            case Kind.MONTH, dt.date():
                return language.period(value.isoformat()[:MONTH])
            case Kind.MOMENT, dt.datetime():
                return language.moment(value)
            case Kind.DAY, dt.date():
                return language.date(value)
            case Kind.TRUTH, bool():
                return language.truth(value)
        return str(value)
