"""What stands behind the last record: lines of totals or remarks, which are kept but not judged."""

from __future__ import annotations

import csv
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from filon.engines.reader import FOOTER
from filon.project.vocabulary import Dialect, FooterSpec
from filon.stages.bronze.edited import rewritten
from filon.stages.bronze.receive import DecodedFile
from filon.stages.bronze.records import TIDY_COLUMNS, Record, RecordReader

CHUNK = 1 << 20
"""Characters that are copied at once."""


def footer_path(text: Path) -> Path:
    """Where the footer of a text is kept until it is read."""
    return text.with_suffix(".footer.csv")


def without_footer(decoded: DecodedFile, dialect: Dialect) -> tuple[DecodedFile, Path | None]:
    """Cut the footer off a text.

    Args:
        decoded: the file
        dialect: how its text is cut, and how its footer is known

    Returns:
        The file without its footer, and the text of the footer; the file as it is and None when it has none.

    """
    with decoded.path.open(encoding="utf-8-sig", newline="") as stream:
        start = _start(stream, dialect)
    if start is None:
        return decoded, None
    target = footer_path(decoded.path)
    with decoded.path.open(encoding="utf-8-sig", newline="") as stream:
        shortened = rewritten(decoded, _characters(stream, start), dialect.quote)
        with target.open("w", encoding="utf-8", newline="") as out:
            while piece := stream.read(CHUNK):
                out.write(piece)
    return shortened, target


def tidy_footer(footer: Path, target: Path, dialect: Dialect, width: int, first: int) -> int:
    """Write the lines of a footer as ``tidy`` writes malformed records, with the fault ``FOOTER``; how many there are.

    Args:
        footer: its text
        target: the file to write
        dialect: how it is cut
        width: number of fields of the header
        first: the ordinal of its first line, which the last record of the file precedes

    """
    ordinal = first
    with (
        footer.open(encoding="utf-8", newline="") as stream,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow([*TIDY_COLUMNS, *(f"f{index}" for index in range(width))])
        for ordinal, record in enumerate(RecordReader.of(stream, dialect), start=first + 1):
            writer.writerow([ordinal - 1, FOOTER, record.raw, *([None] * width)])
    return ordinal - first


def _start(stream: TextIO, dialect: Dialect) -> int | None:
    """How many characters stand before the footer of a text; None when it has none."""
    reader = RecordReader.of(stream, dialect)
    records = iter(reader)
    if dialect.header:
        next(records, None)
    spec = dialect.footer or FooterSpec(lines=1)
    if spec.lines is not None:
        starts = deque((reader.start for _ in records), maxlen=spec.lines)
        return starts[0] if starts else None
    begins = _beginning(spec.starts_with or "")
    found = run = None
    for record in records:
        run = (reader.start if run is None else run) if begins(record) else None
        found = found if run is None else run
    return found


def _beginning(mark: str) -> Callable[[Record], bool]:
    """Whether a record, or the value of its first field, begins with a text."""

    def begins(record: Record) -> bool:
        texts = (record.raw, *record.fields[:1])
        # letters may be decomposed: a few characters more than the mark has are enough to compare
        return any(unicodedata.normalize("NFC", text.lstrip()[: 4 * len(mark)]).startswith(mark) for text in texts)

    return begins


def _characters(stream: TextIO, count: int) -> Iterator[bytes]:
    """The next characters of a text in UTF-8."""
    while count and (piece := stream.read(min(count, CHUNK))):
        count -= len(piece)
        yield piece.encode()
