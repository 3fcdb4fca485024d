"""Each function of docs/sql.md: those of Filon at their edges, those of common SQL on one example."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from filon.engines import Engine, StatementInvalid
from filon.errors import EngineError
from filon.project.functions import GROUPS
from filon.project.grammar import faults_in
from tests.engines.conftest import AS_OF, LACKS

COMMON: dict[str, dict[str, tuple[str, str | None]]] = yaml.safe_load(
    (Path(__file__).parent / "common_sql.yaml").read_text(encoding="utf-8")
)
NUMBERS = "SELECT * FROM (VALUES ('a', 1, 1, 7), ('b', 2, 3, 7), ('c', 2, 4, 7), ('d', NULL, 9, 7)) AS n(k, v, w, one)"
OWN: dict[str, object] = {
    "ratio(1, 3)": Decimal("0.33"),
    "ratio(2, 3)": Decimal("0.67"),
    "ratio(1, 200)": Decimal("0.01"),
    "ratio(-1, 200)": Decimal("-0.01"),
    "ratio(1, -200)": Decimal("-0.01"),
    "ratio(-1, -8)": Decimal("0.13"),
    "ratio(0, 5)": Decimal("0.00"),
    "ratio(1, 0)": None,
    "ratio(0, 0)": None,
    "ratio(NULL, 1)": None,
    "ratio(1, NULL)": None,
    "ratio(0.000001, 0.000001)": Decimal("1.00"),
    "ratio(0.0000001, 1)": Decimal("0.00"),
    "ratio(CAST('9999999999.99' AS DECIMAL(12,2)), 1)": Decimal("9999999999.99"),
    "ratio(CAST('9223372036854775807' AS BIGINT), 1)": Decimal("9223372036854775807.00"),
    "surrogate_key('a')": 224400693268251,
    "surrogate_key('')": 3731574115332107,
    "surrogate_key('é')": 1809645169343978,
    "surrogate_key(42)": 2846688998060071,
    "surrogate_key('42')": 2846688998060071,
    "surrogate_key(NULL)": None,
    "day_name(DATE '2026-01-05')": "lundi",
    "day_name(DATE '2026-01-11')": "dimanche",
    "day_name(DATE '0001-01-01')": "lundi",
    "day_name(DATE '9999-12-31')": "vendredi",
    "day_name(CAST(NULL AS DATE))": None,
    "month_name(DATE '2026-08-05')": "août",
    "month_name(DATE '2026-12-31')": "décembre",
    "month_name(CAST(NULL AS DATE))": None,
    "attempt(CAST('12' AS INTEGER))": 12,
    "attempt(CAST('abc' AS INTEGER))": None,
    "attempt(9223372036854775807 + length('a'))": None,
    "attempt(ln(0))": None,
    "attempt(from_zone(TIMESTAMP '2026-01-01 00:00:00', lower('Nowhere/Land'))) IS NULL": True,
    "attempt(TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE lower('Nowhere/Land')) IS NULL": True,
    "attempt(NULL)": None,
    "as_of()": AS_OF,
    "as_of() - INTERVAL 30 DAY = DATE '2026-01-01'": True,
    "local_date(TIMESTAMPTZ '2026-01-01 22:59:59.999999+00')": dt.date(2026, 1, 1),
    "local_date(TIMESTAMPTZ '2026-01-01 23:00:00+00')": dt.date(2026, 1, 2),
    "local_date(TIMESTAMPTZ '2026-07-01 22:00:00+00')": dt.date(2026, 7, 2),
    "local_date(CAST(NULL AS TIMESTAMP WITH TIME ZONE))": None,
    "title_case('jean  paul')": "Jean  Paul",
    "title_case('ÉMILE zola')": "Émile Zola",
    "title_case('o''neill mc-donald')": "O'neill Mc-donald",
    "title_case('a' || chr(9) || 'b' || chr(160) || 'c' || chr(10) || 'd')": "A\tB\xa0C\nD",
    "title_case(' x ')": " X ",
    "title_case('straße')": "Straße",
    "title_case(chr(66600) || chr(66560))": "\U00010400\U00010428",
    "title_case('')": "",
    "title_case(NULL)": None,
    "nfc('e' || chr(769))": "é",
    "nfc(chr(8491))": "Å",
    "nfc('')": "",
    "nfc(NULL)": None,
    "parse_timestamp('05/01/2026', '%d/%m/%Y')": dt.datetime(2026, 1, 5),
    "parse_timestamp('2026-01-05 10:11:12.123456', '%Y-%m-%d %H:%M:%S.%f')": dt.datetime(
        2026, 1, 5, 10, 11, 12, 123456
    ),
    "parse_timestamp('0001-01-01', '%Y-%m-%d')": dt.datetime(1, 1, 1),
    "parse_timestamp('9999-12-31', '%Y-%m-%d')": dt.datetime(9999, 12, 31),
    "parse_timestamp('29/02/2024', '%d/%m/%Y')": dt.datetime(2024, 2, 29),
    "parse_timestamp('29/02/2023', '%d/%m/%Y')": None,
    "parse_timestamp('2026', '%d/%m/%Y')": None,
    "parse_timestamp('', '%Y')": None,
    "parse_timestamp(NULL, '%Y')": None,
    "unscaled(CAST('12.50' AS DECIMAL(12,2)))": 1250,
    "unscaled(CAST('-0.05' AS DECIMAL(12,2)))": -5,
    "unscaled(CAST('-0.05' AS DECIMAL(2,2)))": -5,
    "unscaled(CAST(7 AS DECIMAL(5,0)))": 7,
    "unscaled(CAST('-99999999999999999999999999999999999.999' AS DECIMAL(38,3)))": -(10**38 - 1),
    "unscaled(CAST(NULL AS DECIMAL(12,2)))": None,
    "unix_micros(TIMESTAMPTZ '1970-01-01 00:00:00+00')": 0,
    "unix_micros(TIMESTAMPTZ '1969-12-31 23:59:59.999999+00')": -1,
    "unix_micros(TIMESTAMPTZ '0001-01-01 00:00:00+00')": -62135596800000000,
    "unix_micros(TIMESTAMPTZ '9999-12-31 23:59:59.999999+00')": 253402300799999999,
    "unix_micros(CAST(NULL AS TIMESTAMP WITH TIME ZONE))": None,
    "CAST(from_zone(TIMESTAMP '2026-07-01 00:00:00', 'Europe/Paris') AS VARCHAR)": "2026-06-30 22:00:00+00",
    "CAST(from_zone(TIMESTAMP '2026-03-29 02:30:00', 'Europe/Paris') AS VARCHAR)": "2026-03-29 01:30:00+00",
    "CAST(from_zone(TIMESTAMP '2026-10-25 02:30:00', 'Europe/Paris') AS VARCHAR)": "2026-10-25 01:30:00+00",
    "from_zone(CAST(NULL AS TIMESTAMP), 'Europe/Paris') IS NULL": True,
}


@pytest.mark.parametrize("expression", OWN)
def test_a_function_of_filon_gives_the_same_everywhere(engine: Engine, expression: str) -> None:
    [(found,)] = engine.rows(f"SELECT {expression}")
    assert found == OWN[expression]
    assert type(found) is type(OWN[expression])


def test_every_function_of_filon_has_examples() -> None:
    names = GROUPS["Filon's own"]
    assert {name for name in names if any(f"{name}(" in expression for expression in OWN)} == names


@pytest.mark.parametrize(
    "expression",
    [
        "ratio(CAST('99999999999999999999999999999999.99' AS DECIMAL(38,2)), 1)",
        "from_zone(TIMESTAMP '2026-01-01 00:00:00', 'Nowhere/Land')",
        "day_name('no day')",
    ],
)
def test_what_a_function_cannot_give_fails_the_query(engine: Engine, expression: str) -> None:
    with pytest.raises(EngineError):
        engine.rows(f"SELECT {expression}")


def test_names_do_not_hide_columns(engine: Engine) -> None:
    """What a function calls its arguments is nobody's business: columns of such names keep their values."""
    rows = "(VALUES (10, 4, DATE '2026-01-05', 'a b')) AS given(denominator, numerator, day, value)"
    query = f"SELECT ratio(denominator, numerator), day_name(day), title_case(value) FROM {rows}"
    assert engine.rows(query) == [(Decimal("2.50"), "lundi", "A B")]


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, names in COMMON.items() for name in names])
def test_a_function_of_common_sql_gives_the_same_everywhere(engine: Engine, group: str, name: str) -> None:
    expression, expected = COMMON[group][name]
    engine.view("numbers", NUMBERS)
    if name in LACKS.get(engine.name, ()):
        with pytest.raises(StatementInvalid, match=f"{name} is not available on"):
            engine.describe(f"SELECT {expression}")
        return
    assert engine.rows(f"SELECT CAST({expression} AS VARCHAR)") == [(expected,)]


def test_every_function_of_common_sql_has_an_example_that_calls_it() -> None:
    assert {group: set(names) for group, names in COMMON.items()} == {
        group: set(names) for group, names in GROUPS.items() if group != "Filon's own"
    }
    for names in COMMON.values():
        for name, (expression, _) in names.items():
            assert f"{name}(" in expression
            assert faults_in(f"SELECT CAST({expression} AS VARCHAR)") == [], "an example is SQL of Filon"


def test_the_documentation_lists_what_spark_lacks() -> None:
    text = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")
    listed = text.partition("These functions:")[2].partition(".")[0]
    assert frozenset(re.findall(r"`(\w+)`", listed)) == LACKS["spark"]
