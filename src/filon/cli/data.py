"""``filon show``, ``sql`` and ``explain``: look at the rows of a release."""

from __future__ import annotations

import json as json_module
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from filon.cli.explaining import show_explanation
from filon.cli.options import JsonOption, LakeOption, ProjectOption
from filon.cli.render import number, open_console, table_of
from filon.settings import read_settings

if TYPE_CHECKING:
    from filon.access import OpenRelease, Rows

FIRST = 20
UNBOUNDED = 100_000
"""Columns of a console whose output goes to a file or another program: no cell is folded there."""


class Output(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


ReleaseOption = Annotated[
    int | None, typer.Option("--release", metavar="N", min=1, help="A kept release; else the published one")
]
FormatOption = Annotated[Output, typer.Option("--format", help="How rows are printed")]
FileOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write a .csv, .json or .parquet file instead")
]


def show(
    table: Annotated[str, typer.Argument(help="A table of the release, or a dataset with --layer")],
    layer: Annotated[
        Literal["bronze", "silver", "gold", "quarantine", "superseded"] | None,
        typer.Option(
            "--layer", help="bronze: records as received; quarantine: rejected rows; superseded: outranked ones"
        ),
    ] = None,
    where: Annotated[str | None, typer.Option("--where", metavar="SQL", help="Only rows that meet this")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rows")] = FIRST,
    release: ReleaseOption = None,
    output: FormatOption = Output.TABLE,
    file: FileOption = None,
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
) -> None:
    """Show rows of a table, in the order of its key."""
    opened = _open(project_folder, lake_uri, release)
    rows = opened.table(table, layer=layer, where=where, limit=limit)
    total = opened.count(table, layer) if where is None else None
    _print(rows, output, file, is_cut=len(rows) == limit and total != limit, total=total)


def sql(
    query: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT; - reads it from the input")],
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Most rows; 20 as a table, else all")] = None,
    release: ReleaseOption = None,
    output: FormatOption = Output.TABLE,
    file: FileOption = None,
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
) -> None:
    """Answer a SELECT over the silver and gold tables of a release; nothing is written."""
    text = sys.stdin.read() if query == "-" else query
    most = FIRST if limit is None and output is Output.TABLE and file is None else limit
    rows = _open(project_folder, lake_uri, release).sql(text, limit=most)
    _print(rows, output, file, is_cut=len(rows) == most)


def explain(
    table: Annotated[str, typer.Argument(help="A silver or gold table")],
    key: Annotated[list[str], typer.Argument(help="The values of its key, in order")],
    release: ReleaseOption = None,
    project_folder: ProjectOption = None,
    lake_uri: LakeOption = None,
    whole: Annotated[bool, typer.Option("--all", help="Every way to every table, with whole conditions")] = False,
    json: JsonOption = False,
) -> None:
    """Explain a row: what it was computed from, down to files and records; or why a source has no such row."""
    explanation = _open(project_folder, lake_uri, release).explain(table, *key)
    if json:
        typer.echo(json_module.dumps(explanation.as_dict(), indent=2, ensure_ascii=False, default=str))
    else:
        show_explanation(open_console(), explanation, whole=whole)


def _open(project: Path | None, lake: str | None, release: int | None) -> OpenRelease:
    from filon.access import Pipeline

    return Pipeline(read_settings(project=project, lake=lake)).release(release)


def _print(rows: Rows, output: Output, file: Path | None, *, is_cut: bool, total: int | None = None) -> None:
    if file is not None:
        rows.write(file)
        typer.echo(f"{number(len(rows))} rows in {file}")
    elif output is Output.JSON:
        typer.echo(rows.json().decode())
    elif output is Output.CSV:
        rows.write_csv(sys.stdout)
    else:
        _show_rows(open_console(), rows, is_cut=is_cut, total=total)


def _show_rows(console: Console, rows: Rows, *, is_cut: bool, total: int | None) -> None:
    if not console.is_terminal:
        console.width = UNBOUNDED
    numbers = [column.name for column in rows.columns if getattr(column.type, "is_number", False)]
    table = table_of(*(column.name for column in rows.columns), right=tuple(numbers))
    for row in rows.texts():
        table.add_row(*(Text(text) for text in row))
    console.print(table)
    console.print()
    shown = number(len(rows))
    if not is_cut:
        console.print(f"{shown} {'row' if len(rows) == 1 else 'rows'}")
    elif total is not None:
        console.print(f"{shown} of {number(total)} rows: --limit shows more, --output writes a file")
    else:
        console.print(f"the first {shown} rows: --limit shows more, --output writes a file")
