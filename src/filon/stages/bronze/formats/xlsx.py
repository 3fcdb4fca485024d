"""Excel workbooks (Office Open XML), streamed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

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
    moment_of,
    shown_number,
)
from filon.stages.bronze.refusals import FileRejected

MOST_TEXTS, MOST_CHARACTERS = 4_000_000, 256 << 20
"""Shared texts of a workbook, which are held in memory."""
CELL = re.compile("([A-Z]{1,3})([1-9][0-9]{0,6})")
ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
MOMENT, DURATION = "moment", "duration"
BUILT_IN = {**dict.fromkeys([*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)], MOMENT), 46: DURATION}
"""Number formats of dates and times that workbooks need not spell out."""
LITERALS = re.compile(r'"[^"]*"|\\.|[_*].|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
"""What stands in a number format for itself: texts, blanks, colours, conditions."""


def kind_of_format(code: str) -> str:
    """Whether a number format shows a moment or a duration; empty for other numbers."""
    section = LITERALS.sub("", code.partition(";")[0]).lower()
    if re.search(r"\[(h+|m+|s+)\]", section):
        return DURATION
    return MOMENT if re.search("[ymdhs]", section.replace("general", "")) else ""


class ExcelWorkbook:
    """A workbook: its sheets in their order, charts apart.

    FileRejected when the parts are no workbook.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._part = _target(_relations(parts, ""), "officeDocument") or "xl/workbook.xml"
        if self._part not in parts:
            raise no_spreadsheet("it is neither .xlsx nor .ods")
        self._relations = _relations(parts, self._part)
        self._starts_1904 = False
        self._listed: list[Sheet] = []
        parts.parse_whole(self._part, self._start, _ignore, _ignore)
        self.sheets = tuple(self._listed)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "workbookPr":
            self._starts_1904 = attributes.get("date1904", "0") in ("1", "true")
        elif name == "sheet":
            found = plain(attributes)
            kind, target = self._relations.get(found.get("id", ""), ("", ""))
            if kind == "worksheet":
                is_visible = found.get("state", "visible") == "visible"
                self._listed.append(Sheet(found.get("name", ""), is_visible, target))

    def rows(self, sheet: Sheet, remarks: Remarks) -> Iterator[Row]:
        """The rows of a sheet that hold something."""
        texts, styles = _Texts(), _Styles()
        if part := _target(self._relations, "sharedStrings"):
            self._parts.parse_whole(part, texts.start, texts.end, texts.text)
        if part := _target(self._relations, "styles"):
            self._parts.parse_whole(part, styles.start, styles.end, _ignore)
        handler = _Rows(texts.found, styles.kinds, remarks, self._starts_1904)
        for _ in self._parts.parse(sheet.part, handler.start, handler.end, handler.text):
            yield from handler.taken()


def _ignore(*_: object) -> None:
    """A handler for what is of no interest."""


def _relations(parts: Parts, part: str) -> dict[str, tuple[str, str]]:
    """What a part refers to, by id: the kind, and the path of the other part."""
    folder, name = posixpath.split(part)
    found: dict[str, tuple[str, str]] = {}

    def start(element: str, attributes: dict[str, str]) -> None:
        if element == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", ""))).lstrip("/")
            found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], target)

    relations = posixpath.join(folder, "_rels", f"{name}.rels")
    if relations in parts:
        parts.parse_whole(relations, start, _ignore, _ignore)
    return found


def _target(relations: dict[str, tuple[str, str]], kind: str) -> str:
    """The first part of a kind; empty when there is none."""
    return next((target for found, target in relations.values() if found == kind), "")


@lru_cache(MOST_COLUMNS)
def column_of(letters: str) -> int:
    """The number of a column from 0; more than there are for what is no name of one."""
    column = 0
    for letter in letters[:4]:
        column = column * 26 + ord(letter) - 64 if "A" <= letter <= "Z" else MOST_COLUMNS
    return column - 1 if len(letters) < 4 else MOST_COLUMNS


def unescaped(text: str) -> str:
    """A text of Excel with the characters that XML cannot hold (``_x000D_``), but for those that no text holds."""
    return ESCAPE.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if code == 0 or 0xD800 <= code <= 0xDFFF else chr(code)


@dataclass
class _Texts:
    """Gathers the shared texts of a workbook; how they sound (``rPh``) is no part of them."""

    found: list[str] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _size: int = 0
    _is_text: bool = False
    _is_sound: bool = False

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        if name == "si":
            self._pieces.clear()
        elif name == "rPh":
            self._is_sound = True
        self._is_text = name == "t" and not self._is_sound

    def text(self, text: str) -> None:
        if self._is_text:
            self._pieces.append(text)
            self._size += len(text)
            if self._size > MOST_CHARACTERS:
                raise FileRejected("too_large", f"its texts have more than {MOST_CHARACTERS:,} characters; cut it")

    def end(self, name: str) -> None:
        self._is_text = False
        if name == "rPh":
            self._is_sound = False
        elif name == "si":
            self.found.append(unescaped("".join(self._pieces)))
            if len(self.found) > MOST_TEXTS:
                raise FileRejected("too_large", f"it has more than {MOST_TEXTS:,} different texts; cut it")


@dataclass
class _Styles:
    """Finds the kind of each style of cells."""

    kinds: list[str] = field(default_factory=list)
    _formats: dict[str, str] = field(default_factory=dict)
    _is_inside: bool = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "numFmt":
            self._formats[attributes.get("numFmtId", "")] = kind_of_format(attributes.get("formatCode", ""))
        elif name == "cellXfs":
            self._is_inside = True
        elif name == "xf" and self._is_inside and len(self.kinds) < 1 << 16:
            number = attributes.get("numFmtId", "0")
            built_in = BUILT_IN.get(int(number), "") if number.isdecimal() else ""
            self.kinds.append(self._formats.get(number, built_in))

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._is_inside = False


class _Rows:
    """Gathers the rows of a sheet."""

    def __init__(self, texts: list[str], kinds: list[str], remarks: Remarks, starts_1904: bool) -> None:
        self._texts = texts
        self._kinds = kinds
        self._remarks = remarks
        self._starts_1904 = starts_1904
        self._rows: list[Row] = []
        self._cells: dict[int, Value] = {}
        self._row = self._column = 0
        self._is_hidden = self._is_sound = self._has_formula = False
        self._type = self._style = ""
        self._inside = ""
        self._pieces: list[str] = []
        self._size = 0

    def taken(self) -> list[Row]:
        """The rows since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._start_cell(attributes)
        elif name in ("v", "t"):
            self._inside = "" if self._is_sound else name
        elif name == "f":
            self._has_formula = True
        elif name == "rPh":
            self._is_sound = True
        elif name == "row":
            number = attributes.get("r", "")
            self._row = int(number) if number.isdecimal() and len(number) < 9 else self._row + 1
            if self._row > MOST_ROWS:
                raise no_spreadsheet(f"a sheet has more than {MOST_ROWS:,} rows")
            self._is_hidden = attributes.get("hidden", "0") in ("1", "true")
            self._column = 0
            self._cells = {}
        elif name == "col" and attributes.get("hidden", "0") in ("1", "true"):
            first, last = (attributes.get(key, "") for key in ("min", "max"))
            if first.isdecimal() and last.isdecimal() and len(first) + len(last) < 12:
                self._remarks.hidden_columns.update(range(int(first) - 1, min(int(last), MOST_COLUMNS)))
        elif name == "mergeCell":
            cells = CELL.findall(attributes.get("ref", ""))
            self._remarks.merged += [int(cells[-1][1])] if cells and len(self._remarks.merged) < MOST_ROWS else []

    def _start_cell(self, attributes: dict[str, str]) -> None:
        letters = attributes.get("r", "").rstrip("0123456789")
        column = column_of(letters) if letters else self._column
        if column >= MOST_COLUMNS:
            raise no_spreadsheet(f"a sheet has more than {MOST_COLUMNS:,} columns")
        self._column = column + 1
        self._type = attributes.get("t", "n")
        self._style = attributes.get("s", "")
        self._has_formula = False
        self._pieces.clear()
        self._size = 0

    def text(self, text: str) -> None:
        if self._inside:
            self._pieces.append(text)
            self._size += len(text)
            if self._size > LONGEST_CELL:
                raise FileRejected("too_large", f"a cell has more than {LONGEST_CELL:,} characters")

    def end(self, name: str) -> None:
        if name in ("v", "t"):
            self._inside = ""
        elif name == "rPh":
            self._is_sound = False
        elif name == "c":
            value = self._value("".join(self._pieces)) if self._pieces else None
            if value not in (None, ""):
                self._cells[self._column - 1] = value
            elif self._has_formula and self._type != "str":
                self._remarks.formulas += 1
        elif name == "row" and self._cells:
            self._remarks.hidden_rows += self._is_hidden
            self._rows.append(Row(self._row, self._cells))

    def _value(self, text: str) -> Value:
        if self._type == "s":
            is_known = text.isdecimal() and len(text) < 10 and int(text) < len(self._texts)
            if not is_known:
                raise no_spreadsheet(f"a cell refers to the text {text[:20]}, which is not there")
            return self._texts[int(text)]
        if self._type == "b":
            return text.strip() in ("1", "true")
        if self._type in ("n", ""):
            return self._number(text)
        if self._type == "d":
            return iso_moment(text)
        return unescaped(text)

    def _number(self, text: str) -> Value:
        is_styled = self._style.isdecimal() and len(self._style) < 7 and int(self._style) < len(self._kinds)
        kind = self._kinds[int(self._style)] if is_styled else ""
        if not kind:
            return shown_number(text)
        number = shown_number(text)
        try:
            serial = float(text)
        except ValueError:
            return number
        if kind == DURATION and abs(serial) < 1e9:
            return duration_text(serial * 86_400)
        moment = moment_of(serial, starts_1904=self._starts_1904) if abs(serial) < 1e9 else None
        return number if moment is None else moment
