"""What changed in a table from one build to another: the rows that went, and the rows that came."""

from __future__ import annotations

from filon.lake import Build
from filon.sql import identifier, identifiers
from filon.stages.context import Changes, Context


def note_changes(context: Context, before: Build, fingerprint: str, changes: Changes) -> None:
    """Remember, for the rest of the run, what changed from a build to the one with that fingerprint."""
    context.changes[before.id, before.fingerprint, fingerprint] = changes


def changes_since(context: Context, fingerprint: str, now: Build) -> Changes | None:
    """What changed in a table since the build with a fingerprint; None when that is not known without reading all.

    Builds that extend each other share files. What differs lies in the others, and only those are compared.
    """
    if fingerprint == now.fingerprint:
        return Changes()
    noted = context.changes.get((now.id, fingerprint, now.fingerprint))
    if noted is not None:
        return noted
    before = context.lake.find_build(now.layer, now.table, fingerprint)
    if before is None or before.columns != now.columns:
        return None
    shared = {file.name for file in before.files} & {file.name for file in now.files}
    if before.files and not shared:
        return None
    changes = _compare(context, before, now, shared)
    note_changes(context, before, now.fingerprint, changes)
    return changes


def _compare(context: Context, before: Build, now: Build, shared: set[str]) -> Changes:
    engine, lake = context.engine, context.lake
    sides = []
    for build in (before, now):
        own = [file for file in build.files if file.name not in shared]
        table = f"own rows of {build.table} in {build.fingerprint}"
        engine.bind(table, lake.paths_of(build.layer, build.table, own, lake.part_of(build)), build.columns)
        sides.append(f"SELECT {identifiers(column.name for column in build.columns)} FROM {identifier(table)}")
    changes = changes_of(now)
    for name, (these, others) in ((changes.old, sides), (changes.new, sides[::-1])):
        engine.cache(name, f"{these} EXCEPT ALL {others}")
    return changes


def changes_of(build: Build) -> Changes:
    """The names for what changed in a table up to this build."""
    return Changes(f"rows that left {build.table}", f"rows that came to {build.table}")


def count(context: Context, table: str) -> int:
    """The number of rows of a table of the engine."""
    [(rows,)] = context.engine.rows(f"SELECT count(*) FROM {identifier(table)}")
    return int(rows)
