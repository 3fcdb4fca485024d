"""Records in SQLite: a table beside the loads; each record is written in a transaction of its own.

SQLite numbers the rows of the table in the order of their arrival.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Sequence, Set
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from filon.durable import Effect, durable
from filon.serving.records import time_text
from filon.serving.sqlite.queries import exists
from filon.serving.sqlite.readers import in_thread
from filon.sql import literals

Result = TypeVar("Result")
TABLE = "_records"
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (kind TEXT, key TEXT, at TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (kind, key));
DROP INDEX IF EXISTS _records_by_time;
CREATE INDEX IF NOT EXISTS _records_by_kind ON {TABLE} (kind);
"""


class Reading(Protocol):
    """How a store is asked something."""

    def __call__(self, question: Callable[[sqlite3.Connection], Result], /) -> Result:
        """The answer."""


class SQLiteRecords:
    """The records of a store."""

    def __init__(self, read: Reading, write: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._read = read
        self._write = write

    def keep(self, kind: str, key: str, at: dt.datetime, text: str, most: int | None = None) -> None:
        """One transaction."""
        with self._write() as connection:
            row = [kind, key, time_text(at), text]
            again = "ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at, text = excluded.text"
            connection.execute(f"INSERT INTO {TABLE} (kind, key, at, text) VALUES (?, ?, ?, ?) {again}", row)
            if most is not None:
                old = f"SELECT key FROM {TABLE} WHERE kind = ? ORDER BY rowid DESC LIMIT -1 OFFSET ?"
                connection.execute(f"DELETE FROM {TABLE} WHERE kind = ? AND key IN ({old})", [kind, kind, most])
            with durable(Effect.SQLITE, f"record {kind}"):
                connection.execute("COMMIT")

    def known(self, kind: str, key: str) -> str | None:
        """By the key of the table."""

        def ask(connection: sqlite3.Connection) -> str | None:
            if not exists(connection, TABLE):  # a store of an older version of Filon
                return None
            sql = f"SELECT text FROM {TABLE} WHERE kind = ? AND key = ?"
            row = connection.execute(sql, [kind, key]).fetchone()
            return None if row is None else str(row[0])

        return self._read(ask)

    def keys(self, kind: str) -> Set[str]:
        """From the index alone."""

        def ask(connection: sqlite3.Connection) -> set[str]:
            if not exists(connection, TABLE):
                return set()
            return {key for (key,) in connection.execute(f"SELECT key FROM {TABLE} WHERE kind = ?", [kind])}

        return self._read(ask)

    def forget(self, kind: str, keys: Set[str]) -> None:
        """One transaction."""
        if keys:
            with self._write() as connection:
                connection.execute(f"DELETE FROM {TABLE} WHERE kind = ? AND key IN ({literals(keys)})", [kind])
                with durable(Effect.SQLITE, f"forget records {kind}"):
                    connection.execute("COMMIT")

    async def newest(self, kind: str, skip: int, limit: int) -> Sequence[str]:
        """In the order of the index."""

        def ask(connection: sqlite3.Connection) -> list[str]:
            if not exists(connection, TABLE):
                return []
            sql = f"SELECT text FROM {TABLE} WHERE kind = ? ORDER BY rowid DESC LIMIT ? OFFSET ?"
            return [text for (text,) in connection.execute(sql, [kind, limit, skip])]

        return await in_thread(self._read, ask)

    async def count(self, kind: str) -> int:
        """Counted over the index."""

        def ask(connection: sqlite3.Connection) -> int:
            if not exists(connection, TABLE):
                return 0
            [count] = connection.execute(f"SELECT count(*) FROM {TABLE} WHERE kind = ?", [kind]).fetchone()
            return int(count)

        return await in_thread(self._read, ask)

    async def find(self, kind: str, key: str) -> str | None:
        """By the key of the table."""
        return await in_thread(self.known, kind, key)
