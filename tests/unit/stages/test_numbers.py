"""Numbers as people spell them: which texts are numbers in a dialect, and which numbers they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from filon.engines import Engine
from filon.project import Column, ColumnType, Kind
from filon.project.loader import load_project
from filon.project.vocabulary import Dialect, Negative, Percent
from filon.projects import retail
from filon.sql import literal
from filon.stages.numbers import is_exact, is_number, number_of, number_value, spelled_number
from tests.unit.stages.bench import opened

MONEY = Column("n", ColumnType(Kind.DECIMAL, 12, 2))
RATE = Column("n", ColumnType(Kind.DECIMAL, 12, 4))
WHOLE = Column("n", ColumnType(Kind.INTEGER))
REAL = Column("n", ColumnType(Kind.DOUBLE))
FRENCH = Dialect(decimal=",", grouping=" ")
GERMAN = Dialect(decimal=",", grouping=".")
ENGLISH = Dialect(grouping=",")
NARROW, HARD = "\u202f", "\u00a0"
WRONG, SCALE = "type", "scale"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with opened(load_project(retail.FOLDER), tmp_path_factory.mktemp("numbers")) as bench:
        yield bench.context.engine


def read(engine: Engine, text: str, dialect: Dialect, column: Column = MONEY, locale: str = "fr") -> Any:
    """The value of a text, or the reason why it has none."""
    [found] = read_all(engine, [text], dialect, column, locale)
    return found


def read_all(
    engine: Engine, given: Sequence[str], dialect: Dialect, column: Column = MONEY, locale: str = "fr"
) -> list[Any]:
    """The same of many texts."""
    values = ", ".join(f"({place}, {literal(text)})" for place, text in enumerate(given))
    texts = f'(VALUES {values}) AS texts(place, "n text")'
    if (spelled := spelled_number(column, dialect, locale)) is not None:
        texts = f"(SELECT *, {spelled} AS {number_of(column, dialect)} FROM {texts}) AS spelled"
    parts = (number_value(column, dialect), is_number(column, dialect), is_exact(column, dialect))
    return [
        value if value is not None else ("precision" if exact else SCALE) if number else WRONG
        for value, number, exact in engine.rows(f"SELECT {', '.join(parts)} FROM {texts} ORDER BY place")
    ]


@pytest.mark.parametrize(
    ("text", "dialect", "found"),
    [
        ("1.5", Dialect(decimal=",", grouping="."), WRONG),
        ("12.50", GERMAN, WRONG),
        ("1,5.5", GERMAN, WRONG),
        ("05.01.2026", GERMAN, WRONG),
        ("192.168.1.1", GERMAN, WRONG),
        ("12,50", ENGLISH, WRONG),
        ("1 2,3 4", FRENCH, WRONG),
        ("0.500", GERMAN, WRONG),
        ("1.234.56", GERMAN, WRONG),
        (".234", GERMAN, WRONG),
        ("1..234", GERMAN, WRONG),
        ("1234.567", GERMAN, WRONG),
        ("1,234.567", GERMAN, WRONG),
        ("1.234 567", Dialect(decimal=",", grouping=". "), WRONG),
        ("1.234.567,89", GERMAN, "1234567.89"),
        ("-1.234", GERMAN, "-1234"),
        ("1234567,8", GERMAN, "1234567.8"),
        ("1.234,567", GERMAN, SCALE),
        ("1.234,560", GERMAN, "1234.56"),
        ("12.345.678.901.234", GERMAN, "precision"),
        ("1 234,5", FRENCH, "1234.5"),
        (f"1{NARROW}234{NARROW}567,5", FRENCH, "1234567.5"),
        (f"-1{HARD}234,5", FRENCH, "-1234.5"),
        ("1,234,567.8", ENGLISH, "1234567.8"),
        ("1'234'567.80", Dialect(grouping="'"), "1234567.8"),
        ("1.234", FRENCH, WRONG),
        (",5", FRENCH, "0.5"),
        ("5,", FRENCH, "5"),
        ("+5,1", FRENCH, "5.1"),
        ("", FRENCH, WRONG),
        ("-", FRENCH, WRONG),
    ],
)
def test_groups_are_full_and_stand_before_the_decimal_mark(
    engine: Engine, text: str, dialect: Dialect, found: str
) -> None:
    expected = found if found in (WRONG, SCALE, "precision") else Decimal(found)
    assert read(engine, text, dialect) == expected


def test_groups_are_of_the_sizes_of_the_locale(engine: Engine) -> None:
    assert read(engine, "12,34,567.5", ENGLISH, locale="en_IN") == Decimal("1234567.5")
    assert read(engine, "1,234,567.5", ENGLISH, locale="en_IN") == WRONG
    assert read(engine, "12,34,567.5", ENGLISH, locale="en") == WRONG


EURO = Dialect(decimal=",", grouping=" ", currency=("€", "EUR"))
SHARE = Dialect(decimal=",", percent=Percent.KEEP)
DIVIDED = Dialect(decimal=",", percent=Percent.DIVIDE)
SIGNS = Dialect(decimal=",", currency=("€",), negative=tuple(Negative))
BRACKETS = Dialect(negative=(Negative.PARENTHESES,))


@pytest.mark.parametrize(
    ("text", "dialect", "found"),
    [
        ("5€00", EURO, WRONG),
        ("5 €", EURO, "5"),
        (f"1{NARROW}234,50{HARD}€", EURO, "1234.5"),
        ("€5", EURO, "5"),
        ("-€5", EURO, "-5"),
        ("€-5", EURO, "-5"),
        ("-5,00 eur", EURO, "-5"),
        ("EUR 1 234", EURO, "1234"),
        ("€5€", EURO, WRONG),
        ("5 $", EURO, WRONG),
        ("€", EURO, WRONG),
        ("5 %", EURO, WRONG),
        ("5€", FRENCH, WRONG),
        ("12,5 %", SHARE, "12.5"),
        ("12,5%", DIVIDED, "0.125"),
        ("-7 %", DIVIDED, "-0.07"),
        ("5%", DIVIDED, "0.05"),
        (",5%", DIVIDED, "0.005"),
        ("5,%", DIVIDED, "0.05"),
        ("0,001%", DIVIDED, SCALE),
        ("12,5", DIVIDED, "12.5"),
        ("1%2", DIVIDED, WRONG),
        ("12%%", DIVIDED, WRONG),
        ("(5,00)", SIGNS, "-5"),
        ("(5,00 €)", SIGNS, "-5"),
        ("€(5,00)", SIGNS, "-5"),
        ("5,00-", SIGNS, "-5"),
        ("5,00- €", SIGNS, "-5"),
        ("5,00 €-", SIGNS, "-5"),
        ("-5", SIGNS, "-5"),
        ("-5-", SIGNS, WRONG),
        ("(-5)", SIGNS, WRONG),
        ("(5", SIGNS, WRONG),
        ("5)", SIGNS, WRONG),
        ("-5", BRACKETS, WRONG),
        ("(5.5)", BRACKETS, "-5.5"),
        ("+5", BRACKETS, "5"),
        ("5-", FRENCH, WRONG),
        ("5 Fr.", Dialect(currency=("Fr.",)), "5"),
        ("5 Frx", Dialect(currency=("Fr.",)), WRONG),
    ],
)
def test_signs_stand_where_the_dialect_allows_them(engine: Engine, text: str, dialect: Dialect, found: str) -> None:
    expected = found if found in (WRONG, SCALE) else Decimal(found)
    assert read(engine, text, dialect, RATE) == expected


def test_whole_and_floating_numbers_follow_the_same_dialect(engine: Engine) -> None:
    assert read(engine, "1.234", GERMAN, WHOLE) == 1234
    assert read(engine, "1.234,0", GERMAN, WHOLE) == WRONG
    assert read(engine, "500%", DIVIDED, WHOLE) == 5
    assert read(engine, "50%", DIVIDED, WHOLE) == SCALE
    assert read(engine, "1.234,5e2", GERMAN, REAL) == 123450.0
    assert read(engine, "12,5%", DIVIDED, REAL) == 0.125
    assert read(engine, "1e5 e", Dialect(currency=("e",)), REAL) == 100000.0
    assert read(engine, "1e5", Dialect(currency=("e",)), REAL) == 100000.0


def oracle(text: str, dialect: Dialect) -> Decimal | None:
    """What the text means, read letter by letter."""
    sign, body = 1, text
    if Negative.PARENTHESES in dialect.negative and body[:1] == "(" and body[-1:] == ")":
        sign, body = -1, body[1:-1]
    elif Negative.TRAILING in dialect.negative and body[-1:] == "-":
        sign, body = -1, body[:-1]
    elif body[:1] in ("+", "-") and (body[0] == "+" or Negative.MINUS in dialect.negative):
        sign, body = (-1 if body[0] == "-" else 1), body[1:]
    whole, mark, fraction = body.partition(dialect.decimal)
    if mark and not (whole or fraction):
        return None
    if (fraction and not re.fullmatch("[0-9]+", fraction)) or (not mark and not whole):
        return None
    marks = [mark for mark in dialect.grouping if mark in whole]
    groups = whole.split(marks[0]) if marks else [whole]
    if len(groups) > 1 and not (
        1 <= len(groups[0]) <= 3 and groups[0][0] != "0" and all(len(g) == 3 for g in groups[1:])
    ):
        return None
    if (whole or not mark) and not all(re.fullmatch("[0-9]+", group) for group in groups):
        return None
    return sign * Decimal(f"{''.join(groups) or 0}.{fraction or 0}")


ANY_DIALECT = some.builds(
    lambda marks, negative: Dialect(decimal=marks[0], grouping=marks[1], negative=tuple(negative)),
    some.sampled_from([(".", ","), (",", "."), (",", ""), (",", "'."), (".", "'")]),
    some.sets(some.sampled_from(list(Negative)), min_size=1),
)
DIGITS = some.text(some.sampled_from("0123456789"), min_size=1, max_size=3)
PARTS = some.lists(some.one_of(DIGITS, some.sampled_from(".,'-+()")), max_size=8).map("".join)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(texts=some.lists(PARTS, min_size=20, max_size=40), dialect=ANY_DIALECT)
def test_any_text_means_what_an_oracle_says(engine: Engine, texts: list[str], dialect: Dialect) -> None:
    wide = Column("n", ColumnType(Kind.DECIMAL, 38, 19))
    for text, found in zip(texts, read_all(engine, texts, dialect, wide), strict=True):
        expected = oracle(text, dialect)
        assert found == (WRONG if expected is None else expected) or found in (SCALE, "precision"), (text, dialect)
        assert (expected is None) == (found == WRONG), (text, dialect)
