"""Fingerprints: what counts as the same fact, and what a contract's fingerprints do not depend on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from filon.engines.duckdb.macros import macros
from filon.project import Project
from filon.project.fingerprints import fingerprint_of, named, statement
from filon.project.functions import READ_BY, Setting
from filon.project.grammar import settings_read
from filon.project.loader import load_project
from filon.project.vocabulary import Case, Normalise
from tests.unit.project.mistakes.shop import write_shop


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}),
        ({"a": 1, "b": None}, {"a": 1}),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        ({"a": Decimal("1.50")}, {"a": Decimal("1.5")}),
        ({"a": Decimal(100)}, {"a": Decimal("1E+2")}),
        ({"a": Decimal("-0.0")}, {"a": Decimal(0)}),
        ({"a": Case.UPPER}, {"a": "upper"}),
        ({"a": {"x", "y"}}, {"a": frozenset({"y", "x"})}),
        (
            {"a": dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)},
            {"a": dt.datetime(2026, 1, 1, 13, tzinfo=dt.timezone(dt.timedelta(hours=1)))},
        ),
    ],
)
def test_the_same_facts_have_one_fingerprint(one: dict[str, object], other: dict[str, object]) -> None:
    assert fingerprint_of(one) == fingerprint_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, Decimal(1)),
        (1, True),
        (Decimal(1), "1"),
        (dt.date(2026, 1, 1), "2026-01-01"),
        (dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        ([1, 2], [2, 1]),
        (["ab", "c"], ["a", "bc"]),
        ([], None),
        ("é", "e\u0301"),
    ],
)
def test_different_facts_have_different_fingerprints(one: object, other: object) -> None:
    assert fingerprint_of({"a": one}) != fingerprint_of({"a": other})


@pytest.mark.parametrize("fact", [Normalise(), object(), b"bytes", dt.datetime(2026, 1, 1)])
def test_what_has_no_one_spelling_is_no_fact(fact: object) -> None:
    with pytest.raises(TypeError):
        fingerprint_of({"a": fact})


def test_a_number_that_is_none_is_no_fact() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint_of({"a": float("nan")})


@dataclass(frozen=True)
class Before:
    """A part of a contract, in one version of Filon."""

    name: str
    unit: str = "m"


@dataclass(frozen=True)
class After:
    """The same, in the next version."""

    name: str
    unit: str = "m"
    scale: int = 2


def test_a_new_field_at_its_default_changes_nothing() -> None:
    before = named(Before("a"), "name", "unit")
    assert before == named(After("a"), "name", "unit", "scale") == {"name": "a"}
    assert named(After("a", scale=3), "name", "unit", "scale") == {"name": "a", "scale": 3}
    assert named(Normalise(case=Case.UPPER), "trim", "case") == {"case": Case.UPPER}


def test_a_field_that_does_not_exist_cannot_be_named() -> None:
    with pytest.raises((KeyError, AttributeError)):
        named(Before("a"), "nmae")
    with pytest.raises(TypeError, match="no named fields"):
        named("a text", "name")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a, 'b  c' FROM t GROUP BY a",
        "-- why\nSELECT a ,\n\t'b  c' FROM t GROUP   BY a",
        "SELECT a, /* two\nlines */ 'b  c' FROM t\n\nGROUP BY a -- the end",
    ],
)
def test_comments_and_layout_are_no_part_of_a_statement(text: str) -> None:
    assert statement(text) == "SELECT a , 'b  c' FROM t GROUP BY a"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 'a b'", "SELECT 'a  b'"),
        ("SELECT '--x'", "SELECT ''"),
        ('SELECT "a"', "SELECT 'a'"),
        ('SELECT "a  b"', 'SELECT "a b"'),
        ("SELECT 'a', 'b'", "SELECT 'a'', ''b'"),
        ("SELECT 1.5", "SELECT 1 .5"),
        ("SELECT a - -1", "SELECT a - 1"),
        ("SELECT a FROM t", "SELECT a FROM T"),
    ],
)
def test_different_statements_stay_different(one: str, other: str) -> None:
    assert statement(one) != statement(other)


def test_the_functions_that_read_a_setting_are_those_whose_definitions_change_with_it() -> None:
    usual = {"locale": "fr", "timezone": "UTC", "as_of": "2026-01-01"}
    others = {Setting.LOCALE: "en", Setting.TIMEZONE: "Asia/Tokyo", Setting.AS_OF: "2025-12-31"}
    found: dict[str, Setting] = {}
    for setting, value in others.items():
        pairs = zip(macros(**usual), macros(**{**usual, setting.value: value}), strict=True)
        changed = [one for one, other in pairs if one != other]
        found |= {macro.split("MACRO ")[1].split("(")[0]: setting for macro in changed}
    assert found == READ_BY


@pytest.mark.parametrize(
    ("sql", "settings"),
    [
        ("SELECT as_of()", {Setting.AS_OF}),
        ('SELECT "LOCAL_DATE" (at) || Day_Name(at) FROM t', {Setting.TIMEZONE, Setting.LOCALE}),
        ("SELECT as_of, 'local_date(x)' FROM t -- month_name(day)", set()),
    ],
)
def test_settings_are_read_by_calls(sql: str, settings: set[Setting]) -> None:
    assert settings_read(sql) == settings


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small project."""
    write_shop(tmp_path)
    return load_project(tmp_path)


def test_fingerprints_of_a_known_project_stay_what_they_are(project: Project) -> None:
    """Another value here means that a new version of Filon builds these tables of every lake anew.

    Where that is meant, raise a revision (``stages.context``, ``serving.feeds``) and say so in the changelog.
    """
    orders, totals = project.datasets["orders"], project.models["totals"]
    known = (orders.parse_hash, orders.acceptance_hash, orders.fingerprint[:16], totals.fingerprint[:16])
    assert known == ("425e2efaf9a4df57", "835a99b126fbec9c", "b2d523ed916a081f", "145bb680c4f0c3f3")
