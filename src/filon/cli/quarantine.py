"""``filon quarantine``: what was refused, why, and trying it again."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console

from filon.cli.line import finish, run_once
from filon.cli.options import AsOfOption, JsonOption, LakeOption, ProjectOption, SourcesOption, open_lake, read_as_of
from filon.cli.render import number, open_console, table_of
from filon.errors import NotFound
from filon.lake import Build, FileState, FileVersion, Lake, Layer, Ledger, build_id, name_given
from filon.line import make_engine, workspace_of
from filon.project import Project
from filon.settings import read_settings
from filon.sql import identifier, literal

app = typer.Typer(help="What was refused, why, and trying it again.", no_args_is_help=True)


@dataclass(frozen=True)
class RejectedRow:
    """One rejected record: where it stands, why it was rejected, and its text."""

    dataset: str
    file: str
    version: int
    record: int
    reasons: list[str]
    raw: str


def latest_build(lake: Lake, layer: Layer, table: str) -> Build | None:
    """A table as the last run left it, published or not; as published when that was swept since."""
    run = lake.last_run()
    if run is not None and (build := run.builds.get(build_id(layer, table))) and lake.is_complete(build):
        return build
    release = lake.release()
    return release.build(layer, table) if release else None


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
    rows = _rejected(found, opened, ledger, what, reason, limit)
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


def kept_name(version: FileVersion) -> str:
    """Where the bytes of a quarantined file are kept, inside the quarantine layer."""
    return f"files/{version.number}-{version.sha256[:12]}"


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


def _rejected(
    project: Project, lake: Lake, ledger: Ledger, what: str, reason: str | None, limit: int
) -> list[RejectedRow]:
    paths = {version.number: version.path for version in ledger.versions}
    conditions = [f"list_contains(reasons, {literal(reason)})"] if reason else []
    datasets = [what]
    if what not in project.datasets:
        numbers = [version.number for version in ledger.versions if version.path == what]
        datasets = sorted({version.dataset for version in ledger.versions if version.path == what})
        conditions.append(f"_file IN ({', '.join(map(str, numbers))})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    result: list[RejectedRow] = []
    settings = read_settings()
    with workspace_of(settings) as workspace:
        engine = make_engine(settings, project, read_as_of(None, project), workspace, lake.places)
        for dataset in datasets:
            build = latest_build(lake, Layer.QUARANTINE, dataset)
            if build is None:
                continue
            engine.bind(dataset, lake.paths(build), build.columns)
            query = f"SELECT _file, _record, reasons, raw FROM {identifier(dataset)}{where}"
            for number_, record, reasons, raw in engine.rows(f"{query} ORDER BY _file, _record LIMIT {limit}"):
                result.append(RejectedRow(dataset, paths[number_], number_, record, reasons, raw or ""))
        engine.close()
    return result[:limit]
