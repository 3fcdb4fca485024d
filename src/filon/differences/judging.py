"""Which rules of a guard a difference breaks, and by what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from filon.differences.document import Difference, Figure, FileChange, TableDifference
from filon.project.guard import OF_FIGURES, OF_ROWS, GuardRule, Subject


def broken_rules(rules: Iterable[GuardRule], difference: Difference) -> list[str]:
    """A line for each rule and each place where it is broken; a first release differs from nothing."""
    return [f"{rule.text}: {found}" for rule in rules for found in _violations(rule, difference)]


def _violations(rule: GuardRule, difference: Difference) -> Iterator[str]:
    if rule.subject is Subject.FILES_REFUSED:
        refused = [file.file for file in difference.files if file.change is FileChange.REFUSED]
        yield from _counted(rule, len(refused), f"refused: {', '.join(refused)}")
    elif rule.subject is Subject.CHECKS_FAILED:
        yield from _counted(rule, len(difference.checks_failed), f"do not hold: {'; '.join(difference.checks_failed)}")
    elif rule.subject is Subject.RECORDS_REJECTED:
        yield from _rejected(rule, difference)
    elif difference.before is not None:
        for table in difference.tables:
            if rule.table in ("", table.table) and table.rows_before is not None:
                yield from _of_table(rule, table)


def _rejected(rule: GuardRule, difference: Difference) -> Iterator[str]:
    for item in difference.records:
        if rule.table in ("", item.dataset):
            rejected, read = item.after.rejected, item.after.read
            yield from _limited(rule, rejected, read, f"{item.dataset}: {rejected:,} of {read:,} records are rejected")


def _of_table(rule: GuardRule, table: TableDifference) -> Iterator[str]:
    if rule.subject in OF_ROWS:
        word = rule.subject.removeprefix("rows_")
        number = {"added": table.added, "removed": table.removed, "changed": table.changed}[word]
        before = table.rows_before or 0
        yield from _limited(rule, number, before, f"{table.table}: {number:,} rows {word}, of {before:,}")
    elif rule.subject is Subject.COLUMNS_REMOVED:
        gone = [column.column for column in table.columns if column.after is None]
        yield from _counted(rule, len(gone), f"{table.table} lost {', '.join(gone)}")
    elif rule.subject in OF_FIGURES:
        for figure in table.figures:
            if figure.column == rule.column:
                yield from _moved(rule, table, figure)


def _moved(rule: GuardRule, table: TableDifference, figure: Figure) -> Iterator[str]:
    move = figure.total if rule.subject is Subject.TOTAL_MOVES else figure.largest
    if move is None or move.before == move.after:
        return
    if move.share is None or abs(move.share) > rule.most:
        key = "" if rule.subject is Subject.TOTAL_MOVES else _at(figure.largest_key)
        by = "from nothing" if move.share is None else f"by {move.share:+.1%}"
        yield f"{table.table}.{figure.column}{key} moves {by}, from {move.before} to {move.after}"


def _at(key: dict[str, str]) -> str:
    return f" at {', '.join(f'{name} {value}' for name, value in key.items())}"


def _counted(rule: GuardRule, number: int, what: str) -> Sequence[str]:
    return [what] if number > rule.most else []


def _limited(rule: GuardRule, number: int, of: int, what: str) -> Sequence[str]:
    most = rule.most * of if rule.is_share else rule.most
    return [what] if number > most else []
