"""The store, loaded anew: no load before the erasure stays, nor a record that says something of the people."""

from __future__ import annotations

import datetime as dt

from filon.engines import Engine
from filon.lake import Lake
from filon.project import Project
from filon.serving.feeds import compile_served
from filon.serving.history import Kind
from filon.serving.loader import sync_store
from filon.serving.protocol import Store
from filon.serving.quality import keep_quality
from filon.stages.forgetting import TextSearch


def load_anew(store: Store, lake: Lake, project: Project, engine: Engine, search: TextSearch, keep: int) -> None:
    """Let a store serve the published release and nothing else, and give back what it held before.

    Args:
        store: the store
        lake: where the release is, without people
        project: contracts of today
        engine: reads the lake
        search: tells which records name people
        keep: how many of the loads before this one may be asked for; there are none

    """
    release = lake.release()
    records = store.records
    for kind in (Kind.SAMPLE, Kind.QUALITY):  # these are written again
        records.forget(kind, records.keys(kind))
    due = {key for key in records.keys(Kind.RUN) if search.finds(records.known(Kind.RUN, key) or "")}
    records.forget(Kind.RUN, due)
    if release is not None and store.state() is not None:
        keep_quality(store, lake, release, lake.ledger(), lambda: engine)
        sync_store(
            store,
            lake,
            release,
            compile_served(project),
            lambda: engine,
            as_of=release.as_of,
            now=lambda: dt.datetime.now(dt.UTC),
            keep=keep,
            anew=True,
        )
    if store.state() is not None:
        store.give_back()
