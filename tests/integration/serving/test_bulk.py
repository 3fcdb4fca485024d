"""Many rows at once into every store: what readers see is what they see of rows that came one by one."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from filon.errors import StoreBusy, StoreForeign, StoreUnfit
from filon.serving import loading
from filon.serving.mongo import lease
from filon.serving.mongo.session import MongoSession
from filon.serving.protocol import LoadSession, Store
from filon.serving.sqlite.session import SQLiteSession
from filon.serving.stores import open_store
from filon.serving.tables import StoredTable
from tests.integration.conftest import Shop
from tests.integration.serving.test_loading import everything
from tests.integration.serving.test_stores import PAIRS, SALES, A, B, C, D, ask, encoded, find, load, state

DAYS = {"sqlite": pa.int64(), "mongodb": pa.timestamp("us")}


@pytest.fixture
def store(store_uri: str) -> Iterator[Store]:
    found = open_store(store_uri)
    yield found
    ask(found.shut_readers())
    found.shut()


def batch(store: Store, rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Rows of sales as columns, spelled as the engine would."""
    kinds = (pa.int64(), pa.string(), pa.int64(), DAYS[store.name], pa.int64(), pa.bool_(), pa.float64())
    columns = zip(*encoded(store, SALES, rows), strict=True)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.record_batch(arrays, names=list(SALES.column_names))


def begin(session: LoadSession, batches: Iterator[pa.RecordBatch]) -> Callable[[], int]:
    session.prepare(SALES)
    bulk = session.bulk()
    assert bulk is not None
    return bulk(SALES, batches)


def insert(session: LoadSession, batches: Iterator[pa.RecordBatch]) -> int:
    return begin(session, batches)()


def failing(store: Store) -> Iterator[pa.RecordBatch]:
    yield batch(store, [B])
    raise RuntimeError("power cut")


def test_values_come_back_as_they_were(store: Store) -> None:
    with store.loading() as session:
        assert insert(session, iter([batch(store, [A, B]), batch(store, [C, D])])) == 4
        session.flip(state(session.id, SALES), {})
    assert find(store, session.id) == [A, B, C, D]
    assert store.holds(SALES, 4)


def test_rows_join_those_of_loads_before(store: Store) -> None:
    first = load(store, [A, B])
    with store.loading() as session:
        session.prepare(SALES)
        session.close(SALES, None)
        assert insert(session, iter([batch(store, [B, C])])) == 2
        session.flip(state(session.id, SALES), {})
    assert find(store, first) == [A, B]
    assert find(store, session.id) == [B, C]
    assert store.holds(SALES, 4)


def test_no_rows_are_none(store: Store) -> None:
    with store.loading() as session:
        assert insert(session, iter([])) == 0
        session.flip(state(session.id, SALES), {})
    assert find(store, session.id) == []
    assert store.holds(SALES, 0)


def test_what_fails_on_the_way_is_raised_as_it_is_and_leaves_nothing(store: Store) -> None:
    first = load(store, [A])
    with pytest.raises(RuntimeError, match="power cut"), store.loading() as session:
        insert(session, failing(store))
    assert find(store, first) == [A]
    load(store)
    assert store.holds(SALES, 1)


def test_a_load_that_fails_elsewhere_does_not_wait_for_rows_on_their_way(store: Store) -> None:
    first = load(store, [A])
    endless = (batch(store, [(number, *B[1:])]) for number in itertools.count(2))

    def fail_meanwhile(session: LoadSession) -> None:
        begin(session, endless)
        session.prepare(replace(SALES, name="_loads"))

    with pytest.raises(StoreForeign), store.loading() as session:
        fail_meanwhile(session)
    assert find(store, first) == [A]


def test_tables_are_filled_while_others_are_inserted(store: Store) -> None:
    others_are_there = threading.Event()

    def waiting() -> Iterator[pa.RecordBatch]:
        yield batch(store, [A])
        assert others_are_there.wait(30)
        yield batch(store, [B])

    with store.loading() as session:
        finish = begin(session, waiting())
        session.prepare(PAIRS)
        session.insert(PAIRS, [[("a", 1, 0)]])
        others_are_there.set()
        assert finish() == 2
        session.flip(state(session.id, SALES, PAIRS), {})
    assert find(store, session.id) == [A, B]
    assert find(store, session.id, PAIRS) == [("a", 1, 0)]


def test_a_row_larger_than_mongodb_takes_is_named(mongo_database: str) -> None:
    store = open_store(mongo_database)
    long = (7, "é" * 9_000_000, *A[2:])
    with pytest.raises(StoreUnfit, match=r"id 7.*16 MB|16 MB.*id 7"), store.loading() as session:
        insert(session, iter([batch(store, [A, long])]))
    store.shut()


def test_a_lease_that_ran_out_ends_what_goes_on_in_the_background(
    mongo_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(mongo_database)
    first = load(store, [A])

    def lost() -> Iterator[pa.RecordBatch]:
        yield batch(store, [B])
        monkeypatch.setattr(lease, "_seconds", lambda: float("inf"))
        yield batch(store, [C])

    with pytest.raises(StoreBusy, match="taken over"), store.loading() as session:
        insert(session, lost())
    assert find(store, first) == [A]
    ask(store.shut_readers())
    store.shut()


def kept_rows(uri: str) -> dict[str, list[Any]]:
    """All rows of all tables of rows, cubes and columns of facts too, as the store keeps them."""
    if uri.startswith("sqlite"):
        with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for name in names if "_rows_" in name}
    with MongoClient(uri, document_class=RawBSONDocument) as client:
        collections = client.get_default_database()
        names = [name for name in collections.list_collection_names() if "_rows_" in name]
        return {name: [found.raw for found in collections[name].find().sort("_id")] for name in names}


def counted_rows(uri: str) -> dict[str, int]:
    """The numbers of rows that a store says its tables have."""
    store = open_store(uri)
    try:
        found = store.state()
        assert found is not None
        return {name: table.rows for name, table in found.tables.items()}
    finally:
        store.shut()


@pytest.mark.parametrize("session_class", [SQLiteSession, MongoSession])
def test_a_whole_project_is_loaded_alike(
    shop: Shop, tmp_path: Path, mongo_database: str, session_class: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = {}
    bulk, filled = session_class._insert_columns, dict[str, set[str]]()

    def insert_columns(session: Any, table: StoredTable, batches: Iterator[pa.RecordBatch]) -> object:
        filled[way].add(table.name)
        return bulk(session, table, batches)

    monkeypatch.setattr(session_class, "_insert_columns", insert_columns)
    for way, many_rows in {"one by one": 10**9, "at once": 1, "the largest at once": 6}.items():
        filled[way] = set()
        monkeypatch.setattr(loading, "MANY_ROWS", many_rows)
        folder = f"sqlite:///{tmp_path}" if session_class is SQLiteSession else mongo_database
        stores[way] = f"{folder}{way.replace(' ', '_')}"
        replace(shop, extra={"FILON_SERVING": stores[way]}).run()
    assert not filled["one by one"]
    assert "_columns_fact_ventes" in filled["the largest at once"]
    assert filled["the largest at once"] < filled["at once"] | {"_columns_fact_ventes"}
    for way in ("at once", "the largest at once"):
        assert everything(stores[way]) == everything(stores["one by one"])
        assert kept_rows(stores[way]) == kept_rows(stores["one by one"])
        assert counted_rows(stores[way]) == counted_rows(stores["one by one"])
