"""Many rows at once: a driver in C fills a scratch file beside the store, and SQLite itself copies it into the store.

No row passes through Python, and a file is filled while the load goes on. The driver brings a SQLite library of its
own, and two of them in one process must not have the same file open: what one closes, the other has no lock on any
more. So the driver never opens the store.
"""

from __future__ import annotations

import glob
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from filon.errors import StoreError, StoreUnavailable
from filon.sql import identifier
from filon.threads import until_set

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

MARK = "-load-"
"""Between the name of the store and that of a load, in the name of a scratch file."""
TOO_LARGE = "too big"
FILLERS = 2
"""Files that are filled at the same time: a large one, and the others one after the other."""


class Scratch:
    """The scratch files of a load, which holds the store's lock; files of loads that were killed are deleted."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._files: list[Path] = []
        self._fillers = ThreadPoolExecutor(FILLERS, "filon-fill")
        self._stopped = threading.Event()
        for left in path.parent.glob(f"{glob.escape(path.name)}{MARK}*"):
            left.unlink(missing_ok=True)

    @property
    def has_room(self) -> bool:
        """Whether the connection can take one file more; a transaction keeps each until its end."""
        return len(self._files) < self._connection.getlimit(sqlite3.SQLITE_LIMIT_ATTACHED)

    def fill(
        self, rows: str, creation: Sequence[str], added: str, batches: Iterable[pa.RecordBatch]
    ) -> Callable[[], int]:
        """Begin to write rows to a file of their own.

        Args:
            rows: the table
            creation: the statements that make it, as the store has it
            added: the values of the last columns, which batches do not have
            batches: the rows, in the order of the key, which SQLite takes best; the first is asked for at once

        Returns:
            What waits for the file, adds its rows to the table of the store, and returns their number.

        """
        file = self._path.absolute().with_name(f"{self._path.name}{MARK}{uuid.uuid4().hex}")
        self._files.append(file)
        table, name = identifier(rows), identifier(f"scratch {len(self._files)}")
        given = iter(batches)
        first = next(given, None)
        filled = self._fillers.submit(_fill, file, creation, table, added, first, until_set(self._stopped, given))

        def copy() -> int:
            filled.result()
            self._connection.execute(f"ATTACH ? AS {name}", [str(file)])
            # from one table into an empty one of the same definition, SQLite copies whole records
            return self._connection.execute(f"INSERT INTO main.{table} SELECT * FROM {name}.{table}").rowcount

        return copy

    def discard(self) -> None:
        """Delete the files, once the connection is closed."""
        self._stopped.set()
        self._fillers.shutdown(cancel_futures=True)
        for file in self._files:
            file.unlink(missing_ok=True)


def _fill(
    file: Path,
    creation: Sequence[str],
    table: str,
    added: str,
    first: pa.RecordBatch | None,
    others: Iterator[pa.RecordBatch],
) -> None:
    """Make a file with one table of these rows."""
    # the driver and Arrow are slow to import, and only large loads use them
    import adbc_driver_sqlite.dbapi as driver
    import pyarrow as pa

    failures: list[BaseException] = []

    def relayed(given: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The driver would make a text of what fails here."""
        try:
            yield from given
        except BaseException as error:
            failures.append(error)
            raise

    try:
        with driver.connect(str(file), autocommit=True) as connection, connection.cursor() as cursor:
            # nothing of the file outlives the load
            for statement in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", *creation, "BEGIN"):
                cursor.execute(statement)
            if first is not None:
                places = ", ".join("?" * first.num_columns)
                reader = pa.RecordBatchReader.from_batches(first.schema, _all(first, relayed(others)))
                cursor.executemany(f"INSERT INTO {table} VALUES ({places}, {added})", reader)
            cursor.execute("COMMIT")
    except driver.Error as error:
        if failures:
            raise failures[0] from None
        if TOO_LARGE in str(error):
            raise StoreError(f"{file}: {error}. A text of SQLite has 1 GB at most.") from error
        raise StoreUnavailable(f"{file}: {error}. Check space, permissions and FILON_SERVING.") from error


def _all(first: pa.RecordBatch, others: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from others
