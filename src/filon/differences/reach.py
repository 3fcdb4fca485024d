"""What a change of a table or of a column reaches: the columns, endpoints, charts and pages that are made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from filon.project import PLACE
from filon.project.query import one_select, table_lines
from filon.project.surface import Surface, TableSurface
from filon.sql import DIALECT

PLACES = {column.name: column.type.sql for column in PLACE}
Leaf = tuple[str, str]
"""A table and a column of it, both in lower case."""


class Reached(BaseModel):
    """What a change reaches: tables made from the one that changed, endpoints, charts (of tables) and pages."""

    model_config = ConfigDict(frozen=True)
    tables: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


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
            leaves = {(known.lower(), column.lower()) for known, names in changed.items() for column in names}
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
    tree = one_select(table.sql or "").tree
    known = {name.lower(): name for name in tables}
    inputs = [known[name.lower()] for name in table_lines(tree) if name.lower() in known]
    schema: dict[str, object] = {
        name: {column: facts.type for column, facts in tables[name].columns.items()} | PLACES for name in inputs
    }
    try:
        tree = qualify(tree.copy(), schema=schema, dialect=DIALECT)
        scope = build_scope(tree)
    except SqlglotError:
        scope = None
    if scope is None:
        everything = frozenset((name.lower(), column.lower()) for name in inputs for column in tables[name].columns)
        return dict.fromkeys(table.columns, everything)
    outputs, shared = _Reader().read(scope)
    by_name = {name.lower(): read for name, read in outputs.items()}
    return {column: frozenset(by_name.get(column.lower(), set()) | shared) for column in table.columns}


class _Reader:
    """Reads which columns the columns of a query come from, and which ones decide its rows."""

    def __init__(self) -> None:
        self._read: dict[int, tuple[dict[str, set[Leaf]], set[Leaf]]] = {}

    def read(self, scope: Scope) -> tuple[dict[str, set[Leaf]], set[Leaf]]:
        """By output column the leaves of its values, and the leaves that decide which rows there are."""
        if id(scope) not in self._read:
            self._read[id(scope)] = ({}, set())  # of a query that reads itself, what is known so far
            self._read[id(scope)] = self._union(scope) if scope.set_operation_scopes else self._select(scope)
        return self._read[id(scope)]

    def _union(self, scope: Scope) -> tuple[dict[str, set[Leaf]], set[Leaf]]:
        (first, shared), *others = [self.read(part) for part in scope.set_operation_scopes]
        outputs = {name: set(leaves) for name, leaves in first.items()}
        shared = set(shared)
        for other, also in others:
            shared |= also
            for name, leaves in zip(outputs, other.values(), strict=False):
                outputs[name] |= leaves
        return outputs, shared

    def _select(self, scope: Scope) -> tuple[dict[str, set[Leaf]], set[Leaf]]:
        outputs: dict[str, set[Leaf]] = {}
        projected: set[int] = set()
        query = scope.expression
        for projection in query.selects if isinstance(query, exp.Query) else ():
            columns = list(projection.find_all(exp.Column))
            projected |= {id(column) for column in columns}
            outputs[projection.alias_or_name] = {leaf for column in columns for leaf in self._leaves(scope, column)}
        shared = {
            leaf
            for column in query.find_all(exp.Column)
            if id(column) not in projected
            for leaf in self._leaves(scope, column)
        }
        for source in scope.sources.values():
            if isinstance(source, Scope):
                shared |= self.read(source)[1]
        for inner in (*scope.subquery_scopes, *scope.udtf_scopes):
            values, rows = self.read(inner)
            shared |= rows.union(*values.values())
        return outputs, shared

    def _leaves(self, scope: Scope, column: exp.Column) -> set[Leaf]:
        """The leaves of a column that the query itself reads; those of queries inside it are read with these."""
        source = scope.sources.get(column.table)
        if isinstance(source, Scope):
            return self.read(source)[0].get(column.name, set())
        if isinstance(source, exp.Table):
            return {(source.name.lower(), column.name.lower())}
        return set()
