"""What changed in a table from one build to another: the rows that went, and the rows that came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from filon.engines.protocol import SqlEngine
from filon.lake import Build, Lake
from filon.sql import identifier, identifiers

MOST_COMPARED = 1_000_000
"""Rows beyond which two builds that share no file are not compared: one of them was built whole, which cost as much."""


@dataclass(frozen=True)
class Changes:
    """Tables of the engine with the rows that one build of a table has and another has not, and the other way round.

    Both are empty names when the builds have the same rows.
    """

    old: str = ""
    new: str = ""

    def __bool__(self) -> bool:
        return bool(self.old or self.new)


class ChangeLog:
    """The changes of tables that a run knows. Who extends a table notes them; others are read off the lake.

    ``engine`` starts the engine, or gives the one that was started.
    """

    def __init__(self, lake: Lake, engine: Callable[[], SqlEngine]) -> None:
        self._lake = lake
        self._engine = engine
        self._known: dict[tuple[str, str, str], Changes] = {}

    def note(self, before: Build, fingerprint: str, changes: Changes) -> None:
        """Remember what changed from a build to the one of the same table with that fingerprint."""
        self._known[before.id, before.fingerprint, fingerprint] = changes

    def since(self, fingerprint: str, now: Build) -> Changes | None:
        """What changed in a table since its build with a fingerprint; None when it would take reading much.

        Builds that extend each other share files. What differs lies in the others, and only those are compared.
        """
        if fingerprint == now.fingerprint:
            return Changes()
        noted = self._known.get((now.id, fingerprint, now.fingerprint))
        if noted is not None:
            return noted
        before = self._lake.find_build(now.layer, now.table, fingerprint)
        if before is None or before.columns != now.columns:
            return None
        shared = {file.name for file in before.files} & {file.name for file in now.files}
        if not shared and max(before.rows, now.rows) > MOST_COMPARED:
            return None
        changes = self._compare(before, now, shared)
        self.note(before, now.fingerprint, changes)
        return changes

    def _compare(self, before: Build, now: Build, shared: set[str]) -> Changes:
        sides = [self._own_rows(build, shared) for build in (before, now)]
        changes = changes_since(before)
        self._engine().cache(changes.old, f"{sides[0]} EXCEPT ALL {sides[1]}")
        self._engine().cache(changes.new, f"{sides[1]} EXCEPT ALL {sides[0]}")
        return changes

    def _own_rows(self, build: Build, shared: set[str]) -> str:
        """A query for the rows of a build in the files that only this one of two builds has."""
        own = [file for file in build.files if file.name not in shared]
        paths = self._lake.paths_of(build.layer, build.table, own, self._lake.part_of(build))
        table = f"own rows of {build.table} in {build.fingerprint}"
        self._engine().bind(table, paths, build.columns)
        return f"SELECT {identifiers(column.name for column in build.columns)} FROM {identifier(table)}"


def changes_since(before: Build) -> Changes:
    """The names for what changed in a table since a build."""
    which = f"{before.id} since {before.fingerprint}"
    return Changes(f"rows that left {which}", f"rows that came to {which}")


def count(engine: SqlEngine, table: str) -> int:
    """The number of rows of a table of an engine."""
    [(rows,)] = engine.rows(f"SELECT count(*) FROM {identifier(table)}")
    return int(rows)


def differing(key: Sequence[str], others: Sequence[str], old: str, new: str, chosen: Sequence[str]) -> str:
    """A query for the rows in which two queries differ, matched by key.

    Args:
        key: the columns that tell rows apart; they are not null
        others: the columns that are compared
        old: a query for the rows before
        new: a query for the rows after
        chosen: what is selected, of the tables ``o`` (old) and ``n`` (new), beside the key

    Returns:
        The query; its columns ``_was`` and ``_is`` say whether the key was there before, and is there after.

    """
    keys = [f"coalesce(n.{identifier(name)}, o.{identifier(name)}) AS {identifier(name)}" for name in key]
    selected = ", ".join([*keys, *chosen, "n._there IS NOT NULL AS _is", "o._there IS NOT NULL AS _was"])
    joined = " AND ".join(f"n.{identifier(name)} = o.{identifier(name)}" for name in key)
    differ = " OR ".join(f"n.{identifier(name)} IS DISTINCT FROM o.{identifier(name)}" for name in others) or "FALSE"
    return (
        f"SELECT {selected} FROM (SELECT *, TRUE AS _there FROM ({new}) AS rows_after) AS n "
        f"FULL JOIN (SELECT *, TRUE AS _there FROM ({old}) AS rows_before) AS o ON {joined} "
        f"WHERE n._there IS NULL OR o._there IS NULL OR {differ}"
    )
