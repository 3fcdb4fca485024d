"""Text and tables on a console."""

from __future__ import annotations

from collections.abc import Iterable

import typer
from rich.console import Console
from rich.table import Table

from filon.errors import Problem

LOG_WIDTH = 140
STYLES = {
    "published": "bold green",
    "unchanged": "bold",
    "stopped": "bold",
    "failed": "bold red",
}
"""By the status of a run: how it is printed."""


def open_console(*, quiet: bool = False) -> Console:
    """A console as wide as the terminal; ``LOG_WIDTH`` columns where the output is no terminal."""
    console = Console(soft_wrap=True, highlight=False, markup=False, quiet=quiet)
    if not console.is_terminal:
        console.width = LOG_WIDTH
    return console


def warn(problems: Iterable[Problem]) -> None:
    """Print mistakes that stop nothing on standard error."""
    for problem in problems:
        typer.echo(f"warning: {problem}", err=True)


def number(value: int) -> str:
    """A whole number with commas between thousands."""
    return f"{value:,}"


def table_of(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table without borders; the columns named in ``right`` are aligned right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table
