"""A load in progress, inside one transaction."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from filon.durable import Effect, durable
from filon.errors import StoreForeign
from filon.serving.protocol import Batch, BulkInsert
from filon.serving.sqlite.bulk import Scratch
from filon.serving.sqlite.queries import exists, newest_page_index, row_tables, rows_of, states_of
from filon.serving.sqlite.values import TYPES, plain
from filon.serving.sqlite.watching import RowCounts
from filon.serving.state import OPEN, PageIndex, ServedState, next_load
from filon.serving.syncing import SYNC_TABLE, sync_documents
from filon.serving.tables import StoredTable
from filon.sql import identifier, identifiers

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

CACHE_KIB = 128 << 10
SORTED_KIB = 2 << 10
"""What SQLite sorts at once for an index: as much as the caches of a processor hold takes half the time."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS _loads (load INTEGER PRIMARY KEY, token TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS _page_index (name TEXT, load INTEGER, page_index TEXT, PRIMARY KEY (name, load))
    WITHOUT ROWID;
"""


class SQLiteSession:
    """A load inside one transaction."""

    def __init__(self, connection: sqlite3.Connection, uri: str, scratch: Scratch) -> None:
        self._connection = connection
        self._uri = uri
        self._scratch = scratch
        self._prepared: list[StoredTable] = []
        self.kept: Sequence[ServedState] = states_of(connection, uri)
        self.before = self.kept[0] if self.kept else None
        self.id = next_load(self.before)
        self.load = self.id.number
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._counts = RowCounts(connection)
        self._counts.unwatch()
        if self.before is None:
            self._clear()

    def prepare(self, table: StoredTable) -> bool:
        """Indexes follow after the rows, which is faster when there are many."""
        name = rows_of(table)
        if exists(self._connection, table.name):
            raise StoreForeign(f"{self._uri} has a table {table.name} that Filon did not write; use another store")
        columns = _columns(table)
        held = [(row[1], row[2]) for row in self._connection.execute(f"PRAGMA table_info({identifier(name)})")]
        keyed = [row[1] for row in self._connection.execute(f"PRAGMA table_info({identifier(name)})") if row[5]]
        is_same = held == columns and set(keyed) == {*table.key, "_from"}
        if not is_same:
            self._connection.execute(f"DROP TABLE IF EXISTS {identifier(name)}")
            for statement in _creation(table):
                self._connection.execute(statement)
            self._counts.start(name)
        self._prepared.append(table)
        return is_same

    def insert(self, table: StoredTable, batches: Iterable[Batch]) -> int:
        """Rows of this load, valid until another closes them."""
        places = ", ".join("?" * len(table.columns))
        statement = f"INSERT INTO {identifier(rows_of(table))} VALUES ({places}, {self.load}, {OPEN})"
        count = 0
        for batch in batches:
            count += self._connection.executemany(statement, batch).rowcount
        self._counts.add(rows_of(table), count)
        return count

    def bulk(self) -> BulkInsert | None:
        """As long as the connection takes scratch files."""
        return self._insert_columns if self._scratch.has_room else None

    def _insert_columns(self, table: StoredTable, batches: Iterable[pa.RecordBatch]) -> Callable[[], int]:
        rows = rows_of(table)
        copy = self._scratch.fill(rows, _creation(table), f"{self.load}, {OPEN}", batches)

        def finish() -> int:
            count = copy()
            self._counts.add(rows, count)
            self._index(table)  # while other tables are still on their way
            return count

        return finish

    def close(self, table: StoredTable, keys: Iterable[Batch] | None) -> int:
        """Valid rows with these keys end before this load."""
        update = f"UPDATE {identifier(rows_of(table))} SET _to = {self.load} WHERE _to = {OPEN} AND _from < {self.load}"
        if keys is None:
            return self._connection.execute(update).rowcount
        statement = f"{update} AND {' AND '.join(f'{identifier(name)} = ?' for name in table.key)}"
        return sum(self._connection.executemany(statement, batch).rowcount for batch in keys)

    def flip(self, state: ServedState, page_index: Mapping[str, PageIndex | None], *, alone: bool = False) -> None:
        """Commit the rows, their indexes and views, and the state."""
        for table in self._prepared:
            self._index(table)
            if not table.name.startswith("_"):
                self._show(table)
        for name in (self.before.tables if self.before else {}).keys() - state.tables.keys():
            self._connection.execute(f"DROP VIEW IF EXISTS {identifier(name)}")
        for name, index in page_index.items():
            text = index.model_dump_json() if index else None
            self._connection.execute("INSERT OR REPLACE INTO _page_index VALUES (?, ?, ?)", [name, self.load, text])
        if alone:
            self._connection.execute("DELETE FROM _loads")
        row = [self.load, self.id.token, state.model_dump_json()]
        self._connection.execute("INSERT INTO _loads VALUES (?, ?, ?)", row)
        self._sync(state)
        self._counts.watch()
        with durable(Effect.SQLITE, f"load {self.load}"):
            self._connection.execute("COMMIT")

    def holds(self, table: StoredTable, versions: int) -> bool:
        """As the load before left it, or counted."""
        return self._counts.holds(rows_of(table), versions)

    def page_index(self, table: StoredTable) -> PageIndex | None:
        """The newest one."""
        return newest_page_index(self._connection, table, self.load)

    def count(self, table: StoredTable) -> int:
        """Known, or counted."""
        return self._counts.of(rows_of(table))

    def sweep(self, keep: int) -> int:
        """Rows that ended before the oldest kept load, or with the last one when none is kept."""
        loads = [load for (load,) in self._connection.execute("SELECT load FROM _loads ORDER BY load DESC")]
        oldest = loads[:keep][-1] if keep and loads else self.load
        self._connection.execute("DELETE FROM _loads WHERE load < ?", [oldest])
        newer = (
            "SELECT 1 FROM _page_index AS newer WHERE newer.name = _page_index.name AND newer.load > _page_index.load"
        )
        self._connection.execute(f"DELETE FROM _page_index WHERE EXISTS ({newer} AND newer.load <= ?)", [oldest])
        return sum(self._delete(name, oldest) for name in row_tables(self._connection))

    def _delete(self, rows: str, oldest: int) -> int:
        """Delete the rows that ended before a load; returns their number."""
        ended = f"DELETE FROM {identifier(rows)} WHERE _to <= ? AND _to < {OPEN}"
        deleted = self._connection.execute(ended, [oldest]).rowcount
        self._counts.add(rows, -deleted)
        return deleted

    def _clear(self) -> None:
        """Forget rows and marks whose loads are gone: the numbers that they carry are given again."""
        for name in row_tables(self._connection):
            self._connection.execute(f"DROP VIEW IF EXISTS {identifier(name.removeprefix('_rows_'))}")
            self._connection.execute(f"DROP TABLE {identifier(name)}")
        self._connection.execute("DELETE FROM _page_index")

    def _index(self, table: StoredTable) -> None:
        """Sort the rows for each index that is missing."""
        rows = rows_of(table)
        self._connection.execute(f"PRAGMA cache_size = -{SORTED_KIB}")
        sorts = [tuple(step.column for step in table.sort)] if table.sort else []
        for columns in dict.fromkeys([*((name,) for name in table.looked_up), *sorts]):
            if columns != table.key[: len(columns)]:
                whole = (*columns, *(name for name in table.key if name not in columns))
                name = identifier(f"{rows} by {' '.join(columns)}")
                self._connection.execute(
                    f"CREATE INDEX IF NOT EXISTS {name} ON {identifier(rows)} ({identifiers(whole)})"
                )
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")

    def _show(self, table: StoredTable) -> None:
        columns = ", ".join(f"{plain(column)} AS {identifier(column.name)}" for column in table.columns)
        self._connection.execute(f"DROP VIEW IF EXISTS {identifier(table.name)}")
        self._connection.execute(
            f"CREATE VIEW {identifier(table.name)} AS SELECT {columns} FROM {identifier(rows_of(table))} "
            f"WHERE _to = {OPEN}"
        )

    def _sync(self, state: ServedState) -> None:
        documents = sync_documents(state)
        self._connection.execute(f"DROP TABLE IF EXISTS {SYNC_TABLE}")
        if documents:
            self._connection.execute(f"CREATE TABLE {SYNC_TABLE} ({identifiers(documents[0])})")
            places = ", ".join("?" * len(documents[0]))
            rows = [tuple(_sync_value(value) for value in document.values()) for document in documents]
            self._connection.executemany(f"INSERT INTO {SYNC_TABLE} VALUES ({places})", rows)


def _columns(table: StoredTable) -> list[tuple[str, str]]:
    """Names and types of the columns of a table of rows."""
    return [
        *((column.name, TYPES[column.type.kind]) for column in table.columns),
        ("_from", "INTEGER"),
        ("_to", "INTEGER"),
    ]


def _creation(table: StoredTable) -> list[str]:
    """What makes an empty table of rows, with its key and an index of closed rows, which has nothing to sort yet."""
    rows = identifier(rows_of(table))
    columns = ", ".join(f"{identifier(name)} {kind}" for name, kind in _columns(table))
    return [
        f"CREATE TABLE {rows} ({columns}, PRIMARY KEY ({identifiers((*table.key, '_from'))})) WITHOUT ROWID",
        f"CREATE INDEX {identifier(f'{rows_of(table)} closed')} ON {rows} (_to) WHERE _to < {OPEN}",
    ]


def _sync_value(value: object) -> object:
    """A value of a sync document as SQLite keeps it."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, dict) else value
