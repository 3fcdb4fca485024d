"""``filon status``, ``releases``, ``rollback``, ``retract``, ``compact`` and ``sweep``."""

from __future__ import annotations

import datetime as dt
import json as json_module
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from filon.cli.options import HtmlOption, JsonOption, LakeOption, ProjectOption, ServingOption, open_lake_alone
from filon.cli.render import STYLES, number, open_console, table_of
from filon.errors import ConfigError, LakeDamaged
from filon.lake import CheckStatus, Layer, Release, listed_name
from filon.pipeline.resources import lake_of, loadable_store, open_project
from filon.pipeline.status import kept_releases, read_status
from filon.settings import read_settings

releases_app = typer.Typer(invoke_without_command=True)
MOST_HOURS = 100 * 366 * 24


def status(project_folder: ProjectOption = None, lake_uri: LakeOption = None, json: JsonOption = False) -> None:
    """Show what is published, how the last run went, and what is in quarantine."""
    project, lake = open_lake_alone(project_folder, lake_uri)
    state = read_status(lake)
    files = {name.value: count for name, count in state.files.items()}
    if json:
        report = state.last_report
        document = {
            "project": project,
            "lake": lake.root,
            "release": _summary(state.release) if state.release else None,
            "files": files,
            "last_run": report.model_dump(mode="json") if report else None,
            "damages": [asdict(damage) for damage in state.damages],
        }
        typer.echo(json_module.dumps(document, indent=2, ensure_ascii=False))
        if state.damages:
            raise typer.Exit(1)
        return
    console = open_console()
    console.print(f"project {project}, lake {lake.root}")
    console.print("files: " + ", ".join(f"{count} {name}" for name, count in files.items()))
    if (last := state.last_run) is not None:
        status, error = last.report["status"], last.report.get("error")
        started = f"{last.started_at:%Y-%m-%d %H:%M:%S} UTC"
        console.print(f"last run {last.run_id}, {started}: ", Text(status, STYLES[status]), sep="")
        if error:
            console.print(Text(error, style="red"))
    show_release(console, state.release)
    if state.damages:
        raise LakeDamaged(state.damages)


def show_release(console: Console, release: Release | None) -> None:
    """Show the tables of a release."""
    if release is None:
        console.print("nothing is published yet: `filon run`")
        return
    table = table_of("layer", "table", "rows", "version", "built", right=("rows", "version"))
    for build in sorted(release.tables.values(), key=lambda build: list(Layer).index(build.layer)):
        built = f"{build.built_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(build.layer.value, build.table, number(build.rows), str(build.version), built)
    console.print()
    console.print(f"release {release.number}, as of {release.as_of}{_origin(release)}", style="bold")
    console.print(table)
    if counting := release.counts_forgotten:
        rows = ", ".join(f"{number(count)} of {name}" for name, count in counting.items())
        console.print(f"rows with figures that count people who were forgotten: {rows}")


@releases_app.callback()
def releases(
    command: typer.Context,
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """List the releases that are kept, newest first, or compare two of them."""
    if command.invoked_subcommand is not None:
        return
    _, lake = open_lake_alone(project_folder, lake_uri)
    newest_first = kept_releases(lake)
    if json:
        typer.echo(json_module.dumps([_summary(release) for release in newest_first], indent=2))
        return
    console = open_console()
    table = table_of(
        "release",
        "published",
        "as of",
        "tables",
        "gold rows",
        "checks",
        "",
        right=("release", "tables", "gold rows"),
    )
    for release in newest_first:
        rows = sum(build.rows for build in release.tables.values() if build.layer is Layer.GOLD)
        warned = sum(check.status is not CheckStatus.PASSED for check in release.checks)
        checks = f"{len(release.checks) - warned} passed" + (f", {warned} warned" if warned else "")
        published = f"{release.created_at:%Y-%m-%d %H:%M:%S}"
        origin = _origin(release) + (", counts forgotten people" if release.counts_forgotten else "")
        cells = (published, str(release.as_of), str(len(release.tables)), number(rows), checks)
        table.add_row(str(release.number), *cells, origin.removeprefix(", "))
    console.print(table if newest_first else "nothing is published yet: `filon run`")


@releases_app.command()
def diff(
    before: Annotated[int, typer.Argument(metavar="A", help="A release")],
    after: Annotated[int, typer.Argument(metavar="B", help="The release that is compared with it")],
    project: ProjectOption = None,
    lake: LakeOption = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Show what release B has that release A has not."""
    from filon.cli.differences import show_releases

    show_releases(read_settings(project=project, lake=lake), before, after, json=json, html=html)


def rollback(
    release: Annotated[int, typer.Argument(metavar="N", help="The release to publish again")],
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
    serving: ServingOption = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show what that would change, and publish nothing")] = False,
) -> None:
    """Publish an older release again, as a new one; it stays until the sources or the project change."""
    from filon.cli.outcome import show_untraced
    from filon.pipeline.rollback import roll_back
    from filon.pipeline.tracing import tracing_command

    settings = read_settings(project=project_folder, lake=lake_uri, serving=serving)
    project = open_project(settings)
    lake = lake_of(settings, project)
    if plan:
        from filon.cli.differences import show_rollback

        show_rollback(settings, project, lake, release)
        return

    def show_published(published: Release) -> None:
        typer.echo(f"published release {published.number}: the tables of release {release}")

    now = dt.datetime.now(dt.UTC)
    with (
        loadable_store(settings, project) as store,
        tracing_command(settings, project, lake, store, command="rollback", now=now) as trace,
    ):
        rolled_back = roll_back(settings, project, lake, store, release, now=now, on_published=show_published)
        if rolled_back is not None and rolled_back.loaded is not None:
            trace.loaded(rolled_back.release, rolled_back.loaded)
    show_untraced(trace)
    if rolled_back is None:
        current = lake.release()
        typer.echo(f"release {current.number if current else ''} already shows what release {release} shows")
        return
    if store is not None and rolled_back.loaded is not None:
        loaded = rolled_back.loaded
        typer.echo(f"{store.uri} serves it: {number(loaded.inserted)} rows in, {number(loaded.closed)} out")
    if rolled_back.unrecorded is not None:
        typer.echo(f"the store's records lack this rollback until the next run: {rolled_back.unrecorded}")


def retract(
    file: Annotated[str, typer.Argument(help="A file, by its path under the sources, as `run` shows it")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let a file that was retracted count again")] = False,
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
) -> None:
    """Take back a file: the next run removes its rows, and its content stays out until it changes."""
    from filon.lake.retract import live_versions, restore_file, retract_file

    _, lake = open_lake_alone(project_folder, lake_uri)
    file = listed_name(file)
    if undo:
        rows = restore_file(lake, file)
        typer.echo(f"{file} counts again ({number(rows)} records); `filon run` publishes the tables with them")
        return
    rows = sum(version.rows for version in live_versions(lake.ledger(), file))
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError(f"retracting {file} removes {number(rows)} records; confirm it with --yes")
        typer.echo(
            f"{number(rows)} records of {file} leave the tables with the next run. These bytes are not read again,"
        )
        typer.confirm("under whatever name they arrive, unless you --undo it. Retract them?", abort=True)
    rows = retract_file(lake, file)
    typer.echo(f"retracted {file} ({number(rows)} records); `filon run` publishes the tables without them")


def compact(project_folder: ProjectOption = None, lake_uri: LakeOption = None) -> None:
    """Write small files of tables together, and publish the same rows in fewer files."""
    from filon.cli.outcome import show_untraced
    from filon.pipeline.compact import compact_lake
    from filon.pipeline.engine import open_engine
    from filon.pipeline.tracing import tracing_command

    settings = read_settings(project=project_folder, lake=lake_uri)
    project = open_project(settings)
    lake = lake_of(settings, project)
    now = dt.datetime.now(dt.UTC)
    with (
        tracing_command(settings, project, lake, None, command="compact", now=now) as trace,
        open_engine(settings, project, now.date(), lake.places) as engine,
    ):
        release, tables = compact_lake(lake, engine, now=now)
    show_untraced(trace)
    if release is None:
        typer.echo("no table has small files to write together")
        return
    for table in tables:
        name = f"{table.build.layer} {table.build.table}"
        typer.echo(f"{name}: {number(table.before)} files became {number(table.after)}")
    typer.echo(f"published release {release.number}: the same rows; `filon sweep` deletes the old files")


def sweep(
    keep: Annotated[int, typer.Option("--keep", min=1, help="How many of the newest releases stay")] = 10,
    hours: Annotated[
        int, typer.Option("--hours", min=0, max=MOST_HOURS, help="Younger files stay: a run may be using them")
    ] = 24,
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
) -> None:
    """Delete old releases and the files that no kept release needs."""
    from filon.lake.sweep import sweep_lake

    _, lake = open_lake_alone(project_folder, lake_uri)
    before = dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)
    swept = sweep_lake(lake, keep=keep, before=before)
    typer.echo(f"deleted {swept.releases} releases and {number(swept.files)} files ({swept.bytes / 1e6:,.1f} MB)")
    if swept.running:
        typer.echo(f"files that nothing names stay until these runs have ended: {', '.join(swept.running)}")


def _origin(release: Release) -> str:
    return f", release {release.rollback_of} again" if release.rollback_of else ""


def _summary(release: Release) -> dict[str, object]:
    facts = release.model_dump(mode="json", exclude={"tables", "checks"})
    columns = {"table", "layer", "version", "rows", "built_at", "fingerprint"}
    tables = [build.model_dump(mode="json", include=columns) for build in release.tables.values()]
    checks = [check.model_dump(mode="json", exclude={"fingerprint"}) for check in release.checks]
    return {**facts, "tables": tables, "checks": checks, "counts_forgotten": release.counts_forgotten}
