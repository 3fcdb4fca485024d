"""The conditions of alerts, as people write them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from filon.project.alerts import AlertRule, Trigger, parse_alert


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("run  failed", AlertRule("run failed", Trigger.RUN_FAILED)),
        ("late", AlertRule("late", Trigger.LATE)),
        ("sales late", AlertRule("sales late", Trigger.LATE, "sales")),
        ("nothing arrived by 09:00", AlertRule("nothing arrived by 09:00", Trigger.NOTHING_ARRIVED, by=dt.time(9))),
        (
            "orders nothing arrived by 23:59",
            AlertRule("orders nothing arrived by 23:59", Trigger.NOTHING_ARRIVED, "orders", by=dt.time(23, 59)),
        ),
        (
            "kpi.total outside -5..10.5",
            AlertRule("kpi.total outside -5..10.5", Trigger.OUTSIDE, "kpi", "total", Decimal(-5), Decimal("10.5")),
        ),
        (
            "kpi.total outside ..7",
            AlertRule("kpi.total outside ..7", Trigger.OUTSIDE, "kpi", "total", None, Decimal(7)),
        ),
    ],
)
def test_a_condition_is_read(text: str, rule: AlertRule) -> None:
    assert parse_alert(text) == rule


def test_a_limit_of_a_release_is_one_of_a_guard() -> None:
    rule = parse_alert("orders.records_rejected > 2%")
    assert rule.limit is not None
    assert (rule.trigger, rule.table, rule.limit.most) == (Trigger.LIMIT, "orders", Decimal("0.02"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no condition; examples: run failed"),
        ("run fails", "is no condition"),
        ("nothing arrived by 9", "is no condition"),
        ("nothing arrived by 25:00", "is no time of day"),
        ("kpi.total outside ..", "the band has no bound"),
        ("kpi.total outside 7..5", "holds nothing"),
        ("rows_removed > 1%", "compares two releases: put it under `guard`"),
        ("kpi.total moves > 1%", "compares two releases"),
        ("files_refused > 1%", "leave % out"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_way_out(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_alert(text)
    assert message in str(caught.value)
