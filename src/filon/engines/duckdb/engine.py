"""SQL on DuckDB, and large results out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from filon.engines.duckdb.connection import DuckDBConnection
from filon.engines.duckdb.dialect import DuckDBDialect
from filon.engines.duckdb.lock import SYSTEM, literal_path
from filon.engines.duckdb.macros import macros, timezone_macro
from filon.engines.duckdb.s3 import SCHEME
from filon.engines.protocol import Columns, Content
from filon.engines.types import FoundColumn
from filon.errors import EngineError
from filon.lake import DataFile, Location
from filon.project import Project
from filon.sql import identifier, identifiers, literal, literals

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

SPARSEST, MOST_BITS = 64, 1 << 29
"""Bits for a value, and in all, up to which one bit for each possible value is the fastest way to count values."""
BATCH = 100_000
"""Rows of a batch of Arrow."""
PATH = "path of the file"
FOR_NULL = "INTEGER"
"""What DESCRIBE says of a column that is nothing but null."""


class DuckDBEngine:
    """Runs a project's SQL in a database; ``as_of`` is the run's date, as ISO 8601 spells it."""

    name = "duckdb"
    dialect = DuckDBDialect()

    def __init__(self, connection: DuckDBConnection, project: Project, as_of: str) -> None:
        self._connection = connection
        zones = [zone for (zone,) in connection.rows(f"SELECT lower(name) FROM {SYSTEM}.pg_timezone_names()")]
        connection.define([timezone_macro(zones), *macros(project.locale, project.timezone, as_of)])

    def bind(
        self, table: str, paths: Sequence[str], columns: Columns, *, lenient: bool = False, file: str = ""
    ) -> None:
        """A view over the Parquet files."""
        typed = [f"CAST(NULL AS {self.dialect.spell_type(kind)}) AS {identifier(name)}" for name, kind in columns]
        nothing = f"SELECT {', '.join(typed)} WHERE FALSE"
        origin = f"{SYSTEM}.string_split({identifier(PATH)}, '/')[-1]" if paths else "CAST(NULL AS VARCHAR)"
        named = f", {origin} AS {identifier(file)}" if file else ""
        source = f"({nothing})"
        if paths:
            _require_plain(paths)
            options = [f"[{literals(literal_path(path) for path in paths)}]", "hive_partitioning=false"]
            options += ["union_by_name=true"] if lenient else []
            options += [f"filename={literal(PATH)}"] if file else []
            source = f"{SYSTEM}.read_parquet({', '.join(options)})"
            if lenient:
                source = f"({nothing} UNION ALL BY NAME SELECT * FROM {source})"
        self._connection.view(table, f"SELECT {identifiers(name for name, _ in columns)}{named} FROM {source}")

    def view(self, table: str, query: str) -> None:
        """A temporary view."""
        self._connection.view(table, self.dialect.spell(query))

    def cache(self, table: str, query: str) -> None:
        """A temporary table."""
        self._connection.cache(table, self.dialect.spell(query))

    def drop(self, tables: Iterable[str]) -> None:
        """Drop views and temporary tables of these names."""
        self._connection.drop(tables)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a result."""
        return self._connection.rows(self.dialect.spell(query))

    def repeated(self, table: str, column: str) -> int:
        """A bit for each value that there could be, where these are not many more than rows: a tenth of the time."""
        name, source = identifier(column), identifier(table)
        [(count, low, high)] = self.rows(f"SELECT count({name}), min({name}), max({name}) FROM {source}")
        if count and high - low < min(SPARSEST * count, MOST_BITS):
            bits = f"{SYSTEM}.bit_count({SYSTEM}.bitstring_agg({name}, {low}, {high}))"
            [(different,)] = self._connection.rows(f"SELECT {bits} FROM {source}")
        else:
            [(different,)] = self.rows(f"SELECT count(DISTINCT {name}) FROM {source}")
        return int(count - different)

    def stream(self, query: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """DuckDB computes the result while it is read."""
        with self._connection.asked(self.dialect.spell(query)) as cursor:
            while batch := cursor.fetchmany(size):
                yield batch

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """From a temporary file: the reader that gives Arrow bit by bit can hang."""
        # Arrow is slow to import, and only large loads use it
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        with self._connection.copied(self.dialect.spell(query)) as path, pq.ParquetFile(path) as file:
            yield from file.iter_batches(BATCH)

    def arrow(self, query: str) -> pa.Table:
        """The whole table at once: the reader that gives it bit by bit can hang."""
        with self._connection.asked(self.dialect.spell(query)) as cursor:
            return cursor.to_arrow_table()

    def contents(self, query: str, by: str) -> dict[str, Content]:
        """Hashes of rows are added up, so that a row which stands twice counts twice."""
        names = identifiers(column.name for column in self.describe(query))
        total = f"sum(CAST(hash({names}) AS HUGEINT))"
        source = f"({self.dialect.spell(query)}) AS content"
        found = self._connection.rows(f"SELECT {identifier(by)}, count(*), {total} FROM {source} GROUP BY ALL")
        return {value: Content(rows, int(total)) for value, rows, total in found}

    def describe(self, query: str) -> list[FoundColumn]:
        """Bind the query; DuckDB's message points at the line."""
        spelled = self.dialect.spell(query)
        found = self._connection.types(spelled)
        if any(spelling == FOR_NULL for _, spelling in found):
            found = list(zip((name for name, _ in found), self._exact_types(spelled, len(found)), strict=True))
        return [FoundColumn(name, self.dialect.read_type(spelling)) for name, spelling in found]

    def _exact_types(self, query: str, width: int) -> Sequence[str]:
        """The types of a query's columns as its expressions have them, where DESCRIBE calls a null an integer."""
        names = [f"c{index}" for index in range(width)]
        types = ", ".join(f"typeof({name})" for name in names)
        nothing = f"(SELECT * FROM ({query}\n) AS every LIMIT 0) AS nothing({', '.join(names)})"
        [types_found] = self._connection.rows(f"SELECT {types} FROM (SELECT 1) AS one LEFT JOIN {nothing} ON TRUE")
        return types_found

    def write(self, query: str, folder: Location, *, partition: str = "", in_one_file: bool = False) -> list[DataFile]:
        """COPY, which returns the statistics of the files."""
        return self._connection.write(self.dialect.spell(query), folder, partition, in_one_file=in_one_file)

    def progress(self) -> float | None:
        """DuckDB's own estimate."""
        return self._connection.progress()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def _require_plain(paths: Iterable[str]) -> None:
    """Names of files come from documents of the lake. On an object store, DuckDB leaves `..` and `?` to the server."""
    for path in paths:
        if ".." in path.split("/") or (path.startswith(SCHEME) and "?" in path):
            raise EngineError(f"{path} is no file of the lake: a document of it was changed by somebody else")
