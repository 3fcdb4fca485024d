"""Date patterns of contracts, cut into readings, with a strict expression and a strptime format."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from filon.project.formats import Reading, UnknownFormat, readings_of


def only_reading(pattern: str) -> Reading:
    [reading] = readings_of(pattern)
    return reading


@pytest.mark.parametrize(
    ("pattern", "text", "moment"),
    [
        ("yyyy-MM-dd", "2024-02-29", datetime(2024, 2, 29)),
        ("dd/MM/yyyy", "29/02/2024", datetime(2024, 2, 29)),
        ("d.M.yyyy", "1.2.2024", datetime(2024, 2, 1)),
        ("d.M.yyyy", "11.12.2024", datetime(2024, 12, 11)),
        ("dd-MM-yy", "31-12-23", datetime(2023, 12, 31)),
        ("yyyyMMdd", "20240229", datetime(2024, 2, 29)),
        ("yyyy-MM-dd HH:mm:ss", "2024-02-29 23:59:58", datetime(2024, 2, 29, 23, 59, 58)),
        ("yyyy-MM-dd'T'HH:mm:ss", "2024-02-29T23:59:58", datetime(2024, 2, 29, 23, 59, 58)),
        ("HH:mm:ss.SSSSSS dd/MM/yyyy", "23:59:58.000123 29/02/2024", datetime(2024, 2, 29, 23, 59, 58, 123)),
        ("dd%MM%yyyy", "29%02%2024", datetime(2024, 2, 29)),
    ],
)
def test_a_pattern_reads_the_texts_of_its_form(pattern: str, text: str, moment: datetime) -> None:
    form = only_reading(pattern)
    assert re.fullmatch(form.regex, text)
    assert datetime.strptime(text, form.strptime) == moment  # noqa: DTZ007


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd", "2024-2-29"),
        ("yyyy-MM-dd", "24-02-29"),
        ("yyyy-MM-dd", "2024-02-29 "),
        ("yyyy-MM-dd", "2024/02/29"),
        ("dd.MM.yyyy", "29x02x2024"),
        ("d/M/yyyy", "001/2/2024"),
        ("dd/MM/yyyy", "٢٩/٠٢/٢٠٢٤"),
        ("yyyy-MM-dd HH:mm:ss", "2024-02-29T23:59:58"),
    ],
)
def test_a_pattern_refuses_every_other_form(pattern: str, text: str) -> None:
    assert not re.fullmatch(only_reading(pattern).regex, text)


def test_milliseconds_are_three_digits() -> None:
    form = only_reading("yyyyMMdd HH:mm:ss.SSS")
    assert re.fullmatch(form.regex, "20240229 23:59:58.123")
    assert not re.fullmatch(form.regex, "20240229 23:59:58.12")


def test_two_quotes_stand_for_one() -> None:
    form = only_reading("yyyyMMdd HH''mm")
    assert re.fullmatch(form.regex, "20240229 23'59")
    assert form.strptime == "%Y%m%d %H'%M"


@pytest.mark.parametrize(
    ("pattern", "count"),
    [("yyyy-MM-dd", 1), ("yyyy-MM-dd[ HH:mm]", 2), ("yyyy-MM-dd[ HH:mm[:ss[.SSS]]]", 4), ("yyyy-MM-dd[]", 1)],
)
def test_each_choice_of_the_optional_sections_is_a_reading(pattern: str, count: int) -> None:
    assert len(readings_of(pattern)) == count


def test_brackets_between_quotes_are_brackets() -> None:
    assert re.fullmatch(only_reading("'['yyyy-MM-dd']'").regex, "[2026-01-05]")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("dd/MM", "does not say the year"),
        ("yyyy[-MM-dd]", "does not say the month without its optional sections"),
        ("[yyyy-MM-dd][dd/MM/yyyy]", "says the year twice"),
        ("yyyy-MM-dd[ HH:mm", "opens a bracket that it does not close"),
        ("yyyy-MM-dd] HH:mm", "closes a bracket that it does not open"),
        ("[" * 500 + "yyyy-MM-dd", "more than 4 optional sections"),
        ("yyyy-MM-dd hh:mm", "does not say which half of the day; write HH, or add a"),
        ("yyyy-MM-dd hh:mm[ a]", "does not say which half of the day"),
        ("yyyy-MM-dd HH:mm a", "write its hour as h or hh"),
        ("yyyy-MM-dd a", "write its hour as h or hh"),
        ("yyyy-MM-dd HH hh a", "says the hour twice"),
        ("yyyyMMddHmm", "does not say where `H` ends"),
        ("yyyy-MM-dd ss[SSS]mm", "does not say where `SSS` ends"),
        ("MMM MM yyyy dd", "says the month twice"),
        ("yyyy-dd", "does not say the month"),
        ("MM/yyyy", "does not say the day"),
        ("HH:mm:ss", "does not say the year"),
        ("dd/dd/MM/yyyy", "says the day twice"),
        ("yyyy-MM-dd yy", "says the year twice"),
    ],
)
def test_a_pattern_says_each_part_of_a_date_once(pattern: str, message: str) -> None:
    with pytest.raises(UnknownFormat, match=message):
        only_reading(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "jj/MM/aaaa",
        "yyy-MM-dd",
        "MMMMM d, yyyy",
        "yyyy-MM-dd HH:mm:ss.SSSSSSS",
        "yyyy-MM-dd XXXX",
        "YYYY-MM-dd",
        "yyyy-MM-DD",
        "E dd/MM",
    ],
)
def test_letters_that_stand_for_nothing_are_named(pattern: str) -> None:
    with pytest.raises(UnknownFormat, match=re.escape(f"in the format `{pattern}` is not understood")):
        only_reading(pattern)
