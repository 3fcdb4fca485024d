"""Read all that a release names, compare it with what was recorded, and put right what needs no guess."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

from filon.engines import Engine
from filon.errors import Damage, FilonError, LakeDamaged
from filon.lake import Lake, Release
from filon.lake.accounts import inspect_accounts
from filon.lake.inspect import inspect_documents, inspect_release
from filon.pipeline.engine import open_engine
from filon.pipeline.report import RunStatus
from filon.pipeline.resources import lake_of, sources_of, today
from filon.pipeline.run import run_pipeline
from filon.project import Project
from filon.serving.feeds import compile_served
from filon.serving.loader import sync_store
from filon.serving.protocol import Store
from filon.settings import Settings
from filon.verification.rows import verify_rows
from filon.verification.served import ServedVerifier


@dataclass(frozen=True)
class Verification:
    """What was read of a release, and what is not as it should be.

    ``repaired`` is what a repair put right: ``damages`` are those that are left.
    """

    release: int | None
    tables: int
    files: int
    bytes: int
    rows: int
    damages: tuple[Damage, ...]
    repaired: tuple[Damage, ...] = ()


def verify_release(
    settings: Settings, project: Project, lake: Lake, store: Store | None, number: int | None = None, *, full: bool
) -> Verification:
    """Read every byte that a release names, and rows that the store serves.

    Args:
        settings: memory, threads, workspace
        project: contracts of today, by which the store is read
        lake: where the release is; remembers what is damaged, so that a run does not use it
        store: what is compared with the release; None when nothing is served, or for an older release
        number: the release; None: the published one
        full: compare every row that is served, else some of each table

    Returns:
        What was read and found; damage of documents leaves nothing else to read.

    """
    documents = inspect_documents(lake)
    try:
        release = lake.release(number)
    except LakeDamaged as error:
        return Verification(number, 0, 0, 0, 0, tuple(sorted({*documents, *error.damages})))
    if release is None:
        return Verification(None, 0, 0, 0, 0, tuple(documents))
    with open_engine(settings, project, release.as_of, lake.places) as engine:
        damages = {*documents, *_of_lake(lake, release, engine)}
        if store is not None and not damages:
            verifier = ServedVerifier(store, lake, engine, compile_served(project))
            damages |= set(verifier.verify(release, full=full))
    builds = release.tables.values()
    files = [file for build in builds for file in build.files]
    return Verification(
        release.number,
        len(builds),
        len(files),
        sum(file.size for file in files),
        sum(build.rows for build in builds),
        tuple(sorted(damages)),
    )


def repair_release(
    settings: Settings, project: Project, lake: Lake, store: Store | None, found: Verification, *, full: bool
) -> Verification:
    """Let a run build and load again what was found damaged; what it cannot put right stays in ``damages``.

    Documents of the lake are not touched: to go on without one is a decision that a person takes. FilonError when the
    run fails.
    """
    if not found.damages or inspect_documents(lake):
        return found
    if store is not None and all(damage.object.startswith(store.uri) for damage in found.damages):
        _load_anew(settings, project, lake, store)
    else:
        force = any("--force" in damage.repair for damage in found.damages)
        sources, now = sources_of(settings, project), dt.datetime.now(dt.UTC)
        report = run_pipeline(settings, project, lake, sources, store, as_of=today(project), now=now, force=force)
        if report.status is RunStatus.FAILED:
            raise FilonError(f"the run that should repair the lake failed: {report.error}")
    again = verify_release(settings, project, lake_of(settings, project), store, full=full)
    return replace(again, repaired=tuple(damage for damage in found.damages if damage not in again.damages))


def _load_anew(settings: Settings, project: Project, lake: Lake, store: Store) -> None:
    release, as_of = lake.release(), today(project)
    if release is not None:
        with open_engine(settings, project, as_of, lake.places) as engine:
            sync_store(
                store,
                lake,
                release,
                compile_served(project),
                lambda: engine,
                as_of=as_of,
                now=lambda: dt.datetime.now(dt.UTC),
                keep=settings.serving_keep,
                force=True,
            )


def _of_lake(lake: Lake, release: Release, engine: Engine) -> Iterator[Damage]:
    yield from inspect_release(lake, release)
    try:
        yield from inspect_accounts(lake, release, lake.ledgers.get(release.ledger))
    except LakeDamaged as error:
        yield from error.damages
    for build in release.tables.values():
        try:
            lake.paths(build)
        except LakeDamaged as error:
            yield from error.damages
        else:
            yield from verify_rows(engine, lake, build)
