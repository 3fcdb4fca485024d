"""Date patterns of contracts, compiled to a strict expression and a strptime format."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from filon.project.formats import UnknownFormat, date_format


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
    form = date_format(pattern)
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
    assert not re.fullmatch(date_format(pattern).regex, text)


def test_milliseconds_are_three_digits() -> None:
    form = date_format("yyyyMMdd HH:mm:ss.SSS")
    assert re.fullmatch(form.regex, "20240229 23:59:58.123")
    assert not re.fullmatch(form.regex, "20240229 23:59:58.12")


def test_two_quotes_stand_for_one() -> None:
    form = date_format("yyyyMMdd HH''mm")
    assert re.fullmatch(form.regex, "20240229 23'59")
    assert form.strptime == "%Y%m%d %H'%M"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("dd/MM", "does not say the year"),
        ("yyyy-dd", "does not say the month"),
        ("MM/yyyy", "does not say the day"),
        ("HH:mm:ss", "does not say the year"),
        ("dd/dd/MM/yyyy", "says the day twice"),
        ("yyyy-MM-dd yy", "says the year twice"),
    ],
)
def test_a_pattern_says_each_part_of_a_date_once(pattern: str, message: str) -> None:
    with pytest.raises(UnknownFormat, match=message):
        date_format(pattern)


@pytest.mark.parametrize("pattern", ["jj/MM/aaaa", "yyy-MM-dd", "MMM d, yyyy", "YYYY-MM-dd", "yyyy-MM-DD", "E dd/MM"])
def test_letters_that_stand_for_nothing_are_named(pattern: str) -> None:
    with pytest.raises(UnknownFormat, match=re.escape(f"in the format `{pattern}` is not understood")):
        date_format(pattern)
