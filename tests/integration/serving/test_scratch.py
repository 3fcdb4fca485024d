"""The files beside a store of SQLite that many rows are written to, and who sees what of a first load."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pytest

from filon.errors import StoreBusy, StoreUnavailable
from filon.serving.sqlite import SQLiteStore
from tests.integration.serving.test_bulk import batch, failing, insert
from tests.integration.serving.test_stores import PAIRS, SALES, A, B, C, D, find, load, state


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    found = SQLiteStore(tmp_path / "serving [1].db")
    yield found
    found.shut()


def scratch_files(store: SQLiteStore) -> list[str]:
    folder = Path(store.uri.removeprefix("sqlite:///")).parent
    return [path.name for path in folder.iterdir() if "-load-" in path.name]


def test_no_file_is_left(store: SQLiteStore) -> None:
    with store.loading() as session:
        assert insert(session, iter([batch(store, [A, B]), batch(store, [C, D])])) == 4
        session.flip(state(session.id, SALES), {})
    with closing(sqlite3.connect(store.uri.removeprefix("sqlite:///"))) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.holds(SALES, 4)
    assert scratch_files(store) == []


def test_a_load_that_fails_leaves_no_file(store: SQLiteStore) -> None:
    load(store, [A])
    with pytest.raises(RuntimeError, match="power cut"), store.loading() as session:
        insert(session, failing(store))
    assert store.holds(SALES, 1)
    assert scratch_files(store) == []


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
