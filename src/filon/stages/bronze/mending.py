"""Texts in which some records are irregular: these are cut by the patient reader, the others by the parallel parser.

A text is mended when each of its irregular records has been set aside and a regular line stands in its place. Whole
runs of regular lines are found by one pattern and copied as they are, which takes less time than parsing them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from filon.project.vocabulary import Dialect
from filon.stages.bronze.records import Record, RecordReader, TidyWriter
from filon.stages.bronze.window import TextWindow


@dataclass(frozen=True)
class Mended:
    """What ``mend`` wrote: all records, those of them that it set aside, and the malformed ones among these.

    ``mark`` is the first field of each line that stands for a record set aside; no field of the text is equal to it.
    """

    mark: str
    records: int
    aside: int
    malformed: int


NEWLINE = "\n"
NEAR = 64
"""Lines that are taken at once where some are not regular: those after them may be, and cost less as such."""


@dataclass(frozen=True)
class Lines:
    """Patterns of lines with the right number of fields, each with its end.

    ``regular`` matches a run of lines that every reader of CSV cuts in the same way; ``sparse`` one that begins with an
    empty line and has others; ``loose`` a short run in which lines may consist of ``blanks`` alone, and quotes may have
    blanks around them.
    ``padding`` matches these with what is quoted, and ``pairs`` are a quote with such a blank. ``spanning`` matches a
    short run of records that may have line ends inside their quotes, where the text ends all lines in the same way.
    """

    regular: re.Pattern[str]
    sparse: re.Pattern[str]
    loose: re.Pattern[str]
    blanks: str
    padding: re.Pattern[str] | None
    pairs: tuple[str, ...]
    spanning: re.Pattern[str] | None

    @classmethod
    def of(cls, dialect: Dialect, width: int, newline: str | None) -> Lines:
        """The patterns of a dialect.

        Args:
            dialect: how the text is cut; its delimiter is no ``WHITESPACE``
            width: number of fields
            newline: the end of all lines, with a line feed; None when there are several

        """
        quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
        other = f"[^{delimiter}{quote}\r\n]" if len(dialect.delimiter) == 1 else f"(?:(?!{delimiter})[^{quote}\r\n])"
        plain = f"{other}{'+' if width == 1 else '*'}+"
        start = f"(?!{re.escape(dialect.comment)})" if dialect.comment else ""
        end = re.escape(newline) if newline else r"(?:\r\n|\r|\n)"
        blanks = "".join(blank for blank in " \t\r" if blank not in dialect.delimiter) if width > 1 else "\r"
        blank = f"[{blanks}]*{end}"

        def record(field: str) -> str:
            return f"{start}{field}(?:{delimiter}{field}){{{width - 1}}}{end}"

        def run(field: str) -> re.Pattern[str]:
            return re.compile(f"(?:{record(field)})++")

        def sparse_run(field: str) -> re.Pattern[str]:
            return re.compile(f"{end}(?:{end}|{record(field)})*+")

        def short_run(line: str) -> re.Pattern[str]:
            return re.compile(f"(?:{line}){{1,{NEAR}}}+")

        if not quote:
            return cls(run(plain), sparse_run(plain), short_run(f"{blank}|{record(plain)}"), blanks, None, (), None)

        def quoted(inside: str) -> str:
            begin = f"{inside}*+" if width > 1 else f"(?:{inside}++|(?={quote}{quote}))"
            return f"{quote}{begin}(?:{quote}{quote}{inside}*+)*+{quote}"

        escape = re.escape(dialect.escape or "")
        inside, across = quoted(f"[^{quote}{escape}\r\n]"), quoted(f"[^{quote}{escape}]")
        before = "" if dialect.delimiter.endswith(" ") else " *+"
        after = "" if dialect.delimiter.startswith(" ") else " *+"
        return cls(
            regular=run(f"(?:{inside}|{plain})"),
            sparse=sparse_run(f"(?:{inside}|{plain})"),
            loose=short_run(f"{blank}|{record(f'(?:{before}{inside}{after}|{plain})')}"),
            blanks=blanks,
            padding=re.compile(f"{before}({inside}){after}"),
            pairs=(f" {dialect.quote}", f"{dialect.quote} "),
            spanning=short_run(record(f"(?:{across}|{plain})")) if newline else None,
        )

    def tightened(self, run: str) -> str:
        """The records of a loose run as regular lines; each line ends in a line feed."""
        run = "".join(f"{line}{NEWLINE}" for line in run.split(NEWLINE) if line.strip(self.blanks))
        is_padded = any(pair in run for pair in self.pairs)
        return "".join(self.padding.split(run)) if self.padding and is_padded else run


def mend(path: Path, target: Path, aside: Path, dialect: Dialect, width: int, newline: str | None) -> Mended:
    """Write the regular records of a text to one file and its irregular ones, as ``tidy`` would, to another.

    Args:
        path: the text, in UTF-8
        target: the file to write; its columns are the fields ``f0``, ``f1``, …
        aside: the file to write; its columns are ``TIDY_COLUMNS`` and the fields
        dialect: how the text is cut, and whether its first record is a header; the delimiter is no ``WHITESPACE``
        width: number of fields of the header, which each record must have
        newline: the end of all lines of the text; None when there are several

    """
    newline = None if newline == "\r" else newline  # what is written ends its lines in line feeds
    with (
        path.open(encoding="utf-8-sig", newline="") as stream,
        target.open("w", encoding="utf-8", newline="") as regular,
        aside.open("w", encoding="utf-8", newline="") as irregular,
    ):
        names = [f"f{index}" for index in range(width)]
        regular.write(dialect.delimiter.join(names) + (newline or NEWLINE))
        writer = TidyWriter(irregular, width, dialect.short_records)
        mark = secrets.token_hex(16)
        standin = dialect.delimiter.join([mark] + [""] * (width - 1)) + (newline or NEWLINE)
        records = kept = 0
        for piece in pieces_of(stream, dialect, width, newline):
            if isinstance(piece, Run):
                regular.write(piece.text)
                records += piece.records
                continue
            records += 1
            kept += 1
            regular.write(standin)
            writer.add(records, piece)
    return Mended(mark, records, kept, writer.malformed)


@dataclass(frozen=True)
class Run:
    """Whole lines of a text, all regular, and how many records they are."""

    text: str
    records: int


def pieces_of(stream: TextIO, dialect: Dialect, width: int, newline: str | None) -> Iterator[Run | Record]:
    """The records of a text in their order, without its header: runs of regular ones, and each irregular one."""
    lines = Lines.of(dialect, width, newline)
    text = TextWindow(stream)
    reader = RecordReader.of(text, dialect)
    records = iter(reader)
    if dialect.header:
        next(records, None)
    reader.blanks_count = width == 1
    while True:
        if run := text.take(lines.regular):
            run = _with_one_end(run, newline)
            yield Run(run, run.count(NEWLINE))
        elif run := text.take(lines.sparse):
            run = _without_empty_lines(_with_one_end(run, newline), newline or NEWLINE)
            yield Run(run, run.count(NEWLINE))
        elif run := text.take(lines.loose):
            run = lines.tightened(_with_one_end(run, newline))
            yield Run(run, run.count(NEWLINE))
        elif lines.spanning and (run := text.take(lines.spanning)):
            yield Run(run, sum(part.count(NEWLINE) for part in run.split(dialect.quote)[::2]))
        elif irregular := next(records, None):
            yield irregular
        else:
            return


def _without_empty_lines(text: str, newline: str) -> str:
    """Those that hold something, of lines without line ends inside."""
    while newline * 2 in text:
        text = text.replace(newline * 2, newline)
    return text.removeprefix(newline)


def _with_one_end(text: str, newline: str | None) -> str:
    """Lines without line ends inside; where the text ends its lines in several ways, these get one."""
    return text if newline else text.replace("\r\n", NEWLINE).replace("\r", NEWLINE)
