"""``filon flows``: the pipeline under Prefect, once, by schedule, on new files, or for a range of dates."""

from __future__ import annotations

import datetime as dt
import json as json_module
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Annotated

import typer

from filon.cli.options import (
    AsOfOption,
    EngineOption,
    JsonOption,
    LakeOption,
    ProjectOption,
    ServingOption,
    SourcesOption,
    read_as_of,
)
from filon.cli.pipeline import ForceOption, StrictOption, UntilOption, finish, show
from filon.cli.processes import until_signal
from filon.cli.progress import LiveProgress
from filon.cli.render import open_console
from filon.errors import ConfigError
from filon.pipeline.resources import open_project
from filon.pipeline.runner import Until
from filon.project import Project
from filon.settings import PREFIX, Settings, read_settings

ScheduleOption = Annotated[
    str | None, typer.Option("--schedule", metavar="CRON", help="When to run the pipeline [FILON_FLOWS_SCHEDULE]")
]
PREFECT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}
"""Defaults of Prefect's settings, unless the environment sets them: no telemetry, the shortest heartbeat interval."""
QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL", "PREFECT_LOGGING_HANDLERS_DEBUG_LEVEL": "CRITICAL"}
"""Hide Prefect's log on the console, for commands that show the run themselves; Prefect's pages still have it."""

app = typer.Typer(help="The pipeline under Prefect 3.", no_args_is_help=True)


@app.command()
def run(
    project_folder: ProjectOption = None,
    sources: SourcesOption = None,
    lake: LakeOption = None,
    serving: ServingOption = None,
    until: UntilOption = Until.SERVING,
    force: ForceOption = False,
    engine: EngineOption = None,
    as_of: AsOfOption = None,
    json: JsonOption = False,
    strict: StrictOption = False,
) -> None:
    """Run the pipeline now, in this process, as a flow."""
    _, project = _open_project(project=project_folder, sources=sources, lake=lake, serving=serving, engine=engine)
    day = read_as_of(as_of, project) if as_of is not None else None
    console = open_console(quiet=json)
    with _prefect(quiet=True):
        from filon.flows.running import run_now

        _announce_own_server()
        with LiveProgress(console) as listener:
            report = run_now(project, listener, until, day, force=force)
    show(console, report, json=json)
    finish(report, strict=strict)


@app.command()
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM", help="First as-of date")],
    last: Annotated[str, typer.Argument(metavar="TO", help="Last as-of date")],
    project_folder: ProjectOption = None,
    sources: SourcesOption = None,
    lake: LakeOption = None,
    serving: ServingOption = None,
    until: UntilOption = Until.SERVING,
    force: ForceOption = False,
    engine: EngineOption = None,
    json: JsonOption = False,
) -> None:
    """Run the pipeline as of each day of a range, in order."""
    _, project = _open_project(project=project_folder, sources=sources, lake=lake, serving=serving, engine=engine)
    begin, end = _parse_date(first), _parse_date(last)
    console = open_console(quiet=json)
    with _prefect(quiet=True):
        from filon.flows.running import run_days

        _announce_own_server()
        with LiveProgress(console) as listener:
            reports = run_days(project, listener, begin, end, until, force=force)
    if json:
        typer.echo(json_module.dumps([report.model_dump(mode="json") for report in reports], indent=2))
    for report in reports:
        console.print(f"\nas of {report.as_of}")
        show(console, report, json=False)
    finish(reports[-1])


@app.command()
def serve(
    project_folder: ProjectOption = None,
    sources: SourcesOption = None,
    lake: LakeOption = None,
    serving: ServingOption = None,
    schedule: ScheduleOption = None,
) -> None:
    """Run the pipeline by schedule and on new files, from this process, until Ctrl-C."""
    settings, project = _open_project(
        project=project_folder, sources=sources, lake=lake, serving=serving, flows_schedule=schedule
    )
    with _prefect():
        from filon.flows.deployments import register
        from filon.flows.deployments import serve as serve_deployments
        from filon.flows.server import require_server, translated_errors

        url = require_server()
        with translated_errors(), until_signal():
            runner = register(settings, project)
            typer.echo(f"serving pipeline/{project.name} and backfill/{project.name} for {url}")
            _announce_triggers(settings)
            _announce_reports(settings, project)
            sys.stdout.flush()
            serve_deployments(runner, settings, project)


@app.command()
def deploy(
    project_folder: ProjectOption = None,
    sources: SourcesOption = None,
    lake: LakeOption = None,
    serving: ServingOption = None,
    schedule: ScheduleOption = None,
    pool: Annotated[str, typer.Option("--pool", metavar="NAME", help="Work pool; made if there is none")] = "filon",
) -> None:
    """Register the pipeline for Prefect's workers."""
    settings, project = _open_project(
        project=project_folder, sources=sources, lake=lake, serving=serving, flows_schedule=schedule
    )
    with _prefect(quiet=True):
        from filon.flows.deployments import deploy as deploy_to
        from filon.flows.server import require_server, translated_errors

        url = require_server()
        with translated_errors():
            names = deploy_to(settings, project, pool)
    typer.echo(f"{' and '.join(names)} are deployed to the work pool {pool} of {url}")
    typer.echo(f"start a worker: prefect worker start --pool {pool}")
    typer.echo("look for new files: filon flows watch")


@app.command()
def watch(
    project_folder: ProjectOption = None,
    sources: SourcesOption = None,
    lake: LakeOption = None,
) -> None:
    """Tell Prefect of new files, until Ctrl-C, for deployments that workers run."""
    settings, project = _open_project(project=project_folder, sources=sources, lake=lake)
    with _prefect():
        from filon.flows.server import require_server
        from filon.flows.watch import watch as watch_sources

        url = require_server()
        typer.echo(f"looking for new files of {project.name} every {settings.flows_look_s} s, for {url}")
        sys.stdout.flush()
        with until_signal():
            watch_sources(settings, project, Event())


def _open_project(**options: object) -> tuple[Settings, Project]:
    """Settings and project; the options are also exported as variables, which flows in other processes read."""
    settings = read_settings(**options)
    project = open_project(settings)
    for name, value in options.items():
        if value is not None:
            os.environ[PREFIX + name.upper()] = str(value)
    return settings, project


@contextmanager
def _prefect(*, quiet: bool = False) -> Iterator[None]:
    """Set the variables that Prefect reads when it is imported; ConfigError where it is not installed."""
    for name, value in {**PREFECT, **(QUIET if quiet else {})}.items():
        os.environ.setdefault(name, value)
    logging.raiseExceptions = not quiet  # else Prefect prints a traceback for each log that its server did not take
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "prefect":
            raise
        raise ConfigError("Prefect is not installed: pip install 'filon[prefect]'. `filon run` needs none.") from None


def _announce_own_server() -> None:
    from filon.flows.server import server_url

    if server_url() is None:
        typer.echo("PREFECT_API_URL is not set: Prefect starts a server for this run, which takes a while", err=True)


def _announce_triggers(settings: Settings) -> None:
    schedule = f"at {settings.flows_schedule}, " if settings.flows_schedule else ""
    typer.echo(f"runs {schedule}on new files (a look every {settings.flows_look_s} s), and when asked. Ctrl-C stops.")


def _announce_reports(settings: Settings, project: Project) -> None:
    if project.reports and settings.reports is None:
        typer.echo("FILON_REPORTS is not set: nobody is sent the reports of the project")
    elif project.reports:
        typer.echo(f"reports/{project.name} sends {', '.join(project.reports)} when due, over {settings.api_url}")


def _parse_date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text} is no date; write it as 2026-11-30") from None
