"""The rows of a cube that a change of tables affects, and the SQL that computes them.

Which sums changed follows from the affected facts alone: those that came less those that left. What is stored of them
is computed from all facts of their days.
"""

from __future__ import annotations

from collections.abc import Mapping

from filon.engines import Engine
from filon.serving.affected import CAME, LEFT, FactsRead, Versions
from filon.serving.cube import (
    GROUPING_KEY,
    Cube,
    can_be_asked,
    choices_of,
    finest_sums,
    spelled_key,
    stored_sums,
)
from filon.sql import identifier, identifiers

TOUCHED, OF_DAYS, SUMS = "touched sums", "facts of touched days", "sums of touched days"
FACTS, DAY = "number of facts", "day of sums"


def facts_read(cube: Cube) -> FactsRead:
    """What the cube reads of facts."""
    summed = (column.name for column in cube.measures.values() if column is not None)
    return FactsRead(cube.table, (cube.time.name, *summed), cube.dimensions)


def cache_cube_changes(engine: Engine, table: str, cube: Cube, versions: Versions) -> None:
    """Make a table of the rows of a cube that changed.

    Args:
        engine: what holds the versions, and the affected facts
        table: the name of the table: columns as in the store, null in a row that is there no more, and whether a row is
            there now (``_is``) and may have been before (``_was``)
        cube: what is summed
        versions: the inputs before and now

    """
    time = identifier(cube.time.name)
    engine.cache(TOUCHED, _touched(cube, versions))
    names = facts_read(cube).names
    days = f"SELECT {time} FROM {identifier(TOUCHED)}"
    engine.view(OF_DAYS, f"SELECT {names} FROM {identifier(versions.now[cube.table])} AS fact WHERE {time} IN ({days})")
    engine.cache(SUMS, finest_sums(cube, versions.now, OF_DAYS))
    engine.cache(table, " UNION ALL ".join(_changed_sums(cube, choice) for choice in choices_of(cube)))


def _touched(cube: Cube, versions: Versions) -> str:
    """How much the finest sums changed, and how many facts each has more than before; only those that did."""
    came, left = _counted(cube, versions.now, CAME), _counted(cube, versions.before, LEFT)
    keys = identifiers([*sorted(cube.dimensions), cube.time.name])
    measures = [identifier(name) for name in (FACTS, *cube.measures)]
    plus = ", ".join(f"coalesce({name}, 0) AS {name}" for name in measures)
    minus = ", ".join(f"-coalesce({name}, 0) AS {name}" for name in measures)
    sums = ", ".join(f"sum({name}) AS {name}" for name in measures)
    both = f"SELECT {keys}, {plus} FROM ({came}) AS came UNION ALL SELECT {keys}, {minus} FROM ({left}) AS went"
    time = identifier(cube.time.name)
    return (
        f"SELECT {keys}, {sums} FROM ({both}) AS both_ways WHERE {time} IS NOT NULL GROUP BY ALL HAVING {_differ(cube)}"
    )


def _counted(cube: Cube, bound: Mapping[str, str], facts: str) -> str:
    """The finest sums of affected facts, and their number."""
    return finest_sums(cube, bound, facts, counted=FACTS)


def _differ(cube: Cube) -> str:
    """The condition that a sum changed, or the number of its facts, without which there is no row."""
    return " OR ".join(f"sum({name}) <> 0" for name in map(identifier, (FACTS, *cube.measures)))


def _changed_sums(cube: Cube, choice: tuple[str, ...]) -> str:
    """The sums of one choice of dimensions that changed, as they are now."""
    names = [identifier(name) for name in (*choice, cube.time.name)]
    groups = ", ".join(names)
    touched = (
        f"SELECT {groups} FROM {identifier(TOUCHED)} AS every WHERE {can_be_asked(cube, choice)} "
        f"GROUP BY {groups} HAVING {_differ(cube)}"
    )
    same = " AND ".join(f"sums.{name} = touched.{name}" for name in names)
    chosen = [*(f"touched.{name} AS {name}" for name in names), *(f"sums.{identifier(name)}" for name in cube.measures)]
    day = identifier(DAY)
    joined = (
        f"SELECT {', '.join(chosen)}, sums.{identifier(cube.time.name)} AS {day} "
        f"FROM ({touched}) AS touched LEFT JOIN {identifier(SUMS)} AS sums ON {same}"
    )
    return (
        f"SELECT {spelled_key(choice)} AS {GROUPING_KEY}, {identifier(cube.time.name)}, {stored_sums(cube)}, "
        f"count({day}) > 0 AS _is, TRUE AS _was FROM ({joined}) AS joined GROUP BY {groups}"
    )


MADE = (TOUCHED, OF_DAYS, SUMS)
"""The tables that ``cache_cube_changes`` makes beside the one that is asked for."""
