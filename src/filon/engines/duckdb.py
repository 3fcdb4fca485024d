"""DuckDB: the engine inside the process, for one machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]

from filon.engines.duckdb_lock import CLOSED_FROM_THE_START, SYSTEM, literal_path, locks, masks
from filon.engines.duckdb_s3 import SCHEME, S3Access
from filon.engines.functions import duckdb_macros
from filon.engines.protocol import Columns, Content, CsvFile, CsvForm, CsvUnreadable, StatementInvalid
from filon.errors import EngineError, EngineExhausted, LakeUnavailable
from filon.lake import ColumnStats, DataFile, Location
from filon.project import Project
from filon.sql import identifier, identifiers, literal, literals

WRITE_OPTIONS = (
    "FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, PER_THREAD_OUTPUT true, APPEND true, "
    "FILENAME_PATTERN 'part-{uuid}', RETURN_STATS true"
)
LONGEST_LINE = 8 << 20
LONGEST_RAGGED_LINE = 64 << 10
"""Functions make copies of lines, of a whole vector of them at once, and no memory limit counts these."""
LONGEST_TIDY_LINE = 10 * LONGEST_LINE  # four bytes a character, each quote doubled, and the fault beside the text
BUFFER = 32 << 20
INTERRUPTED = "Query interrupted"
SURROGATE = re.compile("[\ud800-\udfff]")
COPY, CREATE, DROP, SELECT, SET = (
    duckdb.StatementType.COPY,
    duckdb.StatementType.CREATE,
    duckdb.StatementType.DROP,
    duckdb.StatementType.SELECT,
    duckdb.StatementType.SET,
)


class DuckDBEngine:
    """One in-memory DuckDB database that spills to ``workspace`` when it needs more than ``memory``.

    It reaches the workspace and ``places``, and no other file; see ``duckdb_lock``.
    """

    name = "duckdb"

    def __init__(
        self,
        project: Project,
        as_of: str,
        workspace: Path,
        places: Sequence[Location],
        *,
        memory: str,
        threads: int | None,
    ) -> None:
        self._connection = duckdb.connect(
            config={
                "memory_limit": memory,
                "temp_directory": str(workspace / "spill"),
                **CLOSED_FROM_THE_START,
                **({"threads": threads} if threads else {}),
            }
        )
        self._kinds: dict[str, str] = {}
        self._s3 = S3Access(self._connection.execute)
        self._set_up(project, as_of, workspace, places)

    def _set_up(self, project: Project, as_of: str, workspace: Path, places: Sequence[Location]) -> None:
        execute = self._connection.execute
        with _translated():
            execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET enable_progress_bar = true")
            execute("SET enable_progress_bar_print = false; SET progress_bar_time = 200")
            if any(place.folder is None for place in places):
                self._s3.open()  # extensions are loaded and settings made before the lock; credentials may change later
            execute("; ".join((*duckdb_macros(project.locale, project.timezone, as_of), *masks())))
            for statement in locks(workspace, places):
                execute(statement)

    def read_csv(self, table: str, files: Sequence[CsvFile], form: CsvForm) -> dict[int, int]:
        """Parse in parallel into a table whose row order is the files' order, then count from there."""
        raw = f"{table} as read"
        single = len(files) == 1
        columns = ("line",) if form.ragged else form.columns
        delimiter, quote = ("\x01", "") if form.ragged else (form.delimiter, form.quote)
        longest = LONGEST_TIDY_LINE if form.numbered else LONGEST_RAGGED_LINE if form.ragged else LONGEST_LINE
        names = "{" + ", ".join(f"{literal(name)}: 'VARCHAR'" for name in columns) + "}"
        arguments = (
            f"[{literals(literal_path(str(file.path)) for file in files)}], columns={names}, auto_detect=false, "
            f"header=true, delim={literal(delimiter)}, quote={literal(quote)}, escape={literal(quote)}, "
            f"strict_mode=true, null_padding=false, "
            f"filename={str(not single).lower()}, "
            f"max_line_size={longest}, buffer_size={max(longest, BUFFER)}"
        )
        self._execute("SET preserve_insertion_order = true", SET)
        try:
            self._connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {identifier(raw)} AS SELECT * FROM {SYSTEM}.read_csv({arguments})"
            )
            self._kinds[raw.casefold()] = "TABLE"
        except duckdb.OutOfMemoryException as error:
            raise EngineExhausted(_first_line(error)) from error
        except duckdb.Error as error:
            raise CsvUnreadable(_first_line(error)) from error
        except UnicodeDecodeError as error:  # DuckDB cuts its message inside a letter when it quotes a long line
            raise CsvUnreadable("a line is not as regular as the others") from error
        finally:
            self._execute("SET preserve_insertion_order = false", SET)
        self._number(table, raw, files, form)
        counts = dict(self.rows(f"SELECT _file, count(*) FROM {identifier(table)} GROUP BY _file"))
        return {file.number: counts.get(file.number, 0) for file in files}

    def _number(self, table: str, raw: str, files: Sequence[CsvFile], form: CsvForm) -> None:
        columns = identifiers(name for name in form.columns if name != "_record")
        source = identifier(raw)
        if form.ragged:
            columns = "line"
        if form.numbered or len(files) == 1:
            record = 'CAST("_record" AS BIGINT)' if form.numbered else "rowid + 1"
            query = f"SELECT CAST({files[0].number} AS BIGINT) AS _file, {record} AS _record, {columns} FROM {source}"
        else:
            values = ", ".join(f"({literal(str(file.path))}, {file.number})" for file in files)
            query = (
                f"WITH numbers(filename, number) AS (VALUES {values}), "
                f"starts AS (SELECT filename, min(rowid) AS start FROM {source} GROUP BY filename) "
                f"SELECT CAST(number AS BIGINT) AS _file, {source}.rowid - start + 1 AS _record, {columns} "
                f"FROM {source} JOIN starts USING (filename) JOIN numbers USING (filename)"
            )
        self.view(table, _split(query, form) if form.ragged else query)

    def bind(self, table: str, paths: Sequence[str], columns: Columns, *, lenient: bool = False) -> None:
        """A view over the Parquet files."""
        empty = ", ".join(f"CAST(NULL AS {sql_type}) AS {identifier(name)}" for name, sql_type in columns)
        query = f"SELECT {empty} WHERE FALSE"
        if paths:
            _require_plain(paths)
            files = f"[{literals(literal_path(path) for path in paths)}]"
            names = identifiers(name for name, _ in columns)
            query = f"SELECT {names} FROM {SYSTEM}.read_parquet({files})"
            if lenient:
                every = f"SELECT * FROM {SYSTEM}.read_parquet({files}, union_by_name=true)"
                query = f"SELECT {names} FROM (SELECT {empty} WHERE FALSE UNION ALL BY NAME {every})"
        self.view(table, query)

    def view(self, table: str, query: str) -> None:
        """A temporary view."""
        self._execute(f"CREATE OR REPLACE TEMP VIEW {identifier(table)} AS {query}", CREATE)
        self._kinds[table.casefold()] = "VIEW"

    def cache(self, table: str, query: str) -> None:
        """A temporary table."""
        self._execute(f"CREATE OR REPLACE TEMP TABLE {identifier(table)} AS {query}", CREATE)
        self._kinds[table.casefold()] = "TABLE"

    def drop(self, tables: Iterable[str]) -> None:
        """Drop views and temporary tables of these names, and what reading CSV left beside them."""
        for table in tables:
            for name in (table, f"{table} as read"):
                if kind := self._kinds.pop(name.casefold(), None):
                    self._execute(f"DROP {kind} {identifier(name)}", DROP)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a result."""
        with self._running():
            return self._connection.execute(self._one(query, SELECT)).fetchall()

    def stream(self, query: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """DuckDB computes the result while it is read."""
        with self._running():
            cursor = self._connection.execute(self._one(query, SELECT))
            while batch := cursor.fetchmany(size):
                yield batch

    def arrow(self, query: str) -> pa.Table:
        """The whole table at once: the reader that gives it bit by bit can hang."""
        with self._running():
            return self._connection.execute(self._one(query, SELECT)).to_arrow_table()

    def contents(self, query: str, by: str) -> dict[str, Content]:
        """Hashes of rows are added up, so that a row which stands twice counts twice."""
        names = identifiers(name for name, _ in self.describe(query))
        total = f"sum(CAST(hash({names}) AS HUGEINT))"
        found = self.rows(f"SELECT {identifier(by)}, count(*), {total} FROM ({query}) AS content GROUP BY ALL")
        return {value: Content(rows, int(total)) for value, rows, total in found}

    def describe(self, query: str) -> list[tuple[str, str]]:
        """Bind the query; DuckDB's message points at the line."""
        try:
            self._one(query, SELECT)
            found = self._connection.execute(self._one(f"DESCRIBE {query}", SELECT)).fetchall()
        except duckdb.Error as error:
            raise StatementInvalid(_first_line(error), _line(error)) from error
        return [(name, sql_type) for name, sql_type, *_ in found]

    def write(self, query: str, folder: Location) -> list[DataFile]:
        """COPY with statistics; files that hold no row are not reported."""
        folder.make_folder()
        target = folder.path_of("").rstrip("/")  # in the keys of an object store, two slashes are not one
        statement = f"COPY ({query}) TO {literal(target)} ({WRITE_OPTIONS})"
        with self._running():
            written = self._connection.execute(self._one(statement, COPY)).fetchall()
        return [
            DataFile(name=path.replace("\\", "/").rsplit("/", 1)[-1], size=size, rows=rows, stats=_stats(stats))
            for path, rows, size, _footer, stats, _keys in written
            if rows
        ]

    def progress(self) -> float | None:
        """DuckDB's own estimate."""
        try:
            percent = self._connection.query_progress()
        except duckdb.ConnectionException:  # closed by the thread that does the work
            return None
        return percent / 100 if percent > 0 else None

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _execute(self, statement: str, kind: duckdb.StatementType) -> None:
        with self._running():
            self._connection.execute(self._one(statement, kind))

    def _one(self, text: str, kind: duckdb.StatementType) -> duckdb.Statement:
        """The one statement of that kind in a text: no query brings another statement along."""
        if not text.isascii() and SURROGATE.search(text):  # bytes of a command line that are no UTF-8
            raise StatementInvalid("a value is not UTF-8 text; write it again", 1)
        found = self._connection.extract_statements(text)
        if len(found) != 1 or found[0].type != kind:
            raise StatementInvalid("a query holds something else than one SELECT", 1)
        return found[0]

    @contextmanager
    def _running(self) -> Iterator[None]:
        with _translated():
            self._s3.renew()
            yield


def _split(lines: str, form: CsvForm) -> str:
    """Cut lines at delimiters; a line of the wrong width is malformed, but for empty fields at its end.

    One with far more delimiters is not cut but called ``crowded``: its fields would take many times its size.
    """
    width = len(form.columns)
    delimiter = literal(form.delimiter)
    found = f"len(line) - len(replace(line, {delimiter}, ''))"
    parts = f"CASE WHEN {found} < {2 * width + 100} THEN string_split(line, {delimiter}) END"
    crowded = "line IS NOT NULL AND parts IS NULL"
    fits = f"len(parts) >= {width} AND array_to_string(parts[{width + 1}:], '') = ''"
    fields = ", ".join(
        f"CASE WHEN fault IS NULL THEN nullif(parts[{index}], '') END AS {identifier(name)}"
        for index, name in enumerate(form.columns, start=1)
    )
    return (
        f"WITH lines AS ({lines}), cut AS (SELECT *, {parts} AS parts FROM lines), judged AS (SELECT *, CASE "
        f"WHEN {crowded} THEN 'crowded' WHEN {fits} THEN NULL WHEN len(parts) < {width} THEN 'too_few_fields' "
        f"ELSE 'too_many_fields' END AS fault FROM cut) SELECT _file, _record, fault AS _malformed, "
        f"CASE WHEN fault IS NOT NULL THEN line END AS _raw, {fields} FROM judged"
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
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
    except RuntimeError as error:
        if str(error) != INTERRUPTED:
            raise
        raise KeyboardInterrupt from error  # DuckDB makes this of whatever a signal raised


def _first_line(error: duckdb.Error) -> str:
    return str(error).strip().split("\n", 1)[0].removesuffix(" LINE 1:")


def _line(error: duckdb.Error) -> int:
    found = re.search(r"^LINE (\d+):", str(error), re.MULTILINE)
    return int(found[1]) if found else 1


def _require_plain(paths: Iterable[str]) -> None:
    """Names of files come from documents of the lake. On an object store, DuckDB leaves `..` and `?` to the server."""
    for path in paths:
        if ".." in path.split("/") or (path.startswith(SCHEME) and "?" in path):
            raise EngineError(f"{path} is no file of the lake: a document of it was changed by somebody else")


def _stats(found: dict[str, dict[str, str]]) -> dict[str, ColumnStats]:
    return {
        name.strip('"').replace('""', '"'): ColumnStats(
            stats.get("min"), stats.get("max"), int(stats.get("null_count", 0))
        )
        for name, stats in found.items()
        if '"."' not in name
    }
