"""``filon quarantine``: list refused files and rejected rows, show them, and process them again."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from filon.cli.options import AsOfOption, JsonOption, LakeOption, ProjectOption, SourcesOption, open_lake, read_as_of
from filon.cli.pipeline import finish, run_once
from filon.cli.render import number, open_console, table_of
from filon.explain.demands import demand_of
from filon.explain.rejected import RejectedRow, RejectedRows, kept_name, read_quarantine, rejected_rows, select
from filon.lake import FileVersion, Layer, listed_name
from filon.pipeline.engine import open_engine
from filon.project import Project
from filon.settings import read_settings
from filon.stages.bronze.withheld import ERASED

app = typer.Typer(help="What was refused, why, and trying it again.", no_args_is_help=True)


@app.command("list")
def list_all(project_folder: ProjectOption = None, lake_uri: LakeOption = None, json: JsonOption = False) -> None:
    """Count what is in quarantine: files by reason, rows by dataset and reason."""
    project, lake = open_lake(project_folder, lake_uri)
    quarantine = read_quarantine(lake, project.datasets)
    if json:
        document = {"files": [_file(version) for version in quarantine.files], "rows": quarantine.rows}
        typer.echo(json_module.dumps(document, indent=2, ensure_ascii=False))
        return
    console = open_console()
    _show_files(console, quarantine.files)
    table = table_of("dataset", "reason", "rows", right=("rows",))
    for dataset, reasons in quarantine.rows.items():
        for reason, count in reasons.items():
            table.add_row(dataset, reason, number(count))
    if table.row_count:
        console.print(table)
    if not quarantine.files and not table.row_count:
        console.print("the quarantine is empty")


@app.command()
def show(
    what: Annotated[str, typer.Argument(metavar="DATASET|FILE", help="A dataset, or a file as `list` names it")],
    reason: Annotated[str | None, typer.Option("--reason", help="Only rows with this reason")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rows shown")] = 20,
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """Show rejected rows with their place, reasons and raw text; or a quarantined file."""
    project, lake = open_lake(project_folder, lake_uri)
    ledger = lake.ledger()
    selection = select(ledger, project.datasets, listed_name(what))
    with open_engine(read_settings(), project, read_as_of(None, project), lake.places) as engine:
        rejected = rejected_rows(
            engine, lake, ledger, selection.datasets, file=selection.file, reason=reason, limit=limit
        )
    if json:
        document = {
            "files": [_file(version) for version in selection.refused],
            "rows": [asdict(row) for row in rejected.rows],
            "total": rejected.total,
            "demands": _demands(project, rejected.rows),
        }
        typer.echo(json_module.dumps(document, indent=2, ensure_ascii=False))
        return
    console = open_console()
    for version in selection.refused:
        console.print(f"{version.path}  version {version.number}  {version.reason}: {version.detail}")
        if version.sha256 and version.detail != ERASED:  # a file that could not be read has no copy
            console.print(f"  kept as {lake.layer(Layer.QUARANTINE).path_of(kept_name(version))}")
    for row in rejected.rows:
        console.print(f"{row.file}  record {row.record}  {', '.join(row.reasons)}")
        console.print(f"  {row.raw}")
    if not selection.refused and not rejected.rows:
        console.print("nothing of it is in quarantine")
    _show_demands(console, rejected, _demands(project, rejected.rows))


@app.command()
def replay(
    project: ProjectOption = None,
    sources: SourcesOption = None,
    lake: LakeOption = None,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> None:
    """Judge quarantined files and rows again, as after a change of contract, and publish the outcome."""
    settings = read_settings(project=project, sources=sources, lake=lake)
    finish(run_once(settings, as_of=as_of, retry_quarantined=True, json=json))


def _file(version: FileVersion) -> dict[str, object]:
    fields = {"number", "dataset", "path", "sha256", "size", "reason", "detail", "arrived_at"}
    return version.model_dump(mode="json", include=fields)


def _demands(project: Project, rows: Iterable[RejectedRow]) -> dict[str, str]:
    """What the contracts demand where rows were rejected, by reason."""
    reasons = {(row.dataset, reason) for row in rows for reason in row.reasons}
    found = {reason: demand_of(project.datasets[dataset], reason) for dataset, reason in sorted(reasons)}
    return {reason: demand for reason, demand in found.items() if demand}


def _show_demands(console: Console, rejected: RejectedRows, demands: dict[str, str]) -> None:
    if not rejected.rows:
        return
    console.print()
    shown = len(rejected.rows)
    more = ": --limit shows more" if shown < rejected.total else ""
    console.print(f"{number(shown)} of {number(rejected.total)} rejected rows{more}")
    for reason, demand in demands.items():
        console.print(f"  {reason}  must be: {demand}" if ":" in reason else f"  {reason}  must hold: {demand}")


def _show_files(console: Console, files: Sequence[FileVersion]) -> None:
    if not files:
        return
    table = table_of("file", "version", "reason", "detail")
    for version in files:
        table.add_row(version.path, str(version.number), version.reason, version.detail)
    console.print(table)
    console.print()
