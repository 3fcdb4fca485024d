from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filon.serving.columns import sums
from filon.serving.columns.sums import (
    Array,
    Distribution,
    distributions,
    group_counts,
    group_distinct,
    group_sums,
    rounded,
    total_and_squares,
)

WORD = st.integers(-(2**63), 2**63 - 1)
SMALL = st.integers(-1000, 1000)
ROWS = st.one_of(*(st.lists(st.tuples(st.integers(0, 3), kind), max_size=40) for kind in (SMALL, WORD)))


def parts(rows: list[tuple[int, int]]) -> tuple[list[Array], list[Array]]:
    """Rows as two parts, of which the first has narrow numbers if it can."""
    codes, numbers = [], []
    for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
        fits = all(abs(number) < 2**15 for _, number in half)
        codes.append(np.array([code for code, _ in half], np.uint8))
        numbers.append(np.array([number for _, number in half], np.int16 if fits else np.int64))
    return codes, numbers


@settings(deadline=None)
@given(ROWS)
def test_sums_are_exact_whatever_the_size_of_the_numbers(rows: list[tuple[int, int]]) -> None:
    codes, numbers = parts(rows)
    expected = [sum(number for code, number in rows if code == group) for group in range(4)]
    assert group_sums(codes, numbers, 4).tolist() == expected
    assert group_counts(codes, 4).tolist() == [sum(code == group for code, _ in rows) for group in range(4)]


@settings(deadline=None)
@given(st.lists(WORD, max_size=20))
def test_totals_and_squares_are_exact_whatever_the_size_of_the_numbers(numbers: list[int]) -> None:
    expected = (sum(numbers), sum(number**2 for number in numbers))
    assert total_and_squares(np.array(numbers, np.int64)) == expected


def test_a_sum_beyond_the_floats_keeps_its_last_digit() -> None:
    numbers = np.array([2**53, 1, 1, 2**62, 2**62, 2**62], np.int64)
    codes = np.array([0, 0, 0, 1, 1, 1], np.uint8)
    assert group_sums([codes], [numbers], 2).tolist() == [2**53 + 2, 3 * 2**62]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=40), st.booleans())
def test_different_values_are_counted_without_null(rows: list[tuple[int, int]], is_sorted: bool) -> None:
    found: dict[int, set[int]] = defaultdict(set)
    for code, value in rows:
        found[code] |= {value} - {0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums, "MOST_FLAGS", 0 if is_sorted else 1000)
        codes, values = (np.array([row[index] for row in rows], np.uint8) for index in (0, 1))
        assert group_distinct(codes, values, 4, 6).tolist() == [len(found[code]) for code in range(4)]


@settings(deadline=None)
@given(ROWS)
def test_distributions_are_exact_to_the_last_decimal(rows: list[tuple[int, int]]) -> None:
    codes, numbers = parts(rows)
    for group, found in enumerate(distributions(codes, numbers, 4)):
        assert found == described([number for code, number in rows if code == group])


def described(values: list[int]) -> Distribution:
    """The same with decimals of many digits, as a textbook has it."""
    count = len(values)
    if count == 0:
        return Distribution(0)
    with localcontext() as context:
        context.prec = 120
        exact = sorted(Decimal(value) for value in values)
        mean = sum(exact, Decimal(0)) / count

        def quantile(share: str) -> int:
            place = Decimal(share) * (count - 1)
            low = int(place)
            return whole(exact[low] + (place - low) * (exact[min(low + 1, count - 1)] - exact[low]))

        std = None
        if count > 1:
            std = whole((sum(((value - mean) ** 2 for value in exact), Decimal(0)) / (count - 1)).sqrt())
        quarters: Any = tuple(quantile(share) for share in ("0.25", "0.5", "0.75"))
        return Distribution(count, whole(mean), std, int(exact[0]), quarters, int(exact[-1]))


def whole(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


@pytest.mark.parametrize(
    ("numerator", "denominator", "quotient"), [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (-4, 3, -1), (5, 3, 2), (0, 7, 0)]
)
def test_halves_are_rounded_away_from_zero(numerator: int, denominator: int, quotient: int) -> None:
    assert rounded(numerator, denominator) == quotient
