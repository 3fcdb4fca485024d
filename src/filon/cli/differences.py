"""``filon plan`` and ``filon releases diff``: what changes, as text, JSON and a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from filon.cli.contracts import change_lines
from filon.cli.options import (
    AsOfOption,
    EngineOption,
    HtmlOption,
    JsonOption,
    LakeOption,
    ProjectOption,
    SourcesOption,
    read_as_of,
)
from filon.cli.progress import LiveProgress
from filon.cli.render import number, open_console, table_of
from filon.errors import ConfigError, GuardBroken, NotFound
from filon.lake import Lake
from filon.settings import Settings, read_settings

if TYPE_CHECKING:
    from filon.differences.document import Difference, Figure, Move, RowExample, TableDifference
    from filon.project import Project
    from filon.project.guard import GuardRule

FailOnOption = Annotated[
    list[str] | None,
    typer.Option("--fail-on", metavar="RULE", help="Exit with 4 when it is broken, such as 'rows_removed > 1%'"),
]
MOST_SHOWN = 12
"""Partitions, columns and files of one line or one table that a text shows."""
SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def plan(
    project: ProjectOption = None,
    sources: SourcesOption = None,
    lake: LakeOption = None,
    fail_on: FailOnOption = None,
    html: HtmlOption = None,
    engine: EngineOption = None,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a run would change, and publish nothing; the next run goes on from there."""
    from filon.access import Pipeline

    settings = read_settings(project=project, sources=sources, lake=lake, engine=engine)
    pipeline = Pipeline(settings)
    rules = _read_rules(pipeline.project, fail_on or [])
    console = open_console(quiet=json)
    with LiveProgress(console) as listener:
        report = pipeline.plan(rules=rules, as_of=read_as_of(as_of, pipeline.project), listener=listener)
    if report.difference is None:
        if json:
            typer.echo(report.model_dump_json(indent=2))
        raise typer.Exit(_failed(report.error))
    show(console, report.difference, pipeline.project.title, json=json, html=html)
    if report.difference.broken:
        raise typer.Exit(GuardBroken.exit_code)


def show_releases(settings: Settings, before: int, after: int, *, json: bool, html: Path | None) -> None:
    """Print what a release has that another one has not."""
    from filon.access import Pipeline

    pipeline = Pipeline(settings)
    show(open_console(quiet=json), pipeline.difference(before, after), pipeline.project.title, json=json, html=html)


def show_rollback(settings: Settings, project: Project, lake: Lake, number: int) -> None:
    """Print what publishing an older release again would change."""
    from filon.pipeline.review import compare_releases

    published = lake.release()
    if published is None:
        raise NotFound("nothing is published yet: `filon run`")
    difference = compare_releases(settings, project, lake, published.number, number)
    show_difference(open_console(), difference)


def show(console: Console, difference: Difference, title: str, *, json: bool, html: Path | None) -> None:
    """Print a difference, as JSON if wanted, and write it as a page."""
    if html is not None:
        from filon.differences.page import page

        html.write_text(page(difference, title), encoding="utf-8")
    if json:
        typer.echo(difference.model_dump_json(indent=2))
    else:
        show_difference(console, difference)
        if html is not None:
            console.print(f"\nthe page is {html}")


def show_difference(console: Console, difference: Difference) -> None:
    """Print a difference as text."""
    console.print(_headline(difference), style="bold")
    _show_files(console, difference)
    _show_tables(console, difference)
    figures = [(table, figure) for table in difference.tables for figure in table.figures]
    if figures:
        console.print("\nfigures", style="bold")
    for table, figure in figures:
        console.print(f"  {_figure(table, figure)}")
    for table in difference.tables:
        _show_examples(console, table)
    if difference.contracts:
        console.print("\ncontracts", style="bold")
    for line in change_lines(difference.contracts):
        console.print(Text(f"  {line}"))
    console.print()
    for line in difference.checks_failed:
        console.print(Text(f"check does not hold: {line}", style="yellow"))
    for line in difference.broken:
        console.print(Text(f"rule is broken: {line}", style="red"))
    if not difference.broken and not difference.checks_failed:
        console.print("no check fails, and no rule is broken", style="green")


def _failed(error: str | None) -> int:
    """Print why a plan could not be made; returns the exit code."""
    typer.secho(f"error: {error}", err=True, fg="red")
    return 1


def _read_rules(project: Project, texts: list[str]) -> list[GuardRule]:
    from filon.project.guard import parse_rule
    from filon.project.guarding import rule_faults

    try:
        rules = [parse_rule(text) for text in texts]
    except ValueError as error:
        raise ConfigError(f"--fail-on: {error}") from None
    for rule, what, fix in rule_faults(project, rules):
        raise ConfigError(f"--fail-on `{rule.text}`: {what}; {fix}")
    return rules


def _headline(difference: Difference) -> str:
    before = f"release {difference.before}" if difference.before is not None else "nothing published"
    if difference.after is not None:
        return f"release {difference.after}, compared with {before}"
    if difference.is_empty:
        return f"a run would change nothing: {before} stays"
    return f"a run would publish this, compared with {before}"


def _show_files(console: Console, difference: Difference) -> None:
    for file in difference.files[:MOST_SHOWN]:
        style = "yellow" if file.change == "refused" else ""
        why = f": {file.reason} {file.detail or ''}" if file.reason else f" ({number(file.records)} records)"
        console.print(Text(f"{file.change:<10} {file.file}{why}".rstrip(), style=style))
    if len(difference.files) > MOST_SHOWN:
        console.print(f"… and {number(len(difference.files) - MOST_SHOWN)} more files")
    for item in difference.records:
        if item.before != item.after:
            old, new = item.before, item.after
            console.print(
                f"{item.dataset}: read {number(old.read)} → {number(new.read)}, accepted {number(old.accepted)} → "
                f"{number(new.accepted)}, superseded {number(old.superseded)} → {number(new.superseded)}, "
                f"rejected {number(old.rejected)} → {number(new.rejected)}"
            )


def _show_tables(console: Console, difference: Difference) -> None:
    if not difference.tables:
        return
    numbers = ("rows before", "rows after", "added", "removed", "changed")
    shown = table_of("layer", "table", *numbers, "partitions", right=numbers)
    for table in difference.tables:
        rows = ["—" if count is None else number(count) for count in (table.rows_before, table.rows_after)]
        counts = [number(count) if count else "" for count in (table.added, table.removed, table.changed)]
        shown.add_row(table.layer.value, table.table, *rows, *counts, _some(table.partitions))
    console.print()
    console.print(shown)
    for table in difference.tables:
        for column in table.columns:
            change = f"{column.before or 'not there'} → {column.after or 'gone'}"
            console.print(Text(f"column {table.table}.{column.column}: {change}", style="yellow"))
    if difference.unchanged:
        console.print(f"unchanged: {_some(difference.unchanged)}")


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - MOST_SHOWN
    return ", ".join(names[:MOST_SHOWN]) + (f" … and {number(more)} more" if more > 0 else "")


def _figure(table: TableDifference, figure: Figure) -> str:
    text = f"{table.table}.{figure.column}: in all {_move(figure.total)}"
    if figure.largest is None:
        return text
    key = ", ".join(f"{name} {value}" for name, value in figure.largest_key.items())
    return f"{text}; most at {key}: {_move(figure.largest)}"


def _move(move: Move) -> str:
    share = f" ({move.share:+.2%})" if move.share is not None else ""
    return f"{move.before or 'nothing'} → {move.after or 'nothing'}{share}"


def _show_examples(console: Console, table: TableDifference) -> None:
    if table.examples:
        console.print(f"\n{table.table}", style="bold")
    for example in table.examples:
        console.print(f"  {SIGNS[example.change]} {_example(example)}")


def _example(example: RowExample) -> str:
    key = ", ".join(f"{name}={value}" for name, value in example.key.items())
    values = []
    for name, value in list(example.values.items())[:MOST_SHOWN]:
        sides = {"added": [value.after], "removed": [value.before]}.get(example.change, [value.before, value.after])
        values.append(f"{name}={' → '.join('' if side is None else side for side in sides)}")
    return ": ".join(part for part in (key, ", ".join(values)) if part)
