"""A store that followed every change holds what a first load of the same release writes: rows, sums, columns, marks."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from filon.engines import Engine
from filon.engines.changes import ChangeLog
from filon.lake import Build, Lake, Layer, Release
from filon.lake.documents import NewBuild
from filon.pipeline.engine import open_engine
from filon.project import Project
from filon.project.loader import load_project
from filon.serving.columns.chunks import read_chunk
from filon.serving.feeds import compile_served
from filon.serving.loader import sync_store
from filon.serving.protocol import Store
from filon.serving.query import Query
from filon.serving.stores import open_store
from filon.serving.tables import COLUMNS
from filon.settings import Settings
from tests.integration.changes.shop import Documents, contract, write_project
from tests.integration.histories.quick import quick

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OPTIONS = Settings(threads=1)
INTEGER, TEXT, DATE = {"logicalType": "integer"}, {"logicalType": "string"}, {"logicalType": "date"}
AMOUNT = {"logicalType": "number", "physicalType": "DECIMAL(8,2)"}


def column(name: str, kind: dict[str, Any], **keys: object) -> dict[str, Any]:
    return {"name": name, **kind, **keys}


TO_CLIENTS = {"relationships": [{"to": "clients.client"}]}
SALES = (
    column("id", INTEGER, primaryKey=True),
    column("client", INTEGER, **TO_CLIENTS),
    column("day", DATE),
    column("amount", AMOUNT),
    column("product", TEXT),
    column("note", TEXT),
)
AGGREGATIONS = {
    "time": "day",
    "measures": {"revenue": {"sum": "amount"}, "number": {}, "buyers": {"distinct": "client"}},
    "dimensions": {
        "country": {"column": "country", "through": "client"},
        "active": {"column": "active", "through": "client"},
        "product": {"column": "product"},
    },
    "total": {"path": "total", "measures": {"revenue": "revenue"}},
    "series": {"path": "series", "measures": {"revenue": "revenue"}},
    "analysis": {"path": "analysis"},
}
SHOP: Documents = {
    "filon": {"name": "shop", "title": "A shop", "locale": "fr", "currency": "EUR", "timezone": "Europe/Paris"},
    "given": contract("given", {"filePattern": "given*.csv"}, column("id", INTEGER, primaryKey=True)),
    "clients": contract(
        "clients",
        {},
        column("client", INTEGER, primaryKey=True),
        column("country", TEXT),
        column("active", {"logicalType": "boolean"}),
    ),
    "clients.sql": "SELECT id AS client, 'fr' AS country, TRUE AS active FROM given",
    "sales": contract("sales", {"serving": {"sort": ["-amount", "product"]}, "aggregations": AGGREGATIONS}, *SALES),
    "sales.sql": (
        "SELECT id, id AS client, DATE '2025-01-01' AS day, CAST(1 AS DECIMAL(8,2)) AS amount, 'a' AS product, "
        "'n' AS note FROM given"
    ),
    "recent": contract(
        "recent",
        {"serving": {"sort": ["-product"], "window": {"column": "day", "last": "40 days"}}},
        column("id", INTEGER, primaryKey=True),
        column("day", DATE),
        column("product", TEXT),
    ),
    "recent.sql": "SELECT id, day, product FROM sales",
}

Fact = tuple[int, int | None, str | None, str | None, str | None, str | None]
Client = tuple[int, str | None, bool | None]
fact = st.tuples(
    st.integers(1, 30),
    st.sampled_from([None, 1, 1, 2, 3, 4, 9]),
    st.sampled_from([None, "2025-11-03", "2025-11-20", "2025-12-01", "2025-12-24", "2026-01-01"]),
    st.sampled_from([None, "-1.50", "0.00", "2.00", "2.00", "999.99"]),
    st.sampled_from([None, "", "a", "é", "B", "a\x1fb"]),
    st.sampled_from([None, "x", "y"]),
)
client = st.tuples(st.integers(1, 5), st.sampled_from([None, "fr", "uk", "us"]), st.sampled_from([None, True, False]))
change = st.tuples(st.lists(fact, max_size=6), st.sets(st.integers(1, 30), max_size=4), st.lists(client, max_size=2))
day = st.sampled_from(["2025-12-30", "2026-01-01", "2026-01-10", "2026-03-01"])
FIRST = st.tuples(st.lists(fact, max_size=30), st.lists(client, min_size=1, max_size=6))


@dataclass
class Place:
    """A lake with an engine, and the tables that the next release has."""

    folder: Path
    project: Project
    lake: Lake
    engine: Engine
    facts: dict[int, Fact] = field(default_factory=dict)
    clients: dict[int, Client] = field(default_factory=dict)
    releases: int = 0

    def release(self, as_of: dt.date) -> Release:
        """A release of the tables as they are."""
        self.releases += 1
        sales = self._build("sales", list(self.facts.values()))
        recent = self._build("recent", [(row[0], row[2], row[4]) for row in self.facts.values()])
        builds = (sales, recent, self._build("clients", list(self.clients.values())))
        return Release(
            number=self.releases,
            run_id="run",
            created_at=NOW,
            as_of=as_of,
            engine="duckdb",
            project=self.project.name,
            project_fingerprint="",
            ledger=1,
            tables={build.id: build for build in builds},
            checks=(),
        )

    def _build(self, name: str, rows: Sequence[tuple[Any, ...]]) -> Build:
        """Rows as the content of a table; the same rows are the same content."""
        columns = tuple((item.name, item.type) for item in self.project.models[name].contract.columns)
        fingerprint = f"{hash(tuple(sorted(rows, key=repr))) & (1 << 62):x}{hash(tuple(sorted(rows, key=repr))):x}"
        fingerprint = fingerprint.replace("-", "m")
        known = self.lake.find_build(Layer.GOLD, name, fingerprint)
        if known is not None:
            return known
        names = ", ".join(f"CAST({n} AS {kind.sql}) AS {n}" for n, kind in columns)
        nothing = f"SELECT {', '.join(f'CAST(NULL AS {kind.sql}) AS {n}' for n, kind in columns)} WHERE FALSE"
        values = "".join(f" UNION ALL SELECT {', '.join(map(_literal, row))}" for row in rows)
        query = f"SELECT {names} FROM ({nothing}{values}) AS given"
        files = self.lake.seal(Layer.GOLD, name, self.engine.write(query, self.lake.table(Layer.GOLD, name)))
        new = NewBuild(
            table=name,
            layer=Layer.GOLD,
            fingerprint=fingerprint,
            columns=columns,
            key=self.project.models[name].contract.key,
            built_at=NOW,
            run_id="run",
        )
        return self.lake.keep_build(new, files)

    def load(self, store: Store, release: Release, as_of: dt.date) -> None:
        """Bring a store to a release."""
        sync_store(
            store,
            self.lake,
            release,
            compile_served(self.project),
            lambda: self.engine,
            as_of=as_of,
            now=lambda: NOW,
            keep=1,
            changes=ChangeLog(self.lake, lambda: self.engine),
        )


def _literal(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
    if isinstance(value, str):
        return " || chr(31) || ".join(f"'{part}'" for part in value.split("\x1f"))
    return str(value)


@contextmanager
def opened() -> Iterator[Place]:
    """An empty lake."""
    with ExitStack() as stack:
        stack.enter_context(quick())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="filon-test-")))
        write_project(SHOP, folder / "project")
        project, lake = load_project(folder / "project"), Lake(str(folder / "lake"))
        lake.prepare("run")
        engine = stack.enter_context(open_engine(OPTIONS, project, NOW.date(), lake.places))
        yield Place(folder, project, lake, engine)


def content(store: Store, project: Project) -> dict[str, Counter[Any]]:
    """The rows of all tables of a store, as readers see them; what becomes of marks is proven on the way."""

    async def read() -> dict[str, Counter[Any]]:
        [state, *_] = await store.states()
        found = {}
        for name, feed in compile_served(project).feeds.items():
            sort = feed.table.total_order(feed.table.sort)
            rows = await store.find(state.id, feed.table, Query(sort, limit=100_000))
            assert len(rows) == state.tables[name].rows, name
            page_index = await store.page_index(state.id, feed.table)
            if page_index is not None:
                for skip in range(len(rows)):
                    row, at = page_index.find(skip, feed.table)
                    page = await store.find(state.id, feed.table, Query(sort, at=at, skip=skip - row, limit=2))
                    assert page == rows[skip : skip + 2], (name, skip, page_index)
            found[name] = _plain(name, rows)
        await store.shut_readers()
        return found

    return asyncio.run(read())


def _plain(name: str, rows: Sequence[Any]) -> Counter[Any]:
    if name.startswith(COLUMNS):  # where a chunk ends, and the order of its rows, are nobody's business
        return Counter((row["month"], *f.values()) for row in rows for f in read_chunk(row["data"]).to_pylist())
    return Counter(tuple(row.values()) for row in rows)


def follow(place: Place, store: Store, first: Any, changes: Any, fresh: str) -> None:
    """Let a store follow changes, and compare it after each with one that is loaded for the first time."""
    facts, clients = first
    place.facts, place.clients = {row[0]: row for row in facts}, {row[0]: row for row in clients}
    for number, ((came, gone, moved), as_of) in enumerate([(((), (), ()), "2026-01-01"), *changes]):
        for key in gone:
            place.facts.pop(key, None)
        place.facts |= {row[0]: row for row in came}
        place.clients |= {row[0]: row for row in moved}
        date = dt.date.fromisoformat(as_of)
        release = place.release(date)
        place.load(store, release, date)
        other = open_store(fresh.format(number))
        place.load(other, release, date)
        assert content(store, place.project) == content(other, place.project)
        other.shut()


@pytest.fixture(autouse=True)
def _always_following(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much changed, changes are followed, and the smallest tables have marks."""
    monkeypatch.setattr("filon.serving.loading.LARGEST_SHARE", 1e-6)
    everywhere = {"FEWEST_FOR_MARKS": 2, "SMALLEST_STEP": 2, "FOLLOWED_SHARE": 1e-6, "MOST_GAPS": 99, "GAPS_SHARE": 0}
    for name, value in everywhere.items():
        monkeypatch.setattr(f"filon.serving.marking.{name}", value)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=FIRST, changes=st.lists(st.tuples(change, day), min_size=1, max_size=4))
def test_a_store_that_followed_changes_is_as_if_loaded_anew(first: Any, changes: Any) -> None:
    with opened() as place:
        store = open_store(f"sqlite:///{place.folder}/followed.db")
        follow(place, store, first, changes, f"sqlite:///{place.folder}/fresh-{{}}.db")
        store.shut()


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=FIRST, changes=st.lists(st.tuples(change, day), min_size=2, max_size=3))
def test_so_does_one_in_mongodb(mongo_uri: str, first: Any, changes: Any) -> None:
    with opened() as place, databases(mongo_uri) as address:
        store = open_store(f"{address}-followed")
        follow(place, store, first, changes, f"sqlite:///{place.folder}/fresh-{{}}.db")
        store.shut()


@contextmanager
def databases(uri: str) -> Iterator[str]:
    """The beginning of an address, below which databases are dropped afterwards."""
    name = f"t{secrets.token_hex(6)}"
    yield f"{uri}/{name}"
    with MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(f"{name}-followed")
