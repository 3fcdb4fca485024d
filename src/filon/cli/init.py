"""``filon init``: a first project from files, and what a run of it makes of them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from filon.cli.progress import LiveProgress
from filon.cli.render import number, open_console, table_of
from filon.settings import STATE, read_settings

if TYPE_CHECKING:
    from filon.scaffold import Written
    from filon.scaffold.proof import Proof, TableProof

LONGEST_EXAMPLE = 32


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new project")],
    csv: Annotated[list[Path], typer.Argument(help="Files to describe; files of one kind make one source")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the project; else the folder's")] = None,
) -> None:
    """Start a project from files: a contract, a model and a page for each kind, tried on all their rows."""
    from filon.scaffold import write_project

    console = open_console()
    settings = read_settings()
    with LiveProgress(open_console(quiet=not console.is_terminal)) as listener:
        written = write_project(folder, csv, name or folder.resolve().name, settings, listener=listener)
    for path in written.paths:
        console.print(Text(f"wrote {path}"))
    _show_proof(console, written.proof)
    _show_next(console, written, folder)


def _show_proof(console: Console, proof: Proof) -> None:
    for table in proof.tables:
        console.print()
        _show_table(console, table)
    for file, reason in proof.refused:
        console.print(Text(f"{file} is refused: {reason}", "red"))


def _show_table(console: Console, proof: TableProof) -> None:
    guess, facts = proof.guess, proof.facts
    key = f"key {', '.join(guess.key)}" if guess.key else "no key: every row is kept"
    console.print(Text(f"{guess.name}: {number(facts.rows)} rows, {key}", "bold"))
    table = table_of("column", "type", "nulls", "distinct", "example", "refers to", right=("nulls", "distinct"))
    for column in guess.columns:
        found = facts.columns[column.name]
        target = ".".join(column.references or ())
        example = found.example if len(found.example) <= LONGEST_EXAMPLE else f"{found.example[:LONGEST_EXAMPLE]}…"
        table.add_row(column.name, str(column.type), number(found.nulls), number(found.distinct), example, target)
    console.print(table)
    for sample in guess.source.samples:
        if sample.other_sheets:
            console.print(
                Text(f"{sample.file_name}: other sheets are not read: {', '.join(sample.other_sheets)}", "yellow")
            )
    for rejection in proof.rejections:
        demand = f", must be: {rejection.demand}" if rejection.demand else ""
        share = f"{number(rejection.rows)} of {number(facts.read)} records"
        console.print(Text(f"rejected: {share}, {rejection.reason}{demand}", "yellow"))
        if (row := rejection.example) is not None:
            console.print(Text(f"    {row.file}, record {row.record}: {row.raw[:200]}"))


def _show_next(console: Console, written: Written, folder: Path) -> None:
    run = f"filon run --project {shlex.quote(str(folder))}"
    console.print()
    if not written.knows_sources:
        place = STATE / written.name / "sources"
        if _link(place, written.sources):
            console.print(
                Text(f"{place} leads to {written.sources.resolve()}: runs from this folder find the files there")
            )
        else:
            run += f" --sources {shlex.quote(str(written.sources))}"
    console.print(Text(f"Read the contracts, then: {run}"))


def _link(place: Path, sources: Path) -> bool:
    """Let the place where a run looks for sources lead to the files; False when that is not possible, or taken."""
    try:
        if not place.is_symlink() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(sources.resolve(), target_is_directory=True)
        return place.resolve() == sources.resolve()
    except OSError:  # a folder that cannot be written to, or a system without links
        return False
