"""Periods along time."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as some

from filon.dashboard.filters import Period
from filon.dashboard.timeline import DAY, MONTH, YEAR, between, count_between

DAYS = some.dates(dt.date(1995, 1, 1), dt.date(2005, 12, 31))


@pytest.mark.parametrize("length", [DAY, MONTH, YEAR])
@given(first=DAYS, last=DAYS)
def test_periods_are_counted_without_being_spelled(length: int, first: dt.date, last: dt.date) -> None:
    days = Period(first, last)
    assert count_between(days, length) == len(list(between(days, length)))


def test_the_whole_calendar_has_few_years() -> None:
    assert count_between(Period(dt.date.min, dt.date.max), YEAR) == 9_999
