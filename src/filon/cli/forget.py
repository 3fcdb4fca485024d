"""``filon forget``."""

from __future__ import annotations

import csv
import datetime as dt
import getpass
import json as json_module
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from filon.cli.options import JsonOption, LakeOption, ProjectOption, ServingOption
from filon.cli.outcome import show_untraced
from filon.cli.render import number, open_console
from filon.errors import ConfigError
from filon.pipeline.resources import lake_of, loadable_store, open_project, sources_of
from filon.settings import read_settings

if TYPE_CHECKING:
    from filon.pipeline.forgetting.erase import Forgotten, Key


def forget(
    dataset: Annotated[str, typer.Argument(help="The dataset whose key names the person, such as clients")],
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="K", help="A key; may be given again. A composed one as CSV: a,b"),
    ] = None,
    keys_from: Annotated[
        Path | None, typer.Option("--keys-from", metavar="FILE", help="A file with a key in each line; - is the input")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept, so name nobody in it")] = "",
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who decided it; else the system's user")
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compute published figures again, too, without the person")
    ] = False,
    sources: Annotated[
        bool, typer.Option("--sources", help="Erase the person from the files of the sources, too")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show what that would erase, and erase nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
    serving: ServingOption = None,
    json: JsonOption = False,
) -> None:
    """Forget people: erase them from everything that Filon holds, and reject their records from now on."""
    from filon.pipeline.forgetting.erase import Forgetting, Request
    from filon.pipeline.tracing import tracing_command

    settings = read_settings(project=project_folder, lake=lake_uri, serving=serving)
    project = open_project(settings)
    width = len(project.datasets[dataset].contract.key) if dataset in project.datasets else 1
    keys = tuple(dict.fromkeys([*(_parts(text, width) for text in key or []), *_listed(keys_from, width)]))
    if not plan and not reason.strip():
        raise ConfigError("say why by --reason; it is kept with the date and who decided it")
    request = Request(dataset, keys, reason.strip(), by or getpass.getuser(), recompute=recompute, sources=sources)
    now = dt.datetime.now(dt.UTC)
    with loadable_store(settings, project) as store:
        work = Forgetting(settings, project, lake_of(settings, project), sources_of(settings, project), store)
        if plan:
            _show(work.plan(request, now), json=json, is_plan=True)
            return
        if not yes:
            _confirm(work.plan(request, now))
        with tracing_command(settings, project, work.lake, store, command="forget", now=now) as trace:
            done = work.forget(request, now)
    show_untraced(trace)
    _show(done, json=json, is_plan=False)


def _parts(text: str, width: int) -> Key:
    """The parts of a key: the text itself, or the fields of a line of CSV."""
    if width == 1:
        return (text,)
    fields = next(csv.reader([text], strict=True), [])
    return tuple(fields)


def _listed(file: Path | None, width: int) -> Iterator[Key]:
    if file is None:
        return
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--keys-from {file} cannot be read: {error}") from None
    yield from (_parts(line, width) for line in text.splitlines() if line.strip())


def _confirm(found: Forgotten) -> None:
    if not sys.stdin.isatty():
        raise ConfigError("nothing brings back what is erased; look at it by --plan, and confirm it with --yes")
    _show(found, json=False, is_plan=True)
    typer.confirm("Nothing brings it back. Erase it?", abort=True)


def _show(found: Forgotten, *, json: bool, is_plan: bool) -> None:
    if json:
        typer.echo(json_module.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    console = open_console()
    people = "1 person" if found.people == 1 else f"{number(found.people)} people"
    if not found.people and found.known:
        console.print(f"forgotten before: {number(found.known)}; their records are rejected on sight")
        return
    verb = "would forget" if is_plan else "forgot"
    before = f"; {number(found.known)} were forgotten before" if found.known else ""
    console.print(f"{verb} {people} in {number(found.releases)} releases{before}", style="bold")
    _show_counts(console, "records of sources", found.records)
    _show_counts(console, "rows of tables", found.rows)
    if found.copies:
        console.print(f"copies of refused files that may name them: {number(found.copies)}")
    if found.sources:
        console.print(f"files of the sources: {number(found.sources)}")
    if found.counting:
        _show_counts(console, "rows whose published figures stay, and count them", found.counting)
        console.print("the next run publishes figures without them; --recompute changes the published ones, too")
    for release, table in found.dropped.items():
        console.print(f"release {release} goes: {table} is computed by other SQL today")


def _show_counts(console: Console, what: str, counts: Mapping[str, int]) -> None:
    if counts:
        console.print(f"{what}: " + ", ".join(f"{number(count)} of {name}" for name, count in counts.items()))
