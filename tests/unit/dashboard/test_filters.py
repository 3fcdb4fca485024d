"""Periods and filters, and their parameters of the API."""

from __future__ import annotations

import datetime as dt

import pytest

from filon.dashboard.filters import Filters, Period, Span, period_of

KNOWN = Period(dt.date(2024, 1, 3), dt.date(2025, 12, 30))


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        (Span.MONTH, dt.date(2025, 12, 1), dt.date(2025, 12, 30)),
        (Span.QUARTER, dt.date(2025, 10, 2), dt.date(2025, 12, 30)),
        (Span.YEAR, dt.date(2024, 12, 31), dt.date(2025, 12, 30)),
        (Span.THIS_YEAR, dt.date(2025, 1, 1), dt.date(2025, 12, 30)),
        (Span.LAST_YEAR, dt.date(2024, 1, 1), dt.date(2024, 12, 31)),
    ],
)
def test_named_periods_end_with_the_data_not_with_today(span: Span, first: dt.date, last: dt.date) -> None:
    assert period_of(span, KNOWN) == Period(first, last)


def test_everything_is_no_period() -> None:
    assert period_of(Span.ALL, KNOWN) is None


def test_the_period_before_is_as_long_and_ends_the_day_before() -> None:
    period = Period(dt.date(2025, 3, 1), dt.date(2025, 3, 10))
    assert period.before() == Period(dt.date(2025, 2, 19), dt.date(2025, 2, 28))
    before = period.before()
    assert before is not None
    assert before.days == period.days


def test_the_year_before_a_year_is_a_year_leap_or_not() -> None:
    assert Period(dt.date(2025, 1, 1), dt.date(2025, 12, 31)).before() == Period(
        dt.date(2024, 1, 1), dt.date(2024, 12, 31)
    )
    leap = Period(dt.date(2024, 2, 29), dt.date(2025, 2, 27))
    before = leap.before()
    assert before is not None
    assert before.first == dt.date(2023, 2, 28)


def test_filters_become_parameters() -> None:
    filters = Filters(Period(dt.date(2025, 1, 1), dt.date(2025, 1, 31)), {"produit": ("Souris",), "pays": ("UK", "US")})
    assert filters.values(["produit", "pays"]) == [("pays", "UK"), ("pays", "US"), ("produit", "Souris")]
    assert filters.days("from", "to") == [("from", "2025-01-01"), ("to", "2025-01-31")]
    assert filters.values(["pays", "segment"]) == [("pays", "UK"), ("pays", "US")]
    assert filters.without("pays").choices == {"produit": ("Souris",)}
    assert not filters.is_empty
    assert Filters().is_empty
    assert Filters().before() is None


EDGES = (dt.date.min, dt.date.max, dt.date(9999, 1, 1), dt.date(1, 12, 31))


@pytest.mark.parametrize("day", EDGES)
@pytest.mark.parametrize("span", [Span.MONTH, Span.QUARTER, Span.YEAR, Span.THIS_YEAR, Span.LAST_YEAR])
def test_a_named_period_at_the_ends_of_the_calendar_begins_before_it_ends(span: Span, day: dt.date) -> None:
    period = period_of(span, Period(day, day))
    assert period is not None
    assert dt.date.min <= period.first <= period.last <= dt.date.max


@pytest.mark.parametrize(
    ("span", "day", "before"),
    [
        (Span.MONTH, dt.date.min, None),
        (Span.YEAR, dt.date(1, 12, 31), Period(dt.date(1, 12, 30), dt.date(1, 12, 30))),
        (Span.MONTH, dt.date.max, Period(dt.date(9999, 11, 2), dt.date(9999, 12, 1))),
        (Span.LAST_YEAR, dt.date.max, Period(dt.date(9997, 1, 1), dt.date(9997, 12, 31))),
    ],
)
def test_the_period_before_exists_unless_it_would_begin_before_the_calendar(
    span: Span, day: dt.date, before: Period | None
) -> None:
    period = period_of(span, Period(day, day))
    assert period is not None
    assert period.before() == before


def test_before_all_time_there_is_nothing_to_compare_with() -> None:
    assert Period(dt.date(1, 1, 2), dt.date(2026, 1, 1)).before() is None
    assert Filters(Period(dt.date.min, dt.date.max)).before() is None
