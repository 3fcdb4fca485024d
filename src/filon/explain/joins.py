"""The restrictions that joined tables place on each other's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from filon.explain.expressions import (
    columns_in,
    ends_of,
    equalities,
    equates,
    fixes,
    is_named,
    operands,
    over_table,
    replaced,
    sources_in,
    with_columns,
)
from filon.project.contract import Contract
from filon.sql import caseless

COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In)
PLAIN_JOINS = ("", "INNER", "CROSS", "OUTER")


@dataclass(frozen=True)
class Rows:
    """Rows of a query that meet all conditions on its columns; ``exact`` and ``used`` as in a Reading.

    All of them also meet ``implied``, which restricts nothing further; each constant in it is that of a row.
    """

    conditions: tuple[exp.Expr, ...]
    exact: bool
    used: bool
    implied: tuple[exp.Expr, ...] = ()


class Joins:
    """The restrictions that the sources of a FROM clause place on each other's rows.

    ``own``: conditions on one source. ``links``: per pair of sources, expressions that a join makes equal.
    ``optional``: sources that may lack rows, as in an outer join. ``used``: there is at least one joined row.
    ``known``: what the joined rows are known to meet although nothing states it, of one source each.
    """

    def __init__(
        self,
        scope: Scope,
        conditions: list[exp.Expr],
        contracts: Mapping[str, Contract],
        *,
        used: bool,
        implied: Sequence[exp.Expr] = (),
    ) -> None:
        self.contracts = contracts
        self.used = used
        self.sources = {alias: source for alias, (_, source) in scope.selected_sources.items()}
        self.own: dict[str, list[exp.Expr]] = {alias: [] for alias in self.sources}
        self.known = {alias: [part for part in implied if sources_in(part) == {alias}] for alias in self.sources}
        self.links: dict[tuple[str, str], list[tuple[exp.Expr, exp.Expr]]] = {}
        self.optional: set[str] = set()
        self.exact = all(self._has_rows_to_follow(source) for source in self.sources.values())
        where = scope.expression.args.get("where")
        self.stated = [*conditions, *self._without_subqueries(operands(where.this) if where else [])]
        self.conditions = self.stated
        outer = self._sort_joins(scope.expression.args.get("joins") or [])
        for condition in self.conditions:
            self._place(condition)
        for alias, on in outer:
            self._place_outer(alias, on)

    def rows_of(self, alias: str, *, exact: bool) -> Rows:
        """The rows of a source that are part of joined rows; ``exact``: whether all joined rows were used."""
        conditions, is_all = self._restricted((alias,))
        is_met = self.used or self._reachable(alias) == set(self.sources)
        bare = tuple(with_columns(part, lambda column: exp.column(column.name)) for part in conditions)
        known = tuple(with_columns(part, lambda column: exp.column(column.name)) for part in self.known[alias])
        return Rows(bare, exact and self.exact and is_all and is_met, self.used and alias not in self.optional, known)

    def determines(self, expression: exp.Expr) -> bool:
        """Whether an expression has the same value in all joined rows."""
        return any(equates(condition, expression) for condition in self.stated)

    def _has_rows_to_follow(self, source: exp.Expr | Scope) -> bool:
        if isinstance(source, Scope):
            return isinstance(source.expression, exp.Query)
        return is_named(source, self.contracts)

    def _without_subqueries(self, conditions: list[exp.Expr]) -> list[exp.Expr]:
        kept = [condition for condition in conditions if not condition.find(exp.Query)]
        self.exact = self.exact and len(kept) == len(conditions)
        return kept

    def _sort_joins(self, joins: list[exp.Join]) -> list[tuple[str, list[exp.Expr]]]:
        """Add the conditions of inner joins to ``conditions``; returns those of left joins, by source."""
        outer = []
        self.equal = {frozenset(part.sql() for part in (on.this, on.expression)) for on in equalities(joins)}
        for position, join in reversed(list(enumerate(joins))):
            alias = join.alias_or_name
            on = self._without_subqueries(operands(join.args["on"])) if join.args.get("on") else []
            is_plain = join.kind in PLAIN_JOINS and not (join.method or join.args.get("using"))
            if is_plain and (not join.side or (join.side == "LEFT" and self._is_required(alias))):
                self.conditions = [*on, *self.conditions]
            elif is_plain and join.side == "LEFT":
                self.optional.add(alias)
                outer.append((alias, on))
            else:
                later = {other.alias_or_name for other in joins[position + 1 :]}
                self.optional |= self.sources.keys() - later
                self.exact = self.exact and is_plain and join.side == "FULL"
        return outer

    def _is_required(self, alias: str) -> bool:
        """Whether some condition is false for all joined rows that lack a row of this source."""
        compared = [part for part in self.conditions if isinstance(part, COMPARISONS)]
        sides = [side for part in compared for side in (part.this, part.args.get("expression"))]
        return any(isinstance(side, exp.Column) and side.table == alias for side in sides)

    def _place(self, condition: exp.Expr) -> None:
        alternatives = self._alternatives(condition)
        for alternative in alternatives:
            aliases = sources_in(alternative)
            ends = ends_of(alternative)
            if not aliases <= self.own.keys():
                self.exact = False
            elif len(aliases) <= 1:
                for alias in aliases or self.own:
                    self.own[alias].append(alternative)
            elif ends:
                (left, left_side), (right, right_side) = ends
                self.links.setdefault((left, right), []).append((left_side, right_side))
                self.links.setdefault((right, left), []).append((right_side, left_side))
            else:
                self.exact = False
            if aliases & self.optional and len(alternatives) < len(self.sources):
                self.exact = False  # it also decides which rows of other sources count

    def _place_outer(self, alias: str, on: list[exp.Expr]) -> None:
        for condition in on:
            ends = dict(ends_of(condition) or ())
            if sources_in(condition) == {alias}:
                self.own[alias].append(condition)
            elif alias in ends and ends.keys() <= self.own.keys():
                [other] = ends.keys() - {alias}
                self.links.setdefault((other, alias), []).append((ends[other], ends[alias]))
            else:
                self.exact = False

    def _alternatives(self, condition: exp.Expr) -> list[exp.Expr]:
        """The condition with COALESCE of equal columns, which USING expands to, replaced by each column."""
        coalesce = condition.find(exp.Coalesce)
        columns = [coalesce.this, *coalesce.expressions] if coalesce else []
        if coalesce is None or not all(self._are_equal(columns[0], column) for column in columns):
            return [condition]
        alternatives = [column for column in columns if column.table not in self.optional][:1] or columns
        if len(alternatives) > 1 and len(columns_in(condition)) > len(columns):
            return [condition]
        return [replaced(condition, coalesce, column) for column in alternatives]

    def _are_equal(self, left: exp.Expr, right: exp.Expr) -> bool:
        both = isinstance(left, exp.Column) and isinstance(right, exp.Column)
        return both and (left == right or frozenset((left.sql(), right.sql())) in self.equal)

    def _restricted(self, path: tuple[str, ...]) -> tuple[list[exp.Expr], bool]:
        """The conditions that other sources place on rows of the last one, and whether nothing else restricts them."""
        alias, before = path[-1], path[-2:-1]
        conditions, exact = list(self.own[alias]), True
        for (other, target), pairs in self.links.items():
            if target != alias or (other,) == before:
                continue
            if other in path:
                exact = False
                continue
            beyond, is_all = self._restricted((*path, other))
            passed, is_passed = self._pass_on(alias, other, beyond, pairs)
            conditions += passed
            exact = exact and is_all and is_passed
        return conditions, exact

    def _pass_on(
        self, alias: str, other: str, beyond: list[exp.Expr], pairs: list[tuple[exp.Expr, exp.Expr]]
    ) -> tuple[list[exp.Expr], bool]:
        """The conditions on rows that match rows of another source, and whether they are equivalent to the match."""
        if self.used and other not in self.optional and (fixed := self._fixed(alias, other, beyond, pairs)):
            # rows of the other source with these constants are part of joined rows, and meet all else that is asked
            return fixed, True
        source = self.sources[other]
        if isinstance(source, exp.Table) and is_named(source, self.contracts):
            return [_matches(pairs, self.contracts[caseless(source.name)], beyond)], True
        equal = {theirs.name: mine for theirs, mine in pairs if isinstance(theirs, exp.Column)}
        movable = [part for part in beyond if all(column.name in equal for column in columns_in(part))]
        return [with_columns(part, lambda column: equal[column.name]) for part in movable], False

    def _fixed(
        self, alias: str, other: str, beyond: list[exp.Expr], pairs: list[tuple[exp.Expr, exp.Expr]]
    ) -> list[exp.Expr]:
        """Conditions that give this side of each link the constants that both sides have in joined rows.

        None if one is not known. Lists of constants of two links do not say which belong together.
        """
        parts = []
        for theirs, mine in pairs:
            found = [replaced(part, theirs, mine) for part in (*beyond, *self.known[other]) if fixes(part, theirs)]
            found += [part for part in self.known[alias] if fixes(part, mine)]
            parts += [part for part in found if isinstance(part, exp.EQ) or len(pairs) == 1][:1]
        return parts if len(parts) == len(pairs) else []

    def _reachable(self, alias: str) -> set[str]:
        reached, new = set[str](), {alias}
        while new:
            reached |= new
            new = {end for link in self.links if reached & set(link) for end in link} - reached
        return reached


def _matches(pairs: list[tuple[exp.Expr, exp.Expr]], contract: Contract, conditions: list[exp.Expr]) -> exp.Expr:
    """A condition: a row of a table that meets ``conditions`` has equal values."""
    theirs = [over_table(part, contract) for part, _ in pairs]
    mine = [part for _, part in pairs]
    query = exp.select(*theirs).from_(exp.table_(contract.name, quoted=True))
    if conditions:
        query = query.where(*(over_table(part, contract) for part in conditions))
    compared = mine[0] if len(mine) == 1 else exp.Tuple(expressions=mine)
    return exp.In(this=compared.copy(), query=exp.Subquery(this=query))
