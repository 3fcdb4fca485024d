"""A load in progress: what is written of each table, and how rows before and after are compared."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Sequence

from filon.engines import Engine
from filon.engines.changes import ChangeLog, Changes
from filon.lake import Build, Lake, Layer, Release
from filon.project import CheckStatus, Kind
from filon.serving.analysis import Analysis
from filon.serving.columns.chunks import MOST_FACTS, has_columns
from filon.serving.columns.writing import CACHED, Difference, difference
from filon.serving.columns.writing import rows as chunk_rows
from filon.serving.feeds import Feed
from filon.serving.fitting import BATCH, fitted
from filon.serving.protocol import LoadSession, Store
from filon.serving.state import InputBuild, PageIndex, ServedState, TableState
from filon.serving.tables import Order, StoredTable
from filon.sql import identifier, identifiers

FEWEST_FOR_MARKS = 10_000
MOST_MARKS = 10_000
SMALLEST_STEP = 100
MOST_MARKED = 2 << 20
"""Characters of marks beyond which a table has none: a document of MongoDB has 16 MB at most."""
CHANGES, NEW, OLD = "served changes", "served now", "served before"


def inputs_of(builds: Iterable[Build]) -> tuple[InputBuild, ...]:
    """What stores remember of builds."""
    return tuple(InputBuild(table=item.table, fingerprint=item.fingerprint, rows=item.rows) for item in builds)


def builds_of(feed: Feed, release: Release) -> tuple[Build, ...]:
    """The builds of a release that a feed is computed from, in the order of its inputs."""
    builds = (release.named(name) for name in feed.inputs)
    return tuple(build for build in builds if build is not None)


class StoreLoad:
    """A load in progress: tables are written one after the other, then readers see all of it at once."""

    def __init__(
        self,
        store: Store,
        session: LoadSession,
        lake: Lake,
        release: Release,
        engine: Callable[[], Engine],
        changes: ChangeLog,
        as_of: dt.date,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._store = store
        self._session = session
        self._lake = lake
        self._release = release
        self._engine = engine
        self._known_changes = changes
        self._as_of = as_of
        self._now = now
        self._states: dict[str, TableState] = {}
        self._page_index: dict[str, PageIndex | None] = {}
        self.inserted = 0
        self.closed = 0

    def write(self, feed: Feed, before: TableState | None) -> None:
        """Write what differs from what the store has of a table; all of it, when that is not known (``before``)."""
        start, builds = time.perf_counter(), builds_of(feed, self._release)
        fingerprint = feed.fingerprint(inputs_of(builds), self._as_of)
        has_rows = self._session.prepare(feed.table)
        if before is not None and before.fingerprint == fingerprint:
            self._states[feed.table.name] = before
            return
        try:
            if feed.analysis is not None:
                rows = self._write_columns(feed, feed.analysis, before, builds, close=has_rows)
            elif before is not None and has_rows and (known := self._find_builds(feed, before, builds)):
                rows = self._write_changes(feed, before, known, builds)
            else:
                rows = self._write_all(feed, builds, close=has_rows)
            self._page_index[feed.table.name] = self._make_page_index(feed, rows)
        finally:
            self._engine().drop([CHANGES, CACHED, *(f"{side} {name}" for side in (NEW, OLD) for name in feed.inputs)])
        checks = [check for check in self._release.checks if check.table in feed.inputs]
        self._states[feed.table.name] = TableState(
            table=feed.table.name,
            fingerprint=fingerprint,
            storage_hash=feed.storage_hash,
            recipe=feed.recipe,
            rows=rows,
            versions=0,
            builds=inputs_of(builds),
            as_of=self._as_of,
            gold_at=max(build.built_at for build in builds),
            synced_at=self._now(),
            duration_s=round(time.perf_counter() - start, 3),
            passed=sum(check.status is CheckStatus.PASSED for check in checks),
            warned=sum(check.status is not CheckStatus.PASSED for check in checks),
        )

    def forget(self, names: Iterable[str]) -> None:
        """Close all rows of tables that are served no more."""
        for name in names:
            self.closed += self._session.close(StoredTable(name, (), ()), None)

    def flip(self, feeds: Sequence[Feed], *, alone: bool) -> None:
        """Let readers see the load, ``alone`` when rows of those before would be misread now."""
        tables = {
            feed.table.name: self._states[feed.table.name].model_copy(
                update={"versions": self._session.count(feed.table)}
            )
            for feed in feeds
        }
        state = ServedState(
            id=self._session.id,
            release=self._release.number,
            project=self._release.project,
            as_of=self._release.as_of,
            published_at=self._release.created_at,
            loaded_at=self._now(),
            tables=tables,
        )
        self._session.flip(state, self._page_index, alone=alone)

    def _find_builds(self, feed: Feed, before: TableState, builds: Sequence[Build]) -> tuple[Build, ...]:
        """What the rows of the load before were computed from, as the lake has it.

        Empty when they cannot be compared: contracts would compute others today, or the lake has some no more.
        """
        if before.recipe != feed.recipe:
            return ()
        released = {(build.table, build.fingerprint): build for build in builds}
        layers = {build.table: build.layer for build in builds}
        known = []
        for item in before.builds:
            build = released.get((item.table, item.fingerprint)) or self._lake.find_build(
                layers.get(item.table, Layer.GOLD), item.table, item.fingerprint
            )
            if build is None:
                return ()
            known.append(build)
        return tuple(known)

    def _write_changes(self, feed: Feed, before: TableState, known: Sequence[Build], builds: Sequence[Build]) -> int:
        """Write the rows that are new, gone or different; returns the number of rows that the table has now.

        ``known`` are the builds that the rows of the load before come from.
        """
        changes = self._changes(feed, before, builds)
        if changes is not None:
            if not changes:
                return before.rows
            new, old = self._select_changes(feed, changes)
        else:
            new = self._bind(feed, NEW, builds, self._as_of)
            old = self._bind(feed, OLD, known, before.as_of)
        self._engine().cache(CHANGES, _changes(feed.table, new, old))
        keys = ", ".join(self._encoded(feed.table, feed.table.key))
        gone = self._engine().stream(f"SELECT {keys} FROM {identifier(CHANGES)} WHERE _was", BATCH)
        closed = self._session.close(feed.table, gone)
        inserted = self._insert(feed, f"SELECT * FROM {identifier(CHANGES)} WHERE _is")
        self.closed, self.inserted = self.closed + closed, self.inserted + inserted
        return before.rows - closed + inserted

    def _changes(self, feed: Feed, before: TableState, builds: Sequence[Build]) -> Changes | None:
        """What changed in the table that a feed gives the rows of; None when that is not known, or decides too little.

        Rows of a cube, and those that a window leaves out on another day, are no rows of the table.
        """
        if feed.cube is not None or (feed.has_window and before.as_of != self._as_of):
            return None
        [known], [build] = before.builds, builds
        return self._known_changes.since(known.fingerprint, build)

    def _select_changes(self, feed: Feed, changes: Changes) -> tuple[str, str]:
        """Queries for the rows that are new or different, and for those that are gone or were different."""
        [name] = feed.inputs
        return feed.select({name: changes.new}, self._as_of), feed.select({name: changes.old}, self._as_of)

    def _write_all(self, feed: Feed, builds: Sequence[Build], *, close: bool) -> int:
        """Write every row, in the order of the key, which stores take best; returns their number."""
        if close:
            self.closed += self._session.close(feed.table, None)
        new = self._bind(feed, NEW, builds, self._as_of)
        inserted = self._insert(feed, f"SELECT * FROM ({new}) AS feed ORDER BY {identifiers(feed.table.key)}")
        self.inserted += inserted
        return inserted

    def _write_columns(
        self, feed: Feed, analysis: Analysis, before: TableState | None, builds: Sequence[Build], *, close: bool
    ) -> int:
        """Write the chunks of months that differ, or of all; returns the number of chunks. Too many facts have none."""
        engine, kept = self._engine(), 0
        is_kept = builds[0].rows <= MOST_FACTS
        new, old = self._bind(feed, NEW, builds, self._as_of), None
        if before is not None and close and is_kept and has_columns(before):
            known = self._find_builds(feed, before, builds)
            old = self._bind(feed, OLD, known, before.as_of) if known else None
        changes = difference(engine, new, old) if is_kept else Difference((), {})
        if close:
            closed = self._session.close(feed.table, changes.keys() if old is not None else None)
            kept = before.rows - closed if before is not None and old is not None else 0
            self.closed += closed
        inserted = self._session.insert(feed.table, chunk_rows(engine, analysis, changes.written))
        self.inserted += inserted
        return kept + inserted

    def _make_page_index(self, feed: Feed, rows: int) -> PageIndex | None:
        if rows < FEWEST_FOR_MARKS or feed.cube is not None or feed.analysis is not None:
            return None
        step = max(SMALLEST_STEP, -(-rows // MOST_MARKS))
        new = self._bind(feed, NEW, builds_of(feed, self._release), self._as_of)
        sort = feed.table.total_order(feed.table.sort)
        names = ", ".join(_as_yaml(feed.table, item) for item in sort)
        ranked = f"SELECT *, row_number() OVER (ORDER BY {_order_by(sort)}) - 1 AS _n FROM ({new}) AS feed"
        query = f"SELECT {names} FROM ({ranked}) AS ranked WHERE _n % {step} = 0 ORDER BY _n"
        keys = tuple(self._engine().rows(query))
        size = sum(len(value) for key in keys for value in key if isinstance(value, str))
        return PageIndex(step=step, keys=keys) if size <= MOST_MARKED else None

    def _bind(self, feed: Feed, side: str, builds: Sequence[Build], as_of: dt.date) -> str:
        bound = {}
        for name, build in zip(feed.inputs, builds, strict=True):
            bound[name] = f"{side} {name}"
            self._engine().bind(bound[name], self._lake.paths(build), build.columns)
        return feed.select(bound, as_of)

    def _encoded(self, table: StoredTable, names: Sequence[str]) -> list[str]:
        return [f"{self._store.encoding(table.column(name))} AS {identifier(name)}" for name in names]

    def _insert(self, feed: Feed, source: str) -> int:
        return self._session.insert(feed.table, fitted(self._store, self._engine(), feed.table, source))


def _changes(table: StoredTable, new: str, old: str) -> str:
    """Rows that are new, gone or different: the new values (or the old key), and whether they are and were there."""
    keys = [identifier(name) for name in table.key]
    others = [identifier(name) for name in table.column_names if name not in table.key]
    chosen = [f"coalesce(n.{name}, o.{name}) AS {name}" for name in keys] + [f"n.{name} AS {name}" for name in others]
    differ = " OR ".join(f"n.{name} IS DISTINCT FROM o.{name}" for name in others) or "FALSE"
    joined = " AND ".join(f"n.{name} = o.{name}" for name in keys)
    return (
        f"SELECT {', '.join(chosen)}, n._there IS NOT NULL AS _is, o._there IS NOT NULL AS _was "
        f"FROM (SELECT *, TRUE AS _there FROM ({new}) AS feed) AS n "
        f"FULL JOIN (SELECT *, TRUE AS _there FROM ({old}) AS feed) AS o ON {joined} "
        f"WHERE n._there IS NULL OR o._there IS NULL OR {differ}"
    )


def _order_by(sort: Sequence[Order]) -> str:
    """The order of all stores: nulls first, or last where it descends."""
    return ", ".join(
        f"{identifier(item.column)} {'DESC NULLS LAST' if item.descending else 'ASC NULLS FIRST'}" for item in sort
    )


def _as_yaml(table: StoredTable, item: Order) -> str:
    name = identifier(item.column)
    plain = table.column(item.column).type.kind in (Kind.INTEGER, Kind.TEXT, Kind.DOUBLE, Kind.BOOLEAN)
    return name if plain else f"CAST({name} AS VARCHAR) AS {name}"
