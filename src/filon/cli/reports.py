"""``filon reports``: pages as files, sent to people by the calendar."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from filon.cli.options import LakeOption, ProjectOption
from filon.errors import ConfigError, FilonError
from filon.pipeline.resources import lake_of, open_project
from filon.settings import Settings, read_settings

if TYPE_CHECKING:
    from filon.dashboard.client import ApiClient
    from filon.lake.books import ReportState
    from filon.project import Project
    from filon.project.reports import ReportRule

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
    from filon.lake.books import ReportBook, read_book, write_book

    settings = read_settings(project=project_folder, lake=lake_uri, api_url=api)
    project = open_project(settings)
    if name is not None and name not in project.reports:
        raise ConfigError(f"the project has no report {name}; it has {', '.join(project.reports) or 'none'}")
    if settings.reports is None:
        raise ConfigError("nobody is sent reports; set FILON_REPORTS to addresses")
    lake, now = lake_of(settings, project), dt.datetime.now(dt.UTC)
    failed = []
    for called, rule in project.reports.items():
        book = read_book(lake, ReportBook)
        known, due = book.reports.get(called), rule.due(now, ZoneInfo(project.timezone))
        is_asked = called == name
        if name not in (None, called) or not (is_asked or _is_due(known, due)):
            continue
        begun = known if known is not None and known.due == due and not known.is_sent and not is_asked else None
        state = _send(settings, project, rule, begun, due, now)
        write_book(lake, book.model_copy(update={"reports": {**book.reports, called: state}}))
        typer.echo(f"{called}: sent, release {state.release}" if state.is_sent else f"{called}: {state.problem}")
        failed += [] if state.is_sent else [called]
    if failed:
        raise FilonError(f"not everybody has {', '.join(failed)}; the next `filon reports send` tries again")


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


def _is_due(known: ReportState | None, due: dt.datetime) -> bool:
    return known is None or known.due < due or not known.is_sent


def _send(
    settings: Settings,
    project: Project,
    rule: ReportRule,
    begun: ReportState | None,
    due: dt.datetime,
    now: dt.datetime,
) -> ReportState:
    """Make a report and send it to whom it did not reach yet; returns what became of it."""
    from filon.dashboard.client import ApiClient
    from filon.lake.books import ReportState

    state = begun or ReportState(due=due, at=now)
    key = settings.api_key.get_secret_value() if settings.api_key else None
    client = ApiClient(settings.api_url, key)
    try:
        release, reached, problems = _deliver(settings, project, rule, client, state.reached)
    except FilonError as error:
        return state.model_copy(update={"at": now, "attempts": state.attempts + 1, "problem": str(error)})
    finally:
        client.close()
    told = {"at": now, "release": release, "reached": reached, "is_sent": not problems, "problem": "; ".join(problems)}
    return state.model_copy(update={**told, "attempts": state.attempts + bool(problems)})


def _deliver(
    settings: Settings, project: Project, rule: ReportRule, client: ApiClient, reached: tuple[str, ...]
) -> tuple[int, tuple[str, ...], list[str]]:
    """The release of the file, the addresses that have it, and why others do not."""
    from filon.dashboard.takeaway.scheduled import page_file
    from filon.pipeline.delivery import deliver_to_all

    file = page_file(client, rule.page, rule.format, rule.language, rule.period, rule.filters)
    link = f"{settings.dashboard_url.rstrip('/')}/{file.query}" if settings.dashboard_url else ""
    facts: dict[str, object] = {"project": project.name, "title": file.title, "release": file.release, "link": link}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file.name
        path.write_bytes(file.content)
        body = "\n".join(part for part in (f"release {file.release}", link) if part)
        reached, problems = deliver_to_all(settings.reports, reached, file.title, body, facts, path)
    return file.release, reached, problems
