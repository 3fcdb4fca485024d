"""Deployments on Prefect's server, with schedule and trigger, and the automation that detects crashed runs."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from prefect.automations import AutomationCore, ChangeFlowRunState, EventTrigger, Posture, ResourceSpecification
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType
from pydantic import SecretStr

from filon.errors import ConfigError
from filon.flows.pipeline import TAG, backfill, pipeline
from filon.flows.reports import reports, schedules_of
from filon.flows.watch import CHANGED, resource_of, watch
from filon.project import Project
from filon.settings import PREFIX, Settings

HEARTBEAT_S = 30
"""The shortest interval between heartbeats that Prefect allows."""
SILENT_S = 3 * HEARTBEAT_S
SILENT_RUNS = "Filon: runs without a sign of life have crashed"
AT_ONCE = 3
"""A run goes on, the next one waits for it, and reports may wait to be tried again."""
PROCESS = "process"
SECRETS = {name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)}
"""Settings that are never written into a deployment."""


def detect_crashed_runs(client: SyncPrefectClient) -> None:
    """Create the automation that marks a run as crashed after ``SILENT_S`` seconds without a heartbeat."""
    automation = AutomationCore(
        name=SILENT_RUNS,
        description=f"A run that was killed cannot say so. It is taken for crashed after {SILENT_S} s of silence.",
        trigger=EventTrigger(
            after={"prefect.flow-run.Running", "prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=ResourceSpecification(
                {"prefect.resource.id": [f"prefect.tag.{TAG}"], "prefect.resource.role": ["tag"]}
            ),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=dt.timedelta(seconds=SILENT_S),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=f"No sign of life for {SILENT_S} s.")],
    )
    if not client.read_automations_by_name(SILENT_RUNS):
        client.create_automation(automation)


def deployments(settings: Settings, project: Project, job: dict[str, Any] | None = None) -> list[RunnerDeployment]:
    """The deployments of a project: ``pipeline`` with schedule and trigger, ``backfill``, ``reports`` if it has any.

    Args:
        settings: the schedule
        project: names the deployments
        job: variables of the jobs that workers start; None for a runner in this process

    Raises:
        ConfigError: the schedule is no cron expression

    """
    shared: dict[str, Any] = {
        "name": project.name,
        "tags": [TAG, project.name],
        "entrypoint_type": EntrypointType.MODULE_PATH,
        "job_variables": job,
    }
    on_new_files = DeploymentEventTrigger(
        name=f"Filon: new files of {project.name}",
        expect={CHANGED},
        match=ResourceSpecification({"prefect.resource.id": [resource_of(project)]}),
    )
    made = [
        RunnerDeployment.from_flow(pipeline, schedule=_schedule(settings, project), triggers=[on_new_files], **shared),
        RunnerDeployment.from_flow(backfill, **shared),
    ]
    if project.reports:
        made.append(RunnerDeployment.from_flow(reports, schedules=schedules_of(project), **shared))
    return made


def register(settings: Settings, project: Project) -> Runner:
    """Register the deployments for a runner in this process.

    Reports that nobody is sent are left out: their runs, which inherit these settings, could only fail.
    """
    runner = Runner(name=f"filon-{project.name}", limit=AT_ONCE, heartbeat_seconds=HEARTBEAT_S)
    with get_client(sync_client=True) as client:
        detect_crashed_runs(client)
    served = project if settings.reports is not None else replace(project, reports={})
    for deployment in deployments(settings, served):
        runner.add_deployment(deployment)
    return runner


def serve(runner: Runner, settings: Settings, project: Project) -> None:
    """Run due flows, and poll the sources for new files, until Ctrl-C or SIGTERM."""
    with _watching(settings, project):
        asyncio.run(runner.start())


def deploy(settings: Settings, project: Project, pool: str) -> list[str]:
    """Register the deployments for the workers of a pool.

    Args:
        settings: the schedule, and the settings that workers get
        project: names the deployments
        pool: the work pool; created, for processes, when it is not there

    Returns:
        The full names of the deployments.

    """
    with get_client(sync_client=True) as client:
        detect_crashed_runs(client)
        try:
            kind = client.read_work_pool(pool).type
        except ObjectNotFound:
            with suppress(ObjectAlreadyExists):  # another process made it in between
                client.create_work_pool(WorkPoolCreate(name=pool, type=PROCESS))
            kind = client.read_work_pool(pool).type
    runner_deployments = deployments(settings, project, job_of(settings, kind, Path.cwd()))
    for deployment in runner_deployments:
        deployment.apply(work_pool_name=pool)
    return [deployment.full_name for deployment in runner_deployments]


def job_of(settings: Settings, kind: str, folder: Path) -> dict[str, Any]:
    """Job variables that let a worker run as this process would: settings that are no secrets, and the folder.

    Args:
        settings: options that were set; secrets and stores with a password are left out
        kind: the type of the work pool
        folder: the working directory, used by pools of processes

    """
    options = settings.model_dump(mode="json", exclude_unset=True, exclude=SECRETS)
    if settings.serving and urlsplit(settings.serving).password:
        del options["serving"]
    environment = {PREFIX + name.upper(): str(value) for name, value in options.items() if value is not None}
    environment["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] = str(HEARTBEAT_S)
    return {"env": environment, **({"working_dir": str(folder)} if kind == PROCESS else {})}


def _schedule(settings: Settings, project: Project) -> Any:
    if settings.flows_schedule is None:
        return None
    try:
        return Cron(settings.flows_schedule, timezone=project.timezone)
    except ValueError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ConfigError(
            f"FILON_FLOWS_SCHEDULE (or --schedule) is {settings.flows_schedule!r}: {reason}. "
            "Write five fields, such as '0 6 * * *' for six o'clock each day."
        ) from None


@contextmanager
def _watching(settings: Settings, project: Project) -> Iterator[None]:
    stop = threading.Event()
    poller = threading.Thread(target=watch, args=(settings, project, stop), name="new files", daemon=True)
    poller.start()
    try:
        yield
    finally:
        stop.set()
        poller.join()
