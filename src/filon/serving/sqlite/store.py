"""The store itself: what it serves, and what readers ask of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from filon.durable import Effect, durable, make_folder
from filon.errors import StoreBusy, StoreError, StoreUnavailable
from filon.project import Column, Kind
from filon.project.analysis import WORD_DIGITS
from filon.serving.encoding import unscaled
from filon.serving.limits import Limit, common_limits, units
from filon.serving.query import EPOCH_DAY, Condition, Query, Row
from filon.serving.sqlite.bulk import Scratch
from filon.serving.sqlite.queries import newest_page_index, place_of, require_load, rows_of, states_of, where
from filon.serving.sqlite.readers import Readers, file_at, in_thread
from filon.serving.sqlite.records import SCHEMA as RECORDS_SCHEMA
from filon.serving.sqlite.records import SQLiteRecords
from filon.serving.sqlite.session import SCHEMA as LOADS_SCHEMA
from filon.serving.sqlite.session import SQLiteSession
from filon.serving.sqlite.values import decoded, decoder
from filon.serving.sqlite.watching import SCHEMA as WATCHING_SCHEMA
from filon.serving.sqlite.watching import holds
from filon.serving.state import LoadId, PageIndex, ServedState
from filon.serving.tables import StoredTable
from filon.sql import identifier, identifiers

Result = TypeVar("Result")


SCHEMA = LOADS_SCHEMA + RECORDS_SCHEMA + WATCHING_SCHEMA
DURABLE = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA fullfsync = ON;
PRAGMA checkpoint_fullfsync = ON;
"""
"""A transaction is on the disk once it is committed; the last two mean something on macOS alone."""
PATIENCE_S = 5.0
CHECKPOINT_MS = 200
"""How long a checkpoint waits for readers; what they are in the way of is left to the next one."""


class SQLiteStore:
    """A store in one file in WAL mode."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.uri = f"sqlite:///{path}"
        self._path = path
        self._readers = Readers(path, PATIENCE_S)
        self.records = SQLiteRecords(self._read, self._writing)

    def encoding(self, column: Column) -> str:
        """Decimals as whole numbers of their last decimal, dates as days, timestamps as microseconds since 1970."""
        name, kind = identifier(column.name), column.type
        if kind.kind is Kind.DECIMAL:
            return f"CAST({unscaled(column)} AS BIGINT)"
        if kind.kind is Kind.DATE:
            return f"{name} - DATE '{EPOCH_DAY}'"
        return f"unix_micros({name})" if kind.kind is Kind.TIMESTAMP else name

    def limits(self, column: Column) -> Sequence[Limit]:
        """Decimals have the 64 bits of a whole number."""
        limits, kind = common_limits(column), column.type
        if kind.kind is Kind.DECIMAL and kind.precision > WORD_DIGITS:
            what = f"SQLite keeps decimals as whole numbers of 64 bits, which {WORD_DIGITS} digits always have"
            limits.append(units(column, -(2**63), 2**63 - 1, what))
        return limits

    def state(self) -> ServedState | None:
        """The newest load."""
        states = self.kept()
        return states[0] if states else None

    def is_settled(self, state: ServedState) -> bool:  # noqa: ARG002
        """Always: views follow in the transaction of the load."""
        return True

    def holds(self, table: StoredTable, versions: int) -> bool:
        """As the last load left it, which triggers tell; no row is counted."""
        return self._read(lambda connection: holds(connection, rows_of(table), versions))

    def kept(self) -> Sequence[ServedState]:
        """Newest first."""
        return self._read(lambda connection: states_of(connection, self.uri))

    @contextmanager
    def loading(self, *, anew: bool = False) -> Iterator[SQLiteSession]:
        """One transaction, from here to ``flip``."""
        with ExitStack() as at_the_end, self._writing(is_load=True) as connection:
            before = file_at(self._path)
            scratch = Scratch(connection, self._path)
            at_the_end.callback(scratch.discard)
            if anew:
                connection.execute("DELETE FROM _loads")
            yield SQLiteSession(connection, self.uri, scratch)
            after = file_at(self._path)
            if before is None or after is None or before.place != after.place:
                raise StoreUnavailable(f"{self.uri}: the file was deleted or replaced while it was loaded. Run again.")

    @contextmanager
    def _writing(self, *, is_load: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction, which is undone unless it is committed."""
        try:
            make_folder(self._path.parent)
        except OSError as error:
            raise StoreUnavailable(f"{self.uri}: {error.strerror}. Give another FILON_SERVING.") from error
        with translated(self.uri):
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=PATIENCE_S)
            try:
                connection.executescript(DURABLE)
                connection.executescript(SCHEMA)
                if is_load:
                    self._write_through(connection)
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                if not connection.in_transaction:
                    # the file then holds everything, and one that takes its place meets no pages of it in the log
                    connection.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MS}")
                    with durable(Effect.SQLITE, "checkpoint"):
                        _use_journal(connection, "WAL")
                        connection.execute("PRAGMA main.wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()  # which undoes what was not committed

    def _write_through(self, connection: sqlite3.Connection) -> None:
        """Let a first load write its pages to the file instead of a log, unless somebody has the file open.

        A log of gigabytes is written twice, and each page is looked for in all of it. An empty store has nothing to
        read meanwhile: who asks waits, and learns that it is being loaded.
        """
        if connection.execute("SELECT 1 FROM _loads").fetchone():
            return
        self._readers.shut()
        connection.execute("PRAGMA busy_timeout = 0")
        _use_journal(connection, "DELETE")
        connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE_S * 1000)}")

    def give_back(self) -> None:
        """Write the file again without free pages, and empty its log."""
        with translated(self.uri):
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=PATIENCE_S)
            try:
                connection.executescript(DURABLE)
                with durable(Effect.SQLITE, "vacuum"):
                    connection.execute("VACUUM")
                [(is_busy, _, _)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                if is_busy:
                    raise StoreBusy(f"{self.uri}: a reader keeps the log of deleted rows; run again when it is done")
            finally:
                connection.close()

    async def states(self) -> Sequence[ServedState]:
        """Newest first."""
        return await self._ask(lambda connection: states_of(connection, self.uri))

    async def find(self, load: LoadId, table: StoredTable, query: Query) -> list[Row]:
        """One SELECT."""
        columns = [column for column in table.columns if query.fields is None or column.name in query.fields]
        condition, values = where(load, table, query.conditions)
        place, place_values = place_of(table, query)
        order = ", ".join(f"{identifier(step.column)} {'DESC' if step.descending else 'ASC'}" for step in query.sort)
        sql = (
            f"SELECT {identifiers(column.name for column in columns)} FROM {identifier(rows_of(table))} "
            f"WHERE {condition}{place} ORDER BY {order} LIMIT {query.limit} OFFSET {query.skip}"
        )
        names = [column.name for column in columns]
        decoders = [(index, decode) for index, column in enumerate(columns) if (decode := decoder(column))]

        def rows(connection: sqlite3.Connection) -> list[Row]:
            cursor = connection.execute(sql, [*values, *place_values])
            return [decoded(names, row, decoders) for row in cursor]

        return await self._ask_load(load, rows)

    async def count(self, load: LoadId, table: StoredTable, conditions: Sequence[Condition]) -> int:
        """Counted over an index where there is one."""
        condition, values = where(load, table, conditions)
        sql = f"SELECT count(*) FROM {identifier(rows_of(table))} WHERE {condition}"
        [count] = await self._ask_load(load, lambda connection: connection.execute(sql, values).fetchone())
        return int(count)

    async def page_index(self, load: LoadId, table: StoredTable) -> PageIndex | None:
        """The newest marks that are not newer than the load."""
        return await self._ask_load(load, lambda connection: newest_page_index(connection, table, load.number))

    async def shut_readers(self) -> None:
        """Close idle connections."""
        self.shut()

    def shut(self) -> None:
        """Close idle connections."""
        self._readers.shut()

    async def _ask(self, question: Callable[[sqlite3.Connection], Result]) -> Result:
        return await in_thread(self._read, question)

    async def _ask_load(self, load: LoadId, question: Callable[[sqlite3.Connection], Result]) -> Result:
        """The answer from one load: that it is kept and what it shows is read in one transaction."""

        def ask(connection: sqlite3.Connection) -> Result:
            connection.execute("BEGIN")
            require_load(connection, load, self.uri)
            answer = question(connection)
            connection.execute("ROLLBACK")
            return answer

        return await self._ask(ask)

    def _read(self, question: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            with translated(self.uri), self._readers.lend() as connection:
                return question(connection)
        except OSError as error:  # of the file system; those of SQLite are others
            raise StoreUnavailable(f"{self.uri}: {error.strerror}. Check permissions and FILON_SERVING.") from error


def _use_journal(connection: sqlite3.Connection, mode: str) -> None:
    """Undo transactions of the store by a journal of this kind from now on, unless others have the file open."""
    try:
        connection.execute(f"PRAGMA main.journal_mode = {mode}")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """StoreBusy when another process is loading, StoreUnavailable when the file cannot be used."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise StoreBusy(f"{uri}: another process is loading it; run again when it is done") from error
        raise StoreUnavailable(f"{uri}: {error}. Check space, permissions and FILON_SERVING.") from error
    except sqlite3.DataError as error:
        raise StoreError(f"{uri}: {error}. A text of SQLite has 1 GB at most.") from error
    except sqlite3.DatabaseError as error:
        raise StoreUnavailable(f"{uri}: {error}. Delete the file and run again: it is filled from the lake.") from error
