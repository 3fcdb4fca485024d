"""The filters that all pages share: a period, and values of dimensions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Span(StrEnum):
    """Periods that can be chosen by name; they end with the last day that has data, not today."""

    ALL = "all"
    MONTH = "last_30_days"
    QUARTER = "last_90_days"
    YEAR = "last_12_months"
    THIS_YEAR = "this_year"
    LAST_YEAR = "last_year"
    CUSTOM = "custom"


ALL, CUSTOM = "all", "custom"
FORMER = {"tout": ALL, "perso": CUSTOM}
"""What addresses said before for the same."""
DAYS = {Span.MONTH: 30, Span.QUARTER: 90}


def span_names(day: str, month: str, year: str) -> dict[str, Span]:
    """Spans by their names in the address, from the project's words for time: ``30d``, ``12m``, ``year``."""
    return {
        ALL: Span.ALL,
        f"30{day[0]}": Span.MONTH,
        f"90{day[0]}": Span.QUARTER,
        f"12{month[0]}": Span.YEAR,
        year: Span.THIS_YEAR,
        f"{year}-1": Span.LAST_YEAR,
        CUSTOM: Span.CUSTOM,
    }


@dataclass(frozen=True)
class Period:
    """Days from ``first`` to ``last``, both included."""

    first: dt.date
    last: dt.date

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    def before(self) -> Period | None:
        """The period of the same length before this one; for a year, the year before. None before the first date."""
        if (self.first - dt.date.min).days < self.days:
            return None
        if self.is_year:
            return Period(same_day(self.first, -1), same_day(self.last, -1))
        return Period(self.first - dt.timedelta(self.days), self.first - dt.timedelta(1))

    @property
    def is_year(self) -> bool:
        """Whether it is exactly one year long, from any day."""
        return self.first.year < dt.MAXYEAR and same_day(self.first, 1) - dt.timedelta(1) == self.last


def same_day(day: dt.date, years: int) -> dt.date:
    """The same day ``years`` later, not before year 1; the 28th of February for a missing 29th."""
    year = max(day.year + years, dt.MINYEAR)
    try:
        return day.replace(year=year)
    except ValueError:  # the 29th of February
        return day.replace(year=year, day=28)


def _days_before(day: dt.date, days: int) -> dt.date:
    return day - dt.timedelta(min(days, (day - dt.date.min).days))


def period_of(span: Span, extent: Period) -> Period | None:
    """The days of a named period that ends with ``extent``, the days of the data; None for all days."""
    last = extent.last
    if span in DAYS:
        return Period(_days_before(last, DAYS[span] - 1), last)
    if span is Span.YEAR:
        return Period(min(same_day(last, -1) + dt.timedelta(1), last), last)
    if span is Span.THIS_YEAR:
        return Period(dt.date(last.year, 1, 1), last)
    if span is Span.LAST_YEAR:
        year = max(last.year - 1, dt.MINYEAR)
        return Period(dt.date(year, 1, 1), dt.date(year, 12, 31))
    return None


@dataclass(frozen=True)
class Filters:
    """The chosen filters.

    ``choices``: the accepted values per dimension or column, any when there are none. ``spelled``: the period as the
    address has it, if that is a day, a month or a year.
    """

    period: Period | None = None
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spelled: str = ""

    def values(self, names: Container[str]) -> list[tuple[str, str]]:
        """The choices of some dimensions or columns, as parameters of the API."""
        return [(name, value) for name in sorted(self.choices) if name in names for value in self.choices[name]]

    def days(self, first: str, last: str) -> list[tuple[str, str]]:
        """The period as parameters of the API, under these names; none without one."""
        if self.period is None:
            return []
        return [(first, self.period.first.isoformat()), (last, self.period.last.isoformat())]

    def without(self, name: str) -> Filters:
        """The same without the choice of a dimension."""
        return replace(self, choices={other: chosen for other, chosen in self.choices.items() if other != name})

    def before(self) -> Filters | None:
        """The same choices for the period before; None when there is none."""
        earlier = self.period.before() if self.period else None
        return replace(self, period=earlier) if earlier else None

    def year_before(self) -> Filters | None:
        """The same choices for the same days of the year before; None without a period."""
        if self.period is None or self.period.first.year == dt.MINYEAR:
            return None
        days = Period(same_day(self.period.first, -1), same_day(self.period.last, -1))
        return replace(self, period=days)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was chosen."""
        return self.period is None and not any(self.choices.values())
