"""Commands that look at a lake and mend it: status, releases, rollback, retract, explain, sweep."""

from __future__ import annotations

import datetime as dt
import json as json_module
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from filon.cli.options import JsonOption, LakeOption, ProjectOption, ServingOption, open_lake
from filon.cli.render import STYLES, number, open_console, table_of
from filon.errors import LakeDamaged, NotFound, ReleaseMissing
from filon.lake import CheckStatus, FileState, Layer, Release, name_given, new_run_id
from filon.lake.inspect import inspect_documents, inspect_release
from filon.lake.retract import retract_file
from filon.lake.sweep import sweep_lake
from filon.opening import lake_of, loadable_store, open_project
from filon.report import RunReport
from filon.settings import read_settings

MOST_HOURS = 100 * 366 * 24


def status(project: ProjectOption = None, lake: LakeOption = None, json: JsonOption = False) -> None:
    """Show what is published, how the last run went, and what is in quarantine."""
    found, opened = open_lake(project, lake)
    release, ledger, run = opened.release(), opened.ledger(), opened.last_run()
    damages = [*inspect_documents(opened), *(inspect_release(opened, release) if release else ())]
    states = {state.value: sum(v.state is state for v in ledger.versions) for state in FileState}
    last = RunReport.model_validate(run.report) if run else None
    if json:
        document = {
            "project": found.name,
            "lake": opened.root,
            "release": _summary(release) if release else None,
            "files": states,
            "last_run": last.model_dump(mode="json") if last else None,
            "damages": [asdict(damage) for damage in damages],
        }
        typer.echo(json_module.dumps(document, indent=2, ensure_ascii=False))
        if damages:
            raise typer.Exit(1)
        return
    console = open_console()
    console.print(f"project {found.name}, lake {opened.root}")
    console.print("files: " + ", ".join(f"{count} {state}" for state, count in states.items()))
    if last is not None:
        started = f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run else ""
        console.print(f"last run {last.run_id}, {started}: ", Text(last.status.value, STYLES[last.status]), sep="")
        if last.error:
            console.print(Text(last.error, style="red"))
    show_release(console, release)
    if damages:
        raise LakeDamaged(damages)


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


def releases(project: ProjectOption = None, lake: LakeOption = None, json: JsonOption = False) -> None:
    """List the releases that are kept, newest first."""
    _, opened = open_lake(project, lake)
    opened.release()  # LakeDamaged when the newest one is lost: the others alone would tell another story
    found = [opened.releases.get(number_) for number_ in reversed(opened.releases.numbers())]
    if json:
        typer.echo(json_module.dumps([_summary(release) for release in found], indent=2))
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
    for release in found:
        rows = sum(build.rows for build in release.tables.values() if build.layer is Layer.GOLD)
        warned = sum(check.status is not CheckStatus.PASSED for check in release.checks)
        checks = f"{len(release.checks) - warned} passed" + (f", {warned} warned" if warned else "")
        published = f"{release.created_at:%Y-%m-%d %H:%M:%S}"
        cells = (published, str(release.as_of), str(len(release.tables)), number(rows), checks)
        table.add_row(str(release.number), *cells, _origin(release).removeprefix(", "))
    console.print(table if found else "nothing is published yet: `filon run`")


def rollback(
    release: Annotated[int, typer.Argument(metavar="N", help="The release to publish again")],
    project: ProjectOption = None,
    lake: LakeOption = None,
    serving: ServingOption = None,
) -> None:
    """Publish an older release again, as a new one; it stays until the sources or the project change."""
    from filon.line import serve_rollback
    from filon.project.serving import served_tables
    from filon.serving.loader import require_servable

    settings = read_settings(project=project, lake=lake, serving=serving)
    found = open_project(settings)
    opened = lake_of(settings, found)
    older, current = opened.release(release), opened.release()
    if older is None or current is None:
        raise ReleaseMissing(release, [])
    if older.content == current.content:
        typer.echo(f"release {current.number} already shows what release {release} shows")
        return
    now = dt.datetime.now(dt.UTC)
    changes = {
        "number": opened.releases.after(current.number),
        "run_id": new_run_id(now),
        "created_at": now,
        "rollback_of": older.number,
        "rolled_back_from": current.number,
    }
    again = older.model_copy(update=changes)
    with loadable_store(settings, found) as store:
        if store is not None:
            require_servable(again, served_tables(found.models))
        with opened.leased(again.run_id, older):
            opened.require_sound(older)
            opened.publish(again)
            typer.echo(f"published release {again.number}: the tables of release {release}")
            if store is not None:
                loaded, unrecorded = serve_rollback(settings, found, opened, store, again)
                typer.echo(f"{store.uri} serves it: {number(loaded.inserted)} rows in, {number(loaded.closed)} out")
                if unrecorded is not None:
                    typer.echo(f"the store's records lack this rollback until the next run: {unrecorded}")


def retract(
    file: Annotated[str, typer.Argument(help="A file, by its path under the sources, as `run` shows it")],
    project: ProjectOption = None,
    lake: LakeOption = None,
) -> None:
    """Take back a file: the next run removes its rows, and its content stays out until it changes."""
    _, opened = open_lake(project, lake)
    file = name_given(file)
    rows = retract_file(opened, file)
    typer.echo(f"retracted {file} ({number(rows)} records); `filon run` publishes the tables without them")


def explain(
    table: Annotated[str, typer.Argument(help="A silver or gold table")],
    key: Annotated[list[str], typer.Argument(help="The values of its key, in order")],
    project: ProjectOption = None,
    lake: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """Explain a row: what it was computed from, down to files and records."""
    from filon.cli.explaining import explain_row, show_explanation

    found, opened = open_lake(project, lake)
    release = opened.release()
    if release is None:
        raise NotFound("nothing is published yet: `filon run`")
    explanation = explain_row(found, opened, release, table, key)
    if json:
        typer.echo(json_module.dumps(explanation.as_dict(), indent=2, ensure_ascii=False, default=str))
    else:
        show_explanation(open_console(), explanation)


def sweep(
    keep: Annotated[int, typer.Option("--keep", min=1, help="How many of the newest releases stay")] = 10,
    hours: Annotated[
        int, typer.Option("--hours", min=0, max=MOST_HOURS, help="Younger files stay: a run may be using them")
    ] = 24,
    project: ProjectOption = None,
    lake: LakeOption = None,
) -> None:
    """Delete old releases and the files that no kept release needs."""
    _, opened = open_lake(project, lake)
    before = dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours)
    swept = sweep_lake(opened, keep=keep, before=before)
    typer.echo(f"deleted {swept.releases} releases and {number(swept.files)} files ({swept.bytes / 1e6:,.1f} MB)")
    if swept.running:
        typer.echo(f"files that nothing names stay until these runs have ended: {', '.join(swept.running)}")


def _origin(release: Release) -> str:
    return f", release {release.rollback_of} again" if release.rollback_of else ""


def _summary(release: Release) -> dict[str, object]:
    facts = release.model_dump(mode="json", exclude={"tables", "checks"})
    wanted = {"table", "layer", "version", "rows", "built_at", "fingerprint"}
    tables = [build.model_dump(mode="json", include=wanted) for build in release.tables.values()]
    checks = [check.model_dump(mode="json", exclude={"fingerprint"}) for check in release.checks]
    return {**facts, "tables": tables, "checks": checks}
