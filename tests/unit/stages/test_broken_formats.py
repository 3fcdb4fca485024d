"""Files of every format that are broken inside: each is read, or refused with a reason, and no line is lost."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from filon.project import TEXT, Column, Contract, Dataset, parse_type
from filon.project.document import Document
from filon.project.vocabulary import Dialect, Drift, Keep, MissingFile
from filon.stages.bronze.formats import Converted, convert
from filon.stages.bronze.refusals import FileRejected
from filon.stages.limits import Limits
from tests.integration.spreadsheets import (
    Parts,
    archive,
    cell,
    ods_cell,
    ods_parts,
    ods_row,
    row,
    worksheet,
    xlsx_parts,
)

QUIET = settings(max_examples=200, deadline=None, derandomize=True, database=None)
DECIMAL, DATE = parse_type("DECIMAL(12,2)"), parse_type("DATE")
assert DECIMAL is not None
assert DATE is not None
COLUMNS = (
    Column("code", TEXT, header="code"),
    Column("prix", DECIMAL, header="client.prix"),
    Column("jour", DATE, header="jour", format="yyyy-MM-dd"),
)


def dataset(pattern: str, **words: object) -> Dataset:
    contract = Contract("ventes", COLUMNS, (), document=Document(Path("ventes.yaml"), {}, {}))
    dialect = Dialect.model_validate(words)
    return Dataset(contract, pattern, dialect, Keep.FIRST, Drift.EVOLVE, 0.1, MissingFile.KEEP, ())


def converted(content: bytes, into: Dataset) -> Converted | FileRejected:
    """What comes of a file, and nothing else does."""
    with tempfile.TemporaryDirectory(prefix="filon-test-") as folder:
        path, target = Path(folder) / "file", Path(folder) / "tidy"
        path.write_bytes(content)
        try:
            return convert(path, target, into, len(content), Limits())
        except FileRejected as refused:
            return refused


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NAMES = st.sampled_from(["code", "CODE", "client", "client.prix", "prix", "jour", "x", "", "Client"])
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
LINES = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=4).map(json.dumps),
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20),
    st.sampled_from(["{}", "[]", "null", " ", "", "\r", '{"code": "\\ud800"}', '{"a": 1e9999999999}', '{"a":' * 3000]),
)


@QUIET
@given(
    lines=st.lists(LINES, max_size=6),
    end=st.sampled_from(["\n", "\r\n"]),
    words=st.sampled_from([{}, {"decimal": ","}]),
)
@example(lines=['{"code": 1, "client": {"client.prix": 2, "prix": 3}}'], end="\n", words={})
def test_every_line_is_a_record_or_the_file_is_refused(lines: list[str], end: str, words: dict[str, object]) -> None:
    content = end.join(lines).encode()
    result = converted(content, dataset("*.jsonl", **words))
    if isinstance(result, Converted):
        text = content.decode().removeprefix("\ufeff")
        assert result.tidied.records == sum(bool(line.strip(" \t\r\n")) for line in text.split("\n"))
    else:
        assert result.reason in {"empty", "no_declared_column", "duplicate_header"}


def excel() -> Parts:
    rows = (
        row("Ventes"),
        row("code", "client.prix", "jour", number=2),
        row("a", cell(1.5), cell(45000, "date"), number=3),
        row(cell(0, kind="s"), cell("1E5", kind="n"), cell(True), attributes=' hidden="1"'),
        row(None, cell("#N/A", kind="e"), cell("2026-01-01T00:00:00", kind="d")),
    )
    before, after = (
        '<cols><col min="1" max="2" hidden="1"/></cols>',
        '<mergeCells><mergeCell ref="A3:B4"/></mergeCells>',
    )
    sheet = worksheet(*rows, before=before, after=after)
    return xlsx_parts({"Un": sheet, "Deux": worksheet()}, hidden=["Deux"], texts=["<t>x</t>", "<r><t>y</t></r>"])


def open_document() -> Parts:
    rows = (
        ods_row("Ventes"),
        ods_row("code", "client.prix", "jour"),
        ods_row(
            "a",
            ods_cell("1", "float", "1"),
            ods_cell("?", "date", "2026-01-01"),
            attributes=' table:number-rows-repeated="3"',
        ),
        ods_row("b", ods_cell("?", "time", "PT26H30M", ' table:number-columns-repeated="2"')),
        ods_row("c", ods_cell("VRAI", "boolean", "true"), ods_cell("#N/A", "float", "0")),
    )
    return ods_parts({"Un": "".join(rows), "Deux": ""}, hidden=["Deux"])


PIECES = st.sampled_from(
    ["", "<", ">", '"', "&", "&#0;", "&lt;", "<row>", "</row>", "<c>", "</c>", "<v>", "-1", "99999999999", "A0", "XFD1",
     "ZZZZ9", "0", "true", "<table:table-row>", "</table:table-row>", "<text:p>", "<!DOCTYPE a>", "é", "\x01", "P9D"]
)  # fmt: skip
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES), min_size=1, max_size=4)


def edited(text: str, edits: list[tuple[float, int, str]]) -> str:
    """The text with pieces in the place of some of its characters."""
    for where, length, piece in edits:
        position = int(where * len(text))
        text = text[:position] + piece + text[position + length :]
    return text


@QUIET
@given(
    part=st.integers(0, 20),
    edits=EDITS,
    make=st.sampled_from([excel, open_document]),
    words=st.sampled_from([{}, {"skipUntil": "header"}, {"header": False}, {"sheet": "Deux"}]),
)
def test_a_broken_part_of_a_spreadsheet_is_read_or_refused(
    part: int, edits: list[tuple[float, int, str]], make: Callable[[], Parts], words: dict[str, object]
) -> None:
    parts = dict(make())
    name = list(parts)[part % len(parts)]
    parts[name] = edited(str(parts[name]), edits)
    result = converted(archive(parts), dataset("*.xlsx", **words))
    assert isinstance(result, Converted) or result.detail


def test_sound_spreadsheets_are_read() -> None:
    for make in (excel, open_document):
        result = converted(archive(make()), dataset("*.xlsx", skipUntil="header"))
        assert isinstance(result, Converted)
        assert (result.tidied.malformed, result.tidied.records > 2) == (0, True)
