"""What every store must do with records, whatever is behind it, and that they never disturb loads."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from filon.errors import StoreBusy
from filon.serving.protocol import Store
from filon.serving.stores import open_store
from tests.integration.serving.test_stores import SALES, A, B, encoded, state

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LOOP = asyncio.Runner()


def ask(answer: Any) -> Any:
    """Await outside a server; connections of readers belong to one event loop."""
    return LOOP.run(answer)


@pytest.fixture
def store(store_uri: str) -> Iterator[Store]:
    found = open_store(store_uri)
    yield found
    ask(found.shut_readers())
    found.shut()


def minutes(number: int) -> dt.datetime:
    return AT + dt.timedelta(minutes=number)


def newest(store: Store, kind: str, skip: int = 0, limit: int = 100) -> list[str]:
    return list(ask(store.records.newest(kind, skip, limit)))


def test_an_empty_store_has_no_records_and_takes_some(store: Store) -> None:
    assert store.records.known("run", "a") is None
    assert store.records.keys("run") == set()
    assert (newest(store, "run"), ask(store.records.count("run")), ask(store.records.find("run", "a"))) == ([], 0, None)
    store.records.keep("run", "a", AT, "é\U0001f600'\"")
    assert store.records.known("run", "a") == ask(store.records.find("run", "a")) == "é\U0001f600'\""
    assert store.state() is None
    assert ask(store.states()) == []


def test_records_come_newest_first_page_by_page(store: Store) -> None:
    for number in range(3):
        store.records.keep("run", f"r{number}", minutes(number), str(number))
    store.records.keep("other", "r9", minutes(9), "another kind")
    assert newest(store, "run") == ["2", "1", "0"]
    assert newest(store, "run", skip=1, limit=2) == ["1", "0"]
    assert ask(store.records.count("run")) == 3
    assert store.records.keys("run") == {"r0", "r1", "r2"}


def test_the_newest_record_is_the_last_that_arrived_though_the_clock_was_moved_back(store: Store) -> None:
    zone = dt.timezone(dt.timedelta(hours=5))
    for key, at in (("z", minutes(90)), ("b", minutes(30)), ("a", minutes(30)), ("c", minutes(0).astimezone(zone))):
        store.records.keep("run", key, at, key)
    assert newest(store, "run") == ["c", "a", "b", "z"]
    assert newest(store, "run", skip=1, limit=2) == ["a", "b"]


def test_a_record_replaces_the_one_of_its_key_and_keeps_its_place(store: Store) -> None:
    """Two processes may bring the same waiting record; the second must not make it the newest."""
    store.records.keep("run", "a", minutes(1), "first")
    store.records.keep("run", "b", minutes(2), "b")
    store.records.keep("run", "a", minutes(3), "second")
    assert newest(store, "run") == ["b", "second"]


def test_only_the_newest_of_a_kind_stay_when_there_is_a_bound(store: Store) -> None:
    store.records.keep("other", "old", minutes(0), "other kinds stay")
    for number in range(1, 6):
        store.records.keep("run", str(number), minutes(number), str(number), 3)
    assert newest(store, "run") == ["5", "4", "3"]
    store.records.keep("run", "back", minutes(0), "the clock was moved back", 3)
    assert newest(store, "run") == ["the clock was moved back", "5", "4"]
    assert newest(store, "other") == ["other kinds stay"]


def test_records_of_an_older_version_stand_behind_those_that_arrive(store: Store, store_uri: str) -> None:
    for number in (1, 2):
        store.records.keep("run", f"old {number}", minutes(number), f"old {number}")
    _forget_arrivals(store_uri)
    store.records.keep("run", "new", minutes(0), "new")
    assert newest(store, "run") == ["new", "old 2", "old 1"]


def test_records_are_forgotten_by_key(store: Store) -> None:
    for key in ("a", "b'", "c"):
        store.records.keep("run", key, AT, key)
        store.records.keep("other", key, AT, key)
    store.records.forget("run", {"b'", "c", "never there"})
    store.records.forget("run", set())
    assert (store.records.keys("run"), store.records.keys("other")) == ({"a"}, {"a", "b'", "c"})


def test_a_record_may_have_some_megabytes(store: Store) -> None:
    text = "é" * (4 << 20)
    store.records.keep("sample", "a", AT, text)
    assert ask(store.records.find("sample", "a")) == text


def test_records_and_loads_do_not_touch_each_other(store: Store) -> None:
    store.records.keep("run", "a", AT, "before the first load")
    for rows in ([A], [B]):
        with store.loading() as session:
            session.sweep(1)
            session.prepare(SALES)
            session.insert(SALES, [encoded(store, SALES, rows)])
            session.flip(state(session.id, SALES), {SALES.name: None})
        store.records.keep("run", f"after {session.id.number}", AT, "text")
        assert ask(store.count(session.id, SALES, [])) == session.id.number
    assert store.records.keys("run") == {"a", "after 1", "after 2"}
    assert [found.load for found in store.kept()] == [found.load for found in ask(store.states())] == [2, 1]


def test_a_record_is_written_or_refused_while_another_process_loads(
    store: Store, store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer at a time, which says so in time; MongoDB has many."""
    monkeypatch.setattr("filon.serving.sqlite.store.PATIENCE_S", 0.1)
    other = open_store(store_uri)
    store.records.keep("run", "a", AT, "before")
    with store.loading() as session:
        session.prepare(SALES)
        session.insert(SALES, [encoded(store, SALES, [A])])
        if store.name == "sqlite":
            with pytest.raises(StoreBusy, match="another process is loading it"):
                other.records.keep("run", "b", AT, "meanwhile")
        else:
            other.records.keep("run", "b", AT, "meanwhile")
        assert other.records.known("run", "a") == "before", "readers never wait"
        session.flip(state(session.id, SALES), {SALES.name: None})
    other.records.keep("run", "c", AT, "after")
    assert {"a", "c"} <= store.records.keys("run")
    assert ask(store.count(session.id, SALES, [])) == 1
    other.shut()


def test_a_store_of_an_older_version_reads_as_one_without_records(store: Store, store_uri: str) -> None:
    with store.loading() as session:
        session.prepare(SALES)
        session.flip(state(session.id, SALES), {SALES.name: None})
    _drop_records(store_uri)
    assert (newest(store, "run"), ask(store.records.count("run")), store.records.known("run", "a")) == ([], 0, None)
    assert store.records.keys("run") == set()
    store.records.keep("run", "a", AT, "text")
    assert newest(store, "run") == ["text"]
    found = store.state()
    assert found is not None
    assert found.load == 1


def _forget_arrivals(uri: str) -> None:
    """Leave the records as a version would have that ordered them by time."""
    if uri.startswith("sqlite"):
        connection = sqlite3.connect(uri.removeprefix("sqlite:///"))
        connection.execute("DROP INDEX _records_by_kind")
        connection.execute("CREATE INDEX _records_by_time ON _records (kind, at, key)")
        connection.close()
        return
    with MongoClient[dict[str, Any]](uri) as client:
        records = client.get_default_database()["_records"]
        records.delete_one({"_id": "arrivals"})
        records.update_many({}, {"$unset": {"number": 1}})
        records.drop_index("arrival")
        records.create_index([("kind", 1), ("at", -1), ("key", -1)], name="newest")


def _drop_records(uri: str) -> None:
    """Leave the store as a version without records would have."""
    if uri.startswith("sqlite"):
        connection = sqlite3.connect(uri.removeprefix("sqlite:///"))
        connection.execute("DROP TABLE _records")
        connection.close()
        return
    with MongoClient[dict[str, Any]](uri) as client:
        client.get_default_database().drop_collection("_records")
