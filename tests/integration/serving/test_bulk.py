"""Many rows at once into SQLite: what readers see is what they see of rows that came one by one."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from filon.errors import StoreBusy, StoreForeign, StoreUnavailable
from filon.serving import loading
from filon.serving.sqlite import SQLiteStore
from filon.serving.sqlite.session import SQLiteSession
from filon.serving.tables import StoredTable
from tests.integration.conftest import Shop
from tests.integration.serving.test_loading import everything
from tests.integration.serving.test_stores import PAIRS, SALES, A, B, C, D, encoded, find, load, state

TYPES = (pa.int64(), pa.string(), pa.int64(), pa.int64(), pa.int64(), pa.bool_(), pa.float64())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    found = SQLiteStore(tmp_path / "serving [1].db")
    yield found
    found.shut()


def batch(store: SQLiteStore, rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Rows of sales as columns, spelled as the engine would."""
    columns = zip(*encoded(store, SALES, rows), strict=True)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, TYPES, strict=True)]
    return pa.record_batch(arrays, names=list(SALES.column_names))


def begin(session: SQLiteSession, batches: Iterator[pa.RecordBatch]) -> Callable[[], int]:
    session.prepare(SALES)
    bulk = session.bulk()
    assert bulk is not None
    return bulk(SALES, batches)


def insert(session: SQLiteSession, batches: Iterator[pa.RecordBatch]) -> int:
    return begin(session, batches)()


def scratch_files(store: SQLiteStore) -> list[str]:
    folder = Path(store.uri.removeprefix("sqlite:///")).parent
    return [path.name for path in folder.iterdir() if "-load-" in path.name]


def test_values_come_back_as_they_were(store: SQLiteStore) -> None:
    with store.loading() as session:
        assert insert(session, iter([batch(store, [A, B]), batch(store, [C, D])])) == 4
        session.flip(state(session.id, SALES), {})
    with closing(sqlite3.connect(store.uri.removeprefix("sqlite:///"))) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert find(store, session.id) == [A, B, C, D]
    assert store.holds(SALES, 4)
    assert scratch_files(store) == []


def test_rows_join_those_of_loads_before(store: SQLiteStore) -> None:
    first = load(store, [A, B])
    with store.loading() as session:
        session.prepare(SALES)
        session.close(SALES, None)
        assert insert(session, iter([batch(store, [B, C])])) == 2
        session.flip(state(session.id, SALES), {})
    assert find(store, first) == [A, B]
    assert find(store, session.id) == [B, C]
    assert store.holds(SALES, 4)


def test_no_rows_are_none(store: SQLiteStore) -> None:
    with store.loading() as session:
        assert insert(session, iter([])) == 0
        session.flip(state(session.id, SALES), {})
    assert find(store, session.id) == []
    assert store.holds(SALES, 0)


def test_what_fails_on_the_way_is_raised_as_it_is_and_leaves_nothing(store: SQLiteStore) -> None:
    first = load(store, [A])

    def failing() -> Iterator[pa.RecordBatch]:
        yield batch(store, [B])
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"), store.loading() as session:
        insert(session, failing())
    assert find(store, first) == [A]
    assert store.holds(SALES, 1)
    assert scratch_files(store) == []


def test_a_load_that_fails_elsewhere_does_not_wait_for_rows_on_their_way(store: SQLiteStore) -> None:
    first = load(store, [A])
    endless = (batch(store, [B]) for _ in itertools.count())

    def fail_meanwhile(session: SQLiteSession) -> None:
        begin(session, endless)
        session.prepare(replace(SALES, name="_loads"))

    with pytest.raises(StoreForeign), store.loading() as session:
        fail_meanwhile(session)
    assert find(store, first) == [A]
    assert scratch_files(store) == []


def test_tables_are_filled_while_others_are_inserted(store: SQLiteStore) -> None:
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


def test_rows_that_sqlite_refuses_fail_the_load(store: SQLiteStore) -> None:
    with pytest.raises(StoreUnavailable, match=r"values|columns"), store.loading() as session:
        insert(session, iter([batch(store, [A]).drop_columns(["id"])]))
    assert scratch_files(store) == []


def test_the_next_load_deletes_what_a_killed_one_left(store: SQLiteStore) -> None:
    load(store, [A])
    path = Path(store.uri.removeprefix("sqlite:///"))
    left = path.with_name(f"{path.name}-load-0123")
    left.write_bytes(b"half of a file")
    load(store, [B])
    assert not left.exists()
    assert path.exists()


def test_rows_come_one_by_one_when_a_connection_takes_no_more_files(store: SQLiteStore) -> None:
    with store.loading() as session:
        session.prepare(PAIRS)
        for number in range(10):
            bulk = session.bulk()
            assert bulk is not None
            assert bulk(PAIRS, iter([pa.record_batch([["a"], [number], [0]], names=PAIRS.column_names)]))() == 1
        assert session.bulk() is None
        session.insert(PAIRS, [[("a", 10, 0)]])
        session.flip(state(session.id, PAIRS), {})
    assert find(store, session.id, PAIRS) == [("a", number, 0) for number in range(11)]


def kept_rows(path: Path) -> dict[str, list[Any]]:
    """All rows of all tables of rows, cubes and columns of facts too."""
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for name in names if "_rows_" in name}


def counted_rows(path: Path) -> dict[str, int]:
    """The numbers of rows that a store says its tables have."""
    store = SQLiteStore(path)
    try:
        found = store.state()
        assert found is not None
        return {name: table.rows for name, table in found.tables.items()}
    finally:
        store.shut()


def test_a_whole_project_is_loaded_alike(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = {}
    bulk, filled = SQLiteSession._insert_columns, dict[str, set[str]]()

    def insert_columns(session: SQLiteSession, table: StoredTable, batches: Iterator[pa.RecordBatch]) -> object:
        filled[way].add(table.name)
        return bulk(session, table, batches)

    monkeypatch.setattr(SQLiteSession, "_insert_columns", insert_columns)
    for way, many_rows in {"one by one": 10**9, "at once": 1, "the largest at once": 6}.items():
        filled[way] = set()
        monkeypatch.setattr(loading, "MANY_ROWS", many_rows)
        path = tmp_path / way / "serving.db"
        replace(shop, extra={"FILON_SERVING": f"sqlite:///{path}"}).run()
        stores[way] = path
    assert not filled["one by one"]
    assert "_columns_fact_ventes" in filled["the largest at once"]
    assert filled["the largest at once"] < filled["at once"] | {"_columns_fact_ventes"}
    for way in ("at once", "the largest at once"):
        assert everything(f"sqlite:///{stores[way]}") == everything(f"sqlite:///{stores['one by one']}")
        assert kept_rows(stores[way]) == kept_rows(stores["one by one"])
        assert counted_rows(stores[way]) == counted_rows(stores["one by one"])


KILLED = """
import os, sys
from pathlib import Path
from filon.serving.sqlite import SQLiteStore
from tests.integration.serving.test_stores import SALES, encoded, A
store = SQLiteStore(Path(sys.argv[1]))
with store.loading() as session:
    session._connection.execute("PRAGMA cache_size = 10")
    session.prepare(SALES)
    rows = [(number, *encoded(store, SALES, [A])[0][1:]) for number in range(5_000)]
    session.insert(SALES, [rows])
    os._exit(1)
"""


def test_a_first_load_that_was_killed_leaves_an_empty_store(store: SQLiteStore) -> None:
    path = Path(store.uri.removeprefix("sqlite:///"))
    assert subprocess.run([sys.executable, "-c", KILLED, path]).returncode == 1
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0
    assert store.state() is None
    with store.loading() as session:
        assert insert(session, iter([batch(store, [A])])) == 1
        session.flip(state(session.id, SALES), {})
    assert find(store, session.id) == [A]


def test_who_asks_during_a_first_load_learns_of_it(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filon.serving.sqlite.store.PATIENCE_S", 0.1)
    other = SQLiteStore(Path(store.uri.removeprefix("sqlite:///")))
    with store.loading() as session:
        session._connection.execute("PRAGMA cache_size = 10")
        insert(session, iter([batch(store, [(number, *A[1:]) for number in range(5_000)])]))
        with pytest.raises(StoreBusy):
            other.state()
        session.flip(state(session.id, SALES), {})
    found = other.state()
    assert found is not None
    assert found.id == session.id
    other.shut()


def test_a_reader_of_an_empty_store_is_not_kept_waiting_by_a_first_load(store: SQLiteStore) -> None:
    path = Path(store.uri.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("PRAGMA journal_mode = WAL")
        assert reader.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        with store.loading() as session:
            session._connection.execute("PRAGMA cache_size = 10")
            insert(session, iter([batch(store, [(number, *A[1:]) for number in range(5_000)])]))
            assert reader.execute("SELECT count(*) FROM sqlite_master WHERE name = '_rows_sales'").fetchone() == (0,)
            session.flip(state(session.id, SALES), {})
        assert reader.execute("SELECT count(*) FROM _loads").fetchone() == (1,)
