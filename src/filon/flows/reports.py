"""The flow that sends the reports of a project when they fall due."""

from __future__ import annotations

import datetime as dt

from prefect import Task, flow, tags
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import TagsContext
from prefect.logging import get_run_logger
from prefect.schedules import Cron, Schedule
from prefect.states import Completed

from filon.flows.lock import only_run_of
from filon.flows.pipeline import TAG
from filon.lake.books import ReportState
from filon.pipeline.resources import lake_of, open_project
from filon.project import Project
from filon.reporting import due_reports, require_sent, said_of
from filon.settings import read_settings

RETRIES = 3
RETRY_S = 10 * 60
"""Seconds until those are tried again whom a report did not reach."""


@flow(name="reports", persist_result=False, retries=RETRIES, retry_delay_seconds=RETRY_S)
def reports() -> State[None]:
    """Send the reports that are due, and those that did not reach everybody, as ``filon reports send`` does."""
    settings = read_settings()
    project = open_project(settings)
    states: dict[str, ReportState] = {}
    with tags(TAG, project.name), only_run_of(f"{project.name}-reports"), TagsContext(current_tags=set()):
        lake = lake_of(settings, project)
        for name, send in due_reports(settings, project, lake, dt.datetime.now(dt.UTC)):
            task = f"report {name}"
            states[name] = Task(send, name=task, task_run_name=task, cache_policy=NO_CACHE, persist_result=False)()
            get_run_logger().info("%s", said_of(name, states[name]))
    require_sent(states)
    return Completed(message="; ".join(said_of(*known) for known in states.items()) or "no report was due")


def schedules_of(project: Project) -> list[Schedule]:
    """When reports of a project fall due, by the clock where the project is at home."""
    return [Cron(cron, timezone=project.timezone) for cron in sorted({rule.cron for rule in project.reports.values()})]
