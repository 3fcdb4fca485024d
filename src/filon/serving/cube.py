"""Cubes: sums of facts, a row per day and choice of dimensions, and the SQL that computes them.

The finest sums come first, those of every smaller choice of dimensions are computed from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations

from filon.project import INTEGER, TEXT, Column, ColumnType, Contract, Kind
from filon.project.serving import Dimension
from filon.project.vocabulary import AggregationSpec, ApiSpec, EndpointSpec
from filon.serving.tables import CUBE, StoredTable
from filon.sql import identifier, literal

GROUPING_KEY = "_grouping_key"
"""The column of a cube that says which dimensions have which values; a row sums over all others."""
GROUPING_SEPARATOR = "\x1f"
"""Stands between the parts of a grouping key. No value that contains it can be asked for."""
FINEST = identifier("finest sums")
SEPARATOR = f"chr({ord(GROUPING_SEPARATOR)})"
"""A control character, which no SQL of Filon holds as it is."""


@dataclass(frozen=True)
class Cube:
    """Sums of a table per day, for every choice of dimensions and values, so that any filtered sum reads few rows.

    A row of ``stored`` has its choice as text (``grouping_key``), the day, and the measures. ``measures`` names the
    column that is summed (None: rows are counted). ``words`` are the API's names for periods and for the first and the
    last day.
    """

    table: str
    time: Column
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Column | None]
    total: EndpointSpec
    series: EndpointSpec
    stored: StoredTable
    words: ApiSpec

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tables that the cube is computed from."""
        return tuple(dict.fromkeys((self.table, *(item.table for item in self.dimensions.values()))))


def make_cube(contract: Contract, spec: AggregationSpec, dimensions: Mapping[str, Dimension], words: ApiSpec) -> Cube:
    """The cube of a table of facts; its words must have been checked."""
    time = contract.column(spec.time)
    measures = {
        name: contract.column(item.sum) if item.sum else None
        for name, item in spec.measures.items()
        if item.distinct is None  # distinct values of days do not add up
    }
    sums = (Column(name, _sum_type(column), required=True) for name, column in measures.items())
    columns = (Column(GROUPING_KEY, TEXT, required=True), Column(time.name, time.type, required=True), *sums)
    stored = StoredTable(f"{CUBE}{contract.name}", columns, (GROUPING_KEY, time.name))
    return Cube(contract.name, time, dimensions, measures, spec.total, spec.series, stored, words)


def _sum_type(column: Column | None) -> ColumnType:
    """A count is an integer; sums of integers may leave its range."""
    return ColumnType(Kind.DECIMAL, 38, column.type.scale) if column is not None else INTEGER


def grouping_key(choice: Mapping[str, str]) -> str:
    """A choice of dimensions and values as one text, dimensions in order of name."""
    return GROUPING_SEPARATOR.join(f"{name}={choice[name]}" for name in sorted(choice))


def cube_query(cube: Cube, bound: Mapping[str, str]) -> str:
    """The rows of a cube; ``bound`` gives the name in the engine of each of its inputs."""
    parts = " UNION ALL ".join(_sums(cube, choice) for choice in choices_of(cube))
    return f"WITH {FINEST} AS MATERIALIZED ({finest_sums(cube, bound, bound[cube.table])}) {parts}"


def choices_of(cube: Cube) -> Iterator[tuple[str, ...]]:
    """Every choice of dimensions, each in order of name."""
    names = sorted(cube.dimensions)
    return chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))


def finest_sums(cube: Cube, bound: Mapping[str, str], facts: str, counted: str = "") -> str:
    """Sums per day and value of every dimension.

    ``facts`` names those that are summed, all of them or some; their number becomes a further column ``counted``.
    """
    expressions, joins = dimensions_of(cube.dimensions, bound)
    columns = [f"CAST({expression} AS VARCHAR) AS {identifier(name)}" for name, expression in expressions.items()]
    time = identifier(cube.time.name)
    sums = ", ".join(
        f"{'count(*)' if column is None else f'sum(fact.{identifier(column.name)})'} AS {identifier(name)}"
        for name, column in cube.measures.items()
    )
    counts = [f"count(*) AS {identifier(counted)}"] if counted else []
    chosen = ", ".join([*columns, f"fact.{time} AS {time}", *counts])
    return f"SELECT {chosen}, {sums} FROM {identifier(facts)} AS fact{joins} GROUP BY ALL"


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
    time = identifier(cube.time.name)
    return (
        f"SELECT {spelled_key(choice)} AS {GROUPING_KEY}, {time}, {stored_sums(cube)} "
        f"FROM {FINEST} WHERE {can_be_asked(cube, choice)} GROUP BY ALL"
    )


def stored_sums(cube: Cube) -> str:
    """The measures as they are stored, from finer sums."""
    return ", ".join(
        f"CAST(coalesce(sum({identifier(column.name)}), 0) AS {column.type.sql}) AS {identifier(column.name)}"
        for column in cube.stored.columns
        if column.name in cube.measures
    )


def spelled_key(choice: tuple[str, ...]) -> str:
    """The grouping key of a choice, from the values of its dimensions."""
    parts = [f"{literal(f'{name}=')} || {identifier(name)}" for name in choice]
    return f" || {SEPARATOR} || ".join(parts) or "''"


def can_be_asked(cube: Cube, choice: tuple[str, ...]) -> str:
    """The condition that a day and all values of a choice are known.

    A value that holds the separator would read as two; no reader can ask for it.
    """
    known = [f"NOT contains({identifier(name)}, {SEPARATOR})" for name in choice]
    return " AND ".join([*known, f"{identifier(cube.time.name)} IS NOT NULL"])
