"""A run as events of OpenLineage: one job for the run, and one for each table, the checks and each served table.

A job has a START when its work begins, and a COMPLETE, FAIL or ABORT when it ends. What a run finds finished has none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Concatenate, ParamSpec

from openlineage.client.event_v2 import OutputDataset, RunState

from filon.lake import Build, CheckResult, CheckStatus, FileVersion, Lake, Layer, Release, Sources
from filon.lake.location import Location
from filon.pipeline.openlineage.facets import column_lineage, described, files_read, output_of, with_checks
from filon.pipeline.openlineage.jobs import JobRun, Jobs
from filon.pipeline.openlineage.naming import place_named, stored_named
from filon.pipeline.openlineage.sending import Sender
from filon.pipeline.openlineage.tables import LakeTables, Origins
from filon.pipeline.tracing import Trace
from filon.project import Dataset, Project
from filon.project.column_lineage import Use
from filon.serving.protocol import Store
from filon.serving.served import served_tables
from filon.serving.state import LoadReport
from filon.stages.context import Progress, RunListener, TableReport, TableStatus
from filon.stages.models import contract_columns

ABORTED = ("KeyboardInterrupt", "SystemExit")


Told = ParamSpec("Told")


def _harmless(
    method: Callable[Concatenate[OpenLineageTrace, Told], None],
) -> Callable[Concatenate[OpenLineageTrace, Told], None]:
    """A method of which no error ends the run."""

    @wraps(method)
    def guarded(trace: OpenLineageTrace, /, *arguments: Told.args, **named: Told.kwargs) -> None:
        with trace.sender.harmless():
            method(trace, *arguments, **named)

    return guarded


class OpenLineageTrace(Trace):
    """Sends what it is told as events.

    Args:
        sender: takes the events
        project: contracts and models, which say what tables are and where columns come from
        lake: where its tables are
        sources: where its files arrive; None for a command that reads none
        store: the store that is loaded
        run_id: the id of the run
        now: its start, in UTC
        command: the command, of one that is no run

    """

    def __init__(
        self,
        sender: Sender,
        project: Project,
        lake: Lake,
        sources: Sources | None,
        store: Store | None,
        *,
        run_id: str,
        now: dt.datetime,
        command: str = "",
    ) -> None:
        super().__init__()
        self.sender, self._project, self._sources, self._store = sender, project, sources, store
        self._tables = LakeTables(project, lake)
        self._run_id = run_id
        self._reports: dict[tuple[Layer, str], TableReport] = {}
        self._published: list[OutputDataset] = []
        self._jobs = Jobs(sender, project.name, project.title, run_id=run_id, now=now, command=command)

    def listening(self, listener: RunListener) -> RunListener:
        """A listener that passes on what it hears, and learns when tables begin, and which fail."""
        return _Listener(self, listener)

    @_harmless
    def started(self, layer: Layer, table: str) -> None:
        """Work on a table begins."""
        if layer is not Layer.BRONZE:  # files are read before it is known which tables have records of them
            self._jobs.begin(self._job(layer, table))

    @_harmless
    def finished(self, report: TableReport) -> None:
        """Work on a table has ended, well or not; of one that was made, ``built`` says how."""
        self._reports[report.layer, report.table] = report
        if report.status is TableStatus.FAILED:
            self._jobs.fail(self._job(report.layer, report.table), report.message or "")

    @_harmless
    def received(self, dataset: Dataset, bronze: Build, versions: Sequence[FileVersion]) -> None:
        """The records of files are a dataset's bronze table."""
        if not self._is_new(bronze) or self._sources is None:
            return
        location = Location(self._sources.uri)
        name = place_named(location, dataset.pattern)
        columns = tuple(column for column in bronze.columns if column.name in dataset.contract.column_names)
        stored = [version for version in versions if version.dataset == dataset.name and version.bronze]
        read = [version for version in stored if version.run_id == self._run_id] or stored
        paths = [place_named(location, version.path).name for version in read]
        source = files_read(name, described(name, columns, dataset.contract), read, paths)
        origins = Origins({column.name: {(name, column.name): {Use.IDENTITY}} for column in dataset.read_columns})
        self._jobs.complete(self._job(bronze.layer, bronze.table), [source], [self._tables.written(bronze, origins)])

    @_harmless
    def built(self, outputs: Sequence[Build], inputs: Sequence[Build]) -> None:
        """Tables were made from others; the first of them names the job."""
        main, *others = outputs
        if not self._is_new(main):
            return
        written = [self._tables.written(main, self._tables.origins(main, inputs)), *map(self._tables.written, others)]
        self._jobs.complete(self._job(main.layer, main.table), [self._tables.read(item) for item in inputs], written)

    @_harmless
    def checked(self, builds: Sequence[Build], checks: Sequence[CheckResult]) -> None:
        """The tables were checked; of checks over tables of which none is new there are no events."""
        if not checks or not any(map(self._is_new, builds)):
            return
        inputs = []
        for build in builds:
            results = [item for item in checks if item.table == build.table]
            if results and build.layer in (Layer.SILVER, Layer.GOLD):
                known = {check.name: check for check in self._project.contracts[build.table].checks}
                inputs.append(
                    with_checks(self._tables.read(build), [(item, known.get(item.check)) for item in results])
                )
        run = self._jobs.run("checks", "TEST")
        failed = [f"{item.table}: {item.check}" for item in checks if item.status is CheckStatus.FAILED]
        if failed:
            self._jobs.fail(run, f"checks that do not hold: {'; '.join(failed)}", inputs)
        else:
            self._jobs.complete(run, inputs, [])

    @_harmless
    def loaded(self, release: Release, load: LoadReport) -> None:
        """A store was brought to a release: one job for each table that has other rows now."""
        if self._store is None or not (load.inserted or load.closed):
            return
        served = {name: release.named(name) for name in served_tables(self._project)}
        tables = {name: build for name, build in served.items() if build is not None}
        new = {name: build for name, build in tables.items() if self._is_new(build)}
        for table, build in (new or tables).items():
            contract = self._project.contracts[table]
            name, source = stored_named(self._store.uri, table), self._tables.name(build)
            facets = described(name, contract_columns(contract), contract, str(build.version))
            columns = {column: {(source, column): {Use.IDENTITY}} for column in contract.column_names}
            facets["columnLineage"] = column_lineage(columns, {})
            run = self._jobs.run(f"serving.{table}", "LOAD", contract.description)
            self._jobs.complete(run, [self._tables.read(build)], [output_of(name, facets, rows=build.rows)])

    @_harmless
    def published(self, before: Release | None, after: Release | None) -> None:
        """A release was published in place of another one, without a run: the tables that have other files now."""
        if after is None:
            return
        known = before.objects if before is not None else {}
        changed = [build for key, build in after.tables.items() if known.get(key) != after.objects[key]]
        self._published = [self._tables.written(build) for build in changed]

    @_harmless
    def ended(self, problem: str | None, release: Release | None) -> None:
        """The run ended; jobs that are still open end with it."""
        state = RunState.COMPLETE if problem is None else RunState.ABORT if problem in ABORTED else RunState.FAIL
        facts = {"release": release.number, "as_of": release.as_of, "engine": release.engine} if release else {}
        self._jobs.end_all(state, problem or "", self._published, facts)

    def close(self) -> str | None:
        """Wait a little for what is still to be sent; returns why some of it did not arrive."""
        return self.sender.close()

    def _is_new(self, build: Build) -> bool:
        """Whether this run made a table, or found one that a run made which published nothing."""
        report = self._reports.get((build.layer, build.table))
        return report is not None and report.status in (TableStatus.BUILT, TableStatus.REUSED)

    def _job(self, layer: Layer, table: str) -> JobRun:
        """The job that makes a table; that of a silver table makes its quarantine, too."""
        contract = self._project.contracts.get(table)
        model = self._project.models.get(table) if layer is Layer.GOLD else None
        name = f"{Layer.SILVER if layer is Layer.QUARANTINE else layer}.{table}"
        description = contract.description if contract else ""
        return self._jobs.run(name, "MODEL" if model else "TABLE", description, model.sql if model else "")


class _Listener:
    """Tells a trace of tables, and the next listener."""

    def __init__(self, trace: OpenLineageTrace, listener: RunListener) -> None:
        self._trace, self._next = trace, listener

    def started(self, layer: Layer, table: str, expected: int | None, progress: Progress) -> None:
        """Work on a table begins."""
        self._trace.started(layer, table)
        self._next.started(layer, table, expected, progress)

    def finished(self, report: TableReport) -> None:
        """Work on a table has ended, well or not."""
        self._trace.finished(report)
        self._next.finished(report)
