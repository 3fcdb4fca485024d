"""Where the rows of stored tables come from, and whether a load kept them as contracts say today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from filon.project import Column, Kind, Project, fingerprint_of
from filon.project.serving import Dimension
from filon.project.vocabulary import Window
from filon.serving.analysis import Analysis
from filon.serving.columns.selecting import columns_query
from filon.serving.columns.stored import chunk_table
from filon.serving.cube import Cube, cube_query
from filon.serving.served import ServedTable, served_tables
from filon.serving.state import InputBuild, TableState
from filon.serving.tables import StoredTable
from filon.sql import identifier

REVISION = 3
"""Raise it when a release of Filon keeps rows in another way: every table is then loaded anew."""


@dataclass(frozen=True)
class Feed:
    """Where the rows of a stored table come from: a gold table (some or all of its rows), a cube, or its columns."""

    table: StoredTable
    inputs: tuple[str, ...]
    served: ServedTable
    cube: Cube | None = None
    analysis: Analysis | None = None

    def select(self, bound: Mapping[str, str], as_of: dt.date, unlike: dt.date | None = None) -> str:
        """The rows, of tables bound under these names; without those that are served on another date (``unlike``)."""
        if self.cube is not None:
            return cube_query(self.cube, bound)
        if self.analysis is not None:
            return columns_query(self.analysis, bound)
        [name] = self.inputs
        chosen = ", ".join(
            f"CAST({identifier(column.name)} AS {column.type.sql}) AS {identifier(column.name)}"
            for column in self.table.columns
        )
        return f"SELECT {chosen} FROM {identifier(bound[name])}{self._where(as_of, unlike)}"

    def _where(self, as_of: dt.date, unlike: dt.date | None) -> str:
        if self.served.window is None:
            return ""
        others = f" AND NOT ({self._window(self.served.window, unlike)})" if unlike is not None else ""
        return f" WHERE {self._window(self.served.window, as_of)}{others}"

    def _window(self, window: Window, as_of: dt.date) -> str:
        amount, unit = window.last.split()
        column = self.table.column(window.column)
        day = (
            f"local_date({identifier(column.name)})" if column.type.kind is Kind.TIMESTAMP else identifier(column.name)
        )
        return f"{day} > DATE '{as_of.isoformat()}' - INTERVAL {amount} {unit.removesuffix('s')}"

    @property
    def has_window(self) -> bool:
        """Whether the day of a load decides which rows of the table are stored."""
        return self.served.window is not None and self.cube is None and self.analysis is None

    def fingerprint(self, builds: Sequence[InputBuild], as_of: dt.date) -> str:
        """Changes when other rows would come out."""
        return fingerprint_of(
            {
                "inputs": [build.fingerprint for build in builds],
                "storage": self.storage_hash,
                "recipe": self.recipe,
                "as_of": as_of if self.has_window else None,
                "sort": [(order.column, order.descending) for order in self.table.sort],
                "looked_up": self.table.looked_up,
            }
        )

    @cached_property
    def recipe(self) -> str:
        """Changes when the same tables of the lake would give other rows."""
        facts: dict[str, object] = {"revision": REVISION, "inputs": self.inputs}
        if self.analysis is not None:
            facts["time"] = _column(self.analysis.time)
            facts["dimensions"] = {name: _dimension(item) for name, item in self.analysis.dimensions.items()}
            # the columns of a chunk stand in this order
            facts["grouped"] = [(name, *_column(column)) for name, column in self.analysis.grouped.items()]
            facts["summed"] = [(name, *_column(column)) for name, column in self.analysis.summed.items()]
        elif self.cube is not None:
            facts["time"] = _column(self.cube.time)
            facts["dimensions"] = {name: _dimension(item) for name, item in self.cube.dimensions.items()}
            measures = {name: _column(column) if column else () for name, column in self.cube.measures.items()}
            facts["measures"] = measures
        elif self.served.window is not None:
            window = self.served.window
            facts["window"] = (window.column, window.last)
            if self.table.column(window.column).type.kind is Kind.TIMESTAMP:
                facts["timezone"] = self.served.timezone
        return fingerprint_of(facts)[:16]

    @cached_property
    def storage_hash(self) -> str:
        """Changes when rows would be kept in another way."""
        columns = [_column(column) for column in self.table.columns]
        return fingerprint_of({"revision": REVISION, "columns": columns, "key": self.table.key})[:16]

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


def _column(column: Column) -> tuple[str, str]:
    return column.name, column.type.sql


def _dimension(item: Dimension) -> tuple[object, ...]:
    target = (item.reference.table, item.reference.column) if item.reference else None
    return item.table, _column(item.column), item.through, target


def _feeds(tables: Mapping[str, ServedTable]) -> Iterator[Feed]:
    for name, item in tables.items():
        yield Feed(item.stored, (name,), item)
        if item.cube is not None:
            yield Feed(item.cube.stored, item.cube.inputs, item, item.cube)
        if item.analysis is not None:
            yield Feed(chunk_table(item.analysis), item.analysis.inputs, item, analysis=item.analysis)
