"""``filon verify``."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from filon.cli.options import JsonOption, LakeOption, ProjectOption, ServingOption, SourcesOption
from filon.cli.render import number, open_console
from filon.errors import ConfigError
from filon.pipeline.resources import lake_of, loadable_store, open_project
from filon.settings import read_settings

if TYPE_CHECKING:
    from filon.pipeline.verify import Verification


def verify(
    project_folder: ProjectOption = None,
    sources: SourcesOption = None,
    lake_uri: LakeOption = None,
    serving: ServingOption = None,
    release: Annotated[int | None, typer.Option("--release", metavar="N", help="An older release")] = None,
    full: Annotated[bool, typer.Option("--full", help="Compare every row that is served, not some")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Let a run put right what needs no guess")] = False,
    json: JsonOption = False,
) -> None:
    """Read all that a release names, and say what is not as it was written, with the repair."""
    from filon.pipeline.verify import repair_release, verify_release

    if repair and release is not None:
        raise ConfigError("--repair is for the published release; leave --release out")
    settings = read_settings(project=project_folder, sources=sources, lake=lake_uri, serving=serving)
    project = open_project(settings)
    lake = lake_of(settings, project)
    with loadable_store(settings, project) as store:
        compared = store if release is None else None
        found = verify_release(settings, project, lake, compared, release, full=full)
        if repair:
            found = repair_release(settings, project, lake, store, found, full=full)
    if json:
        typer.echo(json_module.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        _show(found)
    if found.damages:
        raise typer.Exit(1)


def _show(found: Verification) -> None:
    console = open_console()
    for damage in found.repaired:
        console.print(Text(f"repaired: {damage.object} {damage.what} ({damage.part})", style="green"))
    for damage in found.damages:
        console.print(Text(str(damage), style="red"))
    if found.release is None:
        console.print("nothing is published" if not found.damages else "nothing else can be read")
        return
    read = f"{number(found.tables)} tables, {number(found.files)} files, {found.bytes / 1e6:,.1f} MB"
    state = "is sound" if not found.damages else f"has {number(len(found.damages))} damaged objects"
    console.print(f"release {found.release} {state}: {read}, {number(found.rows)} rows", style="bold")
