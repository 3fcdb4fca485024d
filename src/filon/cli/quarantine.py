"""``filon quarantine``: what was refused, why, and trying it again."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from filon.cli.options import AsOfOption, JsonOption, LakeOption, ProjectOption, SourcesOption, open_lake, read_as_of
from filon.cli.pipeline import finish, run_once
from filon.cli.render import number, open_console, table_of
from filon.errors import NotFound
from filon.explain.rejected import kept_name, latest_build, rejected_rows
from filon.lake import FileState, FileVersion, Layer, name_given
from filon.pipeline.engine import open_engine
from filon.settings import read_settings

app = typer.Typer(help="What was refused, why, and trying it again.", no_args_is_help=True)


@app.command("list")
def list_all(project: ProjectOption = None, lake: LakeOption = None, json: JsonOption = False) -> None:
    """Count what is in quarantine: files by reason, rows by dataset and reason."""
    found, opened = open_lake(project, lake)
    files = [v for v in opened.ledger().versions if v.state is FileState.QUARANTINED]
    rows = {}
    for name in found.datasets:
        build = latest_build(opened, Layer.SILVER, name)
        rows[name] = build.quality.by_reason if build and build.quality else {}
    if json:
        document = {"files": [_file(version) for version in files], "rows": rows}
        typer.echo(json_module.dumps(document, indent=2, ensure_ascii=False))
        return
    console = open_console()
    _show_files(console, files)
    table = table_of("dataset", "reason", "rows", right=("rows",))
    for dataset, reasons in rows.items():
        for reason, count in reasons.items():
            table.add_row(dataset, reason, number(count))
    if table.row_count:
        console.print(table)
    if not files and not table.row_count:
        console.print("the quarantine is empty")


@app.command()
def show(
    what: Annotated[str, typer.Argument(metavar="DATASET|FILE", help="A dataset, or a file as `list` names it")],
    reason: Annotated[str | None, typer.Option("--reason", help="Only rows with this reason")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rows shown")] = 20,
    project: ProjectOption = None,
    lake: LakeOption = None,
    json: JsonOption = False,
) -> None:
    """Show rejected rows with their place, reasons and raw text; or a quarantined file."""
    found, opened = open_lake(project, lake)
    ledger, what = opened.ledger(), name_given(what)
    versions = [v for v in ledger.versions if v.path == what and v.state is not FileState.REPLACED]
    refused = [v for v in versions if v.state is FileState.QUARANTINED]
    if what not in found.datasets and not versions:
        raise NotFound(
            f"{what} is neither a dataset ({', '.join(found.datasets)}) nor a known file. See `filon quarantine list`."
        )
    is_dataset = what in found.datasets
    datasets = [what] if is_dataset else sorted({version.dataset for version in versions})
    file = None if is_dataset else what
    with open_engine(read_settings(), found, read_as_of(None, found), opened.places) as engine:
        rows = rejected_rows(engine, opened, ledger, datasets, file=file, reason=reason, limit=limit)
    if json:
        document = {"files": [_file(version) for version in refused], "rows": [asdict(row) for row in rows]}
        typer.echo(json_module.dumps(document, indent=2, ensure_ascii=False))
        return
    console = open_console()
    for version in refused:
        console.print(f"{version.path}  version {version.number}  {version.reason}: {version.detail}")
        if version.sha256:  # there is no copy of what could not be read
            console.print(f"  kept as {opened.layer(Layer.QUARANTINE).path_of(kept_name(version))}")
    for row in rows:
        console.print(f"{row.file}  record {row.record}  {', '.join(row.reasons)}")
        console.print(f"  {row.raw}")
    if not refused and not rows:
        console.print("nothing of it is in quarantine")


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
    wanted = {"number", "dataset", "path", "sha256", "size", "reason", "detail", "arrived_at"}
    return version.model_dump(mode="json", include=wanted)


def _show_files(console: Console, files: list[FileVersion]) -> None:
    if not files:
        return
    table = table_of("file", "version", "reason", "detail")
    for version in files:
        table.add_row(version.path, str(version.number), version.reason, version.detail)
    console.print(table)
    console.print()
