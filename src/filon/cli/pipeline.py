"""``filon demo``, ``generate`` and ``run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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
from filon.cli.outcome import show_run
from filon.cli.progress import LiveProgress
from filon.cli.render import number, open_console
from filon.errors import ConfigError, GuardBroken
from filon.pipeline.report import RunReport, RunStatus
from filon.pipeline.resources import lake_of, open_project, sources_of
from filon.pipeline.runner import Until
from filon.settings import Settings, read_settings

PurchasesOption = Annotated[int, typer.Option("--purchases", min=1, help="Number of purchases")]
ClientsOption = Annotated[int | None, typer.Option("--clients", min=1, help="Number of clients; else purchases / 5.5")]
SeedOption = Annotated[int, typer.Option("--seed", help="Another seed gives other data")]
UntilOption = Annotated[Until, typer.Option("--until", help="Stop after this stage")]
StrictOption = Annotated[bool, typer.Option("--strict", help="Exit with 3 when something is in quarantine")]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Hash every file again, retry quarantined ones, build silver and gold anew")
]
GuardOption = Annotated[
    bool | None,
    typer.Option("--guard/--no-guard", help="Publish nothing that breaks a rule of the project [FILON_GUARD]"),
]
DirtyOption = Annotated[float, typer.Option("--dirty", min=0, max=1, help="Share of duplicates, and of bad rows")]


def generate(
    out_dir: Path,
    purchases: PurchasesOption = 8250,
    clients: ClientsOption = None,
    seed: SeedOption = 42,
    dirty: DirtyOption = 0.01,
) -> None:
    """Write sample CSV files for the retail project."""
    from filon.projects.retail.generate import generate as write_files

    sample = write_files(out_dir, purchases, clients, seed, dirty)
    typer.echo(f"{number(sample.clients)} clients and {number(sample.purchases)} purchases in {sample.folder}")


def run(
    project: ProjectOption = None,
    sources: SourcesOption = None,
    lake: LakeOption = None,
    serving: ServingOption = None,
    until: UntilOption = Until.SERVING,
    force: ForceOption = False,
    guard: GuardOption = None,
    engine: EngineOption = None,
    as_of: AsOfOption = None,
    json: JsonOption = False,
    strict: StrictOption = False,
) -> None:
    """Bring the published tables up to date with the sources."""
    settings = read_settings(project=project, sources=sources, lake=lake, serving=serving, engine=engine, guard=guard)
    report = run_once(settings, until=until, force=force, as_of=as_of, json=json)
    finish(report, strict=strict)


def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Stop when the release is published")] = False,
    purchases: PurchasesOption = 8250,
) -> None:
    """Generate sample data, run the pipeline on it, and serve the API and the dashboard."""
    from filon.projects import retail
    from filon.projects.retail.generate import generate as write_files

    settings = read_settings(project=retail.FOLDER)
    project = open_project(settings)
    target = sources_of(settings, project).folder
    if target is None:
        raise ConfigError("the demo writes its sample files to a local folder; unset FILON_SOURCES")
    sample = write_files(target, purchases)
    typer.echo(f"generated {number(sample.clients)} clients and {number(sample.purchases)} purchases in {target}")
    report = run_once(settings)
    finish(report)
    show_gold(settings)
    if not no_serve:
        from filon.cli.dashboard import serve_both

        serve_both(settings)


def run_once(
    settings: Settings,
    *,
    as_of: str | None = None,
    until: Until = Until.SERVING,
    force: bool = False,
    retry_quarantined: bool = False,
    json: bool = False,
) -> RunReport:
    """Run the pipeline and print its progress and report, or one JSON object at the end.

    Args:
        settings: name the project, its sources, lake and store
        as_of: the date that rules compare with, in ISO format; today in the project's time zone if None
        until: the last layer that is carried out
        force: hash every file again, retry quarantined ones, build silver and gold anew
        retry_quarantined: try quarantined files again
        json: print the report as JSON, and no progress

    Returns:
        The report, also of a run that failed.

    Raises:
        FilonError: nothing could be started

    """
    from filon.access import Pipeline

    pipeline = Pipeline(settings)
    console = open_console(quiet=json)
    with LiveProgress(console) as listener:
        report = pipeline.run(
            as_of=read_as_of(as_of, pipeline.project),
            until=until,
            force=force,
            retry_quarantined=retry_quarantined,
            listener=listener,
        )
    show(console, report, json=json)
    return report


def show(console: Console, report: RunReport, *, json: bool) -> None:
    """Print the report of a run."""
    if json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show_run(console, report)


def finish(report: RunReport, *, strict: bool = False) -> None:
    """Exit with 1 when the run failed (4: a rule was broken), with 3 when ``strict`` and something is in quarantine."""
    if report.status is RunStatus.FAILED:
        is_broken = report.difference is not None and report.difference.broken
        raise typer.Exit(GuardBroken.exit_code if is_broken else 1)
    if strict and report.quarantined:
        raise typer.Exit(3)


def show_gold(settings: Settings) -> None:
    """List the published gold tables."""
    from filon.cli.lake import show_release

    show_release(open_console(), lake_of(settings, open_project(settings)).release())
