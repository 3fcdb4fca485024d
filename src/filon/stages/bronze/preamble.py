"""What stands before the header, or before the first record of a file without one."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path

from filon.project import Dataset
from filon.project.headers import fields_of
from filon.stages.bronze.receive import BOM, DecodedFile, TextFacts
from filon.stages.bronze.records import RecordReader
from filon.stages.limits import LONGEST_HEADER

CHUNK = 4 << 20
SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""The line by which spreadsheet programs say what stands between fields."""


@dataclass(frozen=True)
class Preamble:
    """How many characters stand before the header, and the delimiter that they say, if any."""

    length: int = 0
    delimiter: str | None = None


def preamble_of(path: Path, dataset: Dataset) -> Preamble:
    """The preamble of a text, as far as it stands in the first ``LONGEST_HEADER`` characters.

    ``skipLines`` lines are left out first, then a line such as ``sep=;``, then what stands before the header.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        text = stream.read(LONGEST_HEADER)
    lines = list(_lines(text))
    skipped = lines[: dataset.dialect.skip_lines]
    length = sum(map(len, skipped))
    rest = lines[len(skipped) :]
    delimiter = None
    found = SEPARATOR.fullmatch(rest[0].rstrip("\r\n")) if rest else None
    if found is not None and found[1] != dataset.dialect.quote:
        delimiter = found[1]
        length += len(rest.pop(0))
    if dataset.dialect.skip_until == "header":
        length += _before_header(rest, dataset, delimiter or dataset.dialect.delimiter)
    return Preamble(length, delimiter)


def _lines(text: str) -> Iterator[str]:
    """The lines of a text, each with its end; only line feeds and carriage returns end one."""
    return iter(io.StringIO(text, newline="").readlines())


def _before_header(lines: list[str], dataset: Dataset, delimiter: str) -> int:
    """Characters before the line that names most of the columns, the first of such lines; 0 when none names one."""
    best, most, position = 0, 0, 0
    for line in lines:
        reader = RecordReader(io.StringIO(line, newline=""), delimiter, dataset.dialect.quote)
        cells = next((record.fields or tuple(record.raw.split(delimiter)) for record in reader), ())
        count = sum(1 for _ in fields_of([cell.strip() for cell in cells], dataset.read_columns))
        if count > most:
            best, most = position, count
        position += len(line)
    return best


def without_preamble(decoded: DecodedFile, length: int, quote: str) -> DecodedFile:
    """The text without its first characters, in its place; ``quote`` is the quote character, a link is replaced."""
    target = decoded.path.with_suffix(".body.csv")
    facts = TextFacts()
    with decoded.path.open("rb") as source, target.open("wb") as out:
        beginning = source.read(len(BOM) + 4 * LONGEST_HEADER)
        mark = BOM if beginning.startswith(BOM) else b""
        skipped = len(mark) + len(beginning.removeprefix(mark).decode(errors="ignore")[:length].encode())
        for chunk in chain((beginning[skipped:],), iter(partial(source.read, CHUNK), b"")):
            facts.add(chunk, quote.encode())
            out.write(chunk)
    target.replace(decoded.path)
    return replace(decoded, facts=facts)
