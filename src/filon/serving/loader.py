"""Bring a store to a release: only what differs from what it serves is written."""

from __future__ import annotations

import datetime as dt
import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from filon.engines import Engine
from filon.engines.changes import ChangeLog
from filon.errors import ConfigError
from filon.lake import Build, Lake, Layer, Release
from filon.project.types import TypedColumn
from filon.serving.feeds import Feed, ServedProject
from filon.serving.inputs import builds_of, inputs_of
from filon.serving.loading import StoreLoad
from filon.serving.protocol import LoadSession, Store
from filon.serving.served import ServedTable
from filon.serving.state import LoadReport, ServedState, TableState


def sync_store(
    store: Store,
    lake: Lake,
    release: Release,
    served: ServedProject,
    engine: Callable[[], Engine],
    *,
    as_of: dt.date,
    now: Callable[[], dt.datetime],
    keep: int,
    force: bool = False,
    anew: bool = False,
    changes: ChangeLog | None = None,
) -> LoadReport:
    """Write a release into the store, beside the loads before it, and let readers see it.

    Args:
        store: what readers ask
        lake: where the rows of the release are
        release: what readers see afterwards, unless a newer release was loaded meanwhile
        served: what contracts say today
        engine: starts the engine, or gives the one that was started; not called when no row differs
        as_of: where windows end; may be later than the date of the release
        now: the clock, in UTC: when a table reached the store is a fact of the store's
        keep: how many of the loads before this one can still be asked
        force: write every row, whatever the store holds
        anew: keep nothing of the loads before, as if the store were empty
        changes: what the run knows of changes in tables

    Returns:
        What was written.

    Raises:
        ConfigError: the store serves another project, or contracts describe other columns than the release has
        StoreError: the store could not be loaded; readers see what they saw before

    """
    start = time.perf_counter()
    # the largest first: its indexes are built while the others are on their way
    feeds = sorted(_released(served, release), key=lambda feed: -_rows(feed, release))
    before = store.state()
    if before is not None and before.project != release.project:
        raise ConfigError(
            f"{store.uri} serves the project {before.project}, not {release.project}. Give another FILON_SERVING."
        )
    if before is not None and not force and not anew and _is_done(store, before, feeds, release, as_of):
        return LoadReport(store.name, before.load, release.number, 0, 0, _seconds(start))
    require_servable(release, served.tables)
    with store.loading(anew=anew) as session, _no_collector():
        newest = lake.release()
        if session.before and newest and newest.number > release.number:  # the run that published it loads it
            return LoadReport(store.name, session.before.load, session.before.release, 0, 0, _seconds(start))
        known = session.before.tables if session.before else {}
        intact = {feed.table.name for feed in feeds if _is_intact(session, feed, known)}
        kept = session.kept[:keep]
        reshaped = any(_has_other_shape(state, feed) for state in kept for feed in feeds)
        session.sweep(0 if reshaped else keep)
        load = StoreLoad(store, session, lake, release, engine, changes or ChangeLog(lake, engine), as_of, now)
        for feed in feeds:
            comparable = feed.table.name in intact and not force
            load.write(feed, known[feed.table.name] if comparable else None)
        load.forget(known.keys() - {feed.table.name for feed in feeds})
        load.flip(feeds, alone=reshaped)
    return LoadReport(store.name, session.id.number, release.number, load.inserted, load.closed, _seconds(start))


def require_servable(release: Release, served: Mapping[str, ServedTable]) -> None:
    """ConfigError when the contracts of today describe other columns or keys than a release has."""
    for name, item in served.items():
        build = release.named(name)
        if build is not None and not _has_shape(build, item):
            raise ConfigError(
                f"release {release.number} has other columns or another key of {name} than its contract says today: it "
                "cannot be served. Take back the change of the contract first, or give --serving none."
            )


def _has_shape(build: Build, served: ServedTable) -> bool:
    """Whether a build has the columns and the key of a table; silver tables also have the places of their rows."""
    columns = tuple(TypedColumn(column.name, column.type) for column in served.stored.columns)
    is_same = set(columns) <= set(build.columns) if build.layer is Layer.SILVER else build.columns == columns
    return is_same and build.key in ((), served.stored.key)


def _has_other_shape(state: ServedState, feed: Feed) -> bool:
    known = state.tables.get(feed.table.name)
    return known is not None and known.storage_hash != feed.storage_hash


def _seconds(start: float) -> float:
    return round(time.perf_counter() - start, 3)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Switch Python's garbage collector off: rows have no cycles, and it would take half the time of a load."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _released(served: ServedProject, release: Release) -> Iterator[Feed]:
    """What a release can feed: tables that it has, since the project may be ahead of it."""
    return (feed for feed in served.feeds.values() if all(map(release.named, feed.inputs)))


def _rows(feed: Feed, release: Release) -> int:
    """About how many rows a table has; a cube has fewer than its largest input, chunks are few."""
    if feed.analysis is not None:
        return 0
    return max(build.rows for build in builds_of(feed, release)) // (2 if feed.cube else 1)


def _is_done(store: Store, before: ServedState, feeds: Sequence[Feed], release: Release, as_of: dt.date) -> bool:
    """Whether nothing is left to write."""
    is_same = before.release == release.number and before.tables.keys() == {feed.table.name for feed in feeds}
    is_whole = is_same and store.is_settled(before)
    return is_whole and all(_is_served(store, before, feed, release, as_of) for feed in feeds)


def _is_served(store: Store, before: ServedState, feed: Feed, release: Release, as_of: dt.date) -> bool:
    known = before.tables.get(feed.table.name)
    same = known is not None and known.fingerprint == feed.fingerprint(inputs_of(builds_of(feed, release)), as_of)
    return same and known is not None and store.holds(feed.table, known.versions)


def _is_intact(session: LoadSession, feed: Feed, known: Mapping[str, TableState]) -> bool:
    """Whether the store still holds what the load before left, in the shape that contracts describe today."""
    before = known.get(feed.table.name)
    return (
        before is not None and before.storage_hash == feed.storage_hash and session.holds(feed.table, before.versions)
    )
