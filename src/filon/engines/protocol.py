"""What an engine must be able to do. Stages and stores speak to this; DuckDB and other engines stand behind it.

Statements are written in Filon's SQL (``filon.engines.dialect``), which each engine spells in its own way. Tables live
in the engine under plain names until it is closed; what is durable lies in Parquet files that the lake knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from filon.engines.dialect import Dialect
from filon.engines.types import FoundColumn
from filon.errors import EngineError
from filon.lake import DataFile, Location
from filon.project.types import TypedColumn

if TYPE_CHECKING:  # slow to import, and every command of the command line knows this protocol
    import pyarrow as pa  # type: ignore[import-untyped]

Columns = Sequence[TypedColumn]


class StatementInvalid(EngineError):
    """A statement cannot be compiled. ``line`` is the line in it, from 1."""

    def __init__(self, message: str, line: int) -> None:
        self.message = message
        self.line = line
        super().__init__(message)


@dataclass(frozen=True)
class Content:
    """Some rows, so that two contents with the same rows are equal, and others differ: their number, and a hash."""

    rows: int
    hash: int


class SqlEngine(Protocol):
    """Runs SQL over Parquet files and writes Parquet files.

    Every verb that takes a query raises EngineError when the engine refuses or fails it, EngineExhausted when it has
    no more memory or disk, LakeUnavailable when an object store fails.
    """

    name: str

    @property
    def dialect(self) -> Dialect:
        """How the engine spells Filon's SQL."""

    def bind(
        self, table: str, paths: Sequence[str], columns: Columns, *, lenient: bool = False, file: str = ""
    ) -> None:
        """Make a table of Parquet files; of no files, an empty one.

        Args:
            table: the name of the table, over an older one of that name
            paths: files, as ``Location.path_of`` spells them
            columns: the columns of the table; files may have others
            lenient: a column that files lack is null
            file: a further column of this name holds the last part of the path of the file that a row is in

        """

    def view(self, table: str, query: str) -> None:
        """Give a query a name, over an older one."""

    def cache(self, table: str, query: str) -> None:
        """Run a query once and keep its rows under a name, over an older one; they may be on disk."""

    def drop(self, tables: Iterable[str]) -> None:
        """Forget tables; names that are not known are no error."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query with a small result.

        Returns:
            Its rows: int, Decimal, float, str, bool, datetime.date, lists of these, or None. A query that selects
            timestamps casts them to text.

        """

    def repeated(self, table: str, column: str) -> int:
        """How many values of a column of integers are there again: its values less the different ones, nulls apart."""

    def describe(self, query: str) -> list[FoundColumn]:
        """Compile a query without running it: its columns. StatementInvalid when it is wrong."""

    def write(self, query: str, folder: Location, *, partition: str = "", in_one_file: bool = False) -> list[DataFile]:
        """Run a query and write its rows as Parquet files into a folder, in no particular order.

        Args:
            query: what is written
            folder: the folder of a table
            partition: the column of the query, a text, by which rows are divided: each file has those of one value,
                lies in a folder of its own, and does not have the column
            in_one_file: few files are wanted rather than fast ones: one, or one for each partition

        Returns:
            The files that hold rows, each with rows, bytes, and the bounds of its columns; an engine that does not say
            these reads them from the files (``filon.engines.footers``).

        """

    def progress(self) -> float | None:
        """How much of the running statement is done, 0 to 1, when that is known. Safe to call from another thread."""

    def close(self) -> None:
        """Give back memory and temporary files. Safe to repeat."""


class BulkExport(Protocol):
    """Hands over large results, to stores."""

    def stream(self, query: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Run a query with a large result: its rows, ``size`` at a time. Nothing else may run meanwhile."""

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Run a query with a large result: its rows, in the order of the query, as Arrow, bit by bit.

        Nothing else may run meanwhile.
        """

    def arrow(self, query: str) -> pa.Table:
        """Run a query whose result fits into memory: its columns as Arrow."""

    def contents(self, query: str, by: str) -> dict[str, Content]:
        """What the rows of a query are, for each value of its text column ``by``, whatever order they come in.

        Hashes of one engine, in one version of it, are compared with each other only.
        """


class Engine(SqlEngine, BulkExport, Protocol):
    """An engine for a whole run: it computes tables, and hands them to stores."""
