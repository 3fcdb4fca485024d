"""What a change of a table or of a column reaches: the columns, endpoints, charts and pages that are made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from filon.differences.change import Reached
from filon.project import PLACE
from filon.project.surface import Surface, TableSurface
from filon.sql import caseless

if TYPE_CHECKING:
    from filon.project.column_lineage import Leaf

PLACES = {column.name: column.type.sql for column in PLACE}


@dataclass
class Reach:
    """What changes reach in a project; the lineage of its SELECTs is read when it is first needed."""

    surface: Surface
    _lineage: dict[str, Mapping[str, frozenset[Leaf]]] = field(default_factory=dict)

    def of(self, table: str, columns: Iterable[str] | None = None) -> Reached:
        """What a change of some columns of a table reaches; without columns, of the table itself."""
        changed = self._changed(table, columns)
        tables = self.surface.tables
        endpoints = [path for name in changed for path in self._paths(name, changed)]
        return Reached(
            tables=tuple(name for name in changed if name != table),
            endpoints=tuple(dict.fromkeys(endpoints)),
            charts=tuple(name for name, columns in changed.items() if columns & {*tables[name].chart}),
            pages=tuple(
                page
                for page, shown in self.surface.pages.items()
                if any(columns & {*shown.get(name, ())} for name, columns in changed.items())
            ),
        )

    def _changed(self, table: str, columns: Iterable[str] | None) -> dict[str, set[str]]:
        """The columns that a change concerns, by table."""
        start = self.surface.tables.get(table)
        if start is None:
            return {}
        changed = {table: set(start.columns) if columns is None else {*columns} & set(start.columns)}
        for name, other in self.surface.tables.items():  # in the order in which they are built
            if other.sql is None or name in changed:
                continue
            leaves = {(caseless(known), caseless(column)) for known, names in changed.items() for column in names}
            found = {column for column, read in self._lineage_of(name, other).items() if read & leaves}
            if found:
                changed[name] = found
        return changed

    def _lineage_of(self, name: str, table: TableSurface) -> Mapping[str, frozenset[Leaf]]:
        if name not in self._lineage:
            self._lineage[name] = columns_read(table, self.surface.tables)
        return self._lineage[name]

    def _paths(self, name: str, changed: Mapping[str, set[str]]) -> Iterable[str]:
        """The endpoints of a table that answer from columns that changed."""
        served, columns = self.surface.tables[name].endpoints, changed[name]
        if columns and served is not None:
            yield served.path or f"tables/{name}"
        for owner, table in self.surface.tables.items():
            sums = table.endpoints
            if sums is None or not sums.answers:
                continue
            used = {(owner, measure.rpartition(" ")[2]) for measure in sums.measures.values()}
            used |= {(owner, sums.time or ""), *(_leaf(column) for column in sums.dimensions.values())}
            if used & {(name, column) for column in columns}:
                yield from sums.answers


def _leaf(column: str) -> Leaf:
    table, _, name = column.rpartition(".")
    return table, name


def columns_read(table: TableSurface, tables: Mapping[str, TableSurface]) -> dict[str, frozenset[Leaf]]:
    """By column of a gold table, the columns of its inputs that decide its values or which rows there are.

    Where a SELECT cannot be followed, every column comes from all columns of its inputs.
    """
    # the SQL parser is slow to import, and every command that shows a report would wait for it
    from filon.project.column_lineage import lineage_of
    from filon.project.query import one_select, table_lines

    sql = table.sql or ""
    known = {caseless(name): name for name in tables}
    inputs = [known[caseless(name)] for name in table_lines(one_select(sql).tree) if caseless(name) in known]
    types = {name: {c: facts.type for c, facts in tables[name].columns.items()} | PLACES for name in inputs}
    lineage = lineage_of(sql, types)
    if lineage is None:
        everything = frozenset((caseless(name), caseless(column)) for name in inputs for column in tables[name].columns)
        return dict.fromkeys(table.columns, everything)
    shared = frozenset(lineage.rows)
    origins = {column: lineage.columns.get(caseless(column)) for column in table.columns}
    return {column: shared.union(origin.uses if origin else ()) for column, origin in origins.items()}
