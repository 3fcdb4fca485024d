"""Conditions on rows whose values are known, as an engine understands them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from filon.explain.conditions import LONGEST_TEXT, has_values, implied_by, these_rows
from filon.explain.report import EVERY_ROW
from filon.project import TEXT, Column, ColumnType, Contract, Kind
from filon.project.document import Document

ROWS: list[dict[str, Any]] = [
    {"id": 1, "day": dt.date(2025, 1, 5), "paid": True, "amount": Decimal("-0.50"), "name": "O'Brien", "ratio": 0.1},
    {"id": 2, "day": dt.date(2025, 1, 6), "paid": False, "amount": Decimal("12.00"), "name": None, "ratio": 0.2},
    {"id": None, "day": dt.date(2025, 1, 6), "paid": False, "amount": Decimal("12.00"), "name": "x", "ratio": 0.2},
]
KINDS = {
    "id": ColumnType(Kind.INTEGER),
    "day": ColumnType(Kind.DATE),
    "paid": ColumnType(Kind.BOOLEAN),
    "amount": ColumnType(Kind.DECIMAL, 12, 2),
    "name": TEXT,
    "ratio": ColumnType(Kind.DOUBLE),
}


@pytest.fixture
def contract() -> Contract:
    columns = tuple(Column(name, kind) for name, kind in KINDS.items())
    return Contract("sales", columns, ("id",), document=Document(Path("sales.yaml"), {}, {}))


def found(condition: str) -> list[int | None]:
    """The ids of the rows that meet a condition."""
    columns = ", ".join(f"{name} {kind.sql}" for name, kind in KINDS.items())
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE sales ({columns})")
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?)", [list(row.values()) for row in ROWS])
        return [key for (key,) in connection.execute(f"SELECT id FROM sales WHERE {condition} ORDER BY id").fetchall()]


def test_rows_are_named_by_their_keys() -> None:
    assert found(these_rows(["id"], ROWS[:1])) == [1]
    assert found(these_rows(["id"], ROWS[:2])) == [1, 2]
    assert these_rows(["id"], ROWS[:2]) == '"id" IN (1, 2)'
    assert found(these_rows(["id"], ROWS)) == [1, 2, None]
    assert found(these_rows(["name", "amount"], ROWS[:2])) == [1, 2]


def test_what_is_implied_holds_for_the_rows_and_compares_no_binary_fraction(contract: Contract) -> None:
    for rows in (ROWS[:1], ROWS[1:2], ROWS[:2], ROWS):
        condition = implied_by(contract, rows)
        assert set(found(condition)) >= {row["id"] for row in rows}
        assert "ratio" not in condition
    assert "name" not in implied_by(contract, ROWS[:2]), "one of them has none"
    long = {**ROWS[0], "name": "x" * (LONGEST_TEXT + 1)}
    assert "name" not in implied_by(contract, [long])


def test_nothing_may_be_known_of_a_row(contract: Contract) -> None:
    assert implied_by(contract, [dict.fromkeys(KINDS)]) == EVERY_ROW
    assert found(has_values([("name", None)])) == [2]
