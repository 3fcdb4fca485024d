"""Values of every type of a column go through Parquet and SQL unchanged, at the edges of the type too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from filon.engines import Engine, FoundColumn
from filon.engines.footers import read_footers
from filon.errors import EngineError
from filon.lake import ColumnStats, Location
from filon.project import INTEGER, TEXT, TEXTS, ColumnType, Kind, TypedColumn
from filon.sql import literal

BOOLEAN, DOUBLE, DATE, TIMESTAMP = (ColumnType(kind) for kind in (Kind.BOOLEAN, Kind.DOUBLE, Kind.DATE, Kind.TIMESTAMP))
CENTS, LONG, FRACTION = (
    ColumnType(Kind.DECIMAL, 12, 2),
    ColumnType(Kind.DECIMAL, 38, 0),
    ColumnType(Kind.DECIMAL, 38, 38),
)
NINES = "9" * 38
LONG_TEXT = "x" * 70_000
TEXT_VALUES = ["", " ", "é", "e\u0301", "😀", "\U0010ffff", "a\tb\nc\r", 'it\'s "quoted"', "\0a", "NULL", LONG_TEXT]
VALUES: dict[ColumnType, dict[str, Any]] = {
    INTEGER: {"0": 0, "-9223372036854775808": -(2**63), "9223372036854775807": 2**63 - 1},
    CENTS: {"0.01": Decimal("0.01"), "-9999999999.99": Decimal("-9999999999.99"), "5": Decimal("5.00")},
    LONG: {NINES: Decimal(NINES), f"-{NINES}": Decimal(f"-{NINES}")},
    FRACTION: {f"0.{NINES}": Decimal(f"0.{NINES}"), f"-0.{'0' * 37}1": Decimal(f"-0.{'0' * 37}1")},
    DOUBLE: {"0.1": 0.1, "-1.7976931348623157e308": -1.7976931348623157e308, "5e-324": 5e-324},
    TEXT: {text: text for text in TEXT_VALUES},
    DATE: {"0001-01-01": dt.date(1, 1, 1), "9999-12-31": dt.date(9999, 12, 31), "2024-02-29": dt.date(2024, 2, 29)},
    BOOLEAN: {"true": True, "false": False},
}  # fmt: skip
MOMENTS = {
    "0001-01-01 00:00:00+00": dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    "1969-12-31 23:59:59.999999+00": dt.datetime(1969, 12, 31, 23, 59, 59, 999999, dt.UTC),
    "2026-03-29 03:30:00+02": dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC),
    "9999-12-31 23:59:59.999999+00": dt.datetime(9999, 12, 31, 23, 59, 59, 999999, dt.UTC),
}


def spelled(text: str) -> str:
    """A text as SQL; no literal holds the character 0."""
    return " || ".join(literal(part) for part in text.split("\x00")).replace(" || ", " || chr(0) || ")


def cast(text: str, kind: ColumnType) -> str:
    return f"CAST({spelled(text)} AS {kind.sql})"


def bounds(stats: Mapping[str, ColumnStats], kind: ColumnType) -> tuple[object, object, int] | None:
    """Bounds of x as values: texts that spell one number in two ways are the same. Lists have none."""
    if (found := stats.get("x")) is None:
        return None
    read = Decimal if kind.kind is Kind.DECIMAL else str
    low, high = (None if text is None else read(text) for text in (found.low, found.high))
    return low, high, found.nulls


def through_parquet(engine: Engine, table: Location, kind: ColumnType, query: str) -> list[Any]:
    """The column x of a query, in the order of n, after it was written and bound; null comes last."""
    files = engine.write(query, table)
    said = read_footers(table, [file.name for file in files])
    assert [bounds(file.stats, kind) for file in said] == [bounds(file.stats, kind) for file in files]
    engine.bind(
        "typed", [table.path_of(file.name) for file in files], [TypedColumn("n", INTEGER), TypedColumn("x", kind)]
    )
    assert engine.describe("SELECT x FROM typed") == [FoundColumn("x", kind)]
    shown = "CAST(x AS VARCHAR)" if kind == TIMESTAMP else "x"
    return [value for (value,) in engine.rows(f"SELECT {shown} FROM typed ORDER BY n")]


@pytest.mark.parametrize("kind", VALUES, ids=str)
def test_values_go_through_parquet_unchanged(engine: Engine, table: Location, kind: ColumnType) -> None:
    given = VALUES[kind]
    rows = [f"(CAST({n} AS BIGINT), {cast(text, kind)})" for n, text in enumerate(given)]
    query = f"SELECT * FROM (VALUES {', '.join(rows)}, ({len(given)}, NULL)) AS given(n, x)"
    found = through_parquet(engine, table, kind, query)
    assert found == [*given.values(), None]
    assert [type(value) for value in found] == [type(value) for value in [*given.values(), None]]


def test_timestamps_go_through_parquet_to_the_microsecond_in_utc(engine: Engine, table: Location) -> None:
    rows = [f"(CAST({n} AS BIGINT), {cast(text, TIMESTAMP)})" for n, text in enumerate(MOMENTS)]
    query = f"SELECT * FROM (VALUES {', '.join(rows)}) AS given(n, x)"
    found = through_parquet(engine, table, TIMESTAMP, query)
    assert found == [
        "0001-01-01 00:00:00+00",
        "1969-12-31 23:59:59.999999+00",
        "2026-03-29 01:30:00+00",
        "9999-12-31 23:59:59.999999+00",
    ]
    values = [value for entry in table.names() for value in pq.read_table(table.path_of(entry)).column("x").to_pylist()]
    assert sorted(values) == sorted(MOMENTS.values())


def test_lists_of_text_go_through_parquet_unchanged(engine: Engine, table: Location) -> None:
    query = (
        "SELECT CAST(n AS BIGINT) AS n, CASE WHEN n < 3 THEN string_split(t, '|') END AS x "
        "FROM (VALUES (0, ''), (1, 'a'), (2, 'é|b|')) AS given(n, t)"
    )
    assert through_parquet(engine, table, TEXTS, query) == [[""], ["a"], ["é", "b", ""]]


@pytest.mark.parametrize("kind", [*VALUES, TIMESTAMP, TEXTS], ids=str)
def test_a_column_of_nulls_keeps_its_type(engine: Engine, table: Location, kind: ColumnType) -> None:
    query = f"SELECT CAST(1 AS BIGINT) AS n, CAST(NULL AS {kind.sql}) AS x"
    assert through_parquet(engine, table, kind, query) == [None]


def test_the_empty_text_is_not_null(engine: Engine) -> None:
    assert engine.rows("SELECT '' IS NULL, '' = '', length(''), coalesce('', 'x')") == [(False, True, 0, "")]


def test_texts_are_kept_as_they_are_and_compared_letter_by_letter(engine: Engine) -> None:
    composed, apart = "'é'", "'e' || chr(769)"
    assert engine.rows(
        f"SELECT {composed} = {apart}, {composed} = nfc({apart}), length({apart}), 'a' = 'A', 'a' = 'a '"
    ) == [(False, True, 2, False, False)]


@pytest.mark.parametrize(
    ("text", "kind", "given"),
    [
        ("0.005", CENTS, "0.01"),
        ("-0.005", CENTS, "-0.01"),
        ("0.0049999", CENTS, "0.00"),
        ("2.675", CENTS, "2.68"),
        ("1e3", CENTS, "1000.00"),
        ("2.5", INTEGER, "3"),
        ("-2.5", INTEGER, "-3"),
    ],
)
def test_a_cast_rounds_half_away_from_zero(engine: Engine, text: str, kind: ColumnType, given: str) -> None:
    assert engine.rows(f"SELECT CAST({cast(text, kind)} AS VARCHAR)") == [(given,)]


@pytest.mark.parametrize(
    "expression",
    [
        "CAST('9223372036854775808' AS BIGINT)",
        "CAST(CAST('9223372036854775807' AS BIGINT) AS SMALLINT)",
        "CAST('9223372036854775807' AS BIGINT) + CAST(1 AS BIGINT)",
        "CAST(sum(x) AS BIGINT) FROM (VALUES (CAST('9223372036854775807' AS BIGINT)), (1)) AS given(x)",
        "CAST('10000000000.00' AS DECIMAL(12,2))",
        "CAST(9999999999.995 AS DECIMAL(12,2))",
        f"CAST('{NINES}9' AS DECIMAL(38,0))",
        "CAST('abc' AS DECIMAL(12,2))",
        "CAST('' AS BIGINT)",
        "CAST('2023-02-29' AS DATE)",
        "CAST('yes!' AS BOOLEAN)",
        "CAST('unfit ' || '1' AS DOUBLE)",
    ],
)
def test_a_value_that_its_type_cannot_hold_fails_the_query(engine: Engine, expression: str) -> None:
    with pytest.raises(EngineError):
        engine.rows(f"SELECT {expression}")


@pytest.mark.parametrize(
    "expression",
    [
        "TRY_CAST('9223372036854775808' AS BIGINT)",
        "TRY_CAST('10000000000.00' AS DECIMAL(12,2))",
        "TRY_CAST('abc' AS DOUBLE)",
        "TRY_CAST('' AS BIGINT)",
        "TRY_CAST('2023-02-29' AS DATE)",
    ],
)
def test_a_value_that_its_type_cannot_hold_is_null_where_one_tries(engine: Engine, expression: str) -> None:
    assert engine.rows(f"SELECT {expression}") == [(None,)]


def test_sums_of_decimals_are_exact_and_38_digits_wide(engine: Engine) -> None:
    values = ", ".join(f"({cast(text, CENTS)})" for text in ("0.01", "9999999999.99", "0.02"))
    query = f"SELECT sum(x) AS total FROM (VALUES {values}) AS given(x)"
    assert engine.rows(query) == [(Decimal("10000000000.02"),)]
    assert engine.describe(query) == [FoundColumn("total", ColumnType(Kind.DECIMAL, 38, 2))]


def test_the_sum_of_integers_does_not_overflow(engine: Engine) -> None:
    largest = cast("9223372036854775807", INTEGER)
    assert engine.rows(f"SELECT sum(x) FROM (VALUES ({largest}), ({largest})) AS given(x)") == [(2 * (2**63 - 1),)]
