"""The reader of files: text into records in Parquet, with no engine beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from filon.engines import (
    CsvFile,
    CsvForm,
    CsvUnreadable,
    Faults,
    FieldSample,
    LocalReader,
    MalformedRecord,
    RecordLayout,
)
from filon.engines.footers import read_footers
from filon.lake import Location
from tests.engines.conftest import Ground

FORM = CsvForm(("f0", "f1"))
LAYOUT = RecordLayout((("id", "f0"), ("never", None), ("name", "f1")))


@pytest.fixture(autouse=True)
def forgotten(reader: LocalReader) -> Iterator[None]:
    """No records of one test are left to the next."""
    yield
    reader.forget()


def file(ground: Ground, number: int, text: str) -> CsvFile:
    path = ground.workspace / f"{number} [a]*'.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return CsvFile(number, path)


def records(reader: LocalReader, layout: RecordLayout, table: Location) -> list[dict[str, Any]]:
    """What was written, in the order of files and records."""
    files = reader.write(layout, table)
    assert read_footers(table, [found.name for found in files]) == files
    rows = [row for found in files for row in pq.read_table(table.path_of(found.name)).to_pylist()]
    return sorted(rows, key=lambda row: (row["_file"], row["_record"]))


def record(number: int, ordinal: int, name: str | None, identity: str | None, **others: str) -> dict[str, Any]:
    place = {"_file": number, "_record": ordinal}
    return (
        {"id": identity, "never": None, "name": name, "_extra": None, "_malformed": None, "_raw": None} | place | others
    )


def test_records_are_numbered_in_each_file(reader: LocalReader, ground: Ground, table: Location) -> None:
    files = [file(ground, 7, "a,b\n1,x\n2,\n"), file(ground, 9, 'a,b\n1,"é, ""q""\nz"\n'), file(ground, 8, "a,b\n")]
    assert reader.read(files, FORM) == {7: 2, 9: 1, 8: 0}
    assert records(reader, LAYOUT, table) == [
        record(7, 1, "x", "1"),
        record(7, 2, None, "2"),
        record(9, 1, 'é, "q"\nz', "1"),
    ]


def test_undeclared_fields_are_kept_as_json(reader: LocalReader, ground: Ground, table: Location) -> None:
    reader.read([file(ground, 1, 'a,b\n1,"é ""x"""\n2,\n')], FORM)
    layout = RecordLayout((("id", "f0"),), extras=(('the "name"', "f1"),))
    assert [row["_extra"] for row in records(reader, layout, table)] == [
        '{"the \\"name\\"":"é \\"x\\""}',
        '{"the \\"name\\"":null}',
    ]


def test_another_form_reads_other_delimiters_and_quotes(reader: LocalReader, ground: Ground, table: Location) -> None:
    reader.read([file(ground, 1, "a;b\n'1;2';x\n")], CsvForm(("f0", "f1"), ";", "'"))
    assert records(reader, LAYOUT, table) == [record(1, 1, "x", "1;2")]


@pytest.mark.parametrize("text", ["a,b\n1\n", "a,b\n1,2,3\n", 'a,b\n1,"x\n', 'a,b\n1,"x"y\n'])
def test_what_breaks_the_form_is_unreadable(reader: LocalReader, ground: Ground, text: str) -> None:
    with pytest.raises(CsvUnreadable):
        reader.read([file(ground, 1, text)], FORM)


def test_ragged_lines_are_told_apart(reader: LocalReader, ground: Ground, table: Location) -> None:
    crowded = ",".join("x" * 150)
    lines = ["1,x", "2", "3,y,z", "4,,", " \t", crowded]
    form = CsvForm(("f0", "f1"), ragged=True)
    assert reader.read([file(ground, 3, "\n".join(["a,b", *lines, ""]))], form) == {3: 6}
    assert reader.faults() == Faults(malformed=4, blank=1, crowded=1)
    assert reader.first_malformed() == MalformedRecord(2, "too_few_fields", "2")
    assert records(reader, LAYOUT, table) == [
        record(3, 1, "x", "1"),
        record(3, 2, None, None, _malformed="too_few_fields", _raw="2"),
        record(3, 3, None, None, _malformed="too_many_fields", _raw="3,y,z"),
        record(3, 4, None, "4"),
        record(3, 5, None, None, _malformed="too_few_fields", _raw=" \t"),
        record(3, 6, None, None, _malformed="crowded", _raw=crowded),
    ]


def test_a_file_may_number_its_records_itself(reader: LocalReader, ground: Ground, table: Location) -> None:
    form = CsvForm(("_record", "_malformed", "_raw", "f0", "f1"), numbered=True)
    text = '_record,_malformed,_raw,f0,f1\n5,,,1,x\n7,unclosed_quote,"a ""b",,\n'
    assert reader.read([file(ground, 2, text)], form) == {2: 2}
    assert reader.first_malformed() == MalformedRecord(7, "unclosed_quote", 'a "b')
    assert records(reader, LAYOUT, table) == [
        record(2, 5, "x", "1"),
        record(2, 7, None, None, _malformed="unclosed_quote", _raw='a "b'),
    ]


def test_empty_fields_are_counted(reader: LocalReader, ground: Ground) -> None:
    reader.read([file(ground, 1, "a,b\n1,\n2,\n3,x\n")], FORM)
    assert (reader.count_empty("f0"), reader.count_empty("f1")) == (0, 2)


def test_the_first_values_of_each_file_are_held_against_patterns(reader: LocalReader, ground: Ground) -> None:
    reader.read([file(ground, 1, "a,b\n1,\n 2 ,x\nz,y\n"), file(ground, 2, "a,b\n7,7\n")], FORM)
    found = reader.sample([("f1", "."), ("f0", "7|z")], ["[0-9]+", "[a-z]", "x"], first=2)
    assert found == {
        1: (FieldSample(1, (0, 1, 0), 1), FieldSample(2, (2, 0, 0), 0)),
        2: (FieldSample(1, (1, 0, 0), 1),) * 2,
    }
    assert reader.sample([], [], first=2) == {1: (), 2: ()}


def test_reading_again_lets_go_of_the_records_before(reader: LocalReader, ground: Ground, table: Location) -> None:
    reader.read([file(ground, 1, "a,b\n1,x\n")], CsvForm(("f0", "f1"), ragged=True))
    reader.read([file(ground, 2, "a,b\n2,y\n")], FORM)
    assert records(reader, LAYOUT, table) == [record(2, 1, "y", "2")]


def test_the_share_that_is_done_is_unknown_or_a_share(reader: LocalReader) -> None:
    share = reader.progress()
    assert share is None or 0 <= share <= 1
