"""An engine that remembers what it was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from filon.engines import Columns, Content, Dialect, Engine, FoundColumn
from filon.lake import DataFile, Location


class RecordingEngine:
    """Hands everything on to another engine; ``queries`` are the texts of all queries so far."""

    def __init__(self, engine: Engine, queries: set[str]) -> None:
        self._engine = engine
        self.queries = queries
        self.name = engine.name

    @property
    def dialect(self) -> Dialect:
        return self._engine.dialect

    def _seen(self, query: str) -> str:
        self.queries.add(query)
        return query

    def bind(
        self, table: str, paths: Sequence[str], columns: Columns, *, lenient: bool = False, file: str = ""
    ) -> None:
        self._engine.bind(table, paths, columns, lenient=lenient, file=file)

    def view(self, table: str, query: str) -> None:
        self._engine.view(table, self._seen(query))

    def cache(self, table: str, query: str) -> None:
        self._engine.cache(table, self._seen(query))

    def drop(self, tables: Iterable[str]) -> None:
        self._engine.drop(tables)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._engine.rows(self._seen(query))

    def repeated(self, table: str, column: str) -> int:
        return self._engine.repeated(table, column)

    def describe(self, query: str) -> list[FoundColumn]:
        return self._engine.describe(self._seen(query))

    def write(self, query: str, folder: Location, *, partition: str = "", in_one_file: bool = False) -> list[DataFile]:
        return self._engine.write(self._seen(query), folder, partition=partition, in_one_file=in_one_file)

    def stream(self, query: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        return self._engine.stream(self._seen(query), size)

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        return self._engine.batches(self._seen(query))

    def arrow(self, query: str) -> pa.Table:
        return self._engine.arrow(self._seen(query))

    def contents(self, query: str, by: str) -> dict[str, Content]:
        return self._engine.contents(self._seen(query), by)

    def progress(self) -> float | None:
        return self._engine.progress()

    def close(self) -> None:
        self._engine.close()
