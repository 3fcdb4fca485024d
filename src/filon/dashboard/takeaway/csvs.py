"""Tables as CSV files that spreadsheets of the reader's language open as tables."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from decimal import Decimal

from filon.dashboard.client import Row
from filon.dashboard.language import Language
from filon.dashboard.takeaway.content import Part, Report, Value
from filon.spreadsheet import guarded


def as_csv(lines: Iterable[Sequence[Value]], language: Language) -> bytes:
    """Lines as UTF-8 with a byte order mark, formulas escaped; marks and separators are those of the language."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=language.csv_delimiter)
    writer.writerows([_cell(value, language) for value in line] for line in lines)
    return text.getvalue().encode("utf-8-sig")


def respelled(content: bytes, described: Row, language: Language) -> bytes:
    """The API's CSV file of a table with the marks and separators of the language."""
    reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    names = next(reader, [])
    formats = {column["name"]: column["format"] for column in described["columns"]}
    is_number = [formats.get(name) is not None for name in names]
    mark = language.decimal_mark
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=language.csv_delimiter)
    writer.writerow(names)
    for line in reader:
        writer.writerow([v.replace(".", mark) if n else v for v, n in zip(line, is_number, strict=True)])
    return text.getvalue().encode("utf-8-sig")


def as_zip(report: Report) -> bytes:
    """A CSV file for each part."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, part in enumerate(report.parts, start=1):
            name = re.sub(r"\W+", "-", part.title).strip("-").lower()
            archive.writestr(f"{number:02}-{name}.csv", as_csv(lines_of(part), report.language))
    return content.getvalue()


def lines_of(part: Part) -> list[list[Value]]:
    """The titles of the columns, and the rows."""
    titles: list[Value] = [column.title for column in part.columns]
    return [titles, *([column.value_of(row) for column in part.columns] for row in part.rows)]


def _cell(value: Value, language: Language) -> str:
    match value:
        case None:
            return ""
        case bool():
            return language.truth(value)
        case float() | Decimal():
            return format(value, "f" if isinstance(value, Decimal) else "").replace(".", language.decimal_mark)
        case dt.date():
            return value.isoformat()
        case str():
            return guarded(value)
    return str(value)
