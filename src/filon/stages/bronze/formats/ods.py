"""OpenDocument spreadsheets, streamed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from filon.stages.bronze.formats.cells import Value
from filon.stages.bronze.formats.parts import Parts, no_spreadsheet, plain
from filon.stages.bronze.formats.sheets import (
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_ROWS,
    Remarks,
    Row,
    Sheet,
    duration_text,
    iso_moment,
    shown_number,
)
from filon.stages.bronze.refusals import FileRejected

CONTENT, MANIFEST = "content.xml", "META-INF/manifest.xml"
DURATION = re.compile(
    r"(-?)P(?:([0-9]{1,6})D)?T?(?:([0-9]{1,7})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9}(?:[.,][0-9]{1,9})?)S)?"
)
CELLS = {"table-cell", "covered-table-cell"}
HIDING = {"collapse", "filter"}


class OpenWorkbook:
    """A spreadsheet: its sheets in their order. FileRejected when it is encrypted."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        if MANIFEST in parts:
            parts.parse_whole(MANIFEST, self._refuse_encrypted, _ignore, _ignore)
        listing = _Listing()
        parts.parse_whole(CONTENT, listing.start, listing.end, _ignore)
        self.sheets = tuple(listing.sheets)

    @staticmethod
    def _refuse_encrypted(name: str, _attributes: dict[str, str]) -> None:
        if name == "encryption-data":
            raise FileRejected("encrypted", "it is protected by a password; save it without one")

    def rows(self, sheet: Sheet, remarks: Remarks) -> Iterator[Row]:
        """The rows of a sheet that hold something."""
        handler = _Rows(int(sheet.part), remarks)
        for _ in self._parts.parse(CONTENT, handler.start, handler.end, handler.text):
            yield from handler.taken()


def _ignore(*_: object) -> None:
    """A handler for what is of no interest."""


@dataclass
class _Listing:
    """Gathers the sheets; ``part`` of each is its position."""

    sheets: list[Sheet] = field(default_factory=list)
    _hidden: set[str] = field(default_factory=set)
    _style: str = ""
    _depth: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "style":
            self._style = plain(attributes).get("name", "")
        elif name == "table-properties" and plain(attributes).get("display") == "false":
            self._hidden.add(self._style)
        elif name == "table":
            found = plain(attributes)
            if not self._depth:
                is_visible = found.get("style-name", "") not in self._hidden
                self.sheets.append(Sheet(found.get("name", ""), is_visible, str(len(self.sheets))))
            self._depth += 1

    def end(self, name: str) -> None:
        self._depth -= name == "table"


def _repeated(attributes: dict[str, str], name: str, most: int) -> int:
    text = attributes.get(name, "1")
    return min(int(text), most) if text.isdecimal() and len(text) < 12 else 1


@dataclass
class _Cell:
    """What is known of the cell that is being read."""

    attributes: dict[str, str]
    repeated: int
    lines: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    size: int = 0


class _Rows:
    """Gathers the rows of the sheet at a position."""

    def __init__(self, position: int, remarks: Remarks) -> None:
        self._position = position
        self._remarks = remarks
        self._rows: list[tuple[range, dict[int, Value]]] = []
        self._tables = self._depth = 0
        self._row = self._column = self._columns = 0
        self._repeated_rows = 1
        self._is_hidden = False
        self._cells: dict[int, Value] = {}
        self._cell: _Cell | None = None
        self._notes = self._paragraphs = 0

    def taken(self) -> Iterator[Row]:
        """The rows since the last call."""
        runs, self._rows = self._rows, []
        for numbers, cells in runs:
            yield from (Row(number, cells) for number in numbers)

    @property
    def _is_here(self) -> bool:
        return self._depth == 1 and self._tables == self._position + 1

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table":
            self._tables += self._depth == 0
            self._depth += 1
        elif not self._is_here:
            return
        elif name == "annotation":
            self._notes += 1
        elif name == "table-row":
            self._start_row(plain(attributes))
        elif name == "table-column":
            self._hide_columns(plain(attributes))
        elif name in CELLS:
            found = plain(attributes)
            self._cell = _Cell(found, _repeated(found, "number-columns-repeated", MOST_COLUMNS))
            spanned = [_repeated(found, f"number-{what}-spanned", MOST_ROWS) for what in ("rows", "columns")]
            if max(spanned) > 1 and len(self._remarks.merged) < MOST_ROWS:
                self._remarks.merged.append(self._row + spanned[0])
        elif self._cell is not None and not self._notes:
            self._start_text(self._cell, name, attributes)

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._repeated_rows = _repeated(attributes, "number-rows-repeated", 1 << 40)
        self._is_hidden = attributes.get("visibility") in HIDING
        self._column = 0
        self._cells = {}

    def _hide_columns(self, attributes: dict[str, str]) -> None:
        count = _repeated(attributes, "number-columns-repeated", MOST_COLUMNS)
        if attributes.get("visibility") in HIDING:
            self._remarks.hidden_columns.update(range(self._columns, min(self._columns + count, MOST_COLUMNS)))
        self._columns += count

    def _start_text(self, cell: _Cell, name: str, attributes: dict[str, str]) -> None:
        if name == "p":
            self._paragraphs += 1
        elif name == "s":
            self._add(cell, " " * _repeated(plain(attributes), "c", LONGEST_CELL))
        elif name == "tab":
            self._add(cell, "\t")
        elif name == "line-break":
            self._add(cell, "\n")

    def text(self, text: str) -> None:
        if self._cell is not None and self._paragraphs and not self._notes:
            self._add(self._cell, text)

    @staticmethod
    def _add(cell: _Cell, text: str) -> None:
        cell.pieces.append(text)
        cell.size += len(text)
        if cell.size > LONGEST_CELL:
            raise FileRejected("too_large", f"a cell has more than {LONGEST_CELL:,} characters")

    def end(self, name: str) -> None:
        if name == "table":
            self._depth -= 1
        elif not self._is_here:
            return
        elif name == "annotation":
            self._notes -= 1
        elif name == "p" and self._cell is not None and not self._notes:
            self._paragraphs -= 1
            self._cell.lines.append("".join(self._cell.pieces))
            self._cell.pieces.clear()
        elif name in CELLS and self._cell is not None:
            self._end_cell(self._cell)
            self._cell = None
        elif name == "table-row":
            self._end_row()

    def _end_cell(self, cell: _Cell) -> None:
        value = _value(cell.attributes, "\n".join(cell.lines))
        if value not in (None, ""):
            if self._column + cell.repeated > MOST_COLUMNS:
                raise no_spreadsheet(f"a sheet has more than {MOST_COLUMNS:,} columns")
            for column in range(self._column, self._column + cell.repeated):
                self._cells[column] = value
        elif "formula" in cell.attributes and cell.attributes.get("value-type") != "string":
            self._remarks.formulas += 1
        self._column += cell.repeated

    def _end_row(self) -> None:
        first = self._row + 1
        self._row += self._repeated_rows
        if not self._cells:
            return
        if self._row > MOST_ROWS:
            raise no_spreadsheet(f"a sheet has more than {MOST_ROWS:,} rows")
        self._remarks.hidden_rows += self._repeated_rows if self._is_hidden else 0
        self._rows.append((range(first, self._row + 1), self._cells))


def _value(attributes: dict[str, str], text: str) -> Value:
    """The value of a cell by its attributes; ``text`` is what it shows."""
    kind = attributes.get("value-type", "")
    if kind in ("float", "percentage", "currency"):
        is_fault = text.startswith("#") and attributes.get("value", "0") == "0"
        return text if is_fault else shown_number(attributes.get("value", text))
    if kind == "date":
        return iso_moment(attributes.get("date-value", text))
    if kind == "time":
        return _time(attributes.get("time-value", text))
    if kind == "boolean":
        return attributes.get("boolean-value", text) == "true"
    return attributes.get("string-value", text)


def _time(text: str) -> Value:
    found = DURATION.fullmatch(text)
    if found is None:
        return text
    days, hours, minutes = (int(found[group] or 0) for group in (2, 3, 4))
    seconds = float((found[5] or "0").replace(",", "."))
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return duration_text(-total if found[1] else total)
