"""What reads files: text becomes records in Parquet, without SQL and without an engine.

A reader holds the records of one reading at a time, from ``read`` until ``forget`` or the next ``read``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filon.errors import EngineError
from filon.lake import DataFile, Location

FORGOTTEN = "forgotten"
"""What ``_malformed`` says of a record of a person who was forgotten: nothing of it is kept but its place."""
FOOTER = "footer"
"""What ``_malformed`` says of a line that stands behind the records of a file: it is kept, and never judged."""


class CsvUnreadable(EngineError):
    """A CSV file is not as regular as was claimed; a slower, more patient reader must look at it."""


@dataclass(frozen=True)
class Aside:
    """Records that were set aside from a file.

    They are a CSV file with the columns ``_record``, ``_malformed``, ``_raw`` and the fields. In their place stand
    records whose first field is ``mark``.
    """

    path: Path
    mark: str


@dataclass(frozen=True)
class CsvFile:
    """A regular CSV file, UTF-8, on local disk.

    ``number`` is its file version; ``aside`` holds records that belong to it, if some were set aside.
    """

    number: int
    path: Path
    aside: Aside | None = None


@dataclass(frozen=True)
class CsvForm:
    """What files that are read together have in common. ``columns`` names the fields of a record, in their order.

    With ``numbered``, the file has the columns ``_record``, ``_malformed`` and ``_raw`` of its own; else records are
    counted from 1 per file. With ``ragged``, each line is a record and nothing is quoted, but lines may have any number
    of fields: those with a wrong one are malformed, and their fields null. With ``pads``, fields that are missing at
    the end of such a line are null. An empty ``delimiter``, which only a ragged form may have, stands for any number of
    blanks and tabs. Without ``header``, the first line is a record.
    """

    columns: tuple[str, ...]
    delimiter: str = ","
    quote: str = '"'
    numbered: bool = False
    ragged: bool = False
    pads: bool = False
    header: bool = True

    @property
    def has_faults(self) -> bool:
        """Whether records may be malformed; where none may, a file with such a record is CsvUnreadable."""
        return self.numbered or self.ragged


@dataclass(frozen=True)
class Part:
    """A file version of which a text holds so many records, one after the other."""

    number: int
    records: int


@dataclass(frozen=True)
class Sifted:
    """What came of a file of which some records were left out.

    ``kept`` is the number of the others; ``left_out`` says where the lines of those left out begin, in bytes from the
    start of the file, in their order.
    """

    kept: int
    left_out: tuple[int, ...]


@dataclass(frozen=True)
class Faults:
    """How many records are malformed; how many of these hold blanks only, or far more fields than the form."""

    malformed: int
    blank: int
    crowded: int


@dataclass(frozen=True)
class MalformedRecord:
    """A record that cannot be cut into the fields of its form: its number in the file, the fault, its text."""

    record: int
    fault: str
    raw: str


@dataclass(frozen=True)
class FieldSample:
    """Values of a field: how many hold more than blanks, and how many of these meet each pattern, and the form."""

    filled: int
    matches: tuple[int, ...]
    formed: int


@dataclass(frozen=True)
class RecordLayout:
    """The columns of records in Parquet.

    ``columns`` names columns of text, each with the field of the form that it holds (None: null). ``extras`` are
    further fields, with the names that they have in ``_extra``, an object of JSON (null when there are none);
    ``packed_extras`` is a field that holds such an object already, and takes their place. ``_extra``, ``_malformed``,
    ``_raw``, ``_file`` and ``_record`` follow.
    """

    columns: tuple[tuple[str, str | None], ...]
    extras: tuple[tuple[str, str], ...] = ()
    packed_extras: str | None = None


class LocalReader(Protocol):
    """Reads files of the local disk and writes what is in them to a table's folder."""

    name: str

    def read(self, files: Sequence[CsvFile], form: CsvForm) -> dict[int, int]:
        """Cut files of one form into records, which stay here. A file with records set aside is read alone.

        Returns:
            The number of records of each file, by its file version.

        Raises:
            CsvUnreadable: a file breaks the form, or has not as many records set aside as places for them
            EngineExhausted: the records do not fit into memory and workspace

        """

    def sift(self, path: Path, form: CsvForm, attempt: int = 0) -> Sifted:
        """Cut a file as ``read`` does, and leave out records with another number of fields than the form.

        Args:
            path: the file to cut
            form: what records look like
            attempt: each begins at other places of the file, for threads that read it side by side; where a parser
                begins at a record that is left out, it may lose others

        Raises:
            CsvUnreadable: the file breaks the form in another way as well, or in too many places
            EngineExhausted: the records do not fit into memory and workspace

        """

    def put_back(self, parts: Sequence[Part], form: CsvForm, aside: Path) -> Mapping[int, int]:
        """Add the records that ``sift`` left out, all of them, to those that it kept.

        Args:
            parts: the file versions of which the file that was sifted is made, in their order
            form: what it was sifted by
            aside: a file with the columns ``_record`` (counted over all parts), ``_malformed``, ``_raw`` and the fields

        Returns:
            The number of records by that of the file version; one that has none is left out.

        """

    def count_empty(self, field: str) -> int:
        """How many records have nothing in a field."""

    def faults(self) -> Faults:
        """How many records of a form with faults are malformed."""

    def first_malformed(self) -> MalformedRecord:
        """The malformed record with the smallest number; there must be one."""

    def sample(
        self, fields: Sequence[tuple[str, str]], patterns: Sequence[str], first: int
    ) -> Mapping[int, tuple[FieldSample, ...]]:
        """What the first records of each file look like.

        Args:
            fields: the fields to look at, each with a regular expression, its form, which counts beside the patterns
            patterns: regular expressions (RE2) that a whole value, without blanks around it, may meet; the first counts
            first: how many records of each file are looked at

        Returns:
            By file version, a sample for each field, in their order.

        """

    def write(self, layout: RecordLayout, folder: Location) -> list[DataFile]:
        """Write all records as Parquet files into a folder, in no particular order.

        Returns:
            The files that hold records, as ``SqlEngine.write`` returns them.

        """

    def forget(self) -> None:
        """Let go of the records."""

    def progress(self) -> float | None:
        """How much of what is being done is done, 0 to 1, when that is known. Safe to call from another thread."""

    def close(self) -> None:
        """Give back memory and temporary files. Safe to repeat."""
