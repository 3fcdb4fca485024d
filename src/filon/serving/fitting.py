"""Values that a store cannot keep as they are: the engine refuses them while it hands rows over, and then names one.

A store says for each column which values it keeps, as SQL. One that it cannot keep fails the load; none is ever
rounded, cut or replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filon.engines import Engine
from filon.errors import EngineError, FilonError
from filon.project import Column
from filon.serving.limits import Limit, unfit
from filon.serving.protocol import Batch, Store
from filon.serving.tables import StoredTable
from filon.sql import identifier, identifiers

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

BATCH = 5_000


def fitted(store: Store, engine: Engine, table: StoredTable, source: str) -> Iterator[Batch]:
    """The rows of a query as a store takes them, in batches; StoreUnfit when it cannot keep one as it is."""
    with _explained(store, engine, table, source):
        yield from engine.stream(_encoded(store, table, source), BATCH)


def fitted_columns(store: Store, engine: Engine, table: StoredTable, source: str) -> Iterator[pa.RecordBatch]:
    """The same rows as columns of Arrow, in batches."""
    with _explained(store, engine, table, source):
        yield from engine.batches(_encoded(store, table, source))


@contextmanager
def _explained(store: Store, engine: Engine, table: StoredTable, source: str) -> Iterator[None]:
    """Say which row does not fit where a query fails because of one."""
    try:
        yield
    except EngineError as error:
        raise _unfit(store, engine, table, source, error) from error


def _encoded(store: Store, table: StoredTable, source: str) -> str:
    """The query of the values that the store takes; it fails where one does not fit."""
    columns = ", ".join(_guarded(column, store.limits(column)) for column in table.columns)
    encoded = ", ".join(f"{store.encoding(column)} AS {identifier(column.name)}" for column in table.columns)
    return f"SELECT {encoded} FROM (SELECT {columns} FROM ({source}) AS feed) AS feed"


def _guarded(column: Column, limits: Sequence[Limit]) -> str:
    """A column that fails the query at a value which does not fit, since no number or day begins like that."""
    name = identifier(column.name)
    if not limits:
        return name
    holds = " AND ".join(limit.holds for limit in limits)
    stop = f"CAST('unfit ' || CAST({name} AS VARCHAR) AS {column.type.sql})"
    return f"CASE WHEN NOT ({holds}) THEN {stop} ELSE {name} END AS {name}"


def _unfit(store: Store, engine: Engine, table: StoredTable, source: str, error: EngineError) -> FilonError:
    """The error for the first row that does not fit; the engine's own, with the table, when that is not the reason."""
    limits = [(column, limit) for column in table.columns for limit in store.limits(column)]
    cases = " ".join(f"WHEN NOT ({limit.holds}) THEN {place}" for place, (_, limit) in enumerate(limits))
    names = identifiers(table.column_names)
    texts = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in table.column_names)
    judged = f"SELECT {names}, {f'CASE {cases} END' if cases else 'NULL'} AS _limit FROM ({source}) AS feed"
    order = identifiers(table.key)
    query = f"SELECT _limit, {texts} FROM ({judged}) AS judged WHERE _limit IS NOT NULL ORDER BY {order} LIMIT 1"
    try:
        unfit_rows = engine.rows(query)
    except EngineError:
        unfit_rows = []
    if not unfit_rows:
        return EngineError(f"{table.title} cannot be handed to {store.uri}: {error}")
    [(place, *values)] = unfit_rows
    column, limit = limits[place]
    row = dict(zip(table.column_names, values, strict=True))
    return unfit(store.uri, table, row, column.name, limit.what, limit.fix)
