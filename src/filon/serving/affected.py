"""Facts that a change of tables affects: those that came or went, and those that refer to changed rows of dimensions.

All other facts count before and after with the same values, so what differs between two releases follows from the
affected facts alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from filon.engines import Engine
from filon.engines.changes import Changes, count
from filon.project.serving import Dimension
from filon.sql import identifier, identifiers

LEFT, CAME = "affected facts before", "affected facts now"
KEYS = "changed keys of "
"""How the name of the table begins that has the keys whose rows of a dimension changed; the facts' column follows."""


@dataclass(frozen=True)
class FactsRead:
    """What is read of facts: the table, the columns of its own, and its dimensions by name."""

    table: str
    columns: tuple[str, ...]
    dimensions: Mapping[str, Dimension]

    @property
    def names(self) -> str:
        """All columns of the table of facts that are needed, references included, as SQL."""
        own = [item.through or item.column.name for item in self.dimensions.values()]
        return identifiers(dict.fromkeys([*self.columns, *own]))


@dataclass(frozen=True)
class Versions:
    """Two versions of the inputs of a feed: their names in the engine, and what changed in each."""

    before: Mapping[str, str]
    now: Mapping[str, str]
    changes: Mapping[str, Changes]


def find_affected(engine: Engine, read: FactsRead, versions: Versions, most: int) -> int | None:
    """Make the tables ``LEFT`` and ``CAME`` of the facts that a change affects, as they were and as they are.

    Args:
        engine: what holds the versions
        read: what is read of facts
        versions: the inputs before and now
        most: the number of facts beyond which it is less work to compare all

    Returns:
        The number of rows of both tables; None when there are more than ``most``.

    """
    facts = versions.changes[read.table]
    if sum(count(engine, table) for table in (facts.old, facts.new) if table) > most:
        return None
    try:
        refers = " OR ".join(
            f"EXISTS (SELECT 1 FROM {identifier(KEYS + through)} AS k WHERE k.changed_key = fact.{identifier(through)})"
            for through in _find_keys(engine, read, versions.changes)
        )
        engine.cache(LEFT, _affected(read, versions.before[read.table], facts.old, refers))
        engine.cache(CAME, _affected(read, versions.now[read.table], facts.new, refers))
    finally:
        engine.drop(KEYS + through for through in _references(read.dimensions.values()))
    found = count(engine, LEFT) + count(engine, CAME)
    return found if found <= most else None


def _affected(read: FactsRead, facts: str, changed: str, refers: str) -> str:
    """The changed facts of a version, and those that refer to a changed row."""
    parts = []
    if refers:
        parts.append(f"SELECT {read.names} FROM {identifier(facts)} AS fact WHERE {refers}")
    if changed:
        others = f" WHERE NOT ({refers})" if refers else ""
        parts.append(f"SELECT {read.names} FROM {identifier(changed)} AS fact{others}")
    return " UNION ALL ".join(parts) or f"SELECT {read.names} FROM {identifier(facts)} WHERE FALSE"


def _find_keys(engine: Engine, read: FactsRead, changes: Mapping[str, Changes]) -> Iterator[str]:
    """The columns of facts that refer to changed rows; the keys of these are in a table of the engine."""
    for through, (table, key, columns) in _references(read.dimensions.values()).items():
        if changed := changes[table]:
            engine.cache(KEYS + through, _changed_keys(changed, key, columns))
            if count(engine, KEYS + through):
                yield through


def _references(dimensions: Iterable[Dimension]) -> dict[str, tuple[str, str, list[str]]]:
    """By the column that refers: the table that it refers to, its key there, and the columns that are read there."""
    found: dict[str, tuple[str, str, list[str]]] = {}
    for item in dimensions:
        if item.through is not None and item.reference is not None:
            _, _, columns = found.setdefault(item.through, (item.table, item.reference.column, []))
            columns.append(item.column.name)
    return found


def _changed_keys(changes: Changes, key: str, columns: Sequence[str]) -> str:
    """The keys of rows that differ in columns that are read."""
    names = identifiers(dict.fromkeys([key, *columns]))
    sides = [f"SELECT {names} FROM {identifier(table)}" for table in (changes.old, changes.new)]
    return (
        f"SELECT DISTINCT {identifier(key)} AS changed_key FROM (({sides[0]} EXCEPT ALL {sides[1]}) "
        f"UNION ALL ({sides[1]} EXCEPT ALL {sides[0]})) AS changed WHERE {identifier(key)} IS NOT NULL"
    )
