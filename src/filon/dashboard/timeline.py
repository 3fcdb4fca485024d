"""Periods as the API spells them: days, months and years, in order and without gaps."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterator

from filon.dashboard.filters import Period, same_day

DAY, MONTH, YEAR = 10, 7, 4
"""Characters of a day, a month and a year: 2026-01-31, 2026-01, 2026."""
TO = ".."
"""Stands between the ends of a range of periods."""
SPELLED = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


def period_from(text: str) -> Period | None:
    """The days of a day, a month, a year, or of a range of such (``2026-01..2026-03``); None when the text is none."""
    if TO in text:
        first_part, last_part = (period_from(part) for part in text.split(TO, 1))
        if first_part is None or last_part is None or first_part.first > last_part.last:
            return None
        return Period(first_part.first, last_part.last)
    if not SPELLED.fullmatch(text):
        return None
    try:
        first = dt.date.fromisoformat(f"{text}-01-01"[:DAY])
    except ValueError:
        return None
    if len(text) == DAY:
        return Period(first, first)
    if len(text) == MONTH:
        return Period(first, first.replace(day=calendar.monthrange(first.year, first.month)[1]))
    return Period(first, first.replace(month=12, day=31))


def between(days: Period, length: int) -> Iterator[str]:
    """Every period of a length that has one of these days, in order."""
    day = days.first
    while day <= days.last:
        text = day.isoformat()[:length]
        yield text
        last = period_from(text)
        if last is None or last.last == dt.date.max:
            return
        day = last.last + dt.timedelta(1)


def count_between(days: Period, length: int) -> int:
    """How many periods of a length have one of these days; 0 when the days end before they begin."""
    first, last = days.first, days.last
    if length == DAY or last < first:
        return max(days.days, 0)
    years = last.year - first.year
    return (years if length == YEAR else years * 12 + last.month - first.month) + 1


def year_before(text: str) -> str:
    """The same period a year before."""
    if len(text) == YEAR:
        return f"{int(text) - 1:04}"
    if len(text) == MONTH:
        return f"{int(text[:4]) - 1:04}{text[4:]}"
    return same_day(dt.date.fromisoformat(text), -1).isoformat()
