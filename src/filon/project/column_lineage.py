"""Where the columns of a SELECT come from: columns of its inputs, and what is done with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from filon.project.query import one_select
from filon.sql import DIALECT, caseless

Leaf = tuple[str, str]
"""An input and a column of it, both in lower case."""


class Use(StrEnum):
    """What is done with a column: the first three make values, the others decide which, or which rows there are."""

    IDENTITY = "identity"
    TRANSFORMATION = "transformation"
    AGGREGATION = "aggregation"
    CONDITIONAL = "conditional"
    WINDOW = "window"
    JOIN = "join"
    FILTER = "filter"
    GROUP_BY = "group by"
    SORT = "sort"

    @property
    def is_direct(self) -> bool:
        """Whether values are made of the column."""
        return self in _DIRECT

    def after(self, earlier: Use) -> Use:
        """The use of a column in a query around one that used it before."""
        if not self.is_direct:
            return self
        if not earlier.is_direct:
            return earlier
        return max(self, earlier, key=_DIRECT.index)


_DIRECT = [Use.IDENTITY, Use.TRANSFORMATION, Use.AGGREGATION]
_CLAUSES = {"joins": Use.JOIN, "from_": Use.JOIN, "laterals": Use.JOIN, "group": Use.GROUP_BY, "order": Use.SORT}
_CLAUSES |= {"limit": Use.SORT, "offset": Use.SORT, "distinct": Use.GROUP_BY, "windows": Use.WINDOW}
_ADDING = (
    *(exp.Sum, exp.Count, exp.CountIf, exp.Avg, exp.ApproxDistinct),
    *(exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop),
)
_OF_OTHER_ROWS = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)

Uses = dict[Leaf, set[Use]]


@dataclass
class Origin:
    """What a column comes from.

    ``counts_if``: the columns that must be sums, numbers or means of many rows for it to be one, too; empty: it is one
    in any case, None: it is none. A place in an order counts rows as well.
    """

    uses: Uses = field(default_factory=dict)
    counts_if: frozenset[Leaf] | None = None


@dataclass
class Lineage:
    """The origins of the columns of a query, by name in lower case, and the columns that decide which rows it has."""

    columns: dict[str, Origin] = field(default_factory=dict)
    rows: Uses = field(default_factory=dict)


def lineage_of(sql: str, inputs: Mapping[str, Mapping[str, str]]) -> Lineage | None:
    """The lineage of a SELECT.

    Args:
        sql: the SELECT
        inputs: the tables that it reads, with the types of their columns

    Returns:
        None when the SELECT cannot be followed.

    """
    schema: dict[str, object] = {name: dict(columns) for name, columns in inputs.items()}
    try:
        scope = build_scope(qualify(one_select(sql).tree.copy(), schema=schema, dialect=DIALECT))
    except SqlglotError:
        return None
    if scope is None:
        return None
    found = _Reader().read(scope)
    return Lineage({caseless(name): origin for name, origin in found.columns.items()}, found.rows)


class _Projection:
    """A projection of a SELECT, and what is found of it."""

    def __init__(self, expression: exp.Expr) -> None:
        self.name = expression.alias_or_name
        self.uses: Uses = {}
        self._aggregates = list(_aggregates(expression))
        self._values: list[frozenset[Leaf] | None] = []

    def add(self, origin: Origin, use: Use) -> None:
        """A column that the projection uses."""
        _add(self.uses, origin.uses, use)
        if use is not Use.WINDOW:
            self._values.append(origin.counts_if)

    @property
    def origin(self) -> Origin:
        """What the projection comes from."""
        return Origin(self.uses, self._counts_if())

    def _counts_if(self) -> frozenset[Leaf] | None:
        if self._aggregates and all(isinstance(part, _ADDING) for part in self._aggregates):
            return frozenset()
        if not self._values:
            return frozenset() if self.uses else None  # a rank says how many rows come before
        return reduce(_both, self._values)


class _Reader:
    """Reads the lineage of a query and of those inside it, each once."""

    def __init__(self) -> None:
        self._read: dict[int, Lineage] = {}

    def read(self, scope: Scope) -> Lineage:
        if id(scope) not in self._read:
            self._read[id(scope)] = Lineage()  # of a query that reads itself, what is known so far
            self._read[id(scope)] = self._set(scope) if scope.set_operation_scopes else self._select(scope)
        return self._read[id(scope)]

    def _set(self, scope: Scope) -> Lineage:
        """The lineage of a UNION, and of INTERSECT and EXCEPT, whose second query only decides about rows."""
        first, *others = [self.read(part) for part in scope.set_operation_scopes]
        columns = {name: Origin(_copied(origin.uses), origin.counts_if) for name, origin in first.columns.items()}
        rows = _copied(first.rows)
        for other in others:
            _add(rows, other.rows)
            if not isinstance(scope.expression, exp.Union):
                for origin in other.columns.values():
                    _add(rows, origin.uses, Use.FILTER)
                continue
            by_name = scope.expression.args.get("by_name")
            pairs = other.columns.items() if by_name else zip(columns, other.columns.values(), strict=False)
            for name, origin in pairs:
                known = columns.setdefault(name, Origin(counts_if=frozenset()))
                _add(known.uses, origin.uses)
                known.counts_if = _both(known.counts_if, origin.counts_if)
        return Lineage(columns, rows)

    def _select(self, scope: Scope) -> Lineage:
        query, found = scope.expression, Lineage()
        if not isinstance(query, exp.Select):
            return found
        parts = {id(part): _Projection(part) for part in query.selects}
        for column in scope.columns:
            top, origin = _below(column, query), self._origin(scope, column)
            if (part := parts.get(id(top))) is not None:
                part.add(origin, _use_in(column, top))
            elif top.arg_key != "order" or _is_cut(query):
                _add(found.rows, origin.uses, _CLAUSES.get(top.arg_key or "", Use.FILTER))
        for below in scope.subquery_scopes:
            read, part = self.read(below), parts.get(id(_below(below.expression, query)))
            _add(found.rows if part is None else part.uses, read.rows)
            for origin in read.columns.values():
                if part is None:
                    _add(found.rows, origin.uses, Use.FILTER)
                else:
                    part.add(origin, Use.TRANSFORMATION)
        for source in scope.sources.values():
            _add(found.rows, self.read(source).rows if isinstance(source, Scope) else {})
        found.columns = {part.name: part.origin for part in parts.values()}
        for name in _ordered_by(query) & found.columns.keys():
            _add(found.rows, found.columns[name].uses, Use.SORT)
        return found

    def _origin(self, scope: Scope, column: exp.Column) -> Origin:
        """The origin of a column that a query itself reads; that of one that a query around it has is nothing."""
        source = scope.sources.get(column.table)
        if isinstance(source, exp.Table):
            leaf = (caseless(source.name), caseless(column.name))
            return Origin({leaf: {Use.IDENTITY}}, frozenset([leaf]))
        if not isinstance(source, Scope):
            return Origin()
        if isinstance(source.expression, exp.Query):
            return self.read(source).columns.get(column.name, Origin())
        unnested = Origin()  # the elements of a list
        for part in source.expression.find_all(exp.Column):
            if part.table != column.table:
                _add(unnested.uses, self._origin(scope, part).uses, Use.TRANSFORMATION)
        return unnested


def _copied(uses: Uses) -> Uses:
    return {leaf: set(how) for leaf, how in uses.items()}


def _add(uses: Uses, more: Uses, use: Use = Use.IDENTITY) -> None:
    for leaf, how in more.items():
        uses.setdefault(leaf, set()).update(use.after(earlier) for earlier in how)


def _both(one: frozenset[Leaf] | None, other: frozenset[Leaf] | None) -> frozenset[Leaf] | None:
    return None if one is None or other is None else one | other


def _below(part: exp.Expr, query: exp.Expr) -> exp.Expr:
    """The part of a query, directly below it, in which another part stands."""
    while part.parent is not None and part.parent is not query:
        part = part.parent
    return part


def _is_cut(query: exp.Select) -> bool:
    """Whether the order of its rows decides which of them a query has."""
    return bool(query.args.get("limit") or query.args.get("offset"))


def _ordered_by(query: exp.Select) -> set[str]:
    """The columns of a query itself whose order decides which rows it has."""
    order = query.args.get("order") if _is_cut(query) else None
    return {column.name for column in order.find_all(exp.Column) if not column.table} if order else set()


def _use_in(column: exp.Column, projection: exp.Expr) -> Use:
    """What a projection does with one of its columns."""
    use, part = Use.IDENTITY, column.parent
    below: exp.Expr = column
    while below is not projection and part is not None:
        if isinstance(part, exp.Window) and below.arg_key != "this":
            return Use.WINDOW
        if _is_condition(part, below):
            return Use.CONDITIONAL
        if isinstance(part, (exp.Where, exp.Having, exp.Qualify, exp.Join)):  # of a FILTER, or of a query inside
            return Use.FILTER
        if isinstance(part, exp.AggFunc) and not isinstance(part, _OF_OTHER_ROWS):
            use = Use.AGGREGATION
        elif not isinstance(part, (exp.Alias, exp.Paren)):
            use = Use.TRANSFORMATION.after(use)
        below, part = part, part.parent
    return use


def _is_condition(part: exp.Expr, below: exp.Expr) -> bool:
    """Whether a part of an expression only decides which values are taken."""
    return isinstance(part, (exp.If, exp.Case)) and below.arg_key == "this"


def _aggregates(projection: exp.Expr) -> Iterator[exp.AggFunc]:
    """The aggregates of a projection; those of a window function give each row a value of its own."""
    return (part for part in projection.find_all(exp.AggFunc) if not isinstance(part.parent, exp.Window))
