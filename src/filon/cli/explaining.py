"""Show where a row comes from."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from filon.cli.render import number
from filon.lake import Lake, Release
from filon.line import make_engine, workspace_of
from filon.project import Project
from filon.project.lineage import EVERY_ROW
from filon.settings import read_settings
from filon.stages.explaining import Contribution, Explanation, explain


def explain_row(project: Project, lake: Lake, release: Release, table: str, key: Sequence[str]) -> Explanation:
    """Explain a row of a release; ``as_of()`` is the date that the release was made with."""
    settings = read_settings()
    with workspace_of(settings) as workspace:
        engine = make_engine(settings, project, release.as_of, workspace, lake.places)
        try:
            return explain(engine, project, lake, release, lake.ledger(), table, key)
        finally:
            engine.close()


def show_explanation(console: Console, explanation: Explanation) -> None:
    """Print a row and what it was computed from."""
    console.print(f"{explanation.table}, release {explanation.release}", style="bold")
    for name, value in explanation.row.items():
        console.print(f"  {name}: {'' if value is None else value}")
    if explanation.computed_by:
        console.print(f"computed by {explanation.computed_by}")
    for part in explanation.contributions:
        _show_contribution(console, part, explanation.table)
    if explanation.not_followed:
        console.print()
    for other in explanation.not_followed:
        console.print(f"{other.read_by} also reads: {other.table} (not followed: {other.reason})")


def _show_contribution(console: Console, part: Contribution, explained: str) -> None:
    through = f", read by {part.read_by}" if part.read_by not in (None, explained) else ""
    rows = f"{number(part.rows)} {'row' if part.rows == 1 else 'rows'}"
    claim = rows if part.exact else f"candidates, before the model's other filters: {rows}"
    which = "" if part.condition == EVERY_ROW else f" where {part.condition}"
    console.print(f"\nfrom {part.table}{through}: {'' if which else 'all '}{claim}{which}")
    if not part.records and part.keys:
        keys = "; ".join(", ".join(map(str, key)) for key in part.keys)
        console.print(f"  keys {keys}{' …' if part.rows > len(part.keys) else ''}")
    for record in part.records:
        fields = ", ".join(f"{name}={'' if value is None else value}" for name, value in record.fields.items())
        console.print(f"  {record.file} record {record.record}: {fields}")
    if part.records and part.rows > len(part.records):
        console.print(f"  … and {number(part.rows - len(part.records))} more")
