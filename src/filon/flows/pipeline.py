"""The flows: the pipeline, and the pipeline for each day of a range.

Their parameters hold no secrets, which are read from ``FILON_`` variables.
"""

from __future__ import annotations

import datetime as dt
from contextvars import ContextVar
from typing import Any

from prefect import flow, tags
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from filon.errors import ConfigError
from filon.flows.artifacts import create_artifacts, outcome
from filon.flows.lock import only_run_of
from filon.flows.runner import FlowRunner
from filon.lake import Layer
from filon.pipeline.report import RunReport, RunStatus
from filon.pipeline.resources import lake_of, loadable_store, open_project, sources_of, today
from filon.pipeline.run import run_pipeline
from filon.pipeline.runner import Until
from filon.project import Project
from filon.settings import Settings, read_settings
from filon.stages.context import NullListener, Progress, RunListener, TableReport

TAG = "filon"
RACES = 3
"""The most attempts of a run when other ones, outside of Prefect, publish a release first."""

LISTENER: ContextVar[RunListener | None] = ContextVar("listener", default=None)
"""A further listener of runs: the command line that shows one."""


class LogListener:
    """Logs finished tables in the flow run, and forwards to another listener."""

    def __init__(self, listener: RunListener) -> None:
        self._next = listener

    def started(self, layer: Layer, table: str, expected: int | None, progress: Progress) -> None:
        """Forward that work on a table begins."""
        self._next.started(layer, table, expected, progress)

    def finished(self, report: TableReport) -> None:
        """Log and forward the report of a table."""
        get_run_logger().info(
            "%s %s: %s, %s rows, %.2f s", report.layer, report.table, report.status, report.rows, report.duration_s
        )
        self._next.finished(report)


@flow(name="pipeline", persist_result=False)
def pipeline(until: Until = Until.SERVING, as_of: dt.date | None = None, force: bool = False) -> State[RunReport]:
    """Bring the published tables up to date with the sources, as ``filon run`` does.

    Args:
        until: where to stop
        as_of: the date that rules compare with; today if not given
        force: hash every file again, retry quarantined ones, build silver and gold anew
    """
    settings = read_settings()
    project = open_project(settings)
    for problem in project.page_problems:
        get_run_logger().warning("%s", problem)
    with tags(TAG, project.name):
        with only_run_of(project.name):
            report = _run_until_published(settings, project, until, as_of or today(project), force=force)
        create_artifacts(report, settings, project.name)
    ended = Failed if report.status is RunStatus.FAILED else Completed
    return ended(message=outcome(report), data=report)


@flow(name="backfill", persist_result=False)
def backfill(
    first: dt.date, last: dt.date, until: Until = Until.SERVING, force: bool = False
) -> State[list[RunReport]]:
    """Run the pipeline as of each day of a range, in order; the last one is the one that stays published.

    Args:
        first: the first as-of date
        last: the last one
        until: where each run stops
        force: build everything anew for each day
    """
    project = open_project(read_settings())
    reports: list[RunReport] = []
    with tags(TAG, project.name), only_run_of(project.name):
        for day in days(first, last):
            reports.append(report_of(pipeline(until=until, as_of=day, force=force, return_state=True)))
            if reports[-1].status is RunStatus.FAILED:
                return Failed(message=f"{day}: {outcome(reports[-1])}", data=reports)
    return Completed(message=f"{len(reports)} days, {outcome(reports[-1])}", data=reports)


def days(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every day of a range; ConfigError when it is empty."""
    if first > last:
        raise ConfigError(f"{first} comes after {last}; give the first day before the last")
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]


def report_of(state: State[Any]) -> Any:
    """The result of a flow that ended, also of one that failed; raises its error when it has no result."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def _run_until_published(
    settings: Settings, project: Project, until: Until, as_of: dt.date, *, force: bool
) -> RunReport:
    attempt = 0
    while True:
        attempt += 1
        runner = FlowRunner(project.name)
        with loadable_store(settings, project) as store:
            report = run_pipeline(
                settings,
                project,
                lake_of(settings, project),
                sources_of(settings, project),
                store,
                as_of=as_of,
                now=dt.datetime.now(dt.UTC),
                until=until,
                force=force,
                listener=LogListener(LISTENER.get() or NullListener()),
                runner=runner,
            )
        if runner.conflict is None or attempt == RACES:
            return report
        get_run_logger().warning("%s Beginning again.", runner.conflict)
