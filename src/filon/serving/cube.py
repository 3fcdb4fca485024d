"""The SQL that computes a cube: first the finest sums, then those of every smaller choice of dimensions from them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, combinations

from filon.project.analysis import Dimension
from filon.project.serving import GROUPING_KEY, GROUPING_SEPARATOR, Cube
from filon.sql import identifier, literal

FINEST = identifier("finest sums")
SEPARATOR = f"chr({ord(GROUPING_SEPARATOR)})"
"""A control character, which no SQL of Filon holds as it is."""


def cube_query(cube: Cube, bound: Mapping[str, str]) -> str:
    """The rows of a cube; ``bound`` gives the name in the engine of each of its inputs."""
    names = sorted(cube.dimensions)
    choices = chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))
    parts = " UNION ALL ".join(_sums(cube, choice) for choice in choices)
    return f"WITH {FINEST} AS MATERIALIZED ({_finest(cube, bound)}) {parts}"


def _finest(cube: Cube, bound: Mapping[str, str]) -> str:
    """Sums per day and value of every dimension."""
    found, joins = dimensions_of(cube.dimensions, bound)
    columns = [f"CAST({column} AS VARCHAR) AS {identifier(name)}" for name, column in found.items()]
    time = identifier(cube.time.name)
    sums = ", ".join(
        f"{'count(*)' if column is None else f'sum(fact.{identifier(column.name)})'} AS {identifier(name)}"
        for name, column in cube.measures.items()
    )
    chosen = ", ".join([*columns, f"fact.{time} AS {time}"])
    return f"SELECT {chosen}, {sums} FROM {identifier(bound[cube.table])} AS fact{joins} GROUP BY ALL"


def dimensions_of(dimensions: Mapping[str, Dimension], bound: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Each dimension of a table called ``fact`` as an expression, and the joins with the tables that they stand in."""
    owners: dict[tuple[str, str], str] = {}
    columns, joins = {}, []
    for name, item in dimensions.items():
        owner = "fact"
        if item.through is not None and item.reference is not None:
            place = (item.table, item.through)
            if place not in owners:
                owners[place] = identifier(f"of {item.through}")
                key = f"{owners[place]}.{identifier(item.reference.column)} = fact.{identifier(item.through)}"
                joins.append(f" LEFT JOIN {identifier(bound[item.table])} AS {owners[place]} ON {key}")
            owner = owners[place]
        columns[name] = f"{owner}.{identifier(item.column.name)}"
    return columns, "".join(joins)


def _sums(cube: Cube, choice: tuple[str, ...]) -> str:
    """Sums of one choice of dimensions; rows that lack one of them are in no filtered sum."""
    parts = [f"{literal(f'{name}=')} || {identifier(name)}" for name in choice]
    cut = f" || {SEPARATOR} || ".join(parts) or "''"
    time = identifier(cube.time.name)
    sums = ", ".join(
        f"CAST(coalesce(sum({identifier(column.name)}), 0) AS {column.type.sql}) AS {identifier(column.name)}"
        for column in cube.stored.columns
        if column.name in cube.measures
    )
    # a value that holds the separator would read as two; no reader can ask for it
    known = [f"NOT contains({identifier(name)}, {SEPARATOR})" for name in choice]
    filled = " AND ".join([*known, f"{time} IS NOT NULL"])
    return f"SELECT {cut} AS {GROUPING_KEY}, {time}, {sums} FROM {FINEST} WHERE {filled} GROUP BY ALL"
