"""What stands before the header, or before the first record of a file without one."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from filon.project import Dataset
from filon.project.headers import fields_of
from filon.stages.bronze.edited import rewritten
from filon.stages.bronze.receive import BOM, DecodedFile
from filon.stages.bronze.records import RecordReader
from filon.stages.limits import LONGEST_HEADER

CHUNK = 4 << 20
SEPARATOR = re.compile(r'"?sep=(.|[^\w"]{2,10})"?', re.IGNORECASE)
"""The line by which spreadsheet programs say what stands between fields."""


@dataclass(frozen=True)
class Preamble:
    """How many characters stand before the header, and the delimiter that they say, if any."""

    length: int = 0
    delimiter: str | None = None


def preamble_of(path: Path, dataset: Dataset) -> Preamble:
    """The preamble of a text, as far as it stands in the first ``LONGEST_HEADER`` characters.

    ``skipLines`` lines are left out first, then a line such as ``sep=;``, then what stands before the header, and
    comments before each of these.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        text = stream.read(LONGEST_HEADER)
        is_whole = not stream.read(1)
    dialect = dataset.dialect
    rest = deque(_lines(text))
    length = sum(len(rest.popleft()) for _ in range(min(dialect.skip_lines, len(rest))))
    length += _comments(rest, dialect.comment, is_whole=is_whole)
    delimiter = None
    found = SEPARATOR.fullmatch(rest[0].rstrip("\r\n")) if rest else None
    if found is not None and not {dialect.quote, dialect.escape, dialect.comment[:1]} & {*found[1]}:
        delimiter = found[1]
        length += len(rest.popleft())
        length += _comments(rest, dialect.comment, is_whole=is_whole)
    if dialect.skip_until == "header":
        length += _before_header(rest, dataset, delimiter or dialect.delimiter)
    return Preamble(length, delimiter)


def _comments(lines: deque[str], mark: str, *, is_whole: bool) -> int:
    """Take away the comments at the beginning, as far as their lines are whole; the number of their characters."""
    length = 0
    while mark and lines and lines[0].startswith(mark) and (is_whole or lines[0].endswith(("\n", "\r"))):
        length += len(lines.popleft())
    return length


def _lines(text: str) -> Iterator[str]:
    """The lines of a text, each with its end; only line feeds and carriage returns end one."""
    return iter(io.StringIO(text, newline="").readlines())


def _before_header(lines: Iterable[str], dataset: Dataset, delimiter: str) -> int:
    """Characters before the line that names most of the columns, the first of such lines; 0 when none names one."""
    best, most, position = 0, 0, 0
    dialect = dataset.dialect.model_copy(update={"delimiter": delimiter})
    for line in lines:
        reader = RecordReader.of(io.StringIO(line, newline=""), dialect)
        cells = next((record.fields or tuple(record.raw.split(dialect.separator)) for record in reader), ())
        count = sum(1 for _ in fields_of([cell.strip() for cell in cells], dataset.read_columns))
        if count > most:
            best, most = position, count
        position += len(line)
    return best


def without_preamble(decoded: DecodedFile, length: int, quote: str) -> DecodedFile:
    """The text without its first characters, in its place; ``quote`` is the quote character, a link is replaced."""
    with decoded.path.open("rb") as source:
        beginning = source.read(len(BOM) + 4 * LONGEST_HEADER)
        mark = BOM if beginning.startswith(BOM) else b""
        skipped = len(mark) + len(beginning.removeprefix(mark).decode(errors="ignore")[:length].encode())
        chunks = chain((beginning[skipped:],), iter(partial(source.read, CHUNK), b""))
        return rewritten(decoded, chunks, quote)
