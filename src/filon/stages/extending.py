"""A table is extended: of the build before, only the files that hold a row which goes are written again.

Small files are written together before they become many: eight of about one size become one of the next size. So a
table of many small runs has few files, and a row is written again a few times only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from filon.engines.changes import Changes, count
from filon.lake import Build, TableFile
from filon.project import Partition
from filon.sql import identifier, identifiers, literals
from filon.stages.context import Context

FILE = "_in_file"
"""The column of a base table that tells in which file a row is."""
REWRITTEN = "files to write again"
SMALLEST, FANOUT, TIERS = 10_000, 8, 4
"""Files with fewer rows are of the first size, each further size has ``FANOUT`` times as many; the largest stay."""
FEW_ROWS = 100_000
"""Rows that are written into one file. More are divided among files, which are written at the same time."""
MOST_CHANGED = 0.5
"""The share of a table from which building it whole is less work than finding what changed."""


class WhyFull(StrEnum):
    """Why a table that was not found is built whole; a model may have reasons of its own."""

    FORCED = "FORCED"
    NO_BASE = "NO_BASE"
    RECIPE_CHANGED = "RECIPE_CHANGED"
    INPUT_REBUILT = "INPUT_REBUILT"
    DATE_IN_RULE = "DATE_IN_RULE"
    MOST_CHANGED = "MOST_CHANGED"
    JUDGED_ANEW = "JUDGED_ANEW"
    COUNTS_FORGOTTEN = "COUNTS_FORGOTTEN"


def is_less_work(changed: int, rows: int) -> bool:
    """Whether a table of so many rows, or keys, is extended when so many are concerned, rather than built whole."""
    return changed <= MOST_CHANGED * rows


def rewrite(
    context: Context, build: Build, partition: Partition | None, changes: Changes, staying: Callable[[str, str], str]
) -> tuple[TableFile, ...]:
    """Write what differs from a build; the files that are not touched are kept.

    Args:
        context: the run
        build: what is extended
        partition: how its files are divided
        changes: the rows that leave, with the column ``FILE``, and the rows that come
        staying: a query for the rows of some files that stay, given the table of all their rows, and the list of the
            files, as SQL

    Returns:
        All files of the new content.

    """
    engine, lake = context.engine, context.lake
    touched = {name for (name,) in engine.rows(f"SELECT DISTINCT {FILE} FROM {identifier(changes.old)}")}
    again = [file for file in build.files if _last(file) in touched]
    coming = _rows_by_partition(context, partition, changes.new)
    for value, rows in coming.items():
        untouched = [file for file in build.files if file not in again and _value(file, partition) == value]
        again += small_files(untouched, rows)
    kept = tuple(file for file in build.files if file not in again)
    if not again and not coming:
        return kept
    names = identifiers(column.name for column in build.columns)
    engine.bind(REWRITTEN, lake.paths_of(build.layer, build.table, again, lake.part_of(build)), build.columns)
    try:
        stay = staying(REWRITTEN, literals(_last(file) for file in again) or "NULL")
        query = f"SELECT {names} FROM ({stay}) AS staying UNION ALL SELECT {names} FROM {identifier(changes.new)}"
        rows = sum(file.rows for file in again) + sum(coming.values())
        written = context.write(build.layer, build.table, query, partition, in_one_file=rows <= FEW_ROWS)
    finally:
        engine.drop([REWRITTEN])
    return (*kept, *written)


def _rows_by_partition(context: Context, partition: Partition | None, table: str) -> dict[str | None, int]:
    """How many rows of a table belong to each partition; those of a table without partitions are under None."""
    if partition is None:
        rows = count(context.engine, table)
        return {None: rows} if rows else {}
    value = partition.over(identifier(partition.column.name))
    return dict(context.engine.rows(f"SELECT {value}, count(*) FROM {identifier(table)} GROUP BY ALL"))


def _value(file: TableFile, partition: Partition | None) -> str | None:
    return file.partition.get(partition.name) if partition is not None else None


def written_rows(base: Build, build: Build) -> int:
    """The rows in the files of a build that the one which it extends does not have."""
    kept = {file.name for file in base.files}
    return sum(file.rows for file in build.files if file.name not in kept)


def partitions_in(build: Build) -> int:
    """The number of partitions that a build has files of."""
    return len({file.partition.get(build.partition) for file in build.files})


def small_files(files: Sequence[TableFile], coming: int) -> list[TableFile]:
    """The files that are written together with ``coming`` rows, so that small files stay few.

    Files of a size are, once they are ``FANOUT``; so are then all smaller ones.
    """
    due = [tier for tier in range(TIERS) if len(list(_of_tier(files, tier))) >= FANOUT - 1] if coming else []
    return [file for file in files if _tier(file.rows) <= max(due)] if due else []


def _last(file: TableFile) -> str:
    """The last part of the path of a file, as the column ``FILE`` has it."""
    return file.name.rsplit("/", 1)[-1]


def _of_tier(files: Iterable[TableFile], tier: int) -> Iterator[TableFile]:
    return (file for file in files if _tier(file.rows) == tier)


def _tier(rows: int) -> int:
    """The size of a file: 0 below ``SMALLEST`` rows, one more for each ``FANOUT`` times as many."""
    return next((tier for tier in range(TIERS) if rows < SMALLEST * FANOUT**tier), TIERS)
