"""Numbers, money, dates and words in both languages."""

from __future__ import annotations

import ast
import datetime as dt
import string
from decimal import Decimal
from pathlib import Path

import pytest

import filon.dashboard
from filon.dashboard.language import Code, Language, as_sorted, texts
from filon.dashboard.views import VIEWS

FRENCH = Language(Code.FRENCH, "EUR", "Europe/Paris")
ENGLISH = Language(Code.ENGLISH, "EUR", "Europe/Paris")
THIN, HARD = "\u202f", "\xa0"


def test_numbers_follow_the_language() -> None:
    assert FRENCH.number(1234567) == f"1{THIN}234{THIN}567"
    assert ENGLISH.number(1234567) == "1,234,567"
    assert FRENCH.number(Decimal("0.5"), 2) == "0,50"
    assert ENGLISH.number(None) == "—"


def test_money_is_rounded_half_away_from_zero_and_named_by_its_currency() -> None:
    assert FRENCH.money(Decimal("1234.565")) == f"1{THIN}234,57{HARD}€".replace(HARD, " ")
    assert ENGLISH.money(Decimal("1234.565")) == "€1,234.57"
    assert ENGLISH.money(Decimal("-2.345")) == "-€2.35"
    assert Language(Code.FRENCH, "CHF").money(3) == "3,00 CHF"


def test_money_keeps_every_cent_of_large_amounts() -> None:
    assert ENGLISH.money(Decimal("98765432109876543.21")) == "€98,765,432,109,876,543.21"


def test_shares_carry_a_sign_where_they_are_changes() -> None:
    assert FRENCH.percent(0.1234, signed=True) == "+12,3 %"
    assert ENGLISH.percent(-0.05, signed=True).startswith("-")
    assert ENGLISH.percent(0) == "0.0%"


def test_days_months_and_years_are_told_apart_by_their_spelling() -> None:
    assert FRENCH.period("2026-01-31") == "31 janv. 2026"
    assert FRENCH.period("2026-01") == "janv. 2026"
    assert ENGLISH.period("2026-01") == "Jan 2026"
    assert ENGLISH.period("2026") == "2026"


def test_moments_are_in_the_time_of_the_project() -> None:
    assert FRENCH.moment("2026-01-31T23:30:00Z") == "1 févr. 2026 00:30"
    assert ENGLISH.moment(dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)).endswith("14:00")


def test_durations_are_as_exact_as_they_are_short() -> None:
    assert FRENCH.duration(0.0123) == "12 ms"
    assert FRENCH.duration(1.26) == "1,3 s"
    assert ENGLISH.duration(7200) == "2 hr"
    assert FRENCH.ago(65) == "il y a 1 minute"


def test_unknown_columns_are_called_what_the_data_calls_them() -> None:
    assert FRENCH.name("pays") == "Pays"
    assert FRENCH.name("taux_de_retour") == "Taux de retour"


@pytest.mark.parametrize("key", list(texts()))
def test_every_text_stands_in_both_languages_with_the_same_values(key: str) -> None:
    translations = texts()[key]
    assert set(translations) == {"fr", "en"}
    values = [{name for _, name, _, _ in string.Formatter().parse(translations[code]) if name} for code in ("fr", "en")]
    assert values[0] == values[1]


def test_every_text_that_the_code_asks_for_is_there_and_none_is_left_over() -> None:
    asked, begun = _keys_in_code()
    begun |= {"name."}
    missing = {key for key in asked if key not in texts()}
    assert not missing
    assert all(any(key.startswith(start) for key in texts()) for start in begun)
    pages = {f"{view.name}.page" for view in VIEWS}
    strings = _strings_in_code()
    titles = {key for key in texts() if key.endswith(".title") and key.removesuffix(".title") in strings}
    left = {key for key in texts() if key not in asked | pages | titles and not key.startswith(tuple(begun))}
    assert not left


def _sources() -> list[ast.Module]:
    folder = Path(filon.dashboard.__file__).parent
    return [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]


def _strings_in_code() -> set[str]:
    nodes = [node for tree in _sources() for node in ast.walk(tree)]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _keys_in_code() -> tuple[set[str], set[str]]:
    """Keys that are given to ``text`` whole, and how those begin that are put together."""
    asked, begun = set(), set()
    for tree in _sources():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "text"):
                continue
            for part in ast.walk(node.args[0]):
                if isinstance(part, ast.JoinedStr) and isinstance(part.values[0], ast.Constant):
                    begun.add(str(part.values[0].value))
            key = node.args[0]
            choices = [key.body, key.orelse] if isinstance(key, ast.IfExp) else [key]
            choices += [choice.orelse for choice in choices if isinstance(choice, ast.IfExp)]
            choices += [choice.body for choice in choices if isinstance(choice, ast.IfExp)]
            asked |= {str(choice.value) for choice in choices if isinstance(choice, ast.Constant)}
    return asked, begun


def test_numbers_have_all_their_digits() -> None:
    number = Decimal("123456789012345678901234567890123456.78")
    assert Language(Code.ENGLISH).number(number, 2) == "123,456,789,012,345,678,901,234,567,890,123,456.78"


def test_moments_at_the_ends_of_the_calendar_are_written_in_utc() -> None:
    assert Language(Code.ENGLISH, timezone="Europe/Paris").moment("9999-12-31T23:59:59Z") == "31 Dec 9999 23:59 UTC"
    assert Language(Code.ENGLISH, timezone="America/New_York").moment("0001-01-01T00:00:00Z") == "1 Jan 1 00:00 UTC"


def test_the_sign_of_the_currency_stands_where_the_language_writes_it() -> None:
    assert Language(Code.FRENCH).money_unit == ("", " €")
    assert Language(Code.ENGLISH).money_unit == ("€", "")


def test_accents_and_case_do_not_decide_the_order_of_names() -> None:
    names = ["Imprimante", "écran", "Zoo", "Écran", "Enceinte", "abc"]
    assert sorted(names, key=as_sorted) == ["abc", "Écran", "écran", "Enceinte", "Imprimante", "Zoo"]


@pytest.mark.parametrize(
    ("column", "name"),
    [("MwSt", "MwSt"), ("Straße_Ort", "Straße Ort"), ("käufer_firma", "Käufer firma"), ("CUSTOMER_ID", "Customer id")],
)
def test_names_of_columns_keep_the_capitals_of_the_data(column: str, name: str) -> None:
    assert Language(Code.FRENCH).name(column) == name
