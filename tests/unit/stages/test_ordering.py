"""Names of files in the order in which people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filon.stages.bronze.ordering import DAY_FIRST, EIGHT_DIGITS, MAY_HOLD_DATE, MONTH_FIRST, natural_key


@pytest.mark.parametrize(
    "names",
    [
        ["t_9.csv", "t_10.csv", "t_100.csv"],
        ["t_1.csv", "t_2.csv", "t_02b.csv", "t_3.csv"],
        ["2025/t_10.csv", "2026/t_9.csv"],
        ["t.csv", "t_1.csv"],
        ["2025-12-31.csv", "2026-01-01.csv", "2026-1-2.csv"],
        ["31-12-2025.csv", "01-01-2026.csv", "2-1-2026.csv"],
        ["t 31.12.2025 v2.csv", "t 01.01.2026 v1.csv"],
        ["t_12_31_2025.csv", "t_01_01_2026.csv", "t_01_13_2026.csv"],
        ["ventes-12-2025.csv", "ventes-01-2026.csv"],
        ["t20251231.csv", "t20260101.csv"],
        ["t31122025.csv", "t01012026.csv"],
        ["t20122019.csv", "t20122020.csv"],
        ["v1.9.csv", "v1.10.csv"],
        ["t_31-12-2025_9.csv", "t_31-12-2025_10.csv", "t_01-01-2026_1.csv"],
        ["A.csv", "a.csv"],
    ],
)
def test_names_are_ordered_by_the_dates_and_numbers_in_them(names: list[str]) -> None:
    mixed = names[1::2] + names[::2]
    assert sorted(mixed, key=natural_key) == names


@pytest.mark.parametrize("name", ["99-99-2025", "1-1-9999", "00-2025", "32122025", "9" * 4000, "٣.csv", "²", ""])
def test_what_is_no_date_is_a_name_like_others(name: str) -> None:
    assert natural_key(name)[1] == name


@given(st.lists(st.text(st.sampled_from("01239-_. /ab²"), max_size=14), unique=True))
def test_the_order_is_total(names: list[str]) -> None:
    keys = [natural_key(name) for name in names]
    assert len(set(keys)) == len(names)
    assert sorted(names, key=natural_key) == [name for _, name in sorted(keys)]


@given(st.text(alphabet="09123-_. ate/2025", max_size=30))
def test_names_without_dates_are_sorted_as_if_they_had_been_searched(name: str) -> None:
    found = [pattern.search(name) for pattern in (DAY_FIRST, MONTH_FIRST, EIGHT_DIGITS)]
    assert MAY_HOLD_DATE.search(name) or not any(found)
