"""Types of columns: how they are written in contracts, and how in SQL."""

from __future__ import annotations

import pytest

from filon.project import ColumnType, Kind, parse_type
from filon.project.types import LOGICAL


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("BIGINT", ColumnType(Kind.INTEGER)),
        ("integer", ColumnType(Kind.INTEGER)),
        (" double ", ColumnType(Kind.DOUBLE)),
        ("VARCHAR", ColumnType(Kind.TEXT)),
        ("DATE", ColumnType(Kind.DATE)),
        ("TIMESTAMP WITH TIME ZONE", ColumnType(Kind.TIMESTAMP)),
        ("timestamptz", ColumnType(Kind.TIMESTAMP)),
        ("BOOLEAN", ColumnType(Kind.BOOLEAN)),
        ("DECIMAL(12,2)", ColumnType(Kind.DECIMAL, 12, 2)),
        ("numeric( 38 , 0 )", ColumnType(Kind.DECIMAL, 38, 0)),
        ("Decimal(4,4)", ColumnType(Kind.DECIMAL, 4, 4)),
    ],
)
def test_a_type_is_read_in_any_case_and_spacing(spelling: str, expected: ColumnType) -> None:
    assert parse_type(spelling) == expected


@pytest.mark.parametrize(
    "spelling",
    [
        "",
        "DECIMAL",
        "DECIMAL(12)",
        "DECIMAL(0,0)",
        "DECIMAL(39,2)",
        "DECIMAL(2,3)",
        "DECIMAL(-1,2)",
        "HUGEINT",
        "TEXT[]",
    ],
)
def test_a_type_that_no_column_can_have_is_none(spelling: str) -> None:
    assert parse_type(spelling) is None


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.DECIMAL])
def test_the_sql_of_a_type_reads_as_that_type(kind: Kind) -> None:
    assert parse_type(ColumnType(kind).sql) == ColumnType(kind)


def test_the_sql_of_a_decimal_keeps_its_size() -> None:
    assert ColumnType(Kind.DECIMAL, 12, 2).sql == "DECIMAL(12,2)"
    assert str(parse_type("decimal(12, 2)")) == "DECIMAL(12,2)"


def test_only_numbers_have_numeric_bounds() -> None:
    numbers = {kind for kind in Kind if ColumnType(kind, 1, 0).is_number}
    assert numbers == {Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE}


def test_every_kind_that_a_contract_declares_but_double_has_a_logical_type_of_its_own() -> None:
    assert set(LOGICAL.values()) == set(Kind) - {Kind.DOUBLE, Kind.TEXTS}
