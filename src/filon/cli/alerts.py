"""``filon alerts``."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from filon.cli.options import JsonOption, LakeOption, ProjectOption
from filon.cli.render import open_console
from filon.errors import ConfigError, FilonError
from filon.pipeline.resources import lake_of, loadable_store, open_project
from filon.settings import Settings, read_settings

if TYPE_CHECKING:
    from filon.lake.books import AlertBook
    from filon.project import Project


def alerts(
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
    test: Annotated[bool, typer.Option("--test", help="Only send a message to every address")] = False,
    json: JsonOption = False,
) -> None:
    """Look whether alerts of the project hold, and tell people what changed, as each run does."""
    settings = read_settings(project=project_folder, lake=lake_uri)
    project = open_project(settings)
    if test:
        _send_test(settings, project)
        return
    from filon.pipeline.alerting import tell_alerts
    from filon.pipeline.run_history import record_alerts

    now = dt.datetime.now(dt.UTC)
    book = tell_alerts(settings, project, lake_of(settings, project), now)
    with loadable_store(settings, project) as store:
        problem = record_alerts(store, book, now) if store is not None else None
    if problem is not None:
        typer.echo(f"the store did not take note of the alerts: {problem}", err=True)
    if json:
        typer.echo(book.model_dump_json(indent=2))
    else:
        _show(project, book)


def _send_test(settings: Settings, project: Project) -> None:
    from filon.pipeline.delivery import deliver

    if settings.alerts is None:
        raise ConfigError("nobody is told of alerts; set FILON_ALERTS to addresses")
    body = "This is a test: alerts of this project arrive here."
    facts: dict[str, object] = {"project": project.name}
    addresses = settings.alerts.get_secret_value().split()
    answers = [deliver(address, f"{project.title}: test", body, facts) for address in addresses]
    if problems := [problem for problem in answers if problem is not None]:
        raise FilonError("\n".join(problems))
    typer.echo("sent a test to every address")


def _show(project: Project, book: AlertBook) -> None:
    console = open_console()
    if not project.alerts:
        console.print("the project has no alerts; `alerts` in filon.yaml lists them")
    for rule in project.alerts:
        state = book.alerts.get(rule.text)
        if state is None:
            console.print(f"not judged yet  {rule.text}")
            continue
        since = f"since {state.since:%Y-%m-%d %H:%M} UTC"
        style = "red" if state.is_on else ""
        console.print(
            Text(f"{'holds' if state.is_on else 'quiet':<14}  {rule.text} {since} {state.what}".rstrip(), style)
        )
        if state.problem:
            console.print(Text(f"{'':<14}  not told yet, after {state.attempts} attempts: {state.problem}", "yellow"))
