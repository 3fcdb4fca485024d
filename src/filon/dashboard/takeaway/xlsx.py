"""A report as a workbook: a sheet that says what it is of, and a sheet of typed cells for each part."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

import xlsxwriter  # type: ignore[import-untyped]

from filon.dashboard.takeaway.content import Column, Kind, Part, Report, Value

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FIRST = dt.date(1900, 3, 1)
"""Spreadsheets count days differently before."""
LONGEST_SHEET, LONGEST_CELL = 31, 32_767
MOST_DIGITS = 15
"""Digits that a number of a spreadsheet keeps."""
WIDEST = 60
OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def as_xlsx(report: Report) -> bytes:
    """The bytes of the workbook."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, OPTIONS) as book:
        book.set_properties({"title": report.title, "comments": ", ".join(": ".join(fact) for fact in report.facts)})
        styles = _Styles(book, report)
        names = _sheet_names([report.title, *(part.title for part in report.parts)])
        _summary(book.add_worksheet(next(names)), report, styles)
        for part in report.parts:
            _sheet(book.add_worksheet(next(names)), part, report, styles)
    return content.getvalue()


class _Styles:
    """Formats of cells, each made once."""

    def __init__(self, book: xlsxwriter.Workbook, report: Report) -> None:
        self._book, self._unit, self._made = book, report.language.money_unit, {}  # type: ignore[var-annotated]
        self.zone = ZoneInfo(report.language.timezone)
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.note = book.add_format({"italic": True, "font_color": "#555555"})

    def of(self, column: Column, value: Value) -> xlsxwriter.format.Format:
        """The format of a value of a column."""
        pattern = self._pattern(column, value)
        if pattern not in self._made:
            self._made[pattern] = self._book.add_format({"num_format": pattern})
        return self._made[pattern]

    def _pattern(self, column: Column, value: Value) -> str:
        match column.kind:
            case Kind.MONEY:
                before, after = (f'"{text}"' if text else "" for text in self._unit)
                return f"{before}#,##0.00{after}"
            case Kind.SHARE | Kind.PERCENT:
                return "0.0%"
            case Kind.NUMBER:
                own = -int(value.as_tuple().exponent) if isinstance(value, Decimal) else 0
                decimals = own if column.decimals is None else column.decimals
                return f"#,##0.{'0' * decimals}".rstrip(".")
            case Kind.PLAIN:
                return "0"
            case Kind.DAY:
                return "yyyy-mm-dd"
            case Kind.MONTH:
                return "mmm yyyy"
            case Kind.MOMENT:
                return "yyyy-mm-dd hh:mm:ss"
        return "General"


def _summary(sheet: xlsxwriter.worksheet.Worksheet, report: Report, styles: _Styles) -> None:
    sheet.write_string(0, 0, report.title, styles.title)
    for place, (name, text) in enumerate(report.facts, start=2):
        sheet.write_string(place, 0, name)
        sheet.write_string(place, 1, text[:LONGEST_CELL])
    for place, (column, value) in enumerate(report.cards, start=3 + len(report.facts)):
        sheet.write_string(place, 0, column.title)
        _write(sheet, place, 1, column, value, styles)
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 48)


def _sheet(sheet: xlsxwriter.worksheet.Worksheet, part: Part, report: Report, styles: _Styles) -> None:
    sheet.write_string(0, 0, part.title, styles.title)
    said = " · ".join(f"{name}: {text}" for name, text in report.facts)
    sheet.write_string(1, 0, f"{part.note} · {said}" if part.note else said, styles.note)
    for place, column in enumerate(part.columns):
        sheet.write_string(3, place, column.title, styles.head)
        sheet.set_column(place, place, _width(column, part, report))
    for line, row in enumerate(part.rows, start=4):
        for place, column in enumerate(part.columns):
            _write(sheet, line, place, column, column.value_of(row), styles)
    sheet.freeze_panes(4, 0)
    if part.rows and part.columns:
        sheet.autofilter(3, 0, 3 + len(part.rows), len(part.columns) - 1)


def _write(
    sheet: xlsxwriter.worksheet.Worksheet, line: int, place: int, column: Column, value: Value, styles: _Styles
) -> None:
    """Write a typed cell; what the types of a spreadsheet do not hold is text, with all its digits."""
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(line, place, value)
    elif isinstance(value, dt.datetime):
        local = value.astimezone(styles.zone).replace(tzinfo=None)
        if local.date() >= FIRST:
            sheet.write_datetime(line, place, local, styles.of(column, value))
        else:
            sheet.write_string(line, place, value.isoformat())
    elif isinstance(value, dt.date) and value >= FIRST:
        sheet.write_datetime(line, place, dt.datetime.combine(value, dt.time()), styles.of(column, value))
    elif isinstance(value, (int, float, Decimal)) and _is_exact(value):
        sheet.write_number(line, place, float(value), styles.of(column, value))
    else:
        sheet.write_string(line, place, str(value)[:LONGEST_CELL])


def _is_exact(value: float | Decimal) -> bool:
    return isinstance(value, float) or len(Decimal(value).normalize().as_tuple().digits) <= MOST_DIGITS


def _width(column: Column, part: Part, report: Report) -> int:
    texts = [column.title, *(report.write(column, column.value_of(row)) for row in part.rows[:200])]
    return min(max(map(len, texts)) + 3, WIDEST)


def _sheet_names(titles: list[str]) -> Iterator[str]:
    """Names that spreadsheets accept: short, without some characters, each once."""
    taken: set[str] = set()
    for number, title in enumerate(titles, start=1):
        name = re.sub(r"[\[\]:*?/\\]", " ", title).strip("' ")[:LONGEST_SHEET].strip() or str(number)
        if name.casefold() in taken:
            name = f"{name[: LONGEST_SHEET - 4]} {number}"
        taken.add(name.casefold())
        yield name
