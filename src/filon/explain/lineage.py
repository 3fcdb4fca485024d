"""Which rows of its inputs a model computed some of its rows from, as conditions on those inputs.

A condition on the rows of a query is handed down: through its SELECT list, into its WHERE, over its joins, to tables.
Each step keeps at least the rows that were used, and notes whether it may keep others (``exact``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from filon.project.contract import Contract, Model, Project
from filon.project.types import PLACE
from filon.sql import DIALECT

COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In)
PLAIN_JOINS = ("", "INNER", "CROSS", "OUTER")
EVERY_ROW = "TRUE"

OTHER_ROWS = "a window function reads other rows of it"
IN_A_SUBQUERY = "a subquery reads it"
UNTIED = "nothing ties single rows of it to this one"
OTHERWISE = "how it is read is not understood"


@dataclass(frozen=True)
class Reading:
    """The rows of an input that were used are among those that meet ``condition``.

    ``exact``: they are all of those. ``used``: there is at least one.
    """

    table: str
    condition: str
    exact: bool
    used: bool


@dataclass(frozen=True)
class Unfollowed:
    """An input of which rows were read that no condition describes."""

    table: str
    reason: str


@dataclass(frozen=True)
class Trace:
    """What a model read for some of its rows; a table that it names twice is read twice."""

    readings: tuple[Reading, ...]
    unfollowed: tuple[Unfollowed, ...]


def trace(project: Project, model: Model, condition: str, *, exact: bool, used: bool) -> Trace:
    """Follow the rows of a model that meet a condition; ``exact`` and ``used`` say of them what a Reading says."""
    contracts = {name: project.contracts[name] for name in model.inputs}
    walk = _Walk({name.lower(): contract for name, contract in contracts.items()})
    schema: dict[str, object] = {
        name: _types(contract, is_source=name in project.datasets) for name, contract in contracts.items()
    }
    tree = parse_one(model.sql, dialect=DIALECT)
    try:
        tree = qualify(tree, schema=schema, dialect=DIALECT)
        scope = None if _is_beyond_us(tree) else build_scope(tree)
    except SqlglotError:
        scope = None
    if scope is not None:
        asked = tuple(_parts(parse_one(condition, dialect=DIALECT)))
        walk.follow(scope, _Rows(asked, exact, used))
    walk.note((table for table in tree.find_all(exp.Table) if id(table) not in walk.seen), OTHERWISE)
    return Trace(tuple(dict.fromkeys(walk.readings)), tuple(dict.fromkeys(walk.unfollowed)))


@dataclass(frozen=True)
class _Rows:
    """Rows of a query, among those that meet all conditions on its columns; the rest as in a Reading."""

    conditions: tuple[exp.Expr, ...]
    exact: bool
    used: bool


class _Walk:
    """Hands conditions down through a query, and collects what it reads."""

    def __init__(self, contracts: Mapping[str, Contract]) -> None:
        self.contracts = contracts
        self.readings: list[Reading] = []
        self.unfollowed: list[Unfollowed] = []
        self.seen: set[int] = set()

    def note(self, tables: Iterable[exp.Table], reason: str) -> None:
        """Say that tables are read in a way that is not followed."""
        for table in tables:
            self.seen.add(id(table))
            contract = self.contracts.get(table.name.lower())
            if contract is not None:
                self.unfollowed.append(Unfollowed(contract.name, reason))

    def follow(self, scope: Scope, rows: _Rows) -> None:
        """Hand conditions on the rows of a query down to what it reads."""
        query = scope.expression
        if isinstance(query, exp.Select):
            self._follow_select(scope, query, rows)
        elif isinstance(query, exp.Union) and not query.args.get("by_name"):
            for branch in scope.set_operation_scopes:
                columns = map(exp.column, _outputs(branch.expression))
                asked = _through(rows.conditions, dict(zip(_outputs(query), columns, strict=False)))
                is_whole = rows.exact and len(asked) == len(rows.conditions) and not _cuts(query)
                self.follow(branch, _Rows(tuple(asked), is_whole, used=False))
        else:
            self.note(_tables_below(scope), OTHERWISE)

    def _follow_select(self, scope: Scope, select: exp.Select, rows: _Rows) -> None:
        groups = _groups(select)
        used = rows.used and groups != ()  # an aggregate without GROUP BY has a row even of no rows
        asked = _through(rows.conditions, {part.alias_or_name: part.unalias() for part in select.selects}, groups)
        joins = _Joins(scope, asked, self.contracts, used=used)
        is_whole = rows.exact and len(asked) == len(rows.conditions) and not _cuts(select)
        is_only_group = groups is not None and all(joins.fixes(group) for group in groups)
        exact = is_whole or (is_only_group and rows.used)
        for alias, (node, source) in scope.selected_sources.items():
            self.seen.add(id(node))
            below = joins.rows_of(alias, exact=exact)
            if isinstance(source, Scope):
                self.follow(source, below)
            else:
                self._read(source, below)
        self._note_the_rest(scope, select)

    def _read(self, table: exp.Table, rows: _Rows) -> None:
        if not _is_named(table, self.contracts) or not (rows.conditions or rows.exact):
            self.note([table], UNTIED)
            return
        contract = self.contracts[table.name.lower()]
        self.readings.append(Reading(contract.name, _spelled(rows.conditions, contract), rows.exact, rows.used))

    def _note_the_rest(self, scope: Scope, select: exp.Select) -> None:
        if any(window.parent_select is select for window in select.find_all(exp.Window)):
            self.note(_tables_read(scope), OTHER_ROWS)
        for subquery in scope.subquery_scopes:
            self.note(_tables_below(subquery), IN_A_SUBQUERY)
        for join in select.args.get("joins") or ():
            hidden = scope.sources.get(join.alias_or_name)
            if join.alias_or_name not in scope.selected_sources and isinstance(hidden, Scope):
                self.note(_tables_below(hidden), OTHERWISE)


class _Joins:
    """How the sources of one FROM clause restrict each other's rows.

    ``links`` lead from one source to another whose rows must match its own: per pair, equal expressions. A source that
    is ``optional`` may lack rows, as in an outer join. ``used``: there is at least one joined row.
    """

    def __init__(self, scope: Scope, asked: list[exp.Expr], contracts: Mapping[str, Contract], *, used: bool) -> None:
        self.contracts = contracts
        self.used = used
        self.sources = {alias: source for alias, (_, source) in scope.selected_sources.items()}
        self.own: dict[str, list[exp.Expr]] = {alias: [] for alias in self.sources}
        self.links: dict[tuple[str, str], list[tuple[exp.Expr, exp.Expr]]] = {}
        self.optional: set[str] = set()
        self.exact = all(self._has_rows_to_follow(source) for source in self.sources.values())
        where = scope.expression.args.get("where")
        self.given = [*asked, *self._without_subqueries(_parts(where.this) if where else [])]
        self.conditions = self.given
        outer = self._sort_joins(scope.expression.args.get("joins") or [])
        for condition in self.conditions:
            self._place(condition)
        for alias, on in outer:
            self._place_outer(alias, on)

    def rows_of(self, alias: str, *, exact: bool) -> _Rows:
        """The rows of a source that are part of joined rows; ``exact``: all joined rows were used."""
        conditions, is_all = self._restricted((alias,))
        is_met = self.used or self._reach(alias) == set(self.sources)
        bare = tuple(_replace_columns(part, lambda column: exp.column(column.name)) for part in conditions)
        return _Rows(bare, exact and self.exact and is_all and is_met, self.used and alias not in self.optional)

    def fixes(self, expression: exp.Expr) -> bool:
        """Whether all joined rows have one value of an expression."""
        return any(_fixes(condition, expression) for condition in self.given)

    def _has_rows_to_follow(self, source: exp.Expr | Scope) -> bool:
        if isinstance(source, Scope):
            return isinstance(source.expression, exp.Query)
        return _is_named(source, self.contracts)

    def _without_subqueries(self, conditions: list[exp.Expr]) -> list[exp.Expr]:
        kept = [condition for condition in conditions if not condition.find(exp.Query)]
        self.exact = self.exact and len(kept) == len(conditions)
        return kept

    def _sort_joins(self, joins: list[exp.Join]) -> list[tuple[str, list[exp.Expr]]]:
        """Add what inner joins ask for to the conditions, and give back what LEFT JOIN asks for."""
        outer = []
        self.equal = {frozenset(part.sql() for part in (on.this, on.expression)) for on in _equalities(joins)}
        for position, join in reversed(list(enumerate(joins))):
            alias = join.alias_or_name
            on = self._without_subqueries(_parts(join.args["on"])) if join.args.get("on") else []
            is_plain = join.kind in PLAIN_JOINS and not (join.method or join.args.get("using"))
            if is_plain and (not join.side or (join.side == "LEFT" and self._needs(alias))):
                self.conditions = [*on, *self.conditions]
            elif is_plain and join.side == "LEFT":
                self.optional.add(alias)
                outer.append((alias, on))
            else:
                later = {other.alias_or_name for other in joins[position + 1 :]}
                self.optional |= self.sources.keys() - later
                self.exact = self.exact and is_plain and join.side == "FULL"
        return outer

    def _needs(self, alias: str) -> bool:
        """Whether some condition is false for all joined rows that lack a row of this source."""
        compared = [part for part in self.conditions if isinstance(part, COMPARISONS)]
        sides = [side for part in compared for side in (part.this, part.args.get("expression"))]
        return any(isinstance(side, exp.Column) and side.table == alias for side in sides)

    def _place(self, condition: exp.Expr) -> None:
        spellings = self._spellings(condition)
        for spelling in spellings:
            aliases = {column.table for column in _columns(spelling)}
            ends = _ends(spelling)
            if not aliases <= self.own.keys():
                self.exact = False
            elif len(aliases) <= 1:
                for alias in aliases or self.own:
                    self.own[alias].append(spelling)
            elif ends:
                (left, this), (right, that) = ends
                self.links.setdefault((left, right), []).append((this, that))
                self.links.setdefault((right, left), []).append((that, this))
            else:
                self.exact = False
            if aliases & self.optional and len(spellings) < len(self.sources):
                self.exact = False  # it also decides which rows of other sources count

    def _place_outer(self, alias: str, on: list[exp.Expr]) -> None:
        for condition in on:
            ends = dict(_ends(condition) or ())
            if {column.table for column in _columns(condition)} == {alias}:
                self.own[alias].append(condition)
            elif alias in ends and ends.keys() <= self.own.keys():
                [other] = ends.keys() - {alias}
                self.links.setdefault((other, alias), []).append((ends[other], ends[alias]))
            else:
                self.exact = False

    def _spellings(self, condition: exp.Expr) -> list[exp.Expr]:
        """Without COALESCE of columns that a join makes equal, which is what USING stands for."""
        found = condition.find(exp.Coalesce)
        columns = [found.this, *found.expressions] if found else []
        if found is None or not all(self._are_equal(columns[0], column) for column in columns):
            return [condition]
        kept = [column for column in columns if column.table not in self.optional][:1] or columns
        if len(kept) > 1 and len(_columns(condition)) > len(columns):
            return [condition]
        return [_with(condition, found, column) for column in kept]

    def _are_equal(self, this: exp.Expr, that: exp.Expr) -> bool:
        both = isinstance(this, exp.Column) and isinstance(that, exp.Column)
        return both and (this == that or frozenset((this.sql(), that.sql())) in self.equal)

    def _restricted(self, path: tuple[str, ...]) -> tuple[list[exp.Expr], bool]:
        """What the rows of the last source must meet, seen from the others; and whether nothing else restricts them."""
        alias, before = path[-1], path[-2:-1]
        conditions, exact = list(self.own[alias]), True
        for (other, target), pairs in self.links.items():
            if target != alias or (other,) == before:
                continue
            if other in path:
                exact = False
                continue
            beyond, is_all = self._restricted((*path, other))
            passed, is_passed = self._pass_on(other, beyond, pairs)
            conditions += passed
            exact = exact and is_all and is_passed
        return conditions, exact

    def _pass_on(
        self, other: str, beyond: list[exp.Expr], pairs: list[tuple[exp.Expr, exp.Expr]]
    ) -> tuple[list[exp.Expr], bool]:
        """What it means for rows that they match rows of another source; and whether it means nothing else."""
        fixed = [[_with(part, theirs, mine) for part in beyond if _fixes(part, theirs)] for theirs, mine in pairs]
        if self.used and all(fixed) and all(any(_fixes(part, theirs) for theirs, _ in pairs) for part in beyond):
            return [part for parts in fixed for part in parts], True
        source = self.sources[other]
        if isinstance(source, exp.Table) and _is_named(source, self.contracts):
            return [_matches(pairs, self.contracts[source.name.lower()], beyond)], True
        equal = {theirs.name: mine for theirs, mine in pairs if isinstance(theirs, exp.Column)}
        movable = [part for part in beyond if all(column.name in equal for column in _columns(part))]
        return [_replace_columns(part, lambda column: equal[column.name]) for part in movable], False

    def _reach(self, alias: str) -> set[str]:
        reached, left = set[str](), {alias}
        while left:
            reached |= left
            left = {end for link in self.links if reached & set(link) for end in link} - reached
        return reached


def _matches(pairs: list[tuple[exp.Expr, exp.Expr]], contract: Contract, conditions: list[exp.Expr]) -> exp.Expr:
    """Some row of a table that meets conditions has equal values."""
    theirs = [_bare(part, contract) for part, _ in pairs]
    mine = [part for _, part in pairs]
    query = exp.select(*theirs).from_(exp.table_(contract.name, quoted=True))
    if conditions:
        query = query.where(*(_bare(part, contract) for part in conditions))
    this = mine[0] if len(mine) == 1 else exp.Tuple(expressions=mine)
    return exp.In(this=this.copy(), query=exp.Subquery(this=query))


def _types(contract: Contract, *, is_source: bool) -> dict[str, str]:
    declared = {column.name: column.type.sql for column in contract.columns}
    return declared | {name: kind.sql for name, kind in PLACE} if is_source else declared


def _is_beyond_us(tree: exp.Expr) -> bool:
    return any(part.args.get("recursive") for part in tree.find_all(exp.With)) or tree.find(exp.Pivot) is not None


def _outputs(query: exp.Expr) -> list[str]:
    return query.named_selects if isinstance(query, exp.Query) else []


def _cuts(query: exp.Query) -> bool:
    """Whether a query drops rows after it computed them."""
    wrapped = query.parent if isinstance(query.parent, exp.Subquery) else query
    words = [part.args.get(word) for part in (query, wrapped) for word in ("having", "qualify", "limit", "offset")]
    distinct = query.args.get("distinct")
    is_distinct_on = isinstance(distinct, exp.Distinct) and distinct.args.get("on") is not None
    return any(words) or is_distinct_on or any(part.find(exp.UDTF) for part in query.selects)


def _groups(select: exp.Select) -> tuple[exp.Expr, ...] | None:
    """What rows of one group have in common: nothing, when an aggregate runs over all; None without groups."""
    group = select.args.get("group")
    if group is None:
        return () if select.args.get("having") or any(map(_aggregates, select.selects)) else None
    if group.args.get("all"):
        return tuple(part.unalias() for part in select.selects if not part.find(exp.AggFunc, exp.Window, exp.Query))
    return tuple(part.unnest() for part in group.expressions)


def _aggregates(part: exp.Expr) -> bool:
    inside = part.walk(prune=lambda node: isinstance(node, (exp.Window, exp.Query)))
    return any(isinstance(node, exp.AggFunc) for node in inside)


def _describes_rows(output: exp.Expr, groups: tuple[exp.Expr, ...] | None) -> bool:
    """Whether a column says something of each single row that was read."""
    if groups is None:
        return not output.find(exp.AggFunc, exp.Window, exp.Query, exp.UDTF)
    if output in groups:
        return True
    if isinstance(output, (exp.Column, exp.AggFunc, exp.Window, exp.Query, exp.UDTF)):
        return False
    return all(_describes_rows(part, groups) for part in output.iter_expressions())


def _parts(condition: exp.Expr) -> list[exp.Expr]:
    """The conditions that AND joins."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        return [*_parts(condition.left), *_parts(condition.right)]
    return [condition]


def _equalities(joins: list[exp.Join]) -> Iterator[exp.EQ]:
    for join in joins:
        parts = _parts(join.args["on"]) if join.args.get("on") else []
        yield from (part for part in parts if isinstance(part, exp.EQ))


def _ends(condition: exp.Expr) -> tuple[tuple[str, exp.Expr], tuple[str, exp.Expr]] | None:
    """The two sources whose rows an equality links, each with its side."""
    if not isinstance(condition, exp.EQ):
        return None
    this, that = condition.this, condition.expression
    left, right = ({column.table for column in _columns(side)} for side in (this, that))
    return ((*left, this), (*right, that)) if len(left) == len(right) == 1 and left != right else None


def _fixes(condition: exp.Expr, expression: exp.Expr) -> bool:
    """Whether a condition says that an expression has one given value."""
    if not isinstance(condition, exp.EQ):
        return False
    this, that = condition.this.unnest(), condition.expression.unnest()
    return (this == expression and not _columns(that)) or (that == expression and not _columns(this))


def _columns(part: exp.Expr) -> list[exp.Column]:
    """The columns of an expression, those of its subqueries apart."""
    nodes = part.walk(prune=lambda node: isinstance(node, exp.Query))
    return [node for node in nodes if isinstance(node, exp.Column)]


def _with(condition: exp.Expr, old: exp.Expr, new: exp.Expr) -> exp.Expr:
    changed: exp.Expr = condition.transform(lambda part: new.copy() if part == old else part)
    return changed


def _replace_columns(part: exp.Expr, new: Callable[[exp.Column], exp.Expr]) -> exp.Expr:
    held = exp.Paren(this=part.copy())
    for column in _columns(held):
        column.replace(new(column).copy())
    found: exp.Expr = held.this
    return found


def _through(
    conditions: Iterable[exp.Expr], outputs: Mapping[str, exp.Expr], groups: tuple[exp.Expr, ...] | None = None
) -> list[exp.Expr]:
    """The conditions with each column written as what computes it, as far as that says something of single rows."""
    by_name = {
        name.lower(): exp.Paren(this=output.copy())
        if isinstance(output, (exp.Binary, exp.Unary, exp.Predicate))
        else output
        for name, output in outputs.items()
        if _describes_rows(output, groups)
    }
    followed = (part for part in conditions if all(column.name.lower() in by_name for column in _columns(part)))
    return [_replace_columns(part, lambda column: by_name[column.name.lower()]) for part in followed]


def _bare(part: exp.Expr, contract: Contract) -> exp.Expr:
    """The expression over a table's columns, spelled as the contract spells them."""
    names = {name.lower(): name for name in contract.column_names}
    return _replace_columns(part, lambda column: exp.column(names.get(column.name.lower(), column.name), quoted=True))


def _spelled(conditions: Iterable[exp.Expr], contract: Contract) -> str:
    parts = [_bare(part, contract) for part in conditions if not _is_plainly_true(part)]
    return exp.and_(*dict.fromkeys(parts)).sql(dialect=DIALECT) if parts else EVERY_ROW


def _is_plainly_true(condition: exp.Expr) -> bool:
    return isinstance(condition, exp.EQ) and condition.this.is_string and condition.this == condition.expression


def _is_named(table: exp.Expr, contracts: Mapping[str, Contract]) -> bool:
    """Whether a source is a table under its own columns, no function and nothing renamed."""
    is_table = isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier)
    return is_table and table.name.lower() in contracts and not table.alias_column_names


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
