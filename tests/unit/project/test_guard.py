"""The rules of a guard, as people write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from filon.project.guard import GuardRule, Subject, parse_rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("rows_removed > 1%", GuardRule(Subject.ROWS_REMOVED, Decimal("0.01"), is_share=True)),
        (" rows_removed>100 ", GuardRule(Subject.ROWS_REMOVED, Decimal(100), is_share=False)),
        ("sales.rows_changed > 0.5 %", GuardRule(Subject.ROWS_CHANGED, Decimal("0.005"), is_share=True, table="sales")),
        ("sales.records_rejected > 2%", GuardRule(Subject.RECORDS_REJECTED, Decimal("0.02"), True, "sales")),
        ("kpi.total moves > 5%", GuardRule(Subject.MOVES, Decimal("0.05"), True, "kpi", "total")),
        ("kpi.total  total  moves > 5%", GuardRule(Subject.TOTAL_MOVES, Decimal("0.05"), True, "kpi", "total")),
        ("columns_removed > 0", GuardRule(Subject.COLUMNS_REMOVED, Decimal(0), is_share=False)),
        ("files_refused > 3", GuardRule(Subject.FILES_REFUSED, Decimal(3), is_share=False)),
        ("checks_failed > 0", GuardRule(Subject.CHECKS_FAILED, Decimal(0), is_share=False)),
    ],
)
def test_a_rule_is_read(text: str, rule: GuardRule) -> None:
    found = parse_rule(text)
    assert found == rule
    assert found.text == text.strip()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no rule; examples: rows_removed > 1%"),
        ("rows_removed", "is no rule"),
        ("rows_removed < 1%", "is no rule"),
        ("rows_removed > -1", "is no rule"),
        ("rows_removed > 1e3", "is no rule"),
        ("rows_removed > 1.2.3", "is no rule"),
        ("a.b.c moves > 5%", "is no rule"),
        ("rows_remvoed > 1%", "did you mean `rows_removed`?"),
        ("moves > 5%", "TABLE.COLUMN moves > 5%"),
        ("kpi.total moves > 5", "in percent"),
        ("sales.files_refused > 0", "the whole run: files_refused > 0"),
        ("files_refused > 1%", "leave % out"),
        ("columns_removed > 1%", "leave % out"),
    ],
)
def test_what_is_no_rule_is_refused_with_the_way_out(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_rule(text)
    assert message in str(caught.value)
