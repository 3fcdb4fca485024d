"""What an engine must be able to do. Stages speak to this; DuckDB and other engines stand behind it.

Statements are written in the SQL that all engines accept, plus the functions of ``docs/sql.md``. Tables live in the
engine under plain names until it is closed; what is durable lies in Parquet files that the lake knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa  # type: ignore[import-untyped]

from filon.errors import EngineError
from filon.lake import DataFile, Location

Columns = Sequence[tuple[str, str]]
"""Names and SQL types."""


class CsvUnreadable(EngineError):
    """A CSV file is not as regular as was claimed; a slower, more patient reader must look at it."""


class StatementInvalid(EngineError):
    """A statement cannot be compiled. ``line`` is the line in it, from 1."""

    def __init__(self, message: str, line: int) -> None:
        self.message = message
        self.line = line
        super().__init__(message)


@dataclass(frozen=True)
class CsvFile:
    """A regular CSV file, UTF-8 with a header, on local disk.

    ``number`` is its file version.
    """

    number: int
    path: Path


@dataclass(frozen=True)
class CsvForm:
    """What files that are read together have in common. ``columns`` names the columns of the file, in its order.

    With ``numbered``, the file has a column ``_record`` of its own; else records are counted from 1 per file. With
    ``ragged``, each line is a record and nothing is quoted, but lines may have any number of fields: those with a wrong
    one get ``_malformed`` and their text in ``_raw``, which are columns of the result then.
    """

    columns: tuple[str, ...]
    delimiter: str = ","
    quote: str = '"'
    numbered: bool = False
    ragged: bool = False


@dataclass(frozen=True)
class Content:
    """Some rows, so that two contents with the same rows are equal, and others differ: their number, and a hash."""

    rows: int
    hash: int


class Engine(Protocol):
    """Runs SQL over Parquet files and writes Parquet files."""

    name: str

    def read_csv(self, table: str, files: Sequence[CsvFile], form: CsvForm) -> dict[int, int]:
        """Make a table of text columns with ``_file`` and ``_record``, and count the records of each file.

        CsvUnreadable when a file breaks the form.
        """

    def bind(self, table: str, paths: Sequence[str], columns: Columns, *, lenient: bool = False) -> None:
        """Make a table of Parquet files; of no files, an empty one. ``lenient``: a column that files lack is null."""

    def view(self, table: str, query: str) -> None:
        """Give a query a name."""

    def cache(self, table: str, query: str) -> None:
        """Run a query once and keep its rows under a name; they may be on disk."""

    def drop(self, tables: Iterable[str]) -> None:
        """Forget tables."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query with a small result."""

    def stream(self, query: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Run a query with a large result: its rows, ``size`` at a time. Nothing else may run meanwhile."""

    def arrow(self, query: str) -> pa.Table:
        """Run a query whose result fits into memory: its columns as Arrow."""

    def contents(self, query: str, by: str) -> dict[str, Content]:
        """What the rows of a query are, for each value of its text column ``by``, whatever order they come in."""

    def describe(self, query: str) -> list[tuple[str, str]]:
        """Compile a query without running it: its columns' names and types. StatementInvalid when it is wrong."""

    def write(self, query: str, folder: Location) -> list[DataFile]:
        """Run a query and write its rows as Parquet files into a folder, in no particular order."""

    def progress(self) -> float | None:
        """How much of the running statement is done, 0 to 1, when that is known. Safe to call from another thread."""

    def close(self) -> None:
        """Give back memory and temporary files."""
