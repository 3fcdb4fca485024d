"""Flows run now, in this process, for whoever waits for what they say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from prefect import tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State

from filon.flows.deployments import watch_over_runs
from filon.flows.pipeline import LISTENER, TAG, backfill, days, pipeline, report_of
from filon.flows.server import answering, server_url
from filon.pipeline.report import RunReport
from filon.pipeline.runner import Until
from filon.project import Project
from filon.stages.context import RunListener


def run_now(project: Project, listener: RunListener, until: Until, as_of: dt.date | None, *, force: bool) -> RunReport:
    """Run the pipeline as a flow."""
    report: RunReport = _said(
        project, listener, lambda: pipeline(until=until, as_of=as_of, force=force, return_state=True)
    )
    return report


def run_days(
    project: Project, listener: RunListener, first: dt.date, last: dt.date, until: Until, *, force: bool
) -> list[RunReport]:
    """Run the pipeline as of each day of a range, up to one that fails."""
    days(first, last)  # a mistake in them is said now
    reports: list[RunReport] = _said(
        project, listener, lambda: backfill(first=first, last=last, until=until, force=force, return_state=True)
    )
    return reports


def _said(project: Project, listener: RunListener, call: Callable[[], State[Any]]) -> Any:
    token = LISTENER.set(listener)
    try:
        with answering(), tags(TAG, project.name):
            if server_url() is not None:
                with get_client(sync_client=True) as client:
                    watch_over_runs(client)
            return report_of(call())
    finally:
        LISTENER.reset(token)
