"""Run flows in this process, and wait for their reports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from prefect import tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State

from filon.flows.deployments import detect_crashed_runs
from filon.flows.pipeline import LISTENER, TAG, backfill, days, pipeline, report_of
from filon.flows.server import server_url, translated_errors
from filon.pipeline.report import RunReport
from filon.pipeline.runner import Until
from filon.project import Project
from filon.stages.context import RunListener


def run_now(project: Project, listener: RunListener, until: Until, as_of: dt.date | None, *, force: bool) -> RunReport:
    """Run the pipeline as a flow.

    Args:
        project: its name is a tag of the run
        listener: told about each table as it is started and finished
        until: the last layer that is carried out
        as_of: the date that rules compare with; today in the project's time zone if None
        force: hash every file again, retry quarantined ones, build silver and gold anew

    Returns:
        The report, also of a run that failed.

    Raises:
        FlowsUnavailable: Prefect's server does not answer
        FilonError: nothing could be started

    """
    report: RunReport = _result_of(
        project, listener, lambda: pipeline(until=until, as_of=as_of, force=force, return_state=True)
    )
    return report


def run_days(
    project: Project, listener: RunListener, first: dt.date, last: dt.date, until: Until, *, force: bool
) -> list[RunReport]:
    """Run the pipeline as of each day of a range, up to the first that fails.

    Args:
        project: its name is a tag of the runs
        listener: told about each table as it is started and finished
        first: the first as-of date
        last: the last as-of date
        until: the last layer that each run carries out
        force: build everything anew for each day

    Returns:
        The reports, in the order of days.

    Raises:
        ConfigError: ``first`` comes after ``last``
        FlowsUnavailable: Prefect's server does not answer

    """
    days(first, last)  # raises before a flow run is created
    reports: list[RunReport] = _result_of(
        project, listener, lambda: backfill(first=first, last=last, until=until, force=force, return_state=True)
    )
    return reports


def _result_of(project: Project, listener: RunListener, call: Callable[[], State[Any]]) -> Any:
    token = LISTENER.set(listener)
    try:
        with translated_errors(), tags(TAG, project.name):
            if server_url() is not None:
                with get_client(sync_client=True) as client:
                    detect_crashed_runs(client)
            return report_of(call())
    finally:
        LISTENER.reset(token)
