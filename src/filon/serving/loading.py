"""A load in progress: what is written of each table, and how rows before and after are compared."""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from filon.engines import Engine
from filon.engines.changes import ChangeLog, differing
from filon.lake import Build, Lake, Release
from filon.project import CheckStatus
from filon.serving import cube_changes
from filon.serving.affected import CAME, LEFT, FactsRead, Versions, find_affected
from filon.serving.analysis import Analysis
from filon.serving.columns.stored import MOST_FACTS, has_columns
from filon.serving.columns.writing import Difference, affected_months, difference, facts_read, made
from filon.serving.columns.writing import batches as chunk_batches
from filon.serving.columns.writing import rows as chunk_rows
from filon.serving.feeds import Feed
from filon.serving.fitting import BATCH, fitted, fitted_columns
from filon.serving.inputs import NEW, OLD, FeedInputs, builds_of, inputs_of
from filon.serving.marking import follow_index, make_index
from filon.serving.protocol import LoadSession, Store
from filon.serving.state import PageIndex, ServedState, TableState
from filon.serving.tables import StoredTable
from filon.sql import identifier, identifiers

CHANGES, LEFT_ROWS, CAME_ROWS = "served changes", "rows that left the store", "rows that came to the store"
MANY_ROWS = 50_000
"""From this number on, rows are handed over in bulk where the store can take them so."""
LARGEST_SHARE = 2
"""One in so many facts at most is affected where changes are followed; else it is less work to compare all."""


@dataclass(frozen=True)
class _Chunks:
    """Columns of facts that are to be written: the table for their chunks, and the months, with their facts."""

    table: StoredTable
    analysis: Analysis
    written: Mapping[int, int]


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
        self._release = release
        self._engine = engine
        self._inputs = FeedInputs(lake, engine, changes)
        self._as_of = as_of
        self._now = now
        self._states: dict[str, TableState] = {}
        self._page_index: dict[str, PageIndex | None] = {}
        self._followed: set[str] = set()
        self._unfinished: list[Callable[[], int]] = []
        self._late: deque[_Chunks] = deque()
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
        known = self._inputs.find_known(feed, before, builds) if before is not None and has_rows else ()
        try:
            if feed.analysis is not None:
                rows = self._write_columns(feed, feed.analysis, before, known, builds, close=has_rows)
            elif before is not None and known:
                rows = self._write_changes(feed, before, known, builds)
            else:
                rows = self._write_all(feed, builds, close=has_rows)
            self._mark(feed, builds, rows, followed=feed.table.name in self._followed)
        finally:
            self._inputs.drop(feed)
            self._engine().drop([CHANGES, LEFT_ROWS, CAME_ROWS, LEFT, CAME, *cube_changes.MADE])
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
            counts_forgotten=sum(build.counts_forgotten for build in builds),
        )

    def forget(self, names: Iterable[str]) -> None:
        """Close all rows of tables that are served no more."""
        for name in names:
            self.closed += self._session.close(StoredTable(name, (), ()), None)

    def flip(self, feeds: Sequence[Feed], *, alone: bool) -> None:
        """Let readers see the load, ``alone`` when rows of those before would be misread now."""
        self._finish()
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

    def _finish(self) -> None:
        """Let the store take what is filled in bulk; what is computed late is computed while it sorts its indexes."""
        finish_chunks = self._begin_chunks()
        self.inserted += sum(finish() for finish in reversed(self._unfinished))  # the smallest are there first
        while finish_chunks is not None:
            finish_chunks()
            finish_chunks = self._begin_chunks()

    def _begin_chunks(self) -> Callable[[], None] | None:
        """Begin to compute the next chunks of those that were left for later; returns what waits for them."""
        if not self._late:
            return None
        chunks, bulk = self._late.popleft(), self._session.bulk()
        finish_bulk = (
            bulk(chunks.table, chunk_batches(self._engine(), chunks.analysis, chunks.written)) if bulk else None
        )

        def finish() -> None:
            inserted, name = finish_bulk() if finish_bulk else self._insert_chunks(chunks), chunks.table.name
            self.inserted += inserted
            self._states[name] = self._states[name].model_copy(update={"rows": inserted})
            self._engine().drop(made(chunks.analysis))

        return finish

    def _insert_chunks(self, chunks: _Chunks) -> int:
        return self._session.insert(chunks.table, chunk_rows(self._engine(), chunks.analysis, chunks.written))

    def _write_changes(self, feed: Feed, before: TableState, known: Sequence[Build], builds: Sequence[Build]) -> int:
        """Write the rows that are new, gone or different; returns the number of rows that the table has now.

        ``known`` are the builds that the rows of the load before come from.
        """
        if not self._cache_changes(feed, before, known, builds):
            return before.rows
        keys = ", ".join(self._encoded(feed.table, feed.table.key))
        gone = self._engine().stream(f"SELECT {keys} FROM {identifier(CHANGES)} WHERE _was", BATCH)
        closed = self._session.close(feed.table, gone)
        inserted = self._insert(feed, f"SELECT * FROM {identifier(CHANGES)} WHERE _is")
        self.closed, self.inserted = self.closed + closed, self.inserted + inserted
        return before.rows - closed + inserted

    def _cache_changes(self, feed: Feed, before: TableState, known: Sequence[Build], builds: Sequence[Build]) -> bool:
        """Make the table ``CHANGES`` of the rows that differ; False when none can."""
        versions, engine = self._inputs.versions(feed, known, builds), self._engine()
        if versions is None:
            return self._compare(feed, before, known, builds)
        if feed.cube is not None:
            affected = self._find_affected(cube_changes.facts_read(feed.cube), versions, builds[0])
            if affected is None:
                return self._compare(feed, before, known, builds)
            if affected:
                cube_changes.cache_cube_changes(engine, CHANGES, feed.cube, versions)
            return affected > 0
        self._follow(feed, before, versions)
        engine.cache(CHANGES, _changes(feed.table, *(f"SELECT * FROM {identifier(n)}" for n in (CAME_ROWS, LEFT_ROWS))))
        return True

    def _follow(self, feed: Feed, before: TableState, versions: Versions) -> None:
        """Make the tables ``LEFT_ROWS`` and ``CAME_ROWS`` of a table whose changes are known.

        They hold the changed rows of the lake, and those that the window left out on the day of the load before, or
        leaves out today.
        """
        [name] = feed.inputs
        changes, then, today = versions.changes[name], before.as_of, self._as_of
        sides = [
            (LEFT_ROWS, changes.old or versions.before[name], versions.before, then, today),
            (CAME_ROWS, changes.new or versions.now[name], versions.now, today, then),
        ]
        for table, changed, whole, shown, unlike in sides:
            query = feed.select({name: changed}, shown) if changes else f"{feed.select(whole, shown)} LIMIT 0"
            if feed.has_window and then != today:  # UNION, since a changed row may also have moved across the window
                query = f"({query}) UNION ({feed.select(whole, shown, unlike)})"
            self._engine().cache(table, query)
        self._followed.add(feed.table.name)

    def _compare(self, feed: Feed, before: TableState, known: Sequence[Build], builds: Sequence[Build]) -> bool:
        """Make the table ``CHANGES`` from all rows."""
        new = feed.select(self._inputs.bind(feed, NEW, builds), self._as_of)
        old = feed.select(self._inputs.bind(feed, OLD, known), before.as_of)
        self._engine().cache(CHANGES, _changes(feed.table, new, old))
        return True

    def _find_affected(self, read: FactsRead, versions: Versions, facts: Build) -> int | None:
        """The number of facts that changes affect; None when it is less work to compare all."""
        return find_affected(self._engine(), read, versions, facts.rows // LARGEST_SHARE)

    def _write_all(self, feed: Feed, builds: Sequence[Build], *, close: bool) -> int:
        """Write every row, in the order of the key, which stores take best; returns their number."""
        if close:
            self.closed += self._session.close(feed.table, None)
        new = feed.select(self._inputs.bind(feed, NEW, builds), self._as_of)
        source = f"SELECT * FROM ({new}) AS feed ORDER BY {identifiers(feed.table.key)}"
        bulk = self._session.bulk() if max(build.rows for build in builds) >= MANY_ROWS else None
        if bulk is None:
            inserted = self._insert(feed, source)
            self.inserted += inserted
            return inserted
        self._unfinished.append(bulk(feed.table, fitted_columns(self._store, self._engine(), feed.table, source)))
        [(rows,)] = self._engine().rows(f"SELECT count(*) FROM ({new}) AS feed")
        return int(rows)

    def _write_columns(
        self,
        feed: Feed,
        analysis: Analysis,
        before: TableState | None,
        known: Sequence[Build],
        builds: Sequence[Build],
        *,
        close: bool,
    ) -> int:
        """Write the chunks of months that differ, or of all; returns the number of chunks. Too many facts have none.

        Where rows are filled in bulk the chunks are computed later, see ``_finish``, and none is counted yet.
        """
        kept, is_kept = 0, builds[0].rows <= MOST_FACTS
        comparable = before is not None and bool(known) and is_kept and has_columns(before)
        changes = self._months(feed, analysis, known if comparable else (), builds) if is_kept else Difference({}, {})
        if close:
            closed = self._session.close(feed.table, changes.keys() if comparable else None)
            kept = before.rows - closed if before is not None and comparable else 0
            self.closed += closed
        chunks = _Chunks(feed.table, analysis, changes.written)
        if self._unfinished and not comparable:
            self._late.append(chunks)
            return 0
        inserted = self._insert_chunks(chunks)
        self._engine().drop(made(analysis))
        self.inserted += inserted
        return kept + inserted

    def _months(self, feed: Feed, analysis: Analysis, known: Sequence[Build], builds: Sequence[Build]) -> Difference:
        """The months that differ from those of other builds; without these, all months."""
        engine = self._engine()
        versions = self._inputs.versions(feed, known, builds) if known else None
        if versions is not None and self._find_affected(facts_read(analysis), versions, builds[0]) is not None:
            return affected_months(engine, analysis, versions)
        new = self._inputs.bind(feed, NEW, builds)
        old = self._inputs.bind(feed, OLD, known) if known else None
        return difference(engine, analysis, new, old)

    def _mark(self, feed: Feed, builds: Sequence[Build], rows: int, *, followed: bool) -> None:
        """Note places of a table, for readers that jump to a page; not again where none moved."""
        if feed.cube is not None or feed.analysis is not None:
            return
        table, engine = feed.table, self._engine()
        source = feed.select(self._inputs.bind(feed, NEW, builds), self._as_of)
        before = self._session.page_index(table)
        if followed:
            now = follow_index(engine, table, before, source, (LEFT_ROWS, CAME_ROWS), rows)
        else:
            now = make_index(engine, table, source, rows)
        if now != before:
            self._page_index[table.name] = now

    def _encoded(self, table: StoredTable, names: Sequence[str]) -> list[str]:
        return [f"{self._store.encoding(table.column(name))} AS {identifier(name)}" for name in names]

    def _insert(self, feed: Feed, source: str) -> int:
        return self._session.insert(feed.table, fitted(self._store, self._engine(), feed.table, source))


def _changes(table: StoredTable, new: str, old: str) -> str:
    """Rows that are new, gone or different: the new values (or the old key), and whether they are and were there."""
    others = [name for name in table.column_names if name not in table.key]
    chosen = [f"n.{identifier(name)} AS {identifier(name)}" for name in others]
    return differing(table.key, others, old, new, chosen)
