"""SQL on a cluster through Spark Connect, and large results out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from filon.engines.protocol import Columns, Content
from filon.engines.spark import writing
from filon.engines.spark.dialect import SparkDialect
from filon.engines.spark.expressions import Facts
from filon.engines.spark.paths import glob_free, uri_of
from filon.engines.spark.queries import Spelled
from filon.engines.spark.scopes import Typed
from filon.engines.spark.session import SparkConnection
from filon.engines.spark.terms import name
from filon.engines.spark.types import HUGEINT, TEXT, found_type, read_type, type_of_column
from filon.engines.types import FoundColumn
from filon.lake import DataFile, Location
from filon.project import Project
from filon.sql import identifier

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyspark.sql.dataframe import DataFrame

HASHED = "content"


class SparkEngine:
    """Runs a project's SQL in a session of a Spark cluster.

    Args:
        connection: a session on the cluster
        project: whose functions queries may call
        as_of: the run's date, as ISO 8601 spells it

    """

    name = "spark"

    def __init__(self, connection: SparkConnection, project: Project, as_of: str) -> None:
        self.dialect = SparkDialect(Facts(project.locale, project.timezone, as_of))
        self._connection = connection

    def bind(
        self,
        table: str,
        paths: Sequence[str],
        columns: Columns,
        *,
        lenient: bool = False,  # noqa: ARG002 (Spark reads a column that a file lacks as null, allowed or not)
        file: str = "",
    ) -> None:
        """A temporary view over the Parquet files, of which Spark reads the columns that are asked for."""
        typed = [Typed(column, type_of_column(kind)) for column, kind in columns]
        named = [*typed, Typed(file, TEXT)] if file else typed
        with self._connection.translated():
            self._remove(table)
            self._files(paths, named, file).createOrReplaceTempView(name(table))
        self.dialect.tables[table.casefold()] = tuple(named)

    def _files(self, paths: Sequence[str], columns: Sequence[Typed], file: str) -> DataFrame:
        if not paths:
            empty = ", ".join(f"CAST(NULL AS {kind.spark}) AS {name(column)}" for column, kind in columns)
            return self._connection.frame(f"SELECT {empty} WHERE FALSE")
        stored = columns[:-1] if file else columns
        schema = ", ".join(f"{name(column)} {kind.spark}" for column, kind in stored)
        # the folders of partitions are no columns, and nothing is searched below a file
        reader = self._connection.session.read.schema(schema).option("recursiveFileLookup", "true")
        frame = reader.parquet(*(glob_free(uri_of(path)) for path in paths))
        origin = [f"_metadata.file_name AS {name(file)}"] if file else []
        return frame.selectExpr(*(name(column) for column, _ in stored), *origin)

    def view(self, table: str, query: str) -> None:
        """A temporary view."""
        spelled = self._compiled(query)
        with self._connection.translated():
            self._remove(table)
            self._connection.execute(f"CREATE TEMPORARY VIEW {name(table)} AS {spelled.sql}")
        self.dialect.tables[table.casefold()] = spelled.columns

    def cache(self, table: str, query: str) -> None:
        """Kept on the executors, in memory or on their disks, each part on two of them, so that one may be lost.

        What is kept no longer knows its query. A query over kept tables would else be planned with those of all of
        them, each as often as it is used, and these numbers multiply.
        """
        spelled = self._compiled(query)
        with self._connection.translated():
            kept = self._connection.keep(spelled.sql)
            self._remove(table)
            kept.createOrReplaceTempView(name(table))
        self.dialect.tables[table.casefold()] = spelled.columns

    def _remove(self, table: str) -> None:
        """Drop a view, with what it keeps. One that is only replaced may not be read meanwhile."""
        self._connection.execute(f"DROP VIEW IF EXISTS {name(table)}")

    def drop(self, tables: Iterable[str]) -> None:
        """Drop temporary views of these names, and what they keep."""
        with self._connection.translated():
            for table in tables:
                if self.dialect.tables.pop(table.casefold(), None) is not None:
                    self._remove(table)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a result."""
        spelled = self._compiled(query)
        with self._connection.translated():
            return list(_rows(self._connection.frame(spelled.sql).toArrow(), spelled.columns))

    def repeated(self, table: str, column: str) -> int:
        """Counted as SQL says it."""
        name = identifier(column)
        [(count,)] = self.rows(f"SELECT count({name}) - count(DISTINCT {name}) FROM {identifier(table)}")
        return int(count)

    def stream(self, query: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """The result comes in batches of Arrow while it is computed."""
        spelled = self._compiled(query)
        waiting: list[tuple[Any, ...]] = []
        with self._connection.translated():
            for table in self._connection.tables(spelled.sql):
                waiting += _rows(table, spelled.columns)
                while len(waiting) >= size:
                    yield waiting[:size]
                    waiting = waiting[size:]
        if waiting:
            yield waiting

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """As the server sends them, while they are computed."""
        spelled = self._compiled(query)
        with self._connection.translated():
            for table in self._connection.tables(spelled.sql):
                yield from table.to_batches()

    def arrow(self, query: str) -> pa.Table:
        """The whole result."""
        spelled = self._compiled(query)
        with self._connection.translated():
            return self._connection.frame(spelled.sql).toArrow()

    def contents(self, query: str, by: str) -> dict[str, Content]:
        """Hashes of rows are added up, so that a row which stands twice counts twice."""
        spelled = self._compiled(query)
        # Spark's hash passes over nulls, so that it must be told where they are
        parts = ", ".join(f"{name(column)}, {name(column)} IS NULL" for column, _ in spelled.columns)
        total = f"sum(CAST(xxhash64({parts}) AS DECIMAL(38,0)))"
        grouped = f"SELECT {name(by)}, count(*), {total} FROM ({spelled.sql}) AS `{HASHED}` GROUP BY {name(by)}"
        with self._connection.translated():
            found = self._connection.frame(grouped).toArrow()
        columns = [column.to_pylist() for column in found.columns]
        return {value: Content(rows, int(total)) for value, rows, total in zip(*columns, strict=True)}

    def describe(self, query: str) -> list[FoundColumn]:
        """The server analyses the query, and runs nothing."""
        return [FoundColumn(column, found_type(kind)) for column, kind in self._compiled(query).columns]

    def _compiled(self, query: str) -> Spelled:
        """A query that Spark can analyse, with the types that Spark gives its columns."""
        spelled = self.dialect.compile(query)
        with self._connection.translated():
            fields = self._connection.frame(spelled.sql).schema.fields
        columns, fitted = [], []
        for (label, told), field in zip(spelled.columns, fields, strict=True):
            said = field.dataType.simpleString()
            found = read_type(said)
            is_wider = found is not None and told.name == found.name == "DECIMAL" and found.scale == told.scale
            kind = found if is_wider and found is not None else told  # by a digit or two, where numbers are computed
            same = kind.spark.upper() == said.upper() or kind.name in ("STRUCT", "INTERVAL")
            columns.append(Typed(label, kind))
            fitted.append("" if same else kind.spark)
        if not any(fitted):
            return Spelled(spelled.sql, tuple(columns))
        names = [name(f"c{place}") for place in range(len(columns))]
        values = [f"CAST({given} AS {kind})" if kind else given for given, kind in zip(names, fitted, strict=True)]
        casts = ", ".join(f"{value} AS {name(to.name)}" for value, to in zip(values, columns, strict=True))
        return Spelled(f"SELECT {casts} FROM ({spelled.sql}) AS `_fitted`({', '.join(names)})", tuple(columns))

    def write(self, query: str, folder: Location, *, partition: str = "", in_one_file: bool = False) -> list[DataFile]:
        """The executors write Parquet; the files of committed tasks are taken, and no others."""
        spelled = self._compiled(query)
        with self._connection.translated():
            frame = self._connection.frame(spelled.sql)
            return writing.write(frame, folder, partition, in_one_file=in_one_file)

    def progress(self) -> float | None:
        """The share of tasks that are done."""
        return self._connection.progress()

    def close(self) -> None:
        """End the session."""
        self._connection.close()


def _rows(table: pa.Table, columns: Sequence[Typed]) -> Iterator[tuple[Any, ...]]:
    """The rows of a result as Python's values; whole numbers that lie in a decimal are whole numbers again."""
    values = [column.to_pylist() for column in table.columns]
    for place, column in enumerate(columns):
        if column.type == HUGEINT:
            values[place] = [None if value is None else int(value) for value in values[place]]
    return zip(*values, strict=True)
