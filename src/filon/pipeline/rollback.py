"""Publish an older release again, and bring the store to it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache

from filon.engines import Engine
from filon.errors import StoreError
from filon.lake import Lake, Release
from filon.lake.rollback import release_again
from filon.pipeline.engine import open_engine
from filon.pipeline.run_history import record_rollback
from filon.project import Project
from filon.project.serving import ServedTable, served_tables
from filon.serving.loader import LoadReport, require_servable, sync_store
from filon.serving.protocol import Store
from filon.serving.quality import forget_quality, keep_quality
from filon.settings import Settings


@dataclass(frozen=True)
class Rollback:
    """What came of a rollback: the load (None without a store), and why the store's records lack it, if they do."""

    release: Release
    loaded: LoadReport | None = None
    unrecorded: str | None = None


def roll_back(
    settings: Settings,
    project: Project,
    lake: Lake,
    store: Store | None,
    number: int,
    *,
    now: dt.datetime,
    on_published: Callable[[Release], None],
) -> Rollback | None:
    """Publish release ``number`` again as a new release, and let the store serve it.

    Args:
        settings: memory, threads, workspace, releases that the store keeps
        project: contracts and models of today
        lake: where the releases are
        store: what readers ask; None to publish only
        number: the release to publish again
        now: the time of the new release, in UTC
        on_published: told the new release, before the store is loaded

    Returns:
        None when readers see already what that release shows.

    Raises:
        ReleaseMissing: the release is not kept
        LakeDamaged: one of its files is not as it was written
        ConfigError: contracts of today describe other columns or keys than it has
        StoreError: the release is published, but the store could not be loaded

    """
    again = release_again(lake, number, now)
    if again is None:
        return None
    served = served_tables(project.models, project.timezone)
    if store is not None:
        require_servable(again, served)
    older = lake.release(number)
    with lake.leased(again.run_id, older):
        if older is not None:
            lake.require_sound(older)
        lake.publish(again)
        on_published(again)
        return Rollback(again) if store is None else _serve(settings, project, lake, store, again, served)


def _serve(
    settings: Settings,
    project: Project,
    lake: Lake,
    store: Store,
    release: Release,
    served: Mapping[str, ServedTable],
) -> Rollback:
    start = time.perf_counter()
    try:
        loaded = serve_release(settings, project, lake, store, release, served)
    except StoreError as error:
        record_rollback(store, lake, release, time.perf_counter() - start, error)
        raise
    return Rollback(release, loaded, record_rollback(store, lake, release, time.perf_counter() - start))


def serve_release(
    settings: Settings,
    project: Project,
    lake: Lake,
    store: Store,
    release: Release,
    served: Mapping[str, ServedTable],
) -> LoadReport:
    """Bring a store to a release that is published already; an engine is started only if rows differ."""
    with ExitStack() as stack:

        @cache
        def engine() -> Engine:
            return stack.enter_context(open_engine(settings, project, release.as_of, lake.places))

        keep_quality(store, lake, release, lake.ledger(), engine)
        loaded = sync_store(
            store,
            lake,
            release,
            served,
            engine,
            as_of=release.as_of,
            now=lambda: dt.datetime.now(dt.UTC),
            keep=settings.serving_keep,
        )
        forget_quality(store)
        return loaded
