"""The first rows of a file of any format as texts, for who writes a contract for it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path

from filon.project.fileformats import format_of
from filon.project.vocabulary import Dialect, FileFormat
from filon.stages.bronze.archives import GZIP, ZSTD, unpacked, within_limits
from filon.stages.bronze.formats.cells import Spelling, Value
from filon.stages.bronze.records import RecordReader
from filon.stages.bronze.refusals import FileRejected
from filon.stages.limits import MOST_FIELDS, Limits

PIECE = 1 << 16
TEXT = Spelling()
CSV_DIALECT = Dialect()


@dataclass(frozen=True)
class FirstRows:
    """The header and the first rows of a file; each row has a text for each field of the header, empty for null.

    Fields of nested values are named by their path (``customer.city``). Numbers have a point, dates are spelled
    ``yyyy-MM-dd``, moments ``yyyy-MM-dd HH:mm:ss``, those with a zone in UTC, booleans ``true`` and ``false``.
    ``is_whole``: there are no other rows. ``has_preamble``: something stands before the header. ``sheet`` is the sheet
    of a spreadsheet that has several which are shown, ``other_sheets`` are the others of these.
    """

    format: FileFormat
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_whole: bool
    has_preamble: bool = False
    sheet: str | None = None
    other_sheets: tuple[str, ...] = ()


def first_rows(
    path: Path, most: int = 1_000, dialect: Dialect = CSV_DIALECT, limits: Limits | None = None
) -> FirstRows:
    """Read the beginning of a file, packed or not, as a run would read it.

    Args:
        path: the file, whose name says the format unless the dialect does
        most: rows to read
        dialect: how a text is spelled: encoding, and of CSV delimiter and quote; the sheet of a spreadsheet
        limits: what the file may unpack to

    Raises:
        FileRejected: the file cannot be read as one of its format, or holds nothing
        OSError: the system does not let it be read

    """
    chosen = dialect.format or format_of(path.name)
    readers = {
        FileFormat.CSV: _csv,
        FileFormat.JSON_LINES: _json_lines,
        FileFormat.PARQUET: _parquet,
        FileFormat.SPREADSHEET: _spreadsheet,
    }
    limits = limits or Limits()
    with _plain(path, limits) as local:
        found = readers[chosen](local, most, dialect, limits)
    if not found.header:
        raise FileRejected("empty", "it holds nothing; give a file with some rows")
    if len(found.header) > MOST_FIELDS:
        raise FileRejected("too_large", f"it has more than {MOST_FIELDS:,} columns")
    return found


@contextmanager
def _plain(path: Path, limits: Limits) -> Iterator[Path]:
    """The file, or a temporary copy of what it unpacks to."""
    with path.open("rb") as stream:
        first = stream.read(PIECE)
        if not first.startswith((GZIP, ZSTD)):
            yield path
            return
        pieces = unpacked(first, chain([first], iter(partial(stream.read, PIECE), b"")))
        with tempfile.TemporaryDirectory(prefix="filon-") as folder:
            copy = Path(folder) / "file"
            with copy.open("wb") as out:
                out.writelines(within_limits(pieces, path.stat().st_size, limits))
            yield copy


@contextmanager
def _decoded() -> Iterator[None]:
    try:
        yield
    except UnicodeError as error:
        raise FileRejected("undecodable", f"it is no text of the encoding of the dialect: {error}") from None


def _csv(path: Path, most: int, dialect: Dialect, _limits: Limits) -> FirstRows:
    encoding = "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
    with _decoded(), path.open(encoding=encoding, newline="") as stream:
        records = RecordReader.of(stream, dialect)
        read = [record.fields for record in islice(records, most + 2) if record.fault is None]
    return _table(FileFormat.CSV, read, most)


def _json_lines(path: Path, most: int, dialect: Dialect, _limits: Limits) -> FirstRows:
    from filon.stages.bronze.formats.jsonlines import RecordFault, lines_of, parse_object

    encoding = "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
    objects: list[dict[str, str]] = []
    malformed = 0
    with _decoded(), path.open(encoding=encoding, newline="\n") as stream:
        for line in islice(lines_of(stream), most + 1):
            try:
                objects.append(dict(_flat("", parse_object(line))))
            except RecordFault:
                malformed += 1
    if malformed > len(objects):
        raise FileRejected("malformed", "most of its lines are no objects of JSON")
    is_whole = len(objects) + malformed <= most
    objects = objects[:most]
    names = list(dict.fromkeys(name for found in objects for name in found))
    # an object that is null somewhere is no column beside the fields that it has elsewhere
    opened = {name[:index] for name in names for index, letter in enumerate(name) if letter == "."}
    header = tuple(name for name in names if name not in opened or any(found.get(name) for found in objects))
    rows = tuple(tuple(found.get(name, "") for name in header) for found in objects)
    return FirstRows(FileFormat.JSON_LINES, header, rows, is_whole)


def _flat(above: str, value: Value) -> Iterator[tuple[str, str]]:
    """The values inside an object that are none, by their paths."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(f"{above}.{name}" if above else name, inner)
    elif above:
        yield above, TEXT(value) if value != {} else ""


def _parquet(path: Path, most: int, _dialect: Dialect, _limits: Limits) -> FirstRows:
    from filon.stages.bronze.formats.parquet import first_texts

    header, columns, rows = first_texts(path, most)
    texts = [tuple(column[row] or "" for column in columns) for row in range(min(rows, most))]
    return FirstRows(FileFormat.PARQUET, tuple(header), tuple(texts), is_whole=rows <= most)


def _spreadsheet(path: Path, most: int, dialect: Dialect, limits: Limits) -> FirstRows:
    from filon.stages.bronze.formats.sheets import Remarks
    from filon.stages.bronze.formats.spreadsheets import chosen_sheet, open_workbook

    workbook = open_workbook(path, limits)
    sheet, _ = chosen_sheet(workbook, dialect.sheet)
    found = list(islice(workbook.rows(sheet, Remarks()), most + 2))
    start = _header_position([len(row.cells) for row in found])
    cells = [row.cells for row in found[start:]]
    first, last = (min(cells[0]), max(cells[0])) if cells else (0, -1)
    texts = [tuple(TEXT(row.get(column)) for column in range(first, last + 1)) for row in cells]
    others = tuple(other.name for other in workbook.sheets if other.is_visible and other.name != sheet.name)
    table = _table(FileFormat.SPREADSHEET, texts, most)
    named = sheet.name if others or dialect.sheet else None
    return replace(table, has_preamble=start > 0, sheet=named, other_sheets=others)


def _header_position(widths: Sequence[int]) -> int:
    """The position of the first row that is about as wide as most rows; titles before it are narrower."""
    if not widths:
        return 0
    [(usual, _)] = Counter(widths).most_common(1)
    return next(index for index, width in enumerate(widths) if width >= usual or index == len(widths) - 1)


def _table(kind: FileFormat, read: Sequence[tuple[str, ...]], most: int) -> FirstRows:
    """The first of some records as a header, the others as rows of its width."""
    header, *rows = read or [()]
    width = len(header)
    fitted = tuple((*row[:width], *[""] * (width - len(row))) for row in rows[:most])
    return FirstRows(kind, tuple(name.strip() for name in header), fitted, is_whole=len(rows) <= most)
