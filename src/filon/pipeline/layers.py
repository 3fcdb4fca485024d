"""The layers of a run, each a list of steps, and what came of them so far.

A ``StepRunner`` decides how each step is executed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from filon.differences.document import Difference
from filon.errors import (
    Damage,
    ErasureUnfinished,
    FilonError,
    LakeDamaged,
    StoreError,
    TablesFailed,
    TableSkipped,
)
from filon.lake import Build, CheckResult, Layer, Release, RunDocument, Sources
from filon.lake.inspect import accept_loss, inspect_release, mend_notes
from filon.pipeline.report import RunReport, RunStatus, make_report
from filon.pipeline.review import breaking_changes, require_kept, review_run
from filon.pipeline.run_history import record_run
from filon.pipeline.runner import Result, StepRunner, Until
from filon.pipeline.tracing import Trace
from filon.project import Contract, Dataset, Model
from filon.project.guard import GuardRule
from filon.serving.feeds import compile_served
from filon.serving.loader import sync_store
from filon.serving.protocol import Store
from filon.serving.quality import forget_quality, keep_quality
from filon.serving.state import LoadReport
from filon.stages.bronze import IngestResult, Workers, build_bronze, receive_files
from filon.stages.checks import require_passed, run_checks
from filon.stages.context import Context, TableReport, TableStatus
from filon.stages.gold import build_gold
from filon.stages.publish import publish
from filon.stages.silver import HistoryResult, SilverResult, build_history, build_silver


@dataclass(frozen=True)
class Review:
    """What a release would change is worked out before it is published, if there are rules or nothing is published."""

    rules: Sequence[GuardRule]
    publishes: bool


@dataclass(frozen=True)
class Step:
    """A part of a layer.

    ``table``: the table that it builds; when the step fails, only this table and those that need it fail.
    ``needs``: the tables that it is built from.
    """

    name: str
    work: Callable[[], None]
    table: str | None = None
    needs: frozenset[str] = frozenset()


@dataclass
class PipelineRun:
    """A run in progress, and its results so far, from which it can be reported however it ends."""

    context: Context
    sources: Sources
    workers: Workers
    store: Store | None
    runner: StepRunner
    until: Until
    serving_keep: int
    review: Review = Review((), publishes=True)
    trace: Trace = field(default_factory=Trace)
    published: Release | None = None
    ingested: IngestResult | None = None
    bronze: dict[str, Build] = field(default_factory=dict)
    silver: dict[str, SilverResult] = field(default_factory=dict)
    histories: dict[str, HistoryResult] = field(default_factory=dict)
    gold: dict[str, Build] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()
    difference: Difference | None = None
    release: Release | None = None
    loaded: LoadReport | None = None
    unrecorded: str | None = None
    failures: dict[str, str] = field(default_factory=dict)
    damages: tuple[Damage, ...] = ()

    @property
    def current_release(self) -> Release | None:
        """The published release: that of this run, else the one before."""
        return self.release or self.published

    @property
    def builds(self) -> list[Build]:
        """The builds of all tables that the run has so far."""
        apart = [build for result in self.silver.values() for build in (result.rejected, result.superseded)]
        apart += [result.former for result in self.histories.values() if result.former is not None]
        return [*self.bronze.values(), *apart, *self._tables.values()]

    @property
    def _tables(self) -> dict[str, Build]:
        """The builds of the tables that models and checks read: silver tables, histories, gold."""
        accepted = {name: result.accepted for name, result in self.silver.items()}
        return accepted | {name: result.history for name, result in self.histories.items()} | self.gold

    def execute(self) -> RunReport:
        """Carry out the layers up to ``until``, and report; FilonError when nothing could be started."""
        self.published = self.runner.step("open the lake", self._open_lake)
        try:
            with self.context.lake.leased(self.context.inputs.run_id, self.published):
                if self.context.lake.erasures.unfinished():  # it began when this run had looked, and sees its lease
                    raise ErasureUnfinished
                self._run_layers_repairing()
        except FilonError as error:
            if self.ingested is None:
                raise
            return self._report(RunStatus.FAILED, error)
        if not self.until.includes(Until.RELEASE) or not self.review.publishes:
            return self._report(RunStatus.STOPPED)
        return self._report(RunStatus.PUBLISHED if self.release else RunStatus.UNCHANGED)

    def _report(self, status: RunStatus, error: FilonError | None = None) -> RunReport:
        return make_report(
            self.context,
            status,
            self.current_release,
            error,
            ingested=self.ingested,
            silver=self.silver,
            checks=self.checks,
            loaded=self.loaded,
            damages=self.damages,
            difference=self.difference,
            broken=breaking_changes(self.published, self.release),
        )

    def _open_lake(self) -> Release | None:
        """Prepare and inspect the lake; returns the release that is published as the run begins."""
        lake, inputs = self.context.lake, self.context.inputs
        lake.prepare(inputs.run_id)
        self.damages = tuple(accept_loss(lake)) if inputs.force else ()
        published = lake.release()
        if published is not None and (damages := inspect_release(lake, published)):
            self.damages += tuple(damages)
            mend_notes(lake, published)
        return published

    def _run_layers_repairing(self) -> None:
        """Carry out the layers, and once more when a damaged file is found.

        Before the second attempt all damaged files of the release are found, so that their tables are built again.
        Damage in the second attempt cannot be repaired, and is an error.
        """
        try:
            self._run_layers()
        except LakeDamaged as error:
            self.damages += error.damages
            if self.current_release is not None:
                self.published = self.current_release
                try:
                    self.context.lake.require_sound(self.published)
                except LakeDamaged as others:
                    self.damages += others.damages
            self._forget_results()
            self._run_layers()

    def _forget_results(self) -> None:
        """Reset the results of the layers, but keep the published release and the damage that was found."""
        self.ingested, self.checks, self.difference, self.loaded = None, (), None, None
        self.bronze.clear()
        self.silver.clear()
        self.histories.clear()
        self.gold.clear()
        self.failures.clear()
        self.context.forget_reports()

    def _run_layers(self) -> None:
        self._run_layer(Until.BRONZE, self._bronze_steps)
        self._run_layer(Until.SILVER, self._silver_steps)
        self._run_layer(Until.GOLD, self._gold_steps)
        if self.failures:
            raise TablesFailed(self.failures)
        self._run_layer(Until.RELEASE, self._release_steps)
        if self.review.publishes:
            self._run_layer(Until.SERVING, self._serving_steps)

    def _run_layer(self, layer: Until, steps: Callable[[], Iterator[Step]]) -> None:
        """Carry out a layer. It fails when tables of it failed, but the run goes on with the other tables."""
        if not self.until.includes(layer):
            return
        failed_before = set(self.failures)

        def work() -> None:
            for step in steps():
                self._run_step(layer, step)
            if failed := {name: error for name, error in self.failures.items() if name not in failed_before}:
                raise TablesFailed(failed)

        with suppress(TablesFailed):
            self.runner.layer(layer, work)

    def _run_step(self, layer: Until, step: Step) -> None:
        def work() -> None:
            with self.context.reports_of_attempt():
                if lost := sorted(step.needs & self.failures.keys()):
                    raise TableSkipped(lost)
                step.work()

        try:
            self.runner.step(step.name, work)
        except FilonError as error:
            if step.table is None or isinstance(error, LakeDamaged):
                raise
            self.failures[step.table] = str(error)
            failed = TableReport(step.table, Layer(layer.value), TableStatus.FAILED, 0, 0.0, str(error))
            self.context.report(failed)

    def _bronze_steps(self) -> Iterator[Step]:
        project, published = self.context.project, self.published
        if published is None or published.project_fingerprint != project.fingerprint:
            from filon.validation.compilation import check_project  # brings the SQL parser

            yield Step("compile the project", lambda: check_project(self.context.engine, project))
        yield Step("receive files", self._receive_files)
        for dataset in project.datasets.values():
            yield Step(f"bronze {dataset.name}", partial(self._build_bronze, dataset))

    def _receive_files(self) -> None:
        self.ingested = receive_files(self.context, self.sources, self.workers)

    def _build_bronze(self, dataset: Dataset) -> None:
        bronze = build_bronze(self.context, dataset, self._ingested_files, self.published)
        self.bronze[dataset.name] = bronze
        self.trace.received(dataset, bronze, self._ingested_files.ledger.versions)

    def _silver_steps(self) -> Iterator[Step]:
        for dataset in self.context.project.datasets.values():
            needs = frozenset(reference.table for _, reference in dataset.references)
            yield Step(f"silver {dataset.name}", partial(self._build_silver, dataset, needs), dataset.name, needs)
            if (history := dataset.history) is not None:
                work = partial(self._build_history, dataset, history, needs)
                yield Step(f"silver {history.name}", work, history.name, needs | {dataset.name})

    def _build_silver(self, dataset: Dataset, needs: frozenset[str]) -> None:
        bronze, referenced = self.bronze[dataset.name], {name: self.silver[name].accepted for name in needs}
        ledger = self._ingested_files.ledger
        result = build_silver(self.context, dataset, ledger, bronze, referenced, self.published)
        self.silver[dataset.name] = result
        self.trace.built([result.accepted, result.rejected], [bronze, *referenced.values()])

    def _build_history(self, dataset: Dataset, history: Contract, needs: frozenset[str]) -> None:
        bronze, silver = self.bronze[dataset.name], self.silver[dataset.name]
        referenced = {name: self.silver[name].accepted for name in needs}
        ledger = self._ingested_files.ledger
        result = build_history(self.context, dataset, history, ledger, bronze, silver, referenced, self.published)
        self.histories[history.name] = result
        self.trace.built([result.history], [bronze, silver.accepted, *referenced.values()])

    def _gold_steps(self) -> Iterator[Step]:
        for model in self.context.project.models.values():
            yield Step(f"gold {model.name}", partial(self._build_gold, model), model.name, frozenset(model.inputs))

    def _build_gold(self, model: Model) -> None:
        inputs = {name: self._tables[name] for name in model.inputs}
        self.gold[model.name] = build_gold(self.context, model, inputs, self.published)
        self.trace.built([self.gold[model.name]], list(inputs.values()))

    def _release_steps(self) -> Iterator[Step]:
        with self.context.step("checks"):
            yield Step("checks", self._check)
        if self.review.rules or not self.review.publishes:
            with self.context.step("review"):
                yield Step("review what changes", self._review)
        if self.review.publishes:
            with self.context.step("publish"):
                yield Step("publish", self._publish)

    def _check(self) -> None:
        self.checks = run_checks(self.context, self._tables, self.published)
        self.trace.checked(list(self._tables.values()), self.checks)
        if self.review.publishes:
            require_passed(self.checks)

    def _review(self) -> None:
        ledger, rules = self._ingested_files.ledger, self.review.rules
        self.difference = review_run(self.context, self.published, self.builds, ledger, self.checks, rules)
        if self.review.publishes:
            require_kept(self.difference)

    def _publish(self) -> None:
        ledger = self._ingested_files.ledger
        published = publish(self.context, self.builds, self.checks, ledger.number, self.published)
        self.release = published or self.release

    def _serving_steps(self) -> Iterator[Step]:
        store, release = self.store, self.current_release
        if store is None or release is None:
            return
        with self.context.step("serving"):
            yield Step("describe quality", partial(self._describe_quality, store, release))
            yield Step("load the store", partial(self._load_store, store, release))
            if self._is_quality_new:
                self._record(lambda: forget_quality(store))

    def _describe_quality(self, store: Store, release: Release) -> None:
        context, ledger = self.context, self._ingested_files.ledger
        describe = partial(keep_quality, store, context.lake, release, ledger, lambda: context.engine)
        self._is_quality_new = bool(self._record(describe))

    def _load_store(self, store: Store, release: Release) -> None:
        context = self.context
        self.loaded = sync_store(
            store,
            context.lake,
            release,
            compile_served(context.project),
            lambda: context.engine,
            as_of=context.inputs.as_of,
            now=lambda: dt.datetime.now(dt.UTC),  # the time at which rows reach the store, not that of the run
            keep=self.serving_keep,
            force=context.inputs.force,
            changes=context.changes,
        )
        self.trace.loaded(release, self.loaded)

    def _record(self, write: Callable[[], Result]) -> Result | None:
        """Write records to the store. A failure is reported but does not fail the run; the next run writes them."""
        try:
            return write()
        except StoreError as error:
            self.unrecorded = str(error)
            return None

    @property
    def _ingested_files(self) -> IngestResult:
        if self.ingested is None:
            raise FilonError("no file was received yet")
        return self.ingested

    def keep(self, report: RunReport) -> RunReport:
        """Write the report to the lake and to the store's records; returns it with the reason when these lack it."""
        lake, inputs = self.context.lake, self.context.inputs
        if not self._is_repetition(report):
            lake.keep_run(self._document(report))
        if report.status is not RunStatus.FAILED:
            lake.note_heads()
        if self.store is not None and self.ingested is not None:
            problem = record_run(self.store, lake, report, self.current_release, self.ingested.ledger, inputs.now)
            report = report.model_copy(update={"unrecorded": problem or self.unrecorded})
        return report

    def _is_repetition(self, report: RunReport) -> bool:
        """Whether nothing changed and nothing is damaged: reports of such runs, often hourly, would fill the lake."""
        return report.status is RunStatus.UNCHANGED and self.published is not None and not report.damages

    def _document(self, report: RunReport) -> RunDocument:
        """The document of a run in the lake: its report, and the builds that the release does not have."""
        release, inputs = self.current_release, self.context.inputs
        builds = {build.id: build for build in self.builds if release is None or release.tables.get(build.id) != build}
        facts = report.news.model_dump(mode="json")
        return RunDocument(run_id=inputs.run_id, started_at=inputs.now, report=facts, builds=builds)
