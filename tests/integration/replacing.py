"""Stores that are taken away and replaced behind the back of those who read them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pymongo import MongoClient

from filon.serving.stores import open_store


class Stored(Protocol):
    """A store, seen by whoever administers it."""

    def release(self) -> int:
        """The release that it serves."""

    def drop(self) -> None:
        """Take it away."""

    def forget_loads(self) -> None:
        """Take away what it knows of its loads, but not their rows."""

    def save(self) -> None:
        """Make a copy of it."""

    def put_back(self) -> None:
        """Replace it by the copy."""


def stored_at(uri: str) -> Stored:
    """The store at an address."""
    if uri.startswith("sqlite"):
        return StoredFile(uri, Path(uri.removeprefix("sqlite:///")))
    address, _, database = uri.rpartition("/")
    return StoredDatabase(uri, address, database)


@dataclass(frozen=True)
class _Stored:
    uri: str

    def release(self) -> int:
        """The release that it serves."""
        store = open_store(self.uri)
        try:
            state = store.state()
        finally:
            store.shut()
        assert state is not None
        return state.release


@dataclass(frozen=True)
class StoredFile(_Stored):
    """One in a file."""

    path: Path

    def drop(self) -> None:
        """As ``rm serving.db*`` does."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()

    def forget_loads(self) -> None:
        """All rows of one table."""
        with closing(sqlite3.connect(self.path)) as store:
            store.execute("DELETE FROM _loads")
            store.commit()

    def save(self) -> None:
        """By SQLite's own means."""
        with closing(sqlite3.connect(self.path)) as store, closing(sqlite3.connect(self._copy)) as copy:
            store.backup(copy)

    def put_back(self) -> None:
        """The copy takes the place of all files of the store."""
        self.drop()
        self._copy.rename(self.path)

    @property
    def _copy(self) -> Path:
        return self.path.with_name("copy.db")


@dataclass(frozen=True)
class StoredDatabase(_Stored):
    """One in a database."""

    address: str
    database: str

    def drop(self) -> None:
        """``dropDatabase``."""
        with MongoClient[dict[str, Any]](self.address) as client:
            client.drop_database(self.database)

    def forget_loads(self) -> None:
        """One collection."""
        with MongoClient[dict[str, Any]](self.address) as client:
            client[self.database].drop_collection("_loads")

    def save(self) -> None:
        """Collection by collection, as ``mongodump`` does."""
        self._copied(self.database, f"{self.database}_copy")

    def put_back(self) -> None:
        """The same, the other way; ``_loads`` come last, so that no load is seen before its rows are there."""
        self.drop()
        self._copied(f"{self.database}_copy", self.database)
        with MongoClient[dict[str, Any]](self.address) as client:
            client.drop_database(f"{self.database}_copy")

    def _copied(self, source: str, target: str) -> None:
        with MongoClient[dict[str, Any]](self.address) as client:
            names = [info["name"] for info in client[source].list_collections() if info["type"] == "collection"]
            for name in sorted(names, key=lambda name: name == "_loads"):
                if name != "system.views":
                    client[source][name].aggregate([{"$out": {"db": target, "coll": name}}])
