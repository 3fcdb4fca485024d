"""Texts in which some records have another number of fields than the header, and none is irregular otherwise.

The parallel parser leaves these records out and says where their lines begin; the patient reader cuts them. Both see
the text where it lies: nothing of it is copied.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, BinaryIO

from filon.engines import CsvUnreadable, Part
from filon.project.vocabulary import Dialect
from filon.stages.bronze.mending import NEWLINE, Run, pieces_of
from filon.stages.bronze.records import Record, RecordReader, TidyWriter, fitted

FIRST_PIECES = 200
FEW_IRREGULAR, MOST_IRREGULAR = 20, 0.02
"""Number and share of records that may be irregular: when there are more, it is faster to look for the regular ones."""
WIDTHS = (None, "too_few_fields", "too_many_fields")
CHUNK = 4 << 20


def looks_sound(path: Path, dialect: Dialect, width: int, newline: str | None) -> bool:
    """Whether the first irregular records of a text are few and differ in their width alone, and each is one line.

    Args:
        path: the text, in UTF-8
        dialect: how it is cut; its delimiter is no ``WHITESPACE``
        width: number of fields of the header
        newline: the end of all lines, with a line feed; None when there are several

    """
    records = irregular = 0
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for piece in islice(pieces_of(stream, dialect, width, newline), FIRST_PIECES):
            if isinstance(piece, Run):
                if piece.text.count(NEWLINE) != piece.records:
                    return False
                records += piece.records
                continue
            irregular += 1
            if not _differs_in_width(piece, width, dialect):
                return False
    return irregular <= max(FEW_IRREGULAR, MOST_IRREGULAR * (records + irregular))


@dataclass(frozen=True)
class Places:
    """How many lines of a text end before each of some places; how many it has, one that nothing ends included."""

    before: tuple[int, ...]
    lines: int


def count_lines(path: Path, places: Sequence[int]) -> Places:
    """Count the lines of a text, which end in a line feed.

    Args:
        path: the text
        places: bytes from the start of the text, in their order

    """
    count, before, last = 0, list[int](), b"\n"
    waiting = iter(places)
    place = next(waiting, None)
    with path.open("rb") as stream:
        for start, chunk in _chunks(stream):
            done = 0
            while place is not None and place - start < len(chunk):
                count += chunk.count(b"\n", done, place - start)
                before.append(count)
                done, place = place - start, next(waiting, None)
            count += chunk.count(b"\n", done)
            last = chunk[-1:]
    return Places(tuple(before), count + (last != b"\n"))


@contextmanager
def one_after_another(paths: Sequence[Path], header_lines: int, folder: Path) -> Iterator[Path]:
    """A file with the lines of all texts, which is gone afterwards; of a single text, the text itself.

    Args:
        paths: the texts, in UTF-8
        header_lines: how many lines at the start of each are its header, of which the first one stays
        folder: where to write

    """
    if len(paths) == 1:
        yield paths[0]
        return
    with NamedTemporaryFile(dir=folder, suffix=".csv") as out:
        for path in paths:
            _append_lines(path, out, header_lines)
        out.flush()
        yield Path(out.name)


def _append_lines(path: Path, out: IO[bytes], header_lines: int) -> None:
    """Write the lines of a text behind those of others, without its header then; the last one ends in a line feed."""
    last = b"\n"
    with path.open("rb") as stream:
        if out.tell():
            for _ in range(header_lines):
                stream.readline()
            if stream.tell() == 0 and stream.read(len(BOM_UTF8)) != BOM_UTF8:
                stream.seek(0)
        for _, chunk in _chunks(stream):
            out.write(chunk)
            last = chunk[-1:]
    if last != b"\n":
        out.write(b"\n")


def by_part(parts: Sequence[Part], ordinals: Sequence[int]) -> dict[int, int]:
    """How many of some records lie in each part of a text; ``ordinals`` count from 1, in their order."""
    counts, first = {}, 0
    for part in parts:
        last = first + part.records
        counts[part.number] = bisect_right(ordinals, last) - bisect_right(ordinals, first)
        first = last
    return counts


def lines_outside_quotes(path: Path, quote: bytes) -> int:
    """Number of lines, those inside quoted fields not counted; exact for every well-formed text."""
    count, inside, last = 0, False, b"\n"
    with path.open("rb") as stream:
        for _, chunk in _chunks(stream):
            parts = chunk.split(quote)
            count += sum(part.count(b"\n") for part in parts[inside::2])
            inside ^= len(parts) % 2 == 0
            last = chunk[-1:]
    return count + (last != b"\n")


def _chunks(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    start = 0
    while chunk := stream.read(CHUNK):
        yield start, chunk
        start += len(chunk)


def cut_left_out(
    path: Path, starts: Sequence[int], ordinals: Sequence[int], dialect: Dialect, width: int, aside: Path
) -> list[int]:
    """Write the records that the parallel parser left out, as ``TidyWriter`` does.

    Args:
        path: the text, in UTF-8
        starts: where their lines begin, in bytes
        ordinals: which records of the text they are, from 1
        dialect: how they are cut
        width: number of fields of the header
        aside: the file to write

    Returns:
        Those of ``ordinals`` that are malformed.

    Raises:
        CsvUnreadable: one of them differs from the others in more than its number of fields

    """
    malformed = []
    with path.open("rb") as stream, aside.open("w", encoding="utf-8", newline="") as out:
        writer = TidyWriter(out, width, dialect.short_records)
        for start, ordinal in zip(starts, ordinals, strict=True):
            record = _record_at(stream, start, dialect)
            if not _differs_in_width(record, width, dialect):
                raise CsvUnreadable(f"record {ordinal} is irregular in another way than by its number of fields")
            if writer.add(ordinal, record):
                malformed.append(ordinal)
    return malformed


def _record_at(stream: BinaryIO, start: int, dialect: Dialect) -> Record:
    """The record of the line that begins at a byte; CsvUnreadable when none does."""
    stream.seek(max(start - 1, 0))
    if start and stream.read(1) != b"\n":
        raise CsvUnreadable(f"no line begins at byte {start}")
    line = stream.readline().decode("utf-8-sig" if start == 0 else "utf-8")
    found = list(RecordReader.of(io.StringIO(line, newline=""), dialect))
    if len(found) != 1:
        raise CsvUnreadable(f"the line at byte {start} is no record")
    return found[0]


def _differs_in_width(record: Record, width: int, dialect: Dialect) -> bool:
    return fitted(record, width, dialect.short_records)[1] in WIDTHS
