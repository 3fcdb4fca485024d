"""Where the rows of stored tables come from, and whether a load kept them as contracts say today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from filon.project import Kind, Project, digest
from filon.serving.analysis import Analysis
from filon.serving.columns.chunks import chunk_table
from filon.serving.columns.selecting import columns_query
from filon.serving.cube import Cube, cube_query
from filon.serving.served import ServedTable, served_tables
from filon.serving.state import InputBuild, TableState
from filon.serving.tables import StoredTable
from filon.sql import identifier

REVISION = 2
"""Raise it when a release of Filon keeps rows in another way: every table is then loaded anew."""


@dataclass(frozen=True)
class Feed:
    """Where the rows of a stored table come from: a gold table (some or all of its rows), a cube, or its columns."""

    table: StoredTable
    inputs: tuple[str, ...]
    served: ServedTable
    cube: Cube | None = None
    analysis: Analysis | None = None

    def select(self, bound: Mapping[str, str], as_of: dt.date) -> str:
        """The rows, of tables bound under these names."""
        if self.cube is not None:
            return cube_query(self.cube, bound)
        if self.analysis is not None:
            return columns_query(self.analysis, bound)
        [name] = self.inputs
        chosen = ", ".join(
            f"CAST({identifier(column.name)} AS {column.type.sql}) AS {identifier(column.name)}"
            for column in self.table.columns
        )
        return f"SELECT {chosen} FROM {identifier(bound[name])}{self._window(as_of)}"

    def _window(self, as_of: dt.date) -> str:
        window = self.served.window
        if window is None:
            return ""
        amount, unit = window.last.split()
        column = self.table.column(window.column)
        day = (
            f"local_date({identifier(column.name)})" if column.type.kind is Kind.TIMESTAMP else identifier(column.name)
        )
        return f" WHERE {day} > DATE '{as_of.isoformat()}' - INTERVAL {amount} {unit.removesuffix('s')}"

    def fingerprint(self, builds: Sequence[InputBuild], as_of: dt.date) -> str:
        """Changes when other rows would come out."""
        content = [build.fingerprint for build in builds]
        date = as_of if self.served.window else None
        return digest(repr((content, self.storage_hash, self.recipe, date, self.table.sort, self.table.looked_up)))

    @cached_property
    def recipe(self) -> str:
        """Changes when the same tables of the lake would give other rows."""
        if self.analysis is not None:
            query = columns_query(self.analysis, {name: name for name in self.inputs})
            return digest(repr((REVISION, query)))[:16]
        cube = (self.cube.measures, self.cube.dimensions, self.cube.time) if self.cube else None
        return digest(repr((REVISION, self.inputs, self.served.window, cube)))[:16]

    @cached_property
    def storage_hash(self) -> str:
        """Changes when rows would be kept in another way."""
        return digest(repr((REVISION, [(c.name, c.type) for c in self.table.columns], self.table.key)))[:16]

    def fits(self, known: TableState) -> bool:
        """Whether rows that a load left can be read as contracts say today; sums must also mean the same."""
        is_computed = self.cube is not None or self.analysis is not None
        return known.storage_hash == self.storage_hash and (not is_computed or known.recipe == self.recipe)


@dataclass(frozen=True)
class ServedProject:
    """What stores hold and readers see of a project: the tables that are served, and all feeds, by name of table."""

    tables: Mapping[str, ServedTable]
    feeds: Mapping[str, Feed]


def compile_served(project: Project) -> ServedProject:
    """Compile what the contracts of a project say of serving. A process that loads or reads a store does it once."""
    tables = served_tables(project)
    return ServedProject(tables, {feed.table.name: feed for feed in _feeds(tables)})


def _feeds(tables: Mapping[str, ServedTable]) -> Iterator[Feed]:
    for name, item in tables.items():
        yield Feed(item.stored, (name,), item)
        if item.cube is not None:
            yield Feed(item.cube.stored, item.cube.inputs, item, item.cube)
        if item.analysis is not None:
            yield Feed(chunk_table(item.analysis), item.analysis.inputs, item, analysis=item.analysis)
