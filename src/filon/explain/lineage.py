"""The rows of its inputs that a model computed some of its rows from, as conditions on these inputs.

A condition on the rows of a query is pushed down: through its SELECT list, into its WHERE, across its joins, to tables.
Each step keeps at least the rows that were used, and records whether it may keep others (``exact``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from filon.explain.report import EVERY_ROW, Obstacle
from filon.project.contract import Contract
from filon.project.models import Model, Project
from filon.project.types import PLACE
from filon.sql import DIALECT, caseless

COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In)
PLAIN_JOINS = ("", "INNER", "CROSS", "OUTER")


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
        conditions, known = (tuple(_parts(parse_one(text, dialect=DIALECT))) for text in (condition, implied))
        tracer.follow(scope, _Rows(conditions, exact, used, known))
    tracer.note((table for table in tree.find_all(exp.Table) if id(table) not in tracer.seen), Obstacle.OTHERWISE)
    return Trace(tuple(dict.fromkeys(tracer.readings)), tuple(dict.fromkeys(tracer.unfollowed)))


@dataclass(frozen=True)
class _Rows:
    """Rows of a query that meet all conditions on its columns; ``exact`` and ``used`` as in a Reading.

    All of them also meet ``implied``, which restricts nothing further; each constant in it is that of a row.
    """

    conditions: tuple[exp.Expr, ...]
    exact: bool
    used: bool
    implied: tuple[exp.Expr, ...] = ()


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

    def follow(self, scope: Scope, rows: _Rows) -> None:
        """Push conditions on the rows of a query down to its sources."""
        query = scope.expression
        if isinstance(query, exp.Select):
            self._follow_select(scope, query, rows)
        elif isinstance(query, exp.Union) and not query.args.get("by_name"):
            for branch in scope.set_operation_scopes:
                columns = map(exp.column, _outputs(branch.expression))
                conditions = _push_through(rows.conditions, dict(zip(_outputs(query), columns, strict=False)))
                keeps_all = rows.exact and len(conditions) == len(rows.conditions) and not _cuts(query)
                self.follow(branch, _Rows(tuple(conditions), keeps_all, used=False))
        else:
            self.note(_tables_below(scope), Obstacle.OTHERWISE)

    def _follow_select(self, scope: Scope, select: exp.Select, rows: _Rows) -> None:
        groups = _groups(select)
        used = rows.used and groups != ()  # an aggregate without GROUP BY gives a row even for no input rows
        outputs = {part.alias_or_name: part.unalias() for part in select.selects}
        conditions, implied = (_push_through(parts, outputs, groups) for parts in (rows.conditions, rows.implied))
        keeps_all = rows.exact and len(conditions) == len(rows.conditions) and not _cuts(select)
        if len(conditions) < len(
            rows.conditions
        ):  # what a window or an aggregate decides, such as a rank, leads nowhere
            conditions += [part for part in implied if _columns(part) and part not in conditions]
        joins = _Joins(scope, conditions, self.contracts, used=used, implied=implied)
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

    def _read(self, table: exp.Table, rows: _Rows) -> None:
        if not _is_named(table, self.contracts) or not (rows.conditions or rows.exact):
            self.note([table], Obstacle.UNTIED)
            return
        contract = self.contracts[caseless(table.name)]
        condition, implied = (_condition_sql(parts, contract) for parts in (rows.conditions, rows.implied))
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


class _Joins:
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
        self.known = {alias: [part for part in implied if _sources(part) == {alias}] for alias in self.sources}
        self.links: dict[tuple[str, str], list[tuple[exp.Expr, exp.Expr]]] = {}
        self.optional: set[str] = set()
        self.exact = all(self._has_rows_to_follow(source) for source in self.sources.values())
        where = scope.expression.args.get("where")
        self.stated = [*conditions, *self._without_subqueries(_parts(where.this) if where else [])]
        self.conditions = self.stated
        outer = self._sort_joins(scope.expression.args.get("joins") or [])
        for condition in self.conditions:
            self._place(condition)
        for alias, on in outer:
            self._place_outer(alias, on)

    def rows_of(self, alias: str, *, exact: bool) -> _Rows:
        """The rows of a source that are part of joined rows; ``exact``: whether all joined rows were used."""
        conditions, is_all = self._restricted((alias,))
        is_met = self.used or self._reachable(alias) == set(self.sources)
        bare = tuple(_replace_columns(part, lambda column: exp.column(column.name)) for part in conditions)
        known = tuple(_replace_columns(part, lambda column: exp.column(column.name)) for part in self.known[alias])
        return _Rows(bare, exact and self.exact and is_all and is_met, self.used and alias not in self.optional, known)

    def determines(self, expression: exp.Expr) -> bool:
        """Whether an expression has the same value in all joined rows."""
        return any(_equates(condition, expression) for condition in self.stated)

    def _has_rows_to_follow(self, source: exp.Expr | Scope) -> bool:
        if isinstance(source, Scope):
            return isinstance(source.expression, exp.Query)
        return _is_named(source, self.contracts)

    def _without_subqueries(self, conditions: list[exp.Expr]) -> list[exp.Expr]:
        kept = [condition for condition in conditions if not condition.find(exp.Query)]
        self.exact = self.exact and len(kept) == len(conditions)
        return kept

    def _sort_joins(self, joins: list[exp.Join]) -> list[tuple[str, list[exp.Expr]]]:
        """Add the conditions of inner joins to ``conditions``; returns those of left joins, by source."""
        outer = []
        self.equal = {frozenset(part.sql() for part in (on.this, on.expression)) for on in _equalities(joins)}
        for position, join in reversed(list(enumerate(joins))):
            alias = join.alias_or_name
            on = self._without_subqueries(_parts(join.args["on"])) if join.args.get("on") else []
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
            aliases = _sources(alternative)
            ends = _ends(alternative)
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
            ends = dict(_ends(condition) or ())
            if _sources(condition) == {alias}:
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
        if len(alternatives) > 1 and len(_columns(condition)) > len(columns):
            return [condition]
        return [_replace(condition, coalesce, column) for column in alternatives]

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
        if isinstance(source, exp.Table) and _is_named(source, self.contracts):
            return [_matches(pairs, self.contracts[caseless(source.name)], beyond)], True
        equal = {theirs.name: mine for theirs, mine in pairs if isinstance(theirs, exp.Column)}
        movable = [part for part in beyond if all(column.name in equal for column in _columns(part))]
        return [_replace_columns(part, lambda column: equal[column.name]) for part in movable], False

    def _fixed(
        self, alias: str, other: str, beyond: list[exp.Expr], pairs: list[tuple[exp.Expr, exp.Expr]]
    ) -> list[exp.Expr]:
        """Conditions that give this side of each link the constants that both sides have in joined rows.

        None if one is not known. Lists of constants of two links do not say which belong together.
        """
        parts = []
        for theirs, mine in pairs:
            found = [_replace(part, theirs, mine) for part in (*beyond, *self.known[other]) if _fixes(part, theirs)]
            found += [part for part in self.known[alias] if _fixes(part, mine)]
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
    theirs = [_over_table(part, contract) for part, _ in pairs]
    mine = [part for _, part in pairs]
    query = exp.select(*theirs).from_(exp.table_(contract.name, quoted=True))
    if conditions:
        query = query.where(*(_over_table(part, contract) for part in conditions))
    compared = mine[0] if len(mine) == 1 else exp.Tuple(expressions=mine)
    return exp.In(this=compared.copy(), query=exp.Subquery(this=query))


def _types(contract: Contract, *, is_source: bool) -> dict[str, str]:
    declared = {column.name: column.type.sql for column in contract.columns}
    return declared | {name: kind.sql for name, kind in PLACE} if is_source else declared


def _is_unsupported(tree: exp.Expr) -> bool:
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
    """The expressions that rows are grouped by: none for an aggregate over all rows; None without grouping."""
    group = select.args.get("group")
    if group is None:
        return () if select.args.get("having") or any(map(_aggregates, select.selects)) else None
    if group.args.get("all"):
        return tuple(part.unalias() for part in select.selects if not part.find(exp.AggFunc, exp.Window, exp.Query))
    return tuple(part.unnest() for part in group.expressions)


def _aggregates(part: exp.Expr) -> bool:
    inside = part.walk(prune=lambda node: isinstance(node, (exp.Window, exp.Query)))
    return any(isinstance(node, exp.AggFunc) for node in inside)


def _is_per_row(output: exp.Expr, groups: tuple[exp.Expr, ...] | None) -> bool:
    """Whether a column is a function of each single row that was read."""
    if groups is None:
        return not output.find(exp.AggFunc, exp.Window, exp.Query, exp.UDTF)
    if output in groups:
        return True
    if isinstance(output, (exp.Column, exp.AggFunc, exp.Window, exp.Query, exp.UDTF)):
        return False
    return all(_is_per_row(part, groups) for part in output.iter_expressions())


def _parts(condition: exp.Expr) -> list[exp.Expr]:
    """The operands of a condition's top-level ANDs."""
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
    left_side, right_side = condition.this, condition.expression
    left_sources, right_sources = _sources(left_side), _sources(right_side)
    return (
        ((*left_sources, left_side), (*right_sources, right_side))
        if len(left_sources) == len(right_sources) == 1 and left_sources != right_sources
        else None
    )


def _equates(condition: exp.Expr, expression: exp.Expr) -> bool:
    """Whether a condition equates an expression with a constant."""
    if not isinstance(condition, exp.EQ):
        return False
    left, right = condition.this.unnest(), condition.expression.unnest()
    return (left == expression and not _columns(right)) or (right == expression and not _columns(left))


def _fixes(condition: exp.Expr, expression: exp.Expr) -> bool:
    """Whether a condition equates an expression with a constant, or with one of some constants."""
    if isinstance(condition, exp.In) and not condition.args.get("query"):
        return condition.this.unnest() == expression and not any(map(_columns, condition.expressions))
    return _equates(condition, expression)


def _sources(part: exp.Expr) -> set[str]:
    return {column.table for column in _columns(part)}


def _columns(part: exp.Expr) -> list[exp.Column]:
    """The columns of an expression, those of its subqueries apart."""
    nodes = part.walk(prune=lambda node: isinstance(node, exp.Query))
    return [node for node in nodes if isinstance(node, exp.Column)]


def _replace(condition: exp.Expr, old: exp.Expr, new: exp.Expr) -> exp.Expr:
    changed: exp.Expr = condition.transform(lambda part: new.copy() if part == old else part)
    return changed


def _replace_columns(part: exp.Expr, new: Callable[[exp.Column], exp.Expr]) -> exp.Expr:
    holder = exp.Paren(this=part.copy())
    for column in _columns(holder):
        column.replace(new(column).copy())
    replaced: exp.Expr = holder.this
    return replaced


def _push_through(
    conditions: Iterable[exp.Expr], outputs: Mapping[str, exp.Expr], groups: tuple[exp.Expr, ...] | None = None
) -> list[exp.Expr]:
    """Conditions with each column replaced by its expression; those over columns that are not per row are dropped."""
    by_name = {
        caseless(name): exp.Paren(this=output.copy())
        if isinstance(output, (exp.Binary, exp.Unary, exp.Predicate))
        else output
        for name, output in outputs.items()
        if _is_per_row(output, groups)
    }
    followed = (part for part in conditions if all(caseless(column.name) in by_name for column in _columns(part)))
    return [_replace_columns(part, lambda column: by_name[caseless(column.name)]) for part in followed]


def _over_table(part: exp.Expr, contract: Contract) -> exp.Expr:
    """An expression over a table's own columns, quoted and in the case of the contract."""
    names = {caseless(name): name for name in contract.column_names}
    return _replace_columns(part, lambda column: exp.column(names.get(caseless(column.name), column.name), quoted=True))


def _condition_sql(conditions: Iterable[exp.Expr], contract: Contract) -> str:
    parts = [_over_table(part, contract) for part in conditions if not _is_tautology(part)]
    return exp.and_(*dict.fromkeys(parts)).sql(dialect=DIALECT) if parts else EVERY_ROW


def _is_tautology(condition: exp.Expr) -> bool:
    return isinstance(condition, exp.EQ) and condition.this.is_string and condition.this == condition.expression


def _is_named(table: exp.Expr, contracts: Mapping[str, Contract]) -> bool:
    """Whether a source is a table of a contract, with its own column names, and no table function."""
    is_table = isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier)
    return is_table and caseless(table.name) in contracts and not table.alias_column_names


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


def constants(condition: str, names: Iterable[str]) -> dict[str, str] | None:
    """The texts of the constants that a condition equates these columns with; None when it leaves one open."""
    found = {}
    for part in _parts(parse_one(condition, dialect=DIALECT)):
        if isinstance(part, exp.EQ) and isinstance(part.this, exp.Column):
            value = part.expression.this if isinstance(part.expression, exp.Cast) else part.expression
            sign = "-" if isinstance(value, exp.Neg) else ""
            if isinstance(value.this if sign else value, exp.Literal):
                found[part.this.name] = sign + value.name
    return {name: found[name] for name in names} if found.keys() >= set(names) else None
