"""Values as BSON has them, and back; documents of rows, and the same of columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from bson import encode
from bson.decimal128 import Decimal128
from hypothesis import given
from hypothesis import strategies as st

from filon.project import Column, ColumnType, Kind
from filon.serving.mongo.bulk import in_pieces, raw_maker
from filon.serving.mongo.documents import decimal_reader, encoder, maker
from filon.serving.tables import StoredTable

WIDE = 10**34 - 1
LOAD = 7


@given(st.integers(-WIDE, WIDE), st.integers(0, 18))
def test_decimals_come_back_as_they_were(number: int, scale: int) -> None:
    encode = encoder(Column("amount", ColumnType(Kind.DECIMAL, 34, scale)))
    assert encode is not None
    for handed_over in (number, Decimal(number)):
        stored = encode(handed_over)
        found = decimal_reader(scale)(stored)
        assert str(found) == str(stored.to_decimal())
        assert found.as_tuple().exponent == -scale


@pytest.mark.parametrize("text", ["1E+5", "0.001", "-2.5", "NaN", "Infinity", "-Infinity"])
def test_decimals_that_somebody_else_wrote_in_another_scale_are_read_too(text: str) -> None:
    assert str(decimal_reader(2)(Decimal128(text))) == str(Decimal(text))


TABLE = StoredTable(
    "table",
    (
        Column("clé", ColumnType(Kind.TEXT), required=True),
        Column("number", ColumnType(Kind.INTEGER), required=True),
        Column("text", ColumnType(Kind.TEXT)),
        Column("short", ColumnType(Kind.DECIMAL, 12, 2)),
        Column("wide", ColumnType(Kind.DECIMAL, 34, 6)),
        Column("day", ColumnType(Kind.DATE)),
        Column("at", ColumnType(Kind.TIMESTAMP)),
        Column("ratio", ColumnType(Kind.DOUBLE)),
        Column("is_paid", ColumnType(Kind.BOOLEAN)),
    ),
    ("number", "clé"),
)
ARROW = (
    pa.string(),
    pa.int64(),
    pa.string(),
    pa.int64(),
    pa.decimal128(38, 0),
    pa.timestamp("us"),
    pa.int64(),
    pa.float64(),
    pa.bool_(),
)
words = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
days = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)).map(lambda day: dt.datetime.combine(day, dt.time()))
moments = st.integers(-62_135_596_800_000, 253_402_300_799_999).map(lambda milliseconds: milliseconds * 1000)
ROWS = st.lists(
    st.tuples(
        texts,
        words | st.sampled_from([0, -(2**31), 2**31 - 1, 2**31, -(2**31) - 1]),
        st.none() | texts,
        st.none() | st.integers(-(10**12) + 1, 10**12 - 1),
        st.none() | (st.integers(-WIDE, WIDE) | st.sampled_from([-(2**64), 2**64, -1])).map(Decimal),
        st.none() | days,
        st.none() | moments,
        st.none() | st.floats(),
        st.none() | st.booleans(),
    ),
    max_size=6,
)


def columns(rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    arrays = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(ARROW)]
    return pa.record_batch(arrays, names=list(TABLE.column_names))


@given(ROWS, st.integers(0, 6))
def test_columns_make_the_same_documents_as_rows(rows: list[Any], start: int) -> None:
    expected = [encode(document) for document in maker(TABLE, LOAD)(rows[start:])]
    assert [found.raw for found in raw_maker(TABLE, LOAD)(columns(rows).slice(start))] == expected


def test_no_number_of_too_many_digits_is_stored_as_another() -> None:
    row = ("a", 1, None, None, Decimal(10**37), None, None, None, None)
    for make, rows in ((maker(TABLE, LOAD), [row]), (raw_maker(TABLE, LOAD), columns([row]))):
        with pytest.raises(OverflowError, match="34 digits"):
            make(rows)


def test_a_message_has_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filon.serving.mongo.bulk.MESSAGE_ROWS", 2)
    row = ("a", 1, None, None, None, None, None, None, None)
    pieces = list(in_pieces([columns([row] * 5), columns([]), columns([row])]))
    assert [piece.num_rows for piece in pieces] == [2, 2, 1, 1]
