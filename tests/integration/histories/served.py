"""What stores show: files of SQLite, or databases of a MongoDB server, which are read without Filon's stores."""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from filon.pipeline.engine import open_engine
from filon.project import Project
from filon.serving.columns.chunks import read_chunk
from filon.serving.feeds import compile_served
from filon.serving.loader import sync_store
from filon.serving.state import OPEN
from filon.serving.stores import open_store
from tests.integration.histories.content import Rows
from tests.integration.histories.place import NOW, OPTIONS, Place

ROWS, COLUMNS = "_rows_", "_rows__columns_"
Document = dict[str, Any]


@dataclass(frozen=True)
class Database:
    """A store of a history: a file in ``folder``, or a database of ``server``, the address of a MongoDB server."""

    folder: Path
    name: str
    server: str = ""

    @property
    def _database(self) -> str:
        return f"{self.name}-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]}"

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.name}.db"

    @property
    def uri(self) -> str:
        """The address of the store."""
        return f"{self.server}/{self._database}" if self.server else f"sqlite:///{self._file}"

    def drop(self) -> None:
        """Delete it."""
        if self.server:
            with MongoClient[Document](self.server) as client:
                client.drop_database(self._database)
        else:
            self._file.unlink(missing_ok=True)

    def rows(self) -> Mapping[str, Rows]:
        """The rows that it shows now, cubes and columns included."""
        return {name: _counted(name, rows) for name, rows in (self._documents() if self.server else self._tuples())}

    def _tuples(self) -> Iterator[tuple[str, list[Document]]]:
        with closing(sqlite3.connect(self._file)) as connection:
            connection.row_factory = sqlite3.Row
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                if name.startswith(ROWS):
                    yield name, [dict(row) for row in connection.execute(f'SELECT * FROM "{name}" WHERE _to = {OPEN}')]

    def _documents(self) -> Iterator[tuple[str, list[Document]]]:
        with MongoClient[Document](self.server) as client:
            database = client[self._database]
            for name in database.list_collection_names():
                if name.startswith(ROWS):
                    yield name, list(database[name].find({"_to": OPEN}))


def _counted(name: str, rows: list[Document]) -> Rows:
    """Rows without what says which loads show them. Where a chunk of columns ends, and in which order, is left out."""
    shown = ({key: row[key] for key in row if key != "_id" and not key.startswith(("_from", "_to"))} for row in rows)
    if name.startswith(COLUMNS):
        return Counter(
            (next(iter(row.values())), *fact.values())
            for row in shown
            for fact in read_chunk(str(row["data"])).to_pylist()
        )
    return Counter(tuple(map(_plain, row.values())) for row in shown)


def _plain(value: Any) -> Any:
    """A value that can be counted; what MongoDB has of its own is told by its text."""
    return value if value is None or isinstance(value, (bool, int, float, str, bytes)) else repr(value)


def served_fresh(place: Place, uri: str, project: Project, as_of: dt.date | None) -> None:
    """Load the published release into a store without a past, at a date; None: that of the release."""
    lake, store = place.lake, open_store(uri)
    release = lake.release()
    assert release is not None
    day = as_of or release.as_of
    with open_engine(OPTIONS, project, day, lake.places) as engine:
        served = compile_served(project)
        sync_store(store, lake, release, served, lambda: engine, as_of=day, now=lambda: NOW, keep=OPTIONS.serving_keep)
    store.shut()
