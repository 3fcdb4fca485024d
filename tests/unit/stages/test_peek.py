"""The first rows of a file of any format as texts."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import zstandard

from filon.project.vocabulary import Dialect, FileFormat
from filon.stages.bronze.formats import FirstRows, first_rows
from filon.stages.bronze.refusals import FileRejected
from tests.integration.spreadsheets import archive, cell, ods, ods_row, row, worksheet, xlsx, xlsx_parts
from tests.integration.test_parquet import parquet

HEADER, ROWS = ("ref", "n"), (("a", "1"), ("b", ""))
LINES = b'{"ref": "a", "n": 1}\n{"ref": "b"}\n'
TABLE = parquet({"ref": ["a", "b"], "n": [1, None]})


def peek(folder: Path, name: str, content: bytes, most: int = 1_000, dialect: Dialect | None = None) -> FirstRows:
    path = folder / name
    path.write_bytes(content)
    return first_rows(path, most, dialect or Dialect())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"ref,n\na,1\nb,\n"),
        ("a.csv.gz", gzip.compress(b"ref,n\na,1\nb,\n", mtime=0)),
        ("a.jsonl", LINES),
        ("a.ndjson.zst", zstandard.compress(LINES)),
        ("a.parquet", TABLE),
        ("a.parquet.gz", gzip.compress(TABLE, mtime=0)),
        ("a.xlsx", xlsx(row("ref", "n"), row("a", 1), row("b"))),
        ("a.ods", ods(ods_row("ref", "n"), ods_row("a", "1"), ods_row("b"))),
    ],
)
def test_every_format_gives_the_same_texts(tmp_path: Path, name: str, content: bytes) -> None:
    found = peek(tmp_path, name, content)
    assert (found.header, found.rows, found.is_whole, found.has_preamble) == (HEADER, ROWS, True, False)
    few = peek(tmp_path, name, content, most=1)
    assert (few.rows, few.is_whole) == (ROWS[:1], False)


def test_nested_fields_are_named_by_their_path(tmp_path: Path) -> None:
    lines = b'{"ref": "a", "client": {"ville": "Lyon", "tags": [1, 2.50]}}\n{"client": null, "x": {}}\n'
    found = peek(tmp_path, "a.jsonl", lines)
    assert found.header == ("ref", "client.ville", "client.tags", "x")
    assert found.rows == (("a", "Lyon", "[1, 2.50]", ""), ("", "", "", ""))
    moments = pa.array([dt.datetime(2026, 1, 1, 10)], pa.timestamp("us", "UTC"))
    table = peek(tmp_path, "a.parquet", parquet({"c": [{"ville": "Lyon"}], "at": moments}))
    assert (table.header, table.rows) == (("c.ville", "at"), (("Lyon", "2026-01-01 10:00:00"),))


def test_titles_and_sheets_of_a_spreadsheet_are_said(tmp_path: Path) -> None:
    sheet = worksheet(row("Ventes"), row("", "ref", "n"), row("", "a", cell(0.1)), row("", "b", cell(2)))
    found = peek(tmp_path, "a.xlsx", archive(xlsx_parts({"Janvier": sheet, "Notes": worksheet()})))
    assert (found.header, found.rows) == (("ref", "n"), (("a", "0.1"), ("b", "2")))
    assert (found.has_preamble, found.sheet, found.format) == (True, "Janvier", FileFormat.SPREADSHEET)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"\xff", "undecodable"),
        ("a.jsonl", b"", "empty"),
        ("a.jsonl", b"a,b\n1,2\n", "malformed"),
        ("a.jsonl", b"\xff\n", "undecodable"),
        ("a.parquet", b"a", "not_parquet"),
        ("a.xlsx", b"a", "not_a_spreadsheet"),
        ("a.xlsx", xlsx(), "empty"),
        ("a.csv.gz", gzip.compress(b"a", mtime=0)[:-6], "corrupt_archive"),
    ],
)
def test_what_a_run_could_not_read_is_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    with pytest.raises(FileRejected) as refused:
        peek(tmp_path, name, content)
    assert refused.value.reason == reason
