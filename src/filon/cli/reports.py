"""``filon reports``: pages as files, sent to people by the calendar."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from filon.cli.options import LakeOption, ProjectOption
from filon.pipeline.resources import lake_of, open_project
from filon.settings import read_settings

if TYPE_CHECKING:
    from filon.lake.books import ReportState

app = typer.Typer(no_args_is_help=True)
ApiOption = Annotated[str | None, typer.Option("--api", metavar="URL", help="Address of the API [FILON_API_URL]")]


@app.command("send")
def send(
    name: Annotated[str | None, typer.Argument(help="Only this report, due or not")] = None,
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
    api: ApiOption = None,
) -> None:
    """Send the reports that are due, and those that did not reach everybody, over an API that runs already."""
    from filon.reporting import due_reports, require_sent, said_of

    settings = read_settings(project=project_folder, lake=lake_uri, api_url=api)
    project = open_project(settings)
    states: dict[str, ReportState] = {}
    for called, send_it in due_reports(settings, project, lake_of(settings, project), dt.datetime.now(dt.UTC), name):
        states[called] = send_it()
        typer.echo(said_of(called, states[called]))
    require_sent(states)


@app.command("list")
def list_all(project_folder: ProjectOption = None, lake_uri: LakeOption = None) -> None:
    """List the reports of the project, when each is due, and when it was sent last."""
    from filon.lake.books import ReportBook, read_book

    settings = read_settings(project=project_folder, lake=lake_uri)
    project = open_project(settings)
    if not project.reports:
        typer.echo("the project has no reports; `reports` in filon.yaml lists them")
    book = read_book(lake_of(settings, project), ReportBook)
    for name, rule in project.reports.items():
        state = book.reports.get(name)
        last = "never sent" if state is None else _said(state)
        typer.echo(f"{name}  {rule.page}.{rule.format}  every {rule.every} at {rule.at}  {last}")


def _said(state: ReportState) -> str:
    moment = f"{state.at:%Y-%m-%d %H:%M} UTC"
    if state.is_sent:
        return f"sent {moment}, release {state.release}"
    return f"not sent {moment}, after {state.attempts} attempts: {state.problem}"
