"""The line: one run from sources to a release. This is where the parts are put together."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from filon.engines import Engine
from filon.errors import (
    ConfigError,
    Damage,
    FilonError,
    LakeDamaged,
    LakeError,
    StoreError,
    TablesFailed,
    TableSkipped,
)
from filon.lake import Build, CheckResult, FileCounts, Lake, Layer, Location, Release, RunDocument, Sources, new_run_id
from filon.lake.inspect import accept_loss, inspect_release, mend_notes
from filon.project import Dataset, Model, Project
from filon.project.serving import served_tables
from filon.recording import record_rollback, record_run
from filon.report import CheckLine, DamageLine, DatasetLine, FileLine, RunReport, RunStatus
from filon.serving.loader import LoadReport, bring
from filon.serving.protocol import Store
from filon.serving.quality import forget_quality, keep_quality
from filon.settings import Settings, bytes_of
from filon.stages.bronze import BronzeResult, FileOutcome, build_bronze, receive_files
from filon.stages.compiling import check_project
from filon.stages.context import Context, Inputs, Nobody, TableReport, TableStatus, Watch
from filon.stages.gold import build_gold
from filon.stages.limits import Limits
from filon.stages.publish import publish, require_passed, run_checks
from filon.stages.silver import SilverResult, build_silver
from filon.workspace import temporary_folder

Answer = TypeVar("Answer")


class Until(StrEnum):
    """Where a run stops."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    RELEASE = "release"
    SERVING = "serving"


ORDER = list(Until)


class Steps(Protocol):
    """Who carries out the parts of a run, one after the other, in the order in which they are given.

    A part that fails raises what went wrong. It may be tried again: every part is safe to repeat.
    """

    def layer(self, layer: Until, work: Callable[[], None]) -> None:
        """Carry out a layer: its work asks for the steps in it."""

    def step(self, name: str, work: Callable[[], Answer]) -> Answer:
        """Carry out one step: a table, or a part of a run that is no table."""


class Plainly:
    """Everything once, and nothing around it."""

    def layer(self, layer: Until, work: Callable[[], None]) -> None:  # noqa: ARG002
        """Carry out a layer."""
        work()

    def step(self, name: str, work: Callable[[], Answer]) -> Answer:  # noqa: ARG002
        """Carry out one step."""
        return work()


def make_engine(
    settings: Settings, project: Project, as_of: dt.date, workspace: Path, places: Sequence[Location] = ()
) -> Engine:
    """The engine that the settings ask for. It reaches files in the workspace and in these places, and no others."""
    # the only place that knows which engines there are; each is slow to import, and many runs need none
    from filon.engines.duckdb import DuckDBEngine

    return DuckDBEngine(
        project, as_of.isoformat(), workspace, places, memory=settings.memory_limit, threads=settings.threads
    )


@contextmanager
def workspace_of(settings: Settings) -> Iterator[Path]:
    """A folder for temporary files that is gone afterwards."""
    if settings.workspace is not None and not settings.workspace.is_dir():
        raise ConfigError(f"the workspace {settings.workspace} is no folder; create it, or unset FILON_WORKSPACE")
    with temporary_folder(settings.workspace) as folder:
        yield folder


@dataclass
class Run:
    """What has come out of a run so far: enough to report it, however it ends."""

    context: Context
    steps: Steps = field(default_factory=Plainly)
    bronze: BronzeResult | None = None
    silver: dict[str, SilverResult] = field(default_factory=dict)
    gold: dict[str, Build] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    release: Release | None = None
    loaded: LoadReport | None = None
    unrecorded: str | None = None
    failures: dict[str, str] = field(default_factory=dict)
    damages: tuple[Damage, ...] = ()

    def begin_again(self) -> None:
        """Forget what came out, but not what was published and what was found damaged."""
        self.bronze, self.checks, self.loaded = None, (), None
        self.silver.clear()
        self.gold.clear()
        self.failures.clear()
        self.context.tables.clear()
        self.context.steps.clear()

    @property
    def builds(self) -> list[Build]:
        """Every table that the run has so far."""
        bronze = list(self.bronze.builds.values()) if self.bronze else []
        quarantine = [result.rejected for result in self.silver.values()]
        return [
            *bronze,
            *quarantine,
            *(result.accepted for result in self.silver.values()),
            *self.gold.values(),
        ]

    def step(self, name: str, work: Callable[[], Answer]) -> Answer:
        """Carry out one step; what a failed attempt said of tables counts no more."""

        def attempt() -> Answer:
            told = len(self.context.tables)
            try:
                return work()
            except FilonError:
                del self.context.tables[told:]
                raise

        return self.steps.step(name, attempt)

    def layer(self, layer: Until, work: Callable[[], None]) -> None:
        """Carry out a layer. It fails if tables did, but does not end the run: the next one goes on without them."""
        before = set(self.failures)

        def whole() -> None:
            work()
            if failed := {name: message for name, message in self.failures.items() if name not in before}:
                raise TablesFailed(failed)

        with suppress(TablesFailed):
            self.steps.layer(layer, whole)


def run_line(
    settings: Settings,
    project: Project,
    lake: Lake,
    sources: Sources,
    store: Store | None = None,
    *,
    as_of: dt.date,
    now: dt.datetime,
    until: Until = Until.SERVING,
    force: bool = False,
    retry_quarantined: bool = False,
    watch: Watch | None = None,
    steps: Steps | None = None,
) -> RunReport:
    """Run the line once. The report tells how it went; FilonError only when nothing could be started."""
    inputs = Inputs(
        new_run_id(now), now, as_of, settings.engine, force=force, retry_quarantined=retry_quarantined or force
    )
    with workspace_of(settings) as workspace:
        context = Context(
            project=project,
            lake=lake,
            inputs=inputs,
            workspace=workspace,
            make_engine=lambda: make_engine(settings, project, as_of, workspace, [*lake.places, *sources.places]),
            watch=watch or Nobody(),
            limits=Limits(bytes_of(settings.max_unpacked_size), settings.max_ratio),
        )
        run = Run(context, steps or Plainly())
        published = run.step("open the lake", partial(_opened, run))
        try:
            with lake.leased(inputs.run_id, published):
                _repairing(run, published, partial(_whole, run, sources, store, until, settings.serving_keep))
        except FilonError as error:
            report = _report(run, RunStatus.FAILED, run.release or published, error)
            if run.bronze is None:
                raise
        else:
            status = RunStatus.PUBLISHED if run.release else RunStatus.UNCHANGED
            if ORDER.index(until) < ORDER.index(Until.RELEASE):
                status = RunStatus.STOPPED
            report = _report(run, status, run.release or published, None)
        finally:
            if context.engine_started:
                context.engine.close()
    try:
        return _kept(run, store, report, published)
    except LakeError as error:  # what happened is told all the same, and that nobody will find it in the lake
        problem = f"the report of this run could not be kept: {error}"
        both = f"{report.error}\n{problem}" if report.error else problem
        return report.model_copy(update={"status": RunStatus.FAILED, "error": both})


def _kept(run: Run, store: Store | None, report: RunReport, published: Release | None) -> RunReport:
    """Leave the report in the lake and in the store's records; it says why it is not in these."""
    lake, inputs = run.context.lake, run.context.inputs
    if not _is_repetition(report, published):
        lake.keep_run(_document(run, report, run.release or published))
    if store is not None and run.bronze is not None:
        problem = record_run(store, lake, report, run.release or published, run.bronze.ledger, inputs.now)
        report = report.model_copy(update={"unrecorded": problem or run.unrecorded})
    return report


def _document(run: Run, report: RunReport, release: Release | None) -> RunDocument:
    """What the lake remembers of a run: its news, and the tables that readers of the release do not see."""
    builds = {build.id: build for build in run.builds if release is None or release.tables.get(build.id) != build}
    inputs = run.context.inputs
    facts = report.news.model_dump(mode="json")
    return RunDocument(run_id=inputs.run_id, started_at=inputs.now, report=facts, builds=builds)


def _opened(run: Run) -> Release | None:
    """The release that is published as a run begins, in a lake that is known to keep what is written."""
    lake, inputs = run.context.lake, run.context.inputs
    lake.prepare(inputs.run_id)
    run.damages = tuple(accept_loss(lake)) if inputs.force else ()
    published = lake.release()
    if published is not None and (found := inspect_release(lake, published)):
        run.damages += tuple(found)
        mend_notes(lake, published)
    return published


def _whole(run: Run, sources: Sources, store: Store | None, until: Until, keep: int, published: Release | None) -> None:
    _through_stages(run, sources, published, until)
    if store is not None and until is Until.SERVING:
        run.layer(Until.SERVING, partial(_serve, run, store, run.release or published, keep))


def _repairing(run: Run, published: Release | None, work: Callable[[Release | None], None]) -> None:
    """Do the work; when it meets a damaged file, look for all that are damaged, and do it again without them.

    The second time, what was damaged is built again. What cannot be is an error the second time as well.
    """
    try:
        work(published)
    except LakeDamaged as error:
        published = run.release or published
        run.damages += error.damages
        if published is not None:
            try:
                run.context.lake.require_sound(published)
            except LakeDamaged as others:
                run.damages += others.damages
        run.begin_again()
        work(published)


def _is_repetition(report: RunReport, published: Release | None) -> bool:
    """Nothing new, nothing wrong: hourly runs of that kind must not fill the lake with their reports."""
    return report.status is RunStatus.UNCHANGED and published is not None and not report.damages


def serve_rollback(
    settings: Settings, project: Project, lake: Lake, store: Store, release: Release
) -> tuple[LoadReport, str | None]:
    """Bring a store to a release that was rolled back to, and say why it could not be recorded, if it could not."""
    start = time.perf_counter()
    try:
        loaded = serve_release(settings, project, lake, store, release)
    except StoreError as error:
        record_rollback(store, lake, release, time.perf_counter() - start, error)
        raise
    return loaded, record_rollback(store, lake, release, time.perf_counter() - start)


def serve_release(settings: Settings, project: Project, lake: Lake, store: Store, release: Release) -> LoadReport:
    """Bring a store to a release that is published already."""
    with workspace_of(settings) as workspace:
        started: list[Engine] = []

        def engine() -> Engine:
            if not started:
                started.append(make_engine(settings, project, release.as_of, workspace, lake.places))
            return started[0]

        try:
            keep_quality(store, lake, release, lake.ledger(), engine)
            loaded = bring(
                store,
                lake,
                release,
                served_tables(project.models),
                engine,
                as_of=release.as_of,
                now=_clock,
                keep=settings.serving_keep,
            )
            forget_quality(store)
            return loaded
        finally:
            for item in started:
                item.close()


def _serve(run: Run, store: Store, release: Release | None, keep: int) -> None:
    if release is None or run.bronze is None:
        return
    context, ledger = run.context, run.bronze.ledger
    with context.step("serving"):
        describe = partial(keep_quality, store, context.lake, release, ledger, lambda: context.engine)
        is_new = run.step("describe quality", partial(_noting, run, describe))
        load = partial(
            bring,
            store,
            context.lake,
            release,
            served_tables(context.project.models),
            lambda: context.engine,
            as_of=context.inputs.as_of,
            now=_clock,
            keep=keep,
            force=context.inputs.force,
        )
        run.loaded = run.step("load the store", load)
        if is_new:
            _noting(run, partial(forget_quality, store))


def _noting(run: Run, write: Callable[[], Answer]) -> Answer | None:
    """Write records. What the store does not take is noted, since rows matter more; the next run finds it missing."""
    try:
        return write()
    except StoreError as error:
        run.unrecorded = str(error)
        return None


def _clock() -> dt.datetime:
    """When a table reached the store is a fact of the store's, not an input of the run."""
    return dt.datetime.now(dt.UTC)


def _through_stages(run: Run, sources: Sources, published: Release | None, until: Until) -> None:
    layers: dict[Until, Callable[[], None]] = {
        Until.BRONZE: partial(_bronze, run, sources, published),
        Until.SILVER: partial(_silver, run, published),
        Until.GOLD: partial(_gold, run, published),
    }
    for layer, work in layers.items():
        if ORDER.index(until) >= ORDER.index(layer):
            run.layer(layer, work)
    if run.failures:
        raise TablesFailed(run.failures)
    if ORDER.index(until) >= ORDER.index(Until.RELEASE):
        run.layer(Until.RELEASE, partial(_release, run, published))


def _bronze(run: Run, sources: Sources, published: Release | None) -> None:
    context = run.context
    if published is None or published.project_fingerprint != context.project.fingerprint:
        run.step("compile the project", lambda: check_project(context.engine, context.project))
    received = run.step("receive files", partial(receive_files, context, sources))
    builds = {
        dataset.name: run.step(f"bronze {dataset.name}", partial(build_bronze, context, dataset, received, published))
        for dataset in context.project.datasets.values()
    }
    run.bronze = BronzeResult(received.ledger, builds, received.files, received.ignored)


def _release(run: Run, published: Release | None) -> None:
    context, bronze = run.context, run.bronze
    if bronze is None:
        raise FilonError("nothing was ingested")
    tables = {**{name: result.accepted for name, result in run.silver.items()}, **run.gold}

    def check() -> None:
        run.checks = run_checks(context, tables, published)
        require_passed(run.checks)

    with context.step("checks"):
        run.step("checks", check)
    with context.step("publish"):
        made = run.step("publish", lambda: publish(context, run.builds, run.checks, bronze.ledger.number, published))
        run.release = made or run.release


def _silver(run: Run, published: Release | None) -> None:
    for dataset in run.context.project.datasets.values():
        needed = {reference.table for _, reference in dataset.references}
        _attempt(run, dataset.name, Layer.SILVER, needed, partial(_build_silver, run, dataset, needed, published))


def _build_silver(run: Run, dataset: Dataset, needed: set[str], published: Release | None) -> None:
    if run.bronze is None:
        raise FilonError(f"{dataset.name} was not ingested")
    referenced = {name: run.silver[name].accepted for name in needed}
    bronze = run.bronze.builds[dataset.name]
    run.silver[dataset.name] = build_silver(run.context, dataset, run.bronze.ledger, bronze, referenced, published)


def _gold(run: Run, published: Release | None) -> None:
    for model in run.context.project.models.values():
        _attempt(run, model.name, Layer.GOLD, set(model.inputs), partial(_build_gold, run, model, published))


def _build_gold(run: Run, model: Model, published: Release | None) -> None:
    run.gold[model.name] = build_gold(run.context, model, _inputs(run, model), published)


def _inputs(run: Run, model: Model) -> Mapping[str, Build]:
    accepted = {name: result.accepted for name, result in run.silver.items()}
    return {name: run.gold.get(name) or accepted[name] for name in model.inputs}


def _attempt(run: Run, table: str, layer: Layer, needed: set[str], build: Callable[[], None]) -> None:
    """A table that fails takes along those that need it, and no other; the run fails at its end."""
    lost = sorted(needed & run.failures.keys())

    def attempt() -> None:
        if lost:
            raise TableSkipped(lost)
        build()

    try:
        run.step(f"{layer} {table}", attempt)
    except LakeDamaged:
        raise
    except FilonError as error:
        run.failures[table] = str(error)
        run.context.report(TableReport(table, layer, TableStatus.FAILED, 0, 0.0, str(error)))


def _report(run: Run, status: RunStatus, release: Release | None, error: FilonError | None) -> RunReport:
    context = run.context
    bronze = run.bronze
    counts: dict[int, FileCounts] = {}
    for result in run.silver.values():
        counts |= result.quality.files
    return RunReport(
        run_id=context.inputs.run_id,
        release=release.number if release else None,
        engine=context.inputs.engine,
        as_of=context.inputs.as_of,
        duration_s=round(time.perf_counter() - context.started, 3),
        status=status,
        error=str(error) if error else None,
        tables=tuple(context.tables),
        steps=tuple(context.steps),
        files=tuple(_file_line(outcome, counts) for outcome in bronze.files) if bronze else (),
        ignored_files=bronze.ignored if bronze else (),
        datasets=tuple(_dataset_line(name, result) for name, result in run.silver.items()),
        checks=tuple(CheckLine.model_validate(check, from_attributes=True) for check in run.checks),
        serving=run.loaded,
        damages=tuple(DamageLine.model_validate(damage, from_attributes=True) for damage in sorted(set(run.damages))),
    )


def _file_line(outcome: FileOutcome, counts: Mapping[int, FileCounts]) -> FileLine:
    version = outcome.version
    rows = counts.get(version.number)
    return FileLine(
        file=outcome.path,
        dataset=version.dataset,
        version=version.number,
        sha256=version.sha256,
        status=outcome.status,
        reason=version.reason,
        detail=version.detail,
        rows_read=rows.read if rows else version.rows,
        rows_accepted=rows.accepted if rows else 0,
        rows_superseded=rows.superseded if rows else 0,
        rows_rejected=rows.rejected if rows else 0,
        notes=outcome.notes,
    )


def _dataset_line(name: str, result: SilverResult) -> DatasetLine:
    total = result.quality.total
    return DatasetLine(
        dataset=name,
        read=total.read,
        accepted=total.accepted,
        superseded=total.superseded,
        rejected=total.rejected,
        reasons=result.quality.by_reason,
    )
