"""Values as BSON has them, and back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from bson.decimal128 import Decimal128
from hypothesis import given
from hypothesis import strategies as st

from filon.project import Column, ColumnType, Kind
from filon.serving.mongo.documents import decimal_reader, encoder


@given(st.integers(-(10**34) + 1, 10**34 - 1), st.integers(0, 18))
def test_decimals_come_back_as_they_were(number: int, scale: int) -> None:
    encode = encoder(Column("amount", ColumnType(Kind.DECIMAL, 34, scale)))
    assert encode is not None
    stored = encode(number)
    found = decimal_reader(scale)(stored)
    assert str(found) == str(stored.to_decimal())
    assert found.as_tuple().exponent == -scale


@pytest.mark.parametrize("text", ["1E+5", "0.001", "-2.5", "NaN", "Infinity", "-Infinity"])
def test_decimals_that_somebody_else_wrote_in_another_scale_are_read_too(text: str) -> None:
    assert str(decimal_reader(2)(Decimal128(text))) == str(Decimal(text))
