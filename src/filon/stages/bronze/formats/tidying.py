"""Writes records that were read from a file of any format, as the parallel parser reads them: see ``records.tidy``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from filon.stages.bronze.records import LONGEST_RECORD, TIDY_COLUMNS, Tidied
from filon.stages.bronze.refusals import FileRejected
from filon.stages.limits import Limits


class TidyWriter:
    """Writes records, numbered from 1.

    Args:
        stream: where they are written
        width: fields of each record
        most: characters that may be written

    """

    def __init__(self, stream: TextIO, width: int, most: int) -> None:
        self._writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self._writer.writerow([*TIDY_COLUMNS, *(f"f{index}" for index in range(width))])
        self._nulls = ("",) * width
        self._left = most
        self.records = 0
        self.malformed = 0

    @property
    def tidied(self) -> Tidied:
        """How many records were written."""
        return Tidied(self.records, self.malformed)

    def add(self, fields: Sequence[str]) -> None:
        """Write a record; one that is too long is malformed. FileRejected when too much was written."""
        size = sum(map(len, fields))
        if size > LONGEST_RECORD:
            self.add_malformed("line_too_long", " | ".join(fields))
            return
        self._count(size)
        self._writer.writerow((self.records, "", "", *fields))

    def add_malformed(self, fault: str, raw: str) -> None:
        """Write a record that has no fields but a fault, and its text."""
        self._count(min(len(raw), LONGEST_RECORD))
        self.malformed += 1
        self._writer.writerow((self.records, fault, raw[:LONGEST_RECORD], *self._nulls))

    def _count(self, size: int) -> None:
        self.records += 1
        self._left -= size + 3 * len(self._nulls)
        if self._left < 0:
            raise FileRejected(
                "too_large",
                "its records take far more room than the file; if that is no mistake, raise FILON_MAX_RATIO",
            )


@contextmanager
def tidy_file(path: Path, width: int, packed: int, limits: Limits) -> Iterator[TidyWriter]:
    """A writer into a new file, for the records of a file of ``packed`` bytes."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        yield TidyWriter(stream, width, limits.allowed(packed))
