"""Cut CSV text into records, one by one: slow, patient, and never at a loss.

Regular files go through the engine's parallel parser. This reader takes over when a file is not regular: it finds every
record, good or malformed, and keeps the text of the malformed ones.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

LONGEST_RECORD = 1 << 20
"""Characters after which an open quote is taken for a mistake, and a line for no line."""


@dataclass(frozen=True)
class Record:
    """One record: its fields, or (malformed) the code of what is wrong with it. ``raw`` is its text."""

    raw: str
    fields: tuple[str, ...] = ()
    fault: str | None = None


class RecordReader:
    """Cuts a text into records. A quoted field may hold delimiters, doubled quotes and newlines."""

    def __init__(self, stream: TextIO, delimiter: str, quote: str) -> None:
        self._stream = stream
        self._pushed: deque[str] = deque()
        self._delimiter = delimiter
        self._quote = quote
        q = re.escape(quote)
        self._opening = re.compile(rf" *{q}")
        self._quoted = re.compile(rf" *{q}((?:[^{q}]|{q}{q})*){q} *")

    def __iter__(self) -> Iterator[Record]:
        while line := self._line():
            text = line.rstrip("\r\n")
            if len(line) > LONGEST_RECORD and not line.endswith(("\n", "\r")):
                self._skip_line()
                yield Record(text, fault="line_too_long")
            elif self._quote in line:
                yield self._with_quotes(line)
            elif text.strip(" \t"):
                yield Record(text, tuple(text.split(self._delimiter)))

    def _line(self) -> str:
        return self._pushed.popleft() if self._pushed else self._stream.readline(LONGEST_RECORD + 1)

    def _skip_line(self) -> None:
        while (rest := self._stream.readline(LONGEST_RECORD + 1)) and not rest.endswith(("\n", "\r")):
            pass

    def _with_quotes(self, first: str) -> Record:
        lines = [first]
        size, quotes = len(first), first.count(self._quote)
        while True:
            if quotes % 2 == 0:
                raw = "".join(lines).rstrip("\r\n")
                fields = self._fields(raw)
                if isinstance(fields, tuple):
                    return Record(raw, fields)
                if fields == "stray_quote":
                    return self._only_first(lines, fields)
            following = self._line() if size <= LONGEST_RECORD else ""
            if not following:
                raw = "".join(lines).rstrip("\r\n")
                fields = self._fields(raw)
                return Record(raw, fields) if isinstance(fields, tuple) else self._only_first(lines, fields)
            lines.append(following)
            size += len(following)
            quotes += following.count(self._quote)

    def _only_first(self, lines: list[str], fault: str) -> Record:
        """Blame the line where the record starts, and read the others again."""
        self._pushed.extendleft(reversed(lines[1:]))
        return Record(lines[0].rstrip("\r\n"), fault=fault)

    def _fields(self, raw: str) -> tuple[str, ...] | str:
        """The fields of a record, or the code of what is wrong with it."""
        fields, position = [], 0
        while True:
            if self._opening.match(raw, position):
                found = self._quoted.match(raw, position)
                if found is None:
                    return "unterminated_quote"
                fields.append(found[1].replace(self._quote * 2, self._quote))
                position = found.end()
                if position < len(raw) and raw[position] != self._delimiter:
                    return "stray_quote"
            else:
                end = raw.find(self._delimiter, position)
                end = len(raw) if end < 0 else end
                field = raw[position:end]
                if "\n" in field or "\r" in field:
                    return "unterminated_quote"
                fields.append(field)
                position = end
            if position >= len(raw):
                return tuple(fields)
            position += 1


@dataclass(frozen=True)
class Tidied:
    """What a patient reading found: all records, and how many of them were malformed."""

    records: int
    malformed: int


TIDY_COLUMNS = ("_record", "_malformed", "_raw")


def read_header(path: Path, delimiter: str, quote: str) -> Record | None:
    """The first record of a text, or None when it has none."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return next(iter(RecordReader(stream, delimiter, quote)), None)


def tidy(path: Path, target: Path, delimiter: str, quote: str, width: int) -> Tidied:
    """Write every record into a regular CSV file: its ordinal, its fault and text if malformed, its fields."""
    records = malformed = 0
    with (
        path.open(encoding="utf-8-sig", newline="") as stream,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow([*TIDY_COLUMNS, *(f"f{index}" for index in range(width))])
        rows = iter(RecordReader(stream, delimiter, quote))
        next(rows, None)
        for records, record in enumerate(rows, start=1):
            fields, fault = _fitted(record, width)
            malformed += fault is not None
            writer.writerow([records, fault, record.raw if fault else None, *fields])
    return Tidied(records, malformed)


def _fitted(record: Record, width: int) -> tuple[tuple[str | None, ...], str | None]:
    fields, fault = record.fields, record.fault
    if fault is None and len(fields) == width + 1 and not fields[-1]:
        fields = fields[:-1]  # a delimiter at the end of the line closes the last field
    if fault is None and len(fields) != width:
        fault = "too_few_fields" if len(fields) < width else "too_many_fields"
    return (fields, None) if fault is None else ((None,) * width, fault)
