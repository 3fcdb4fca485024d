"""French and English: texts of the dashboard, and formats of numbers, money, dates and durations."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol

from filon.pages import Text, in_language

Number = int | float | Decimal
DIGITS = Context(prec=400)
"""Precision for every decimal and every double."""


class Code(StrEnum):
    """A language of the dashboard."""

    FRENCH = "fr"
    ENGLISH = "en"


NAMES = {Code.FRENCH: "Français", Code.ENGLISH: "English"}
NO_BREAK = "\u00a0"
"""A blank at which no line ends."""
TEXTS = Path(__file__).with_name("texts.yaml")


@cache
def texts() -> dict[str, dict[str, str]]:
    """The texts by key, then by language code."""
    entries: dict[str, dict[str, str]] = yaml.safe_load(TEXTS.read_text(encoding="utf-8"))
    return entries


class Unit(NamedTuple):
    """Text before and after the numbers of an axis."""

    before: str = ""
    after: str = ""


def _as_words(name: str) -> str:
    """A name with a capital at its beginning; capitals inside, as of MwSt, are the data's own."""
    return name.capitalize() if name.isupper() else name[:1].upper() + name[1:]


@dataclass(frozen=True)
class Language:
    """One language, with the currency, the time zone, the labels and the locale (``project``) of a project."""

    code: Code
    currency: str = "EUR"
    timezone: str = "UTC"
    labels: Mapping[str, Text] = field(default_factory=dict)
    project: str = ""

    @property
    def locale(self) -> Locale:
        """The locale for Babel."""
        return Locale.parse(self.code.value)

    def text(self, key: str, /, **values: object) -> str:
        """The text of a key, with values filled in; KeyError when there is none."""
        return texts()[key][self.code.value].format(**values)

    def name(self, column: str) -> str:
        """What people call a column, dimension or measure; derived from its name when nobody says so."""
        if column in self.labels:
            return self.said(self.labels[column])
        if " / " in column:
            return " / ".join(map(self.name, column.split(" / ")))
        key = f"name.{column}"
        return self.text(key) if key in texts() else _as_words(column.replace("_", " "))

    def said(self, text: Text | None) -> str:
        """A text of the project in this language."""
        return in_language(text, self.code.value, self.project)

    def number(self, value: Number | None, decimals: int | None = None) -> str:
        """A number with ``decimals`` digits after the mark; up to three of its own if None."""
        if value is None:
            return self.text("none")
        pattern = "#,##0.###" if decimals is None else f"#,##0.{'0' * decimals}".rstrip(".")
        exact = value if decimals is None else _rounded(value, decimals)
        with localcontext(DIGITS):
            return format_decimal(exact, format=pattern, locale=self.locale)

    def money(self, value: Number | None, *, cents: bool = True) -> str:
        """An amount of the project's currency."""
        if value is None:
            return self.text("none")
        amount = _rounded(value, 2 if cents else 0)
        digits = "#,##0.00" if cents else "#,##0"
        pattern = f"{digits} ¤" if self.code is Code.FRENCH else f"¤{digits}"
        with localcontext(DIGITS):
            return format_currency(amount, self.currency, pattern, locale=self.locale, currency_digits=False)

    def compact(self, value: float, unit: Unit) -> str:
        """A number of an axis: short, with what stands around it (400 k€, €400k)."""
        for size, letter in self._sizes:
            if abs(value) >= size:
                value, letters = value / size, letter
                break
        else:
            letters = ""
        text = self.number(Decimal(f"{value:.6g}"))
        if self.code is Code.FRENCH:
            after = f"{letters}{unit.after.strip()}"
            return f"{unit.before}{text}{NO_BREAK if after else ''}{after}"
        return f"{unit.before}{text}{letters}{unit.after}"

    @property
    def _sizes(self) -> tuple[tuple[float, str], ...]:
        return ((1e9, "Md" if self.code is Code.FRENCH else "B"), (1e6, "M"), (1e3, "k"))

    @property
    def money_unit(self) -> Unit:
        """The currency symbol, before or after numbers as the language writes it."""
        symbol = get_currency_symbol(self.currency, locale=self.locale)
        return Unit(after=f" {symbol}") if self.code is Code.FRENCH else Unit(before=symbol)

    def percent(self, share: Number | None, *, signed: bool = False) -> str:
        """A fraction (1 is 100 %) as a percentage with one decimal; ``signed``: with a plus sign."""
        if share is None:
            return self.text("none")
        pattern = "#,##0.0 %" if self.code is Code.FRENCH else "#,##0.0%"
        text = format_percent(_rounded(share, 3), pattern, locale=self.locale)
        return f"+{text}" if signed and share > 0 else text

    def date(self, value: dt.date | str | None, form: str = "medium") -> str:
        """A day."""
        if value is None:
            return self.text("none")
        day = dt.date.fromisoformat(value) if isinstance(value, str) else value
        return format_date(day, form, locale=self.locale)

    def period(self, value: str) -> str:
        """A day, month or year in the form of the API: 2026-01-31, 2026-01 or 2026."""
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return self.date(value)
        if re.fullmatch(r"\d{4}-\d{2}", value):
            return format_date(dt.date.fromisoformat(f"{value}-01"), "MMM y", locale=self.locale)
        return value

    def moment(self, value: dt.datetime | str | None, *, seconds: bool = False) -> str:
        """A timestamp, in the project's time zone."""
        if value is None:
            return self.text("none")
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        form = "d MMM y HH:mm:ss" if seconds else "d MMM y HH:mm"
        try:
            return format_datetime(moment, form, ZoneInfo(self.timezone), locale=self.locale)
        except OverflowError:  # in the last hours of year 9999 or the first of year 1
            return f"{format_datetime(moment, form, dt.UTC, locale=self.locale)} UTC"

    def ago(self, seconds: float) -> str:
        """A relative time in the past, such as “2 hours ago”."""
        return format_timedelta(dt.timedelta(seconds=-max(seconds, 1)), add_direction=True, locale=self.locale)

    def duration(self, seconds: Number | None) -> str:
        """A duration in milliseconds, seconds or larger units."""
        if seconds is None:
            return self.text("none")
        if seconds < 1:
            return f"{self.number(round(seconds * 1000))} ms"
        if seconds < 60:
            return f"{self.number(seconds, 1)} s"
        return format_timedelta(dt.timedelta(seconds=float(seconds)), locale=self.locale, threshold=1.2, format="short")

    def truth(self, value: bool | None) -> str:
        """Yes or no."""
        return self.text("none" if value is None else "truth.yes" if value else "truth.no")

    @property
    def separators(self) -> str:
        """Decimal mark and thousands separator in Plotly's form."""
        return ",\u202f" if self.code is Code.FRENCH else ".,"

    @property
    def decimal_mark(self) -> str:
        """The mark before the decimals of a number."""
        return self.separators[0]

    @property
    def csv_delimiter(self) -> str:
        """What separates the cells of CSV files that spreadsheets of the language open."""
        return ";" if self.decimal_mark == "," else ","

    @property
    def date_input(self) -> str:
        """Streamlit's format of days in an input field."""
        return "DD/MM/YYYY" if self.code is Code.FRENCH else "YYYY-MM-DD"


def as_sorted(text: str) -> tuple[str, str]:
    """What people sort a text by: its letters, whatever their accents and case (Écran before Imprimante)."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter)), text


def _rounded(value: Number, decimals: int) -> Decimal:
    """Round half away from zero, as the gold tables do."""
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, DIGITS)
