"""A table is extended: of the build before, only the files that hold a row which goes are written again.

Small files are written together before they become many: eight of about one size become one of the next size. So a
table of many small runs has few files, and a row is written again a few times only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from filon.engines.changes import Changes, count
from filon.lake import Build, TableFile
from filon.sql import identifier, identifiers, literals
from filon.stages.context import Context

FILE = "_in_file"
"""The column of a base table that tells in which file a row is."""
REWRITTEN = "files to write again"
SMALLEST, FANOUT, TIERS = 10_000, 8, 4
"""Files with fewer rows are of the first size, each further size has ``FANOUT`` times as many; the largest stay."""


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


def is_less_work(changed: int, rows: int) -> bool:
    """Whether a table of so many rows, or keys, is extended when so many are concerned, rather than built whole."""
    return changed <= MOST_CHANGED * rows


def rewrite(
    context: Context, build: Build, changes: Changes, staying: Callable[[str, str], str]
) -> tuple[TableFile, ...]:
    """Write what differs from a build; the files that are not touched are kept.

    Args:
        context: the run
        build: what is extended
        changes: the rows that leave, with the column ``FILE``, and the rows that come
        staying: a query for the rows of some files that stay, given the table of all their rows, and the list of the
            files, as SQL

    Returns:
        All files of the new content.

    """
    engine, lake = context.engine, context.lake
    touched = {name for (name,) in engine.rows(f"SELECT DISTINCT {FILE} FROM {identifier(changes.old)}")}
    again = [file for file in build.files if _last(file) in touched]
    coming = count(engine, changes.new)
    again += small_files([file for file in build.files if file not in again], coming)
    kept = tuple(file for file in build.files if file not in again)
    if not again and not coming:
        return kept
    names = identifiers(column.name for column in build.columns)
    engine.bind(REWRITTEN, lake.paths_of(build.layer, build.table, again, lake.part_of(build)), build.columns)
    try:
        stay = staying(REWRITTEN, literals(_last(file) for file in again) or "NULL")
        query = f"SELECT {names} FROM ({stay}) AS staying UNION ALL SELECT {names} FROM {identifier(changes.new)}"
        written = engine.write(query, lake.table(build.layer, build.table))
    finally:
        engine.drop([REWRITTEN])
    return (*kept, *lake.seal(build.layer, build.table, written))


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
