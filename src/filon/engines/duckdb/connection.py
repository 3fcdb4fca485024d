"""One DuckDB database inside the process, closed to all but its folders; engine and reader work in it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from filon.engines.duckdb.lock import CLOSED_FROM_THE_START, locks, masks
from filon.engines.duckdb.s3 import SCHEME, S3Access
from filon.engines.protocol import StatementInvalid
from filon.engines.reader import CsvUnreadable
from filon.errors import EngineError, EngineExhausted, LakeUnavailable
from filon.lake import ColumnStats, DataFile, Location
from filon.sql import identifier, literal

WRITE_OPTIONS = (
    "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARQUET_VERSION v2, "
    "DICTIONARY_SIZE_LIMIT 4000, RETURN_STATS true"
)
"""Dictionaries of more values than that take longer to make than they save, and make larger files."""
INTO_FOLDER = "APPEND true, FILENAME_PATTERN 'part-{uuid}'"
INTERRUPTED = "Query interrupted"
SURROGATE = re.compile("[\ud800-\udfff]")
COPY, CREATE, DROP, SELECT, SET = (
    duckdb.StatementType.COPY,
    duckdb.StatementType.CREATE,
    duckdb.StatementType.DROP,
    duckdb.StatementType.SELECT,
    duckdb.StatementType.SET,
)


class DuckDBConnection:
    """An in-memory database that spills to ``workspace`` when it needs more than ``memory``.

    It reaches the workspace and ``places``, and no other file; see ``lock``. Whoever works in it shares its memory and
    threads, and the names of its tables.

    Args:
        workspace: a folder for temporary files
        places: folders or prefixes of an object store that statements may name
        memory: how much it takes, such as ``2GB``
        threads: how many it starts; one per core if None

    """

    def __init__(self, workspace: Path, places: Sequence[Location], *, memory: str, threads: int | None) -> None:
        self._connection = duckdb.connect(
            config={
                "memory_limit": memory,
                "temp_directory": str(workspace / "spill"),
                **CLOSED_FROM_THE_START,
                **({"threads": threads} if threads else {}),
            }
        )
        self._workspace = workspace
        self._kinds: dict[str, str] = {}
        self._s3 = S3Access(self._connection.execute)
        self._set_up(workspace, places)

    def _set_up(self, workspace: Path, places: Sequence[Location]) -> None:
        execute = self._connection.execute
        with _translated():
            execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET enable_progress_bar = true")
            execute("SET enable_progress_bar_print = false; SET progress_bar_time = 200")
            if any(place.folder is None for place in places):
                self._s3.open()  # extensions are loaded and settings made before the lock; credentials may change later
            execute("; ".join(masks()))
            for statement in locks(workspace, places):
                execute(statement)

    def define(self, macros: Iterable[str]) -> None:
        """Make functions that queries may call; each is one CREATE."""
        with _translated():
            self._connection.execute("; ".join(macros))

    def view(self, table: str, query: str) -> None:
        """Give a query a name."""
        self.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(table)} AS {query}", CREATE)
        self._kinds[table.casefold()] = "VIEW"

    def cache(self, table: str, query: str) -> None:
        """Keep the rows of a query under a name."""
        self.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(table)} AS {query}", CREATE)
        self._kinds[table.casefold()] = "TABLE"

    def parse(self, table: str, query: str, notes: Sequence[str] = ()) -> None:
        """Keep what a query reads from text files under a name; CsvUnreadable when they are not as it claims.

        Args:
            table: the name
            query: it reads files alone
            notes: further tables that are made while it runs

        """
        self._kinds |= {name.casefold(): "TABLE" for name in notes}
        try:
            with _interruptible():
                self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(table)} AS {query}")
        except duckdb.OutOfMemoryException as error:
            raise EngineExhausted(_first_line(error)) from error
        except duckdb.Error as error:
            raise CsvUnreadable(_first_line(error)) from error
        except UnicodeDecodeError as error:  # DuckDB cuts its message inside a letter when it quotes a long line
            raise CsvUnreadable("a line is not as regular as the others") from error
        self._kinds[table.casefold()] = "TABLE"

    def drop(self, tables: Iterable[str]) -> None:
        """Drop views and temporary tables; names that are not known are no error."""
        for table in tables:
            if kind := self._kinds.pop(table.casefold(), None):
                self.execute(f"DROP {kind} IF EXISTS {identifier(table)}", DROP)

    def execute(self, statement: str, kind: duckdb.StatementType) -> None:
        """Run a statement of a kind that gives no rows."""
        with self.running():
            self._connection.execute(self._one(statement, kind))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a result."""
        with self.asked(query) as cursor:
            return cursor.fetchall()

    @contextmanager
    def asked(self, query: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The result of a query, while it is read."""
        with self.running():
            yield self._connection.execute(self._one(query, SELECT))

    def types(self, query: str) -> list[tuple[str, str]]:
        """Names and types of a query's columns, without running it; StatementInvalid names the line."""
        try:
            self._one(query, SELECT)
            found = self._connection.execute(self._one(f"DESCRIBE {query}", SELECT)).fetchall()
        except duckdb.Error as error:
            raise StatementInvalid(_complaint(error), _line(error)) from error
        return [(name, spelling) for name, spelling, *_ in found]

    def write(self, query: str, folder: Location, partition: str = "", *, in_one_file: bool = False) -> list[DataFile]:
        """COPY with statistics, divided by a column of the query; files that hold no row are not reported."""
        folder.make_folder()
        target = folder.path_of("").rstrip("/")  # in the keys of an object store, two slashes are not one
        options = f"{WRITE_OPTIONS}, {INTO_FOLDER}, PER_THREAD_OUTPUT true"
        if partition:
            options = f"{WRITE_OPTIONS}, {INTO_FOLDER}, PARTITION_BY ({identifier(partition)})"
        elif in_one_file:
            target, options = folder.path_of(f"part-{uuid.uuid4()}.parquet"), WRITE_OPTIONS
        statement = f"COPY ({query}) TO {literal(target)} ({options})"
        with self.running():
            written = self._connection.execute(self._one(statement, COPY)).fetchall()
        depth = 2 if partition else 1
        return [
            DataFile("/".join(path.replace("\\", "/").split("/")[-depth:]), size, rows, _stats(stats), dict(keys or {}))
            for path, rows, size, _footer, stats, keys in written
            if rows
        ]

    @contextmanager
    def copied(self, query: str) -> Iterator[Path]:
        """The result of a query as a Parquet file, in the order of the query; deleted afterwards."""
        self._workspace.mkdir(parents=True, exist_ok=True)
        path = self._workspace / f"{uuid.uuid4()}.parquet"
        try:
            self.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)", COPY)
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def in_order(self) -> Iterator[None]:
        """Rows keep the order in which they are read meanwhile, which takes more memory."""
        self.execute("SET preserve_insertion_order = true", SET)
        try:
            yield
        finally:
            self.execute("SET preserve_insertion_order = false", SET)

    def progress(self) -> float | None:
        """DuckDB's own estimate."""
        try:
            percent = self._connection.query_progress()
        except duckdb.ConnectionException:  # closed by the thread that does the work
            return None
        return percent / 100 if percent > 0 else None

    def close(self) -> None:
        """Close the database; whoever else works in it may do so again."""
        self._connection.close()

    def _one(self, text: str, kind: duckdb.StatementType) -> duckdb.Statement:
        """The one statement of that kind in a text: no query brings another statement along."""
        if not text.isascii() and SURROGATE.search(text):  # bytes of a command line that are no UTF-8
            raise StatementInvalid("a value is not UTF-8 text; write it again", 1)
        found = self._connection.extract_statements(text)
        if len(found) != 1 or found[0].type != kind:
            raise StatementInvalid("a query holds something else than one SELECT", 1)
        return found[0]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Errors of DuckDB become Filon's, and the credentials of an object store are fresh."""
        with _translated():
            self._s3.renew()
            yield


@contextmanager
def _translated() -> Iterator[None]:
    try:
        with _interruptible():
            yield
    except duckdb.OutOfMemoryException as error:
        raise EngineExhausted(_first_line(error)) from error
    except duckdb.IOException as error:
        message = _first_line(error)
        if SCHEME not in message and "http" not in message:
            raise EngineError(f"{message}. Check space and permissions there; then run again.") from error
        raise LakeUnavailable(
            f"the object store failed: {message}. Check that it runs and has space; then run again."
        ) from error
    except duckdb.Error as error:
        raise EngineError(_first_line(error)) from error


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if str(error) != INTERRUPTED:
            raise
        raise KeyboardInterrupt from error  # DuckDB makes this of whatever a signal raised


def _first_line(error: duckdb.Error) -> str:
    return str(error).strip().split("\n", 1)[0].removesuffix(" LINE 1:")


def _complaint(error: duckdb.Error) -> str:
    """What is wrong with a statement, without the name of the part of the engine that found it."""
    return re.sub(r"^[A-Z]\w+ Error: ", "", _first_line(error)).removesuffix("!")


def _line(error: duckdb.Error) -> int:
    found = re.search(r"^LINE (\d+):", str(error), re.MULTILINE)
    return int(found[1]) if found else 1


def _stats(found: dict[str, dict[str, str]]) -> dict[str, ColumnStats]:
    return {
        name.strip('"').replace('""', '"'): ColumnStats(
            stats.get("min"), stats.get("max"), int(stats.get("null_count", 0))
        )
        for name, stats in found.items()
        if '"."' not in name
    }
