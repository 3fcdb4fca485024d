"""The patient reader: cut any CSV text into records, one by one, in Python.

It is much slower than the parallel parser, and reads texts that the parser refuses: every line belongs to a record, a
record that cannot be cut is malformed and keeps its text, and the records around it are not affected.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from filon.project.vocabulary import WHITESPACE, Dialect, ShortRecords
from filon.stages.bronze.window import TextWindow
from filon.stages.limits import LONGEST_HEADER, MOST_FIELDS

LONGEST_RECORD = 8 << 20
"""Characters of a record. A quote that is still open after as many is a fault, and so is a longer line."""


BLANKS = r"[ \t]+"


@dataclass(frozen=True)
class Record:
    """A record: ``raw`` is its text; it has ``fields``, or a ``fault``, the code of what is malformed."""

    raw: str
    fields: tuple[str, ...] = ()
    fault: str | None = None


class RecordReader:
    """Iterates over the records of a text, its header included.

    A quoted field may hold delimiters, doubled quotes and newlines. A quote inside a field that does not start with one
    is an ordinary character. Empty lines are no records; nor are lines of blanks, unless ``blanks_count`` is set, and
    lines that begin with the mark of comments. ``start`` is the position of the last record: the characters before it.
    """

    def __init__(
        self,
        stream: TextIO | TextWindow,
        delimiter: str,
        quote: str,
        *,
        comment: str = "",
        escape: str | None = None,
    ) -> None:
        """Read from a stream that was opened with ``newline=""``, or from where a window of one stands.

        Args:
            stream: the text
            delimiter: one character, several, or ``WHITESPACE``
            quote: one character; empty when nothing is quoted, and each line is a record
            comment: the beginning of lines that are no records; empty when all are
            escape: the character that stands before a quote, or before itself, inside of quotes

        """
        self._text = stream if isinstance(stream, TextWindow) else TextWindow(stream)
        self._comment = comment
        self.start = 0
        self._delimiter = delimiter
        self._is_blank = delimiter == WHITESPACE
        self._separator = re.compile(BLANKS if self._is_blank else re.escape(delimiter))
        self._quote = quote
        self._blank = " \t" if self._is_blank else "".join(blank for blank in " \t" if blank not in delimiter)
        self.blanks_count = False
        if not quote:
            return
        q, e = re.escape(quote), re.escape(escape or "")
        before = "" if self._is_blank or delimiter.endswith(" ") else " *"
        after = "" if self._is_blank or delimiter.startswith(" ") else " *"
        inside = f"(?:[^{q}{e}]|{q}{q}{f'|{e}.' if e else ''})*"
        self._opening = re.compile(f"{before}{q}")
        self._quoted = re.compile(f"{before}{q}({inside}){q}(?!{q}){after}", re.DOTALL)
        self._closing = re.compile(f"{inside}{q}(?!{q})", re.DOTALL)
        self._doubled = re.compile(f"{q}({q}){f'|{e}([{q}{e}])' if e else ''}")

    @classmethod
    def of(cls, stream: TextIO | TextWindow, dialect: Dialect) -> RecordReader:
        """A reader of a text in this dialect."""
        return cls(stream, dialect.delimiter, dialect.quote, comment=dialect.comment, escape=dialect.escape)

    def __iter__(self) -> Iterator[Record]:
        while line := self._first_line():
            text = line.rstrip("\r\n")
            if self._comment and line.startswith(self._comment):
                if not line.endswith(("\n", "\r")):
                    self._skip_line()
            elif len(line) > LONGEST_RECORD and not line.endswith(("\n", "\r")):
                self._skip_line()
                yield Record(text, fault="line_too_long")
            elif self._quote and self._quote in line:
                yield self._with_quotes(line)
            elif text if self.blanks_count and not self._is_blank else text.strip(self._blank):
                yield Record(text, tuple(self._split(text)))

    def _split(self, text: str) -> list[str]:
        return self._separator.split(text.strip(" \t")) if self._is_blank else text.split(self._delimiter)

    def _first_line(self) -> str:
        self._text.hold()
        self.start = self._text.position
        return self._line()

    def _line(self) -> str:
        return self._text.readline(LONGEST_RECORD + 1)

    def _skip_line(self) -> None:
        while (rest := self._line()) and not rest.endswith(("\n", "\r")):
            pass

    def _with_quotes(self, first: str) -> Record:
        uncut = first.lstrip(" \t") if self._is_blank else first
        lines, fields, size = [first], list[str](), len(first)
        fault, position = self._cut(self._body(uncut), 0, fields)
        while fault == "unterminated_quote":
            count = len(lines)
            if not self._read_to_closing_quote(lines, size):
                return self._malformed_line(lines, fault)
            added = "".join(lines[count:])
            uncut, size = uncut[position:] + added, size + len(added)
            fault, position = self._cut(self._body(uncut), 0, fields)
        if fault is not None:
            return self._malformed_line(lines, fault)
        return Record("".join(lines).rstrip("\r\n"), tuple(fields))

    def _body(self, text: str) -> str:
        return text.rstrip(" \t\r\n" if self._is_blank else "\r\n")

    def _read_to_closing_quote(self, lines: list[str], size: int) -> bool:
        """Add lines up to the one that closes the open field; False when the record gets too long, or the text ends.

        ``size`` is the number of characters in ``lines``.
        """
        while size <= LONGEST_RECORD and (line := self._line()):
            lines.append(line)
            size += len(line)
            if size > LONGEST_RECORD:
                return False
            if self._closing.match(line):
                return True
        return False

    def _malformed_line(self, lines: list[str], fault: str) -> Record:
        """The first line as a malformed record; the lines after it are given back, and may be records of their own."""
        self._text.back(sum(map(len, lines[1:])))
        return Record(lines[0].rstrip("\r\n"), fault=fault)

    def _cut(self, raw: str, position: int, fields: list[str]) -> tuple[str | None, int]:
        """Add the fields from a position on; returns the fault, if any, and the position where its field starts."""
        while True:
            if self._opening.match(raw, position):
                quoted = self._quoted.match(raw, position)
                if quoted is None:
                    return "unterminated_quote", position
                end = quoted.end()
                found = self._separator.match(raw, end)
                if end < len(raw) and found is None:
                    return "stray_quote", position
                fields.append(self._doubled.sub(lambda pair: pair[pair.lastindex or 0], quoted[1]))
            else:
                found = self._separator.search(raw, position)
                end = found.start() if found else len(raw)
                fields.append(raw[position:end])
            if found is None:
                return None, end
            position = found.end()


@dataclass(frozen=True)
class Tidied:
    """What ``tidy`` wrote: the number of all records, and of the malformed ones among them."""

    records: int
    malformed: int


TIDY_COLUMNS = ("_record", "_malformed", "_raw")
FIRST_RECORDS = 100


def read_header(path: Path, dialect: Dialect) -> tuple[Record | None, bool]:
    """The first record of a text (None when it has none), and whether it is on the first line.

    Only the first ``LONGEST_HEADER`` characters are read; a header that is longer has the fault ``line_too_long``.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        start = io.StringIO(stream.read(LONGEST_HEADER + 1), newline="")
    first = start.readline()
    starts_blank = not first.strip() or (dialect.comment != "" and first.startswith(dialect.comment))
    length = start.seek(0, io.SEEK_END)
    start.seek(0)
    text = TextWindow(start)
    header = next(iter(RecordReader.of(text, dialect)), None)
    if header is not None and header.fault is None and text.position == length > LONGEST_HEADER:
        header = Record(header.raw, fault="line_too_long")
    return header, not starts_blank


def first_widths(path: Path, dialect: Dialect) -> list[int]:
    """How many fields the first well-formed records of a text have, empty ones at the end not counted.

    Records with more fields than a header may have are left out, and so is one that is cut off where reading ends.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        beginning = stream.read(LONGEST_HEADER)
        is_whole = not stream.read(1)
    text = beginning if is_whole else beginning[: max(beginning.rfind("\n"), beginning.rfind("\r")) + 1]
    widths = []
    for record in islice(RecordReader.of(io.StringIO(text, newline=""), dialect), FIRST_RECORDS):
        filled = [index for index, field in enumerate(record.fields, start=1) if field]
        if record.fault is None and len(record.fields) <= MOST_FIELDS:
            widths.append(max(filled, default=0))
    return widths


class TidyWriter:
    """Writes records into a regular CSV file, which the parallel parser reads.

    Its columns are ``TIDY_COLUMNS`` (ordinal from 1; fault and text, if malformed), then the fields ``f0``, ``f1``, ….
    ``malformed`` is the number of such records so far.
    """

    def __init__(self, out: TextIO, width: int, short: ShortRecords) -> None:
        """Write to a stream that was opened with ``newline=""`` records that should have ``width`` fields."""
        self.malformed = 0
        self._width, self._short = width, short
        self._rows = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self._rows.writerow([*TIDY_COLUMNS, *(f"f{index}" for index in range(width))])

    def add(self, ordinal: int, record: Record) -> bool:
        """Write a record, the fields of which are null if it is malformed; whether it is."""
        fields, fault = fitted(record, self._width, self._short)
        self.malformed += fault is not None
        self._rows.writerow([ordinal, fault, record.raw if fault else None, *fields])
        return fault is not None


def tidy(path: Path, target: Path, dialect: Dialect, width: int) -> Tidied:
    """Write the records of a text as ``TidyWriter`` does.

    Args:
        path: the text, in UTF-8
        target: the file to write
        dialect: how the text is cut, and whether its first record is a header
        width: number of fields of the header, which each record must have

    """
    records = 0
    with (
        path.open(encoding="utf-8-sig", newline="") as stream,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = TidyWriter(out, width, dialect.short_records)
        reader = RecordReader.of(stream, dialect)
        rows = iter(reader)
        if dialect.header:
            next(rows, None)  # with a single column, a line of blanks is a record, but no header
        reader.blanks_count = width == 1
        for records, record in enumerate(rows, start=1):
            writer.add(records, record)
    return Tidied(records, writer.malformed)


def fitted(
    record: Record, width: int, short: ShortRecords = ShortRecords.REJECT
) -> tuple[tuple[str | None, ...], str | None]:
    """The fields of a record, ``width`` of them, and None; or as many nulls and the fault of a malformed record."""
    fields, fault = record.fields, record.fault
    if fault is None and not any(fields[width:]):
        fields = fields[:width]  # delimiters at the end of a line, as spreadsheets leave them, bring no data
    if fault is None and len(fields) < width and short is ShortRecords.NULLS:
        return (*fields, *[None] * (width - len(fields))), None
    if fault is None and len(fields) != width:
        fault = "too_few_fields" if len(fields) < width else "too_many_fields"
    return (fields, None) if fault is None else ((None,) * width, fault)
