"""An explanation as text: the row, then what it was computed from, the nearest tables first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from filon.cli.render import number

if TYPE_CHECKING:
    from filon.explain.report import Contribution, Explanation, OtherRecord, Record

LONGEST = 120
"""Characters of a condition that a short answer shows."""


def show_explanation(console: Console, explanation: Explanation, *, whole: bool) -> None:
    """Print a row and what it was computed from.

    Args:
        console: where to
        explanation: the row
        whole: every way to each table with its whole condition; else one way to each

    """
    _show_row(console, explanation)
    shown = explanation.contributions if whole else _one_of_each_table(explanation)
    sources = [f"{number(part.rows)} of {part.table}" for part in shown if part.records and part.read_by is not None]
    if sources:
        console.print(f"in the end from records: {', '.join(sources)}")
    for part in shown:
        _show_contribution(console, part, explanation.table, whole=whole)
    _show_others(console, explanation)
    if explanation.not_followed:
        console.print()
    for unfollowed in explanation.not_followed:
        console.print(f"{unfollowed.read_by} also reads: {unfollowed.table} (not followed: {unfollowed.reason})")
    if hidden := len(explanation.contributions) - len(shown):
        ways = "another way" if hidden == 1 else f"{number(hidden)} other ways"
        console.print(f"\n{ways} to the same tables: --all")


def _show_row(console: Console, explanation: Explanation) -> None:
    found = f"{explanation.table}," if explanation.row else f"{explanation.table} has no such row in"
    console.print(f"{found} release {explanation.release}", style="bold")
    for name, value in explanation.row.items():
        console.print(f"  {name}: {'' if value is None else value}")
    if explanation.computed_by:
        console.print(f"computed by {explanation.computed_by}")
    if explanation.counts_forgotten:
        rows = number(explanation.counts_forgotten)
        console.print(f"figures of {rows} of its rows count people who were forgotten since, and whose rows are gone")


def _one_of_each_table(explanation: Explanation) -> list[Contribution]:
    """One contribution of each table: of rows that were certainly used, and that the model itself read, if there is."""
    parts = sorted(explanation.contributions, key=lambda part: (not part.exact, part.read_by != explanation.table))
    best = {part.table: part for part in reversed(parts)}
    return [part for part in explanation.contributions if part is best[part.table]]


def _show_others(console: Console, explanation: Explanation) -> None:
    for other in explanation.others:
        _show_other(console, other)
    if explanation.others_total > len(explanation.others):
        console.print(f"  … and {number(explanation.others_total - len(explanation.others))} more records of this key")


def _show_other(console: Console, other: OtherRecord) -> None:
    record = other.record
    if other.reasons:
        reasons = (f"{reason}, must be: {demand}" if demand else reason for reason, demand in other.reasons.items())
        console.print(f"\nrejected: {'; '.join(reasons)}")
    else:
        console.print("\nsuperseded by another record of this key:")
    console.print(f"  {record.file} record {record.record}: {_fields(record)}")


def _fields(record: Record) -> str:
    return ", ".join(f"{name}={'' if value is None else value}" for name, value in record.fields.items())


def _show_contribution(console: Console, part: Contribution, explained: str, *, whole: bool) -> None:
    through = f", read by {part.read_by}" if part.read_by not in (None, explained) else ""
    rows = f"{number(part.rows)} {'row' if part.rows == 1 else 'rows'}"
    claim = rows if part.exact else f"candidates, before the model's other filters: {rows}"
    condition = part.condition if whole or len(part.condition) <= LONGEST else f"{part.condition[:LONGEST]}…"
    which = "" if part.is_every_row else f" where {condition}"
    console.print(f"\nfrom {part.table}{through}: {'' if which else 'all '}{claim}{which}")
    if not part.records and part.keys:
        keys = "; ".join(", ".join(map(str, key)) for key in part.keys)
        console.print(f"  keys {keys}{' …' if part.rows > len(part.keys) else ''}")
    for record in part.records:
        console.print(f"  {record.file} record {record.record}: {_fields(record)}")
    if part.records and part.rows > len(part.records):
        console.print(f"  … and {number(part.rows - len(part.records))} more")
