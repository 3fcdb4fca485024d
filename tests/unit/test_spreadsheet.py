"""What spreadsheets would run as a formula, and what they must not find in the files of the API and the dashboard."""

from __future__ import annotations

import csv
import io
import sys
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filon.api.parameters import Format
from filon.api.rendering import make_writer
from filon.dashboard.language import Code, Language
from filon.dashboard.parts import lines_of
from filon.dashboard.takeaway.csvs import as_csv
from filon.project import TEXT, Column, ColumnType, Kind
from filon.spreadsheet import guarded

FORMULA = "cmd|'/C calc'!A0"
ACTIVE = {chr(code) for code in range(sys.maxunicode + 1) if unicodedata.normalize("NFKC", chr(code)) in "=+-@"}
UNSEEN = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if chr(code).isspace() or unicodedata.category(chr(code)) in ("Cc", "Cf")
]
SEPARATORS = ",;\t"

texts = st.text(
    st.sampled_from(
        [*"=+-@\uff1d\uff0b\uff0d\uff20\u2212;,\t\n\r\"' a1|", "\0", "\x0b", "\ufeff", "\u200b", "\xa0", "\u2028"]
    ),
    max_size=12,
)


def cells(file: str, separator: str) -> Iterator[str]:
    """The cells that a spreadsheet with that separator finds in a file."""
    for line in csv.reader(io.StringIO(file, newline=""), delimiter=separator):
        yield from line


def is_run(cell: str) -> bool:
    """Whether a spreadsheet runs a cell."""
    return cell.lstrip("".join(UNSEEN))[:1] in ACTIVE | {"\u2212"}


def of_api(name: str, text: str) -> str:
    """The CSV of the API: a number before and behind the text."""
    columns = [Column("n", ColumnType(Kind.INTEGER)), Column(name, TEXT), Column("d", ColumnType(Kind.DOUBLE))]
    writer = make_writer(Format.CSV, columns)
    return (writer.rows([{"n": 1, name: text, "d": 0.5}]) + writer.end()).decode()


def of_dashboard(name: str, text: str) -> str:
    """The CSV of a page: a number before and behind the text, which also stands in a list and in a nested value."""
    row = {"n": 1, name: text, "list": [text, text], "nested": {"inner": text}, "d": 0.5}
    return as_csv(lines_of([row]), Language(Code.ENGLISH)).decode("utf-8-sig")


@pytest.mark.parametrize(
    "text",
    ["\n=1", " =1", "\uff1d1", "\ufeff\uff0b1", "\u200b-1", "\x00@A1", "\xa0\u2003\uff20A1", "\u202e=1", "\ufe631"],
)
def test_what_hides_a_formula_does_not_help_it(text: str) -> None:
    assert guarded(text).startswith("'")


@pytest.mark.parametrize("text", ["a;=1", "a;\t =1", 'a;"=1"', "a\n\uff1d1", "a\r\n@A1", "1;+2;-3"])
def test_a_formula_inside_a_text_does_not_begin_a_cell_where_the_semicolon_separates(text: str) -> None:
    for separator in SEPARATORS:
        assert not any(map(is_run, cells(of_api("note", text), separator)))


@pytest.mark.parametrize("text", ["", "a", "2-1", "a = b", "a, =b", "é@è", "1;2", "'=1", "10:30 - 11:00", "a;'b"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


def test_every_blank_and_every_form_of_an_active_character_is_known() -> None:
    assert [form for form in ACTIVE if not guarded(f"{form}1").startswith("'")] == []
    assert [blank for blank in UNSEEN if not guarded(f"{blank}=1").startswith("'")] == []
    assert [blank for blank in UNSEEN if is_run(guarded(f"a;{blank}=1").partition(";")[2])] == []


@given(texts)
@example(f"={FORMULA}")
@example(f"\n\n;\t ={FORMULA}")
def test_no_cell_of_any_file_is_run(text: str) -> None:
    for file in (of_api("note", text), of_api(text, "x"), of_dashboard("note", text)):
        for separator in SEPARATORS:
            assert [cell for cell in cells(file, separator) if is_run(cell)] == []


def test_a_long_run_of_blanks_is_passed_over_once() -> None:
    for blank in " \n\t;\ufeff":
        assert guarded(f"a{blank * 3_000_000}b") == f"a{blank * 3_000_000}b"
