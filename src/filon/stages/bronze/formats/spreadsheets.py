"""Spreadsheets: one sheet of a workbook, its header row, and the rows below it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from filon.project import Dataset
from filon.project.headers import fields_of
from filon.stages.bronze.footers import footer_path
from filon.stages.bronze.formats.cells import Spelling, Value, spelling_of
from filon.stages.bronze.formats.conversion import Converted
from filon.stages.bronze.formats.ods import CONTENT, OpenWorkbook
from filon.stages.bronze.formats.parts import Parts
from filon.stages.bronze.formats.sheets import Remarks, Row, Sheet, Workbook
from filon.stages.bronze.formats.tidying import TidyWriter, tidy_file
from filon.stages.bronze.formats.xlsx import ExcelWorkbook
from filon.stages.bronze.headers import Header, header_by_place, match_header
from filon.stages.bronze.records import FIRST_RECORDS
from filon.stages.bronze.refusals import FileRejected
from filon.stages.limits import LONGEST_HEADER, MOST_FIELDS, Limits

MOST_BEFORE_HEADER = 1_000
"""Rows among which the header is looked for."""
SHOWN = 200
TEXT = Spelling()


def open_workbook(path: Path, limits: Limits) -> Workbook:
    """Open a spreadsheet by what is in it; FileRejected when it is none that can be read."""
    parts = Parts(path, limits)
    return OpenWorkbook(parts) if CONTENT in parts else ExcelWorkbook(parts)


def convert_spreadsheet(path: Path, target: Path, dataset: Dataset, packed: int, limits: Limits) -> Converted:
    """Write the rows of a sheet into a tidy file; rows that hold nothing are no records.

    Args:
        path: the file
        target: the file to write
        dataset: its columns, and the sheet that holds them
        packed: bytes of the file as it was received
        limits: what may be read and written

    Raises:
        FileRejected: the file, its sheet or its header cannot be used

    """
    workbook = open_workbook(path, limits)
    sheet, notes = chosen_sheet(workbook, dataset.dialect.sheet)
    footer_row = _footer_row(workbook, sheet, dataset)
    remarks = Remarks()
    rows = (row for row in workbook.rows(sheet, remarks) if row.number > dataset.dialect.skip_lines)
    beginning = list(islice(rows, MOST_BEFORE_HEADER))
    if not beginning:
        raise FileRejected("empty", f"the sheet {sheet.name} holds nothing; send it with at least a header")
    if dataset.dialect.skip_until == "header":
        beginning = beginning[_header_position(beginning, dataset) :]
    first, header = _header(beginning, dataset)
    body = beginning[1:] if dataset.dialect.header else beginning
    footer = footer_path(path) if footer_row is not None else None
    with tidy_file(target, header.width, packed, limits) as writer, _opened(footer) as out:
        records = _without_footer(chain(body, rows), footer_row, out)
        _write(writer, records, first, _spellings(header, dataset))
        tidied = writer.tidied
    return Converted(header, tidied, (*notes, *_notes(remarks, beginning[0].number, first, header.width)), footer)


def chosen_sheet(workbook: Workbook, name: str | None) -> tuple[Sheet, list[str]]:
    """The sheet of that name, or the first one that is shown; and a remark when there are others to choose from.

    FileRejected when there is no such sheet.
    """
    names = ", ".join(sheet.name for sheet in workbook.sheets)[:SHOWN]
    if name is not None:
        for same in (str, str.casefold):
            for sheet in workbook.sheets:
                if same(sheet.name.strip()) == same(name.strip()):
                    return sheet, []
        raise FileRejected("missing_sheet", f"it has no sheet {name} (it has: {names}). Name one of these by `sheet`.")
    shown = next((sheet for sheet in workbook.sheets if sheet.is_visible), None)
    if shown is None:
        raise FileRejected("missing_sheet", f"it has no sheet that is shown (it has: {names}). Name one by `sheet`.")
    others = [sheet.name for sheet in workbook.sheets if sheet is not shown]
    note = f"read the sheet {shown.name}, not {', '.join(others)[:SHOWN]}; choose one by `sheet`"
    return shown, [note] if others else []


def _footer_row(workbook: Workbook, sheet: Sheet, dataset: Dataset) -> int | None:
    """The number of the row with which the footer begins, found as in texts; None when there is none."""
    spec, dialect = dataset.dialect.footer, dataset.dialect
    if spec is None:
        return None
    rows = (row for row in workbook.rows(sheet, Remarks()) if row.number > dialect.skip_lines)
    beginning = list(islice(rows, MOST_BEFORE_HEADER))
    start = _header_position(beginning, dataset) if dialect.skip_until == "header" else 0
    records = chain(beginning[start + dialect.header :], rows)
    if spec.lines is not None:
        last = deque((row.number for row in records), maxlen=spec.lines)
        return last[0] if last else None
    found = run = None
    for row in records:
        begins = TEXT(row.cells[min(row.cells)]).lstrip().startswith(spec.starts_with or "")
        run = (row.number if run is None else run) if begins else None
        found = found if run is None else run
    return found


@contextmanager
def _opened(footer: Path | None) -> Iterator[TextIO | None]:
    """The file for the text of a footer; None when there is none."""
    if footer is None:
        yield None
        return
    with footer.open("w", encoding="utf-8", newline="") as out:
        yield out


def _without_footer(rows: Iterable[Row], footer_row: int | None, out: TextIO | None) -> Iterator[Row]:
    """The rows before the footer; those of the footer are written as lines."""
    for row in rows:
        if out is None or footer_row is None or row.number < footer_row:
            yield row
        else:
            out.write(" ".join(readable(row.cells).split()) + "\n")


def _header_position(rows: Sequence[Row], dataset: Dataset) -> int:
    """The position of the row that names most of the columns, the first of such rows; 0 when none names one."""
    best, most = 0, 0
    for position, row in enumerate(rows):
        names = [TEXT(value).strip() for value in row.cells.values()]
        count = sum(1 for _ in fields_of(names, dataset.read_columns))
        if count > most:
            best, most = position, count
    return best


def _header(rows: Sequence[Row], dataset: Dataset) -> tuple[int, Header]:
    """The column of the first field, and the header; FileRejected when it does not fit the contract."""
    if not dataset.dialect.header:
        first = min(min(row.cells) for row in rows[:FIRST_RECORDS])
        return first, header_by_place([max(row.cells) + 1 - first for row in rows[:FIRST_RECORDS]], dataset)
    cells = rows[0].cells
    first, last = min(cells), max(cells)
    names = [TEXT(cells.get(column)) for column in range(first, last + 1)]
    if len(names) > MOST_FIELDS or sum(map(len, names)) > LONGEST_HEADER:
        raise FileRejected(
            "too_large",
            f"its header has more than {LONGEST_HEADER:,} characters or {MOST_FIELDS:,} columns; send fewer columns",
        )
    return first, match_header(names, dataset)


def _spellings(header: Header, dataset: Dataset) -> list[Spelling]:
    declared = {index: spelling_of(dataset, dataset.contract.column(name)) for name, index in header.columns}
    return [declared.get(index, TEXT) for index in range(header.width)]


def _write(writer: TidyWriter, rows: Iterator[Row], first: int, spellings: Sequence[Spelling]) -> None:
    last = first + len(spellings) - 1
    places = list(enumerate(spellings, start=first))
    for row in rows:
        if min(row.cells) < first or max(row.cells) > last:
            writer.add_malformed("too_many_fields", readable(row.cells))
        else:
            writer.add([spell(row.cells.get(column)) for column, spell in places])


def readable(cells: dict[int, Value]) -> str:
    """The cells of a row as a text."""
    return " | ".join(TEXT(cells.get(column)) for column in range(min(cells), max(cells) + 1))


def _notes(remarks: Remarks, header_row: int, first: int, width: int) -> Iterator[str]:
    columns = sum(first <= column < first + width for column in remarks.hidden_columns)
    hidden = [f"{count:,} {what}" for count, what in ((remarks.hidden_rows, "rows"), (columns, "columns")) if count]
    if hidden:
        yield f"hidden {' and '.join(hidden)} were read like the others"
    merged = sum(row > header_row for row in remarks.merged)
    if merged:
        yield f"merged cells ({merged:,}): the value stands in the first of them, the others are null"
    if remarks.formulas:
        yield f"formulas without a stored value ({remarks.formulas:,}) are null; save the file in a spreadsheet program"
