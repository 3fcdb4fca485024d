"""SQLite: the store inside one file, for one machine. Many processes read it while one loads it.

Rows lie in ``_rows_TABLE``; the table's own name is a view of the rows that are valid now, for people and tools that
read the file directly. A load is one transaction, so a killed one leaves nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any, TypeVar

from filon.errors import StoreBusy, StoreForeign, StoreUnavailable
from filon.project import Column, Kind
from filon.project.serving import Order, StoredTable
from filon.serving.encoding import unscaled
from filon.serving.protocol import Batch
from filon.serving.query import Condition, Query, Row, Value
from filon.serving.state import OPEN, Marks, ServedState, read_state
from filon.serving.syncing import SYNC_TABLE, sync_documents
from filon.sql import identifier, identifiers

Answer = TypeVar("Answer")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
PATIENCE_S = 5.0
CACHE_KIB = 128 << 10
TYPES = {Kind.INTEGER: "INTEGER", Kind.DECIMAL: "INTEGER", Kind.DOUBLE: "REAL", Kind.BOOLEAN: "INTEGER"}
TYPES |= {Kind.TEXT: "TEXT", Kind.DATE: "TEXT", Kind.TIMESTAMP: "INTEGER"}
SCHEMA = """
CREATE TABLE IF NOT EXISTS _loads (load INTEGER PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS _marks (name TEXT, load INTEGER, marks TEXT, PRIMARY KEY (name, load)) WITHOUT ROWID;
"""


class SQLiteStore:
    """A store in one file in WAL mode."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.uri = f"sqlite:///{path}"
        self._path = path
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()

    def encoding(self, column: Column) -> str:
        """Decimals as whole numbers of their last decimal, dates as text, timestamps as microseconds."""
        name, kind = identifier(column.name), column.type
        if kind.kind is Kind.DECIMAL:
            return f"CAST({unscaled(column)} AS BIGINT)"
        if kind.kind is Kind.DATE:
            return f"CAST({name} AS VARCHAR)"
        return f"unix_micros({name})" if kind.kind is Kind.TIMESTAMP else name

    def state(self) -> ServedState | None:
        """The newest load."""
        states = self._read(lambda connection: _states(connection, self.uri))
        return states[0] if states else None

    def is_settled(self) -> bool:
        """Always: views follow in the transaction of the load."""
        return True

    def holds(self, table: StoredTable, versions: int) -> bool:
        """Counted; SQLite reads only the pages of the smallest index for that."""
        return self._read(lambda connection: _holds(connection, table, versions))

    @contextmanager
    def loading(self) -> Iterator[SQLiteSession]:
        """One transaction, from here to ``flip``."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{self.uri}: {error.strerror}. Give another FILON_SERVING.") from error
        with _translated(self.uri):
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=PATIENCE_S)
            try:
                connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
                connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
                connection.executescript(SCHEMA)
                connection.execute("BEGIN IMMEDIATE")
                yield SQLiteSession(connection, self.uri)
                if not connection.in_transaction:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()  # which undoes what was not committed

    async def states(self) -> Sequence[ServedState]:
        """Newest first."""
        return await self._ask(lambda connection: _states(connection, self.uri))

    async def find(self, load: int, table: StoredTable, query: Query) -> list[Row]:
        """One SELECT."""
        columns = [column for column in table.columns if query.fields is None or column.name in query.fields]
        where, values = _where(load, table, query.conditions)
        place, place_values = _place(table, query)
        order = ", ".join(f"{identifier(step.column)} {'DESC' if step.descending else 'ASC'}" for step in query.sort)
        sql = (
            f"SELECT {identifiers(column.name for column in columns)} FROM {identifier(_rows(table))} "
            f"WHERE {where}{place} ORDER BY {order} LIMIT {query.limit} OFFSET {query.skip}"
        )
        rows = await self._ask(lambda connection: connection.execute(sql, [*values, *place_values]).fetchall())
        names = [column.name for column in columns]
        decoders = [(index, decode) for index, column in enumerate(columns) if (decode := _decoder(column))]
        return [_decoded(names, row, decoders) for row in rows]

    async def count(self, load: int, table: StoredTable, conditions: Sequence[Condition]) -> int:
        """Counted over an index where there is one."""
        where, values = _where(load, table, conditions)
        sql = f"SELECT count(*) FROM {identifier(_rows(table))} WHERE {where}"
        [found] = await self._ask(lambda connection: connection.execute(sql, values).fetchone())
        return int(found)

    async def marks(self, load: int, table: StoredTable) -> Marks | None:
        """The newest marks that are not newer than the load."""
        sql = "SELECT marks FROM _marks WHERE name = ? AND load <= ? ORDER BY load DESC LIMIT 1"
        found = await self._ask(lambda connection: connection.execute(sql, [table.name, load]).fetchone())
        return Marks.model_validate_json(found[0]) if found and found[0] else None

    async def shut_readers(self) -> None:
        """Close idle connections."""
        self.shut()

    def shut(self) -> None:
        """Close idle connections."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    async def _ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        return await asyncio.to_thread(self._read, question)

    def _read(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        with _translated(self.uri):
            if not self._path.exists():  # reading creates no file: what is not there yet reads as an empty store
                with closing(sqlite3.connect(":memory:")) as empty:
                    empty.executescript(SCHEMA)
                    return question(empty)
            connection = self._connection()
            try:
                return question(connection)
            finally:
                self._idle.put(connection)

    def _connection(self) -> sqlite3.Connection:
        try:
            return self._idle.get_nowait()
        except Empty:
            address = f"{self._path.absolute().as_uri()}?mode=ro"
            return sqlite3.connect(address, uri=True, check_same_thread=False, timeout=PATIENCE_S, isolation_level=None)


class SQLiteSession:
    """A load inside one transaction."""

    def __init__(self, connection: sqlite3.Connection, uri: str) -> None:
        self._connection = connection
        self._uri = uri
        self._prepared: list[StoredTable] = []
        self.kept: Sequence[ServedState] = _states(connection, uri)
        self.before = self.kept[0] if self.kept else None
        self.load = self.before.load + 1 if self.before else 1

    def prepare(self, table: StoredTable) -> bool:
        """Indexes follow after the rows, which is faster when there are many."""
        name = _rows(table)
        if _exists(self._connection, table.name):
            raise StoreForeign(f"{self._uri} has a table {table.name} that Filon did not write; use another store")
        columns = [*((c.name, TYPES[c.type.kind]) for c in table.columns), ("_from", "INTEGER"), ("_to", "INTEGER")]
        found = [(row[1], row[2]) for row in self._connection.execute(f"PRAGMA table_info({identifier(name)})")]
        keyed = [row[1] for row in self._connection.execute(f"PRAGMA table_info({identifier(name)})") if row[5]]
        is_same = found == columns and set(keyed) == {*table.key, "_from"}
        if not is_same:
            self._connection.execute(f"DROP TABLE IF EXISTS {identifier(name)}")
            spelled = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns)
            key = f"PRIMARY KEY ({identifiers((*table.key, '_from'))})"
            self._connection.execute(f"CREATE TABLE {identifier(name)} ({spelled}, {key}) WITHOUT ROWID")
        self._prepared.append(table)
        return is_same

    def insert(self, table: StoredTable, batches: Iterable[Batch]) -> int:
        """Rows of this load, valid until another closes them."""
        places = ", ".join("?" * len(table.columns))
        statement = f"INSERT INTO {identifier(_rows(table))} VALUES ({places}, {self.load}, {OPEN})"
        count = 0
        for batch in batches:
            count += self._connection.executemany(statement, batch).rowcount
        return count

    def close(self, table: StoredTable, keys: Iterable[Batch] | None) -> int:
        """Valid rows with these keys end before this load."""
        update = f"UPDATE {identifier(_rows(table))} SET _to = {self.load} WHERE _to = {OPEN} AND _from < {self.load}"
        if keys is None:
            return self._connection.execute(update).rowcount
        statement = f"{update} AND {' AND '.join(f'{identifier(name)} = ?' for name in table.key)}"
        return sum(self._connection.executemany(statement, batch).rowcount for batch in keys)

    def flip(self, state: ServedState, marks: Mapping[str, Marks | None], *, alone: bool = False) -> None:
        """Commit the rows, their indexes and views, and the state."""
        for table in self._prepared:
            self._index(table)
            if not table.name.startswith("_"):
                self._show(table)
        for name in (self.before.tables if self.before else {}).keys() - state.tables.keys():
            self._connection.execute(f"DROP VIEW IF EXISTS {identifier(name)}")
        for name, found in marks.items():
            text = found.model_dump_json() if found else None
            self._connection.execute("INSERT OR REPLACE INTO _marks VALUES (?, ?, ?)", [name, self.load, text])
        if alone:
            self._connection.execute("DELETE FROM _loads")
        self._connection.execute("INSERT INTO _loads VALUES (?, ?)", [self.load, state.model_dump_json()])
        self._sync(state)
        self._connection.execute("COMMIT")

    def holds(self, table: StoredTable, versions: int) -> bool:
        """Counted."""
        return _holds(self._connection, table, versions)

    def count(self, table: StoredTable) -> int:
        """Counted."""
        return _count(self._connection, table)

    def sweep(self, keep: int) -> int:
        """Rows that ended before the oldest kept load, or with the last one when none is kept."""
        loads = [load for (load,) in self._connection.execute("SELECT load FROM _loads ORDER BY load DESC")]
        oldest = loads[:keep][-1] if keep and loads else self.load
        self._connection.execute("DELETE FROM _loads WHERE load < ?", [oldest])
        newer = "SELECT 1 FROM _marks AS newer WHERE newer.name = _marks.name AND newer.load > _marks.load"
        self._connection.execute(f"DELETE FROM _marks WHERE EXISTS ({newer} AND newer.load <= ?)", [oldest])
        return sum(
            self._connection.execute(
                f"DELETE FROM {identifier(name)} WHERE _to <= ? AND _to < {OPEN}", [oldest]
            ).rowcount
            for name in _row_tables(self._connection)
        )

    def _index(self, table: StoredTable) -> None:
        rows = _rows(table)
        sorts = [tuple(step.column for step in table.sort)] if table.sort else []
        for columns in dict.fromkeys([*((name,) for name in table.looked_up), *sorts]):
            if columns != table.key[: len(columns)]:
                whole = (*columns, *(name for name in table.key if name not in columns))
                name = identifier(f"{rows} by {' '.join(columns)}")
                self._connection.execute(
                    f"CREATE INDEX IF NOT EXISTS {name} ON {identifier(rows)} ({identifiers(whole)})"
                )
        name = identifier(f"{rows} closed")
        self._connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {identifier(rows)} (_to) WHERE _to < {OPEN}")

    def _show(self, table: StoredTable) -> None:
        columns = ", ".join(f"{_plain(column)} AS {identifier(column.name)}" for column in table.columns)
        self._connection.execute(f"DROP VIEW IF EXISTS {identifier(table.name)}")
        self._connection.execute(
            f"CREATE VIEW {identifier(table.name)} AS SELECT {columns} FROM {identifier(_rows(table))} "
            f"WHERE _to = {OPEN}"
        )

    def _sync(self, state: ServedState) -> None:
        documents = sync_documents(state)
        self._connection.execute(f"DROP TABLE IF EXISTS {SYNC_TABLE}")
        if documents:
            self._connection.execute(f"CREATE TABLE {SYNC_TABLE} ({identifiers(documents[0])})")
            places = ", ".join("?" * len(documents[0]))
            rows = [tuple(_spelled(value) for value in document.values()) for document in documents]
            self._connection.executemany(f"INSERT INTO {SYNC_TABLE} VALUES ({places})", rows)


def _spelled(value: object) -> object:
    """A value of a sync document as SQLite keeps it."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, dict) else value


def _rows(table: StoredTable) -> str:
    return f"_rows_{table.name}"


def _holds(connection: sqlite3.Connection, table: StoredTable, versions: int) -> bool:
    return _exists(connection, _rows(table)) and _count(connection, table) == versions


def _count(connection: sqlite3.Connection, table: StoredTable) -> int:
    [found] = connection.execute(f"SELECT count(*) FROM {identifier(_rows(table))}").fetchone()
    return int(found)


def _row_tables(connection: sqlite3.Connection) -> list[str]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [name for (name,) in names if name.startswith("_rows_")]


def _exists(connection: sqlite3.Connection, name: str) -> bool:
    """Whether there is a table of that name; views are ours, and made anew."""
    found = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?)", [name]
    ).fetchone()
    return found is not None


def _states(connection: sqlite3.Connection, uri: str) -> list[ServedState]:
    if not _exists(connection, "_loads"):
        return []
    rows = connection.execute("SELECT state FROM _loads ORDER BY load DESC").fetchall()
    return [read_state(state, uri) for (state,) in rows]


def _where(load: int, table: StoredTable, conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
    parts = [f"_from <= {load} AND _to > {load}"]
    parts += [f"{identifier(item.column)} {item.operator} ?" for item in conditions]
    return " AND ".join(parts), [_bound(table, item.column, item.value) for item in conditions]


def _place(table: StoredTable, query: Query) -> tuple[str, list[Any]]:
    """The condition that rows lie behind a place of the sort (or at it), and its values."""
    place = query.at or query.after
    if place is None:
        return "", []
    values = [_bound(table, step.column, value) for step, value in zip(query.sort, place, strict=True)]
    branches, found = [], list[Any]()
    for index, (step, value) in enumerate(zip(query.sort, values, strict=True)):
        behind = _behind(step, value)
        if behind is None:
            continue
        same = [f"{identifier(before.column)} IS ?" for before in query.sort[:index]]
        branches.append(" AND ".join([*same, behind]))
        found += [*values[:index], *([value] if "?" in behind else [])]
    if query.at:
        branches.append(" AND ".join(f"{identifier(step.column)} IS ?" for step in query.sort))
        found += values
    first, value = query.sort[0], values[0]
    bound = ""
    if value is not None and not first.descending:  # lets the index find where to begin
        bound, found = f"{identifier(first.column)} >= ? AND ", [value, *found]
    return f" AND {bound}({' OR '.join(branches) or 'FALSE'})", found


def _behind(step: Order, value: Any) -> str | None:
    """Rows whose column comes later than a value; nulls come first, or last where the sort descends."""
    name = identifier(step.column)
    if value is None:
        return None if step.descending else f"{name} IS NOT NULL"
    return f"({name} < ? OR {name} IS NULL)" if step.descending else f"{name} > ?"


def _bound(table: StoredTable, column: str, value: Value) -> Any:
    """A value as ``encoding`` spells it."""
    kind = table.column(column).type
    if isinstance(value, Decimal) or (kind.kind is Kind.DECIMAL and isinstance(value, (int, float))):
        exact = Decimal(str(value)).scaleb(kind.scale)
        return int(exact) if exact == exact.to_integral_value() else float(exact)
    if isinstance(value, dt.datetime):
        return (value - EPOCH) // dt.timedelta(microseconds=1)
    return value.isoformat() if isinstance(value, dt.date) else value


def _decoder(column: Column) -> Callable[[Any], Value] | None:
    kind, scale = column.type.kind, column.type.scale
    if kind is Kind.DECIMAL:
        return lambda value: Decimal(value).scaleb(-scale)
    if kind is Kind.DATE:
        return dt.date.fromisoformat
    if kind is Kind.TIMESTAMP:
        return lambda value: EPOCH + dt.timedelta(microseconds=value)
    return bool if kind is Kind.BOOLEAN else None


def _decoded(
    names: Sequence[str], row: Sequence[Any], decoders: Sequence[tuple[int, Callable[[Any], Value]]]
) -> dict[str, Value]:
    values = list(row)
    for index, decode in decoders:
        if values[index] is not None:
            values[index] = decode(values[index])
    return dict(zip(names, values, strict=True))


def _plain(column: Column) -> str:
    """A column as people who read the file expect it; SQLite itself knows no decimals."""
    name, kind = identifier(column.name), column.type
    if kind.kind is Kind.DECIMAL and kind.scale:
        return f"{name} / {10**kind.scale}.0"
    if kind.kind is Kind.TIMESTAMP:
        micros = f"((({name} % 1000000) + 1000000) % 1000000)"  # never negative, before 1970 either
        seconds = f"strftime('%Y-%m-%dT%H:%M:%S', ({name} - {micros}) / 1000000, 'unixepoch')"
        return f"{seconds} || printf('.%06dZ', {micros})"
    return name


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise StoreBusy(f"{uri}: another process is loading it; run again when it is done") from error
        raise StoreUnavailable(f"{uri}: {error}. Check space, permissions and FILON_SERVING.") from error
    except sqlite3.DatabaseError as error:
        raise StoreUnavailable(f"{uri}: {error}. Delete the file and run again: it is filled from the lake.") from error
