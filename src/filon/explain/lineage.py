"""The rows of its inputs that a model computed some of its rows from, as conditions on these inputs.

A condition on the rows of a query is pushed down: through its SELECT list, into its WHERE, across its joins, to tables.
Each step keeps at least the rows that were used, and records whether it may keep others (``exact``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from filon.explain.expressions import (
    columns_in,
    condition_sql,
    drops_rows,
    groups_of,
    is_named,
    operands,
    outputs_of,
    push_through,
)
from filon.explain.joins import Joins, Rows
from filon.explain.report import EVERY_ROW, Obstacle
from filon.project.contract import Contract
from filon.project.models import Model, Project
from filon.project.types import PLACE
from filon.sql import DIALECT, caseless


@dataclass(frozen=True)
class Reading:
    """The rows of an input that were used, which are among those that meet ``condition``.

    ``exact``: all rows that meet it were used. ``used``: at least one row was used. ``implied``: what the used rows
    meet beside it, by which an engine can skip parts of files.
    """

    table: str
    condition: str
    exact: bool
    used: bool
    implied: str = EVERY_ROW


@dataclass(frozen=True)
class Unfollowed:
    """An input whose used rows no condition describes."""

    table: str
    code: Obstacle


@dataclass(frozen=True)
class Trace:
    """The readings of a model for some of its rows; a table that it names twice has two."""

    readings: tuple[Reading, ...]
    unfollowed: tuple[Unfollowed, ...]


def trace(
    project: Project, model: Model, condition: str, *, exact: bool, used: bool, implied: str = EVERY_ROW
) -> Trace:
    """Trace the rows of a model that meet a condition to its inputs.

    Args:
        project: the contracts of the inputs
        model: the model
        condition: SQL over the model's columns
        exact: whether all rows that meet the condition are traced
        used: whether at least one row meets it
        implied: what else is known of these rows, columns being equal to constants that are those of some row; it
            makes conditions on the inputs shorter

    Returns:
        The conditions on the inputs, and the inputs that cannot be followed.

    """
    contracts = {name: project.contracts[name] for name in model.inputs}
    tracer = _Tracer({caseless(name): contract for name, contract in contracts.items()})
    schema: dict[str, object] = {
        name: _types(contract, is_source=name in project.silver) for name, contract in contracts.items()
    }
    tree = parse_one(model.sql, dialect=DIALECT)
    try:
        tree = qualify(tree, schema=schema, dialect=DIALECT)
        scope = None if _is_unsupported(tree) else build_scope(tree)
    except SqlglotError:
        scope = None
    if scope is not None:
        conditions, known = (tuple(operands(parse_one(text, dialect=DIALECT))) for text in (condition, implied))
        tracer.follow(scope, Rows(conditions, exact, used, known))
    tracer.note((table for table in tree.find_all(exp.Table) if id(table) not in tracer.seen), Obstacle.OTHERWISE)
    return Trace(tuple(dict.fromkeys(tracer.readings)), tuple(dict.fromkeys(tracer.unfollowed)))


class _Tracer:
    """Pushes conditions down through a query, and collects its readings."""

    def __init__(self, contracts: Mapping[str, Contract]) -> None:
        self.contracts = contracts
        self.readings: list[Reading] = []
        self.unfollowed: list[Unfollowed] = []
        self.seen: set[int] = set()

    def note(self, tables: Iterable[exp.Table], code: Obstacle) -> None:
        """Record that tables are read in a way that is not followed."""
        for table in tables:
            self.seen.add(id(table))
            contract = self.contracts.get(caseless(table.name))
            if contract is not None:
                self.unfollowed.append(Unfollowed(contract.name, code))

    def follow(self, scope: Scope, rows: Rows) -> None:
        """Push conditions on the rows of a query down to its sources."""
        query = scope.expression
        if isinstance(query, exp.Select):
            self._follow_select(scope, query, rows)
        elif isinstance(query, exp.Union) and not query.args.get("by_name"):
            for branch in scope.set_operation_scopes:
                columns = map(exp.column, outputs_of(branch.expression))
                conditions = push_through(rows.conditions, dict(zip(outputs_of(query), columns, strict=False)))
                keeps_all = rows.exact and len(conditions) == len(rows.conditions) and not drops_rows(query)
                self.follow(branch, Rows(tuple(conditions), keeps_all, used=False))
        else:
            self.note(_tables_below(scope), Obstacle.OTHERWISE)

    def _follow_select(self, scope: Scope, select: exp.Select, rows: Rows) -> None:
        groups = groups_of(select)
        used = rows.used and groups != ()  # an aggregate without GROUP BY gives a row even for no input rows
        outputs = {part.alias_or_name: part.unalias() for part in select.selects}
        conditions, implied = (push_through(parts, outputs, groups) for parts in (rows.conditions, rows.implied))
        keeps_all = rows.exact and len(conditions) == len(rows.conditions) and not drops_rows(select)
        if len(conditions) < len(
            rows.conditions
        ):  # what a window or an aggregate decides, such as a rank, leads nowhere
            conditions += [part for part in implied if columns_in(part) and part not in conditions]
        joins = Joins(scope, conditions, self.contracts, used=used, implied=implied)
        is_only_group = groups is not None and all(joins.determines(group) for group in groups)
        exact = keeps_all or (is_only_group and rows.used)
        for alias, (node, source) in scope.selected_sources.items():
            self.seen.add(id(node))
            below = joins.rows_of(alias, exact=exact)
            if isinstance(source, Scope):
                self.follow(source, below)
            else:
                self._read(source, below)
        self._note_unfollowed(scope, select)

    def _read(self, table: exp.Table, rows: Rows) -> None:
        if not is_named(table, self.contracts) or not (rows.conditions or rows.exact):
            self.note([table], Obstacle.UNTIED)
            return
        contract = self.contracts[caseless(table.name)]
        condition, implied = (condition_sql(parts, contract) for parts in (rows.conditions, rows.implied))
        self.readings.append(Reading(contract.name, condition, rows.exact, rows.used, implied))

    def _note_unfollowed(self, scope: Scope, select: exp.Select) -> None:
        if any(window.parent_select is select for window in select.find_all(exp.Window)):
            self.note(_tables_read(scope), Obstacle.OTHER_ROWS)
        for subquery in scope.subquery_scopes:
            self.note(_tables_below(subquery), Obstacle.SUBQUERY)
        for join in select.args.get("joins") or ():
            hidden = scope.sources.get(join.alias_or_name)
            if join.alias_or_name not in scope.selected_sources and isinstance(hidden, Scope):
                self.note(_tables_below(hidden), Obstacle.OTHERWISE)


def _types(contract: Contract, *, is_source: bool) -> dict[str, str]:
    declared = {column.name: column.type.sql for column in contract.columns}
    return declared | {name: kind.sql for name, kind in PLACE} if is_source else declared


def _is_unsupported(tree: exp.Expr) -> bool:
    return any(part.args.get("recursive") for part in tree.find_all(exp.With)) or tree.find(exp.Pivot) is not None


def _tables_read(scope: Scope) -> Iterator[exp.Table]:
    for node, source in scope.selected_sources.values():
        if isinstance(node, exp.Table):
            yield node
        if isinstance(source, Scope):
            yield from _tables_below(source)


def _tables_below(scope: Scope) -> Iterator[exp.Table]:
    yield from _tables_read(scope)
    for inner in (*scope.subquery_scopes, *scope.set_operation_scopes, *scope.udtf_scopes):
        yield from _tables_below(inner)
