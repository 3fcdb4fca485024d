"""The patient reader: every record of a text is found, and a malformed one takes no other with it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from filon.project.vocabulary import Dialect
from filon.stages.bronze import window
from filon.stages.bronze.records import Record, RecordReader, Tidied, read_header, tidy


def records(text: str, delimiter: str = ",", quote: str = '"') -> list[Record]:
    return list(RecordReader(io.StringIO(text, newline=""), delimiter, quote))


def fields(text: str, delimiter: str = ",", quote: str = '"') -> list[tuple[str, ...]]:
    found = records(text, delimiter, quote)
    assert [record.fault for record in found] == [None] * len(found)
    return [record.fields for record in found]


def tidied(folder: Path, text: str, width: int, delimiter: str = ",") -> tuple[Tidied, list[list[str]]]:
    """What ``tidy`` finds in a text with a header, and the rows that it writes (without their header)."""
    source, target = folder / "source.csv", folder / "tidy.csv"
    source.write_bytes(text.encode())
    found = tidy(source, target, Dialect(delimiter=delimiter), width)
    with target.open(encoding="utf-8", newline="") as stream:
        return found, list(csv.reader(stream))[1:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,a\n2,b\n", [("1", "a"), ("2", "b")]),
        ("1,a\n2,b", [("1", "a"), ("2", "b")]),
        ('1,"a, b"\n', [("1", "a, b")]),
        ('1,"a\nb"\n2,c\n', [("1", "a\nb"), ("2", "c")]),
        ('1,"a\r\nb\r\n\r\nc"\r\n2,d\r\n', [("1", "a\r\nb\r\n\r\nc"), ("2", "d")]),
        ('1,"say ""hi"""\n', [("1", 'say "hi"')]),
        ('1,""""\n', [("1", '"')]),
        ('"",""\n', [("", "")]),
        ('1, "a" ,2\n', [("1", "a", "2")]),
        (",,\n", [("", "", "")]),
        (" a , b \n", [(" a ", " b ")]),
        ("é,🙂\n", [("é", "🙂")]),
    ],
)
def test_well_formed_records_are_cut_into_their_fields(text: str, expected: list[tuple[str, ...]]) -> None:
    assert fields(text) == expected


def test_lines_may_end_in_any_way_even_mixed() -> None:
    assert fields("1,a\n2,b\r\n3,c\r4,d") == [("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")]


def test_blank_lines_are_no_records() -> None:
    assert fields("\n1,a\n\n  \t\n\r\n2,b\n\n") == [("1", "a"), ("2", "b")]


def test_a_blank_line_inside_quotes_is_part_of_the_value() -> None:
    assert fields('1,"a\n\nb"\n') == [("1", "a\n\nb")]


@pytest.mark.parametrize(
    ("delimiter", "quote"), [(";", '"'), ("\t", "'"), ("|", "^"), ("^", "|"), (",", "]"), (",", "\\")]
)
def test_any_two_characters_may_be_delimiter_and_quote(delimiter: str, quote: str) -> None:
    text = "1DQa DQQ bQ\n".replace("D", delimiter).replace("Q", quote)
    assert fields(text, delimiter, quote) == [("1", f"a {delimiter}{quote} b")]


def test_blanks_may_be_delimiters() -> None:
    assert fields('1  "a b"\n', " ") == [("1", "", "a b")]


@pytest.mark.parametrize(
    ("text", "raw", "fault"),
    [
        ('1,"a"b\n2,c\n3,d\n', '1,"a"b', "stray_quote"),
        ('1,"a"b"\n2,c\n3,d\n', '1,"a"b"', "stray_quote"),
        ('1,"a\n2,c\n3,d\n', '1,"a', "unterminated_quote"),
        ('1,"a\r\n2,c\r\n3,d\r\n', '1,"a', "unterminated_quote"),
    ],
)
def test_only_the_line_where_a_broken_record_starts_is_blamed(text: str, raw: str, fault: str) -> None:
    assert records(text) == [
        Record(raw, fault=fault),
        Record("2,c", ("2", "c")),
        Record("3,d", ("3", "d")),
    ]


def test_good_quoted_records_after_a_broken_one_are_found_again() -> None:
    assert records('1,"a\n2,"b\nc"\n3,d\n') == [
        Record('1,"a', fault="stray_quote"),
        Record('2,"b\nc"', ("2", "b\nc")),
        Record("3,d", ("3", "d")),
    ]


def test_an_open_quote_in_the_last_line_is_unterminated() -> None:
    assert records('1,a\n2,"b') == [Record("1,a", ("1", "a")), Record('2,"b', fault="unterminated_quote")]


def test_several_broken_records_are_blamed_one_by_one() -> None:
    found = records('1,"a"x\n2,b\n3,"c"x\n4,"d\n5,e\n')
    assert [(record.raw, record.fault) for record in found] == [
        ('1,"a"x', "stray_quote"),
        ("2,b", None),
        ('3,"c"x', "stray_quote"),
        ('4,"d', "unterminated_quote"),
        ("5,e", None),
    ]


def test_quotes_inside_an_unquoted_field_are_part_of_it() -> None:
    assert fields('1,a 5" x 3" sheet\n') == [("1", 'a 5" x 3" sheet')]


def test_a_record_with_one_quote_inside_a_field_reads_alike_wherever_it_stands() -> None:
    odd, even = '1,a 5" disk', "2,b"
    first_of_two = records(f"{odd}\n{even}\n")[0]
    last_of_two = records(f"{even}\n{odd}\n")[1]
    assert first_of_two == last_of_two


def test_an_unterminated_quote_stops_looking_for_its_end_after_the_longest_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("filon.stages.bronze.records.LONGEST_RECORD", 20)
    found = records('1,"a\n2,bbbbbbbbbb\n3,cccccccccc\n4,"d"\n')
    assert [(record.raw, record.fault) for record in found] == [
        ('1,"a', "unterminated_quote"),
        ("2,bbbbbbbbbb", None),
        ("3,cccccccccc", None),
        ('4,"d"', None),
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", ""])
@pytest.mark.parametrize("length", [10, 11, 12, 21, 22, 23, 24, 35])
def test_a_line_that_is_too_long_is_one_malformed_record(
    monkeypatch: pytest.MonkeyPatch, length: int, ending: str
) -> None:
    monkeypatch.setattr("filon.stages.bronze.records.LONGEST_RECORD", 10)
    found = records("x" * length + ending + ("2,b\n" if ending else ""))
    fault = "line_too_long" if length > 10 else None
    assert [record.fault for record in found] == [fault, None][: len(found)]
    assert [record.fields for record in found[1:]] == ([("2", "b")] if ending else [])
    assert found[0].raw == ("x" * min(length, 11))


def test_a_line_that_is_too_long_may_hold_quotes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filon.stages.bronze.records.LONGEST_RECORD", 10)
    assert [record.fault for record in records('1,"xxxxxxxxxxxxxxxxxxx"\n2,b\n')] == ["line_too_long", None]


def test_tidy_writes_an_ordinal_the_fault_and_the_fields_of_each_record(tmp_path: Path) -> None:
    found, rows = tidied(tmp_path, 'id,name\n1,"a\nb"\n2\n3,c,d\n4,"e"x\n5,f\n', 2)
    assert found == Tidied(records=5, malformed=3)
    assert rows == [
        ["1", "", "", "1", "a\nb"],
        ["2", "too_few_fields", "2", "", ""],
        ["3", "too_many_fields", "3,c,d", "", ""],
        ["4", "stray_quote", '4,"e"x', "", ""],
        ["5", "", "", "5", "f"],
    ]


def test_empty_fields_beyond_the_header_bring_no_data_and_are_let_go(tmp_path: Path) -> None:
    found, rows = tidied(tmp_path, 'id;name\n1;a;\n2;b\n3;;\n4;c;;\n5;d;"";\n6;e;;f\n', 2, ";")
    assert found == Tidied(records=6, malformed=1)
    assert [row[1:] for row in rows] == [
        ["", "", "1", "a"],
        ["", "", "2", "b"],
        ["", "", "3", ""],
        ["", "", "4", "c"],
        ["", "", "5", "d"],
        ["too_many_fields", "6;e;;f", "", ""],
    ]


def test_quotes_that_close_and_open_again_on_each_line_are_one_record() -> None:
    lines = 20_000
    [record] = records('a,"x\n' + '","x\n' * lines + '"\n')
    assert len(record.fields) == lines + 2


def test_tidy_does_not_count_blank_lines(tmp_path: Path) -> None:
    found, rows = tidied(tmp_path, "id,name\r\n\r\n1,a\r\n   \r\n2,b\r\n\r\n", 2)
    assert found == Tidied(records=2, malformed=0)
    assert [row[0] for row in rows] == ["1", "2"]


def test_tidy_finds_nothing_under_a_lonely_header(tmp_path: Path) -> None:
    assert tidied(tmp_path, "id,name\n", 2) == (Tidied(records=0, malformed=0), [])


def test_tidy_and_header_see_no_byte_order_mark(tmp_path: Path) -> None:
    found, rows = tidied(tmp_path, '\ufeff"id",name\n1,a\n', 2)
    assert (found.records, rows) == (1, [["1", "", "", "1", "a"]])
    header, _ = read_header(tmp_path / "source.csv", Dialect())
    assert header is not None
    assert header.fields == ("id", "name")


def test_the_header_is_the_first_line_that_is_not_blank(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_bytes(b"\r\n  \r\nid,name\r\n1,a\r\n")
    header, is_first = read_header(path, Dialect())
    assert not is_first
    assert header == Record("id,name", ("id", "name"))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b" \t\r\n"])
def test_a_text_of_blanks_has_no_header(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "blank.csv"
    path.write_bytes(content)
    assert read_header(path, Dialect()) == (None, False)


def test_where_nothing_is_quoted_each_line_is_a_record() -> None:
    assert fields('1,"a\n2,b"\n3,""\n', quote="") == [("1", '"a'), ("2", 'b"'), ("3", '""')]


@pytest.mark.parametrize("block", [1, 5, 1 << 20])
def test_a_record_says_where_it_starts_however_the_text_is_read(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(window, "BLOCK", block)
    text = 'é,b\n\n1,"x\ny"\r\n2,"open\n3,c\n4,"stray"x\n5,d'
    reader = RecordReader(io.StringIO(text, newline=""), ",", '"')
    found = [(record.raw, text[reader.start :].startswith(record.raw)) for record in reader]
    assert [starts for _, starts in found] == [True] * 6
    assert [raw for raw, _ in found][-1] == "5,d"
