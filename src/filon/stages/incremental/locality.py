"""Whether the rows of a query for some keys can be computed from the rows of its inputs for these keys.

A query is *local* in a key when its rows with keys in K are the same if each input is restricted to rows whose own
expression of the key is in K, or is left whole. Each step of the proof needs one thing of what it reads: that the rows
with keys in K are all there, and only they matter. So rows beyond K do no harm, and an input may always be left whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from filon.engines import Columns
from filon.project import ColumnType, Kind
from filon.sql import caseless
from filon.stages.incremental.grouping import require_in_group, require_in_windows, without_table_functions
from filon.stages.incremental.joins import Joined, Source, read_joins
from filon.stages.incremental.keys import KeyPaths, Keys, attempted, bare, key_column, renamed
from filon.stages.incremental.reading import END, START, SUSPECTS, UNSPELLABLE
from filon.stages.incremental.reasons import NotLocal, Reason, line_of
from filon.stages.incremental.shapes import Shapes, merged, sources_of
from filon.stages.incremental.trees import (
    aggregates,
    columns,
    is_per_row,
    names,
    outputs,
    query_of,
    tables,
    with_columns,
)

KNOWN_CLAUSES = {"expressions", "from_", "joins", "where", "group", "having", "qualify", "windows", "distinct", "order"}
DOUBLE = ColumnType(Kind.DOUBLE).sql
CUTS = ("limit", "offset", "fetch")


def changed_rows(table: str) -> str:
    """The name of the table of an input's changed rows: the old and the new version of each."""
    return f"changed rows of {table}"


@dataclass(frozen=True)
class Restriction:
    """One place where the text names a table, and the key over the table's columns."""

    table: str
    start: int
    end: int
    keys: Keys


@dataclass(frozen=True)
class Branch:
    """A query for the keys, as ``k0``, ``k1``, …, that changed rows of a table may affect where the text names it."""

    table: str
    start: int
    query: exp.Expr


@dataclass(frozen=True)
class Blocked:
    """An input whose changes affect keys that no query finds; ``line`` is that of the SELECT, where it is known."""

    table: str
    reason: Reason
    line: int | None


@dataclass(frozen=True)
class Reach:
    """How far a key reaches down in a query. Places that are not restricted are left whole."""

    restrictions: tuple[Restriction, ...] = ()
    branches: tuple[Branch, ...] = ()
    blocked: tuple[Blocked, ...] = ()

    def __add__(self, other: Reach) -> Reach:
        return Reach(
            self.restrictions + other.restrictions, self.branches + other.branches, self.blocked + other.blocked
        )


class Locality:
    """Follows keys down through the queries of one model."""

    def __init__(self, tree: exp.Expr, inputs: Mapping[str, Columns]) -> None:
        self._names = {caseless(table): table for table in inputs}
        self._types = {
            caseless(table): {caseless(name): kind.sql for name, kind in columns_} for table, columns_ in inputs.items()
        }
        self.shapes = Shapes(self._types)
        self._known: dict[tuple[int, tuple[str, ...]], Reach | NotLocal] = {}
        self._alive: list[object] = [tree]  # so that no two relations ever have one id
        for select in tree.find_all(exp.Select):
            self._require_plain_names(select)

    def reach(self, relation: exp.Expr, keys: Keys) -> Reach:
        """Follow a key, expressions over the relation's columns; NotLocal when the relation is not local in it."""
        place = (id(relation), tuple(key.sql() for key in keys))
        if place not in self._known:
            self._alive.append(relation)
            try:
                self._known[place] = self._reach(relation, keys)
            except NotLocal as error:
                self._known[place] = error
        found = self._known[place]
        if isinstance(found, NotLocal):
            raise found
        return found

    def _reach(self, relation: exp.Expr, keys: Keys) -> Reach:
        query = query_of(relation)
        if isinstance(query, exp.Table):
            return self._scan(query, keys)
        if any(column.name not in names(query) for key in keys for column in columns(key)):
            raise NotLocal(Reason.NOT_UNDERSTOOD, query)
        if isinstance(query, exp.SetOperation):
            return self._set_operation(query, keys)
        if isinstance(query, exp.Select):
            return self._select(query, keys)
        raise NotLocal(Reason.NOT_UNDERSTOOD, query)

    def _scan(self, table: exp.Table, keys: Keys) -> Reach:
        types = self._types.get(table.name, {})
        if any(column.name not in types for key in keys for column in columns(key)):
            raise NotLocal(Reason.NOT_UNDERSTOOD, table)
        if any(types[column.name] == DOUBLE for key in keys for column in columns(key)):
            raise NotLocal(Reason.KEY_NOT_EXACT, table)
        name = self._names[table.name]
        parts = (exp.alias_(attempted(key), key_column(index), quoted=True) for index, key in enumerate(keys))
        changed = exp.select(*parts).distinct().from_(exp.table_(changed_rows(name), quoted=True))
        place = Restriction(name, table.meta[START], table.meta[END], keys)
        return Reach((place,), (Branch(name, table.meta[START], changed),))

    def _set_operation(self, query: exp.SetOperation, keys: Keys) -> Reach:
        for word, value in query.args.items():
            if value and word in CUTS:
                raise NotLocal(Reason.LIMIT, query)
            if value and word not in ("this", "expression", "distinct", "order"):
                raise NotLocal(Reason.NOT_UNDERSTOOD, query)
        found = Reach()
        own = names(query)
        sides = [query_of(side) for side in (query.this, query.expression)]
        for name in {column.name for key in keys for column in columns(key)}:
            shapes = [self.shapes.of_column(side, names(side)[own.index(name)]) for side in sides]
            if merged(*shapes) is None:
                raise NotLocal(Reason.KEY_TYPES_DIFFER, query)
        for side in sides:
            if tables(side):
                found += self.reach(side, renamed(keys, dict(zip(own, names(side), strict=True))))
        return found

    def _select(self, select: exp.Select, keys: Keys) -> Reach:
        for word, value in select.args.items():
            if value and word in CUTS:
                raise NotLocal(Reason.LIMIT, select)
            if value and word not in KNOWN_CLAUSES:
                raise NotLocal(Reason.NOT_UNDERSTOOD, select)
        found = outputs(select)
        own = tuple(with_columns(key, lambda column: found[column.name]) for key in keys)
        require_in_windows(select, own)
        require_in_group(select, own)
        if any(key.find(exp.UDTF) for key in own):  # a deeper reason comes first
            self._joins(select, tuple(without_table_functions(key) for key in own))
            raise NotLocal(Reason.TABLE_FUNCTION, select)
        if not all(map(is_per_row, own)) or not any(map(columns, own)):
            raise NotLocal(Reason.KEY_NOT_FROM_INPUT, select)
        return self._joins(select, own)

    def _joins(self, select: exp.Select, keys: Keys) -> Reach:
        """The best of the sources that have the key, the others beside it."""
        joined = read_joins(select)
        paths = KeyPaths(joined, self.shapes)
        found: list[Reach] = []
        failures: list[NotLocal] = []
        for source in joined.sources.values():
            own = paths.over(keys, source)
            if own is None:
                continue
            try:
                found.append(self._anchored(joined, paths, source, own))
            except NotLocal as error:
                failures.append(error)
        if found:
            rest = [table for query in joined.rest for table in tables(query)]
            blocked = Reach(blocked=tuple(self._blocked(rest, Reason.SCALAR_SUBQUERY)))
            return min(found, key=lambda reach: len({item.table for item in reach.blocked})) + blocked
        raise failures[0] if failures else NotLocal(_why_no_source(joined, keys), select)

    def _anchored(self, joined: Joined, paths: KeyPaths, anchor: Source, keys: Keys) -> Reach:
        found = self._restricted(paths, anchor, keys)
        equated = paths.equated(keys, anchor)
        for alias, source in joined.sources.items():
            if alias == anchor.alias:
                continue
            beside = self._equated(paths, source, equated.get(alias))
            found += beside if beside is not None else self._looked_up(joined, paths, source, anchor, keys)
        return found

    def _restricted(self, paths: KeyPaths, source: Source, keys: Keys) -> Reach:
        found = Reach()
        for side, own in paths.split(keys, source):
            if tables(side.relation):
                found += self.reach(side.relation, tuple(map(bare, own)))
        return found

    def _equated(self, paths: KeyPaths, source: Source, keys: Keys | None) -> Reach | None:
        """A source that has the key too; None when it is to be looked up."""
        if keys is None:
            return None
        try:
            return self._restricted(paths, source, keys)
        except NotLocal:  # then it is read whole, and its changes are followed along its joins
            return None

    def _looked_up(self, joined: Joined, paths: KeyPaths, source: Source, anchor: Source, keys: Keys) -> Reach:
        """A source that is left whole: the keys that its changed rows affect are those of rows that join with them."""
        below = [table for side in source.sides for table in tables(side.relation)]
        if not below:
            return Reach()
        path = joined.path(source.alias, anchor.alias)
        if path is None:
            return Reach(blocked=tuple(self._blocked(below, _why_untied(source))))
        passed = [side.relation for alias in path[1:] for side in joined.sources[alias].sides]
        if any(node.meta.get(UNSPELLABLE) for relation in passed for node in relation.walk()):
            return Reach(blocked=tuple(self._blocked(below, Reason.AMBIGUOUS_NAME)))
        links = joined.between(path[0], path[1])
        failure: NotLocal | None = None
        for chosen in (links, *([link] for link in links if len(links) > 1)):
            try:
                reach = self._restricted(paths, source, tuple(link.mine for link in chosen))
            except NotLocal as error:
                failure = failure or error
                continue
            branches = (
                replace(branch, query=paths.derived(keys, path, chosen, branch.query.copy()))
                for branch in reach.branches
            )
            return Reach(branches=tuple(branches), blocked=reach.blocked)
        reason = failure.reason if failure is not None else Reason.NOT_UNDERSTOOD
        return Reach(blocked=tuple(self._blocked(below, reason, failure.line if failure is not None else None)))

    def _blocked(self, found: Iterable[exp.Table], reason: Reason, line: int | None = None) -> Iterator[Blocked]:
        for table in found:
            if table.name in self._names:
                yield Blocked(self._names[table.name], reason, line_of(table) if line is None else line)

    def _require_plain_names(self, select: exp.Select) -> None:
        """Refuse names of which parsers differ whether they mean a column that is read, or one that is computed."""
        suspects = select.meta.get(SUSPECTS, frozenset())
        if not suspects:
            return
        for relation in sources_of(select).values():
            query = relation.this if isinstance(relation, exp.Subquery) else relation
            known = self._types.get(query.name, {}) if isinstance(query, exp.Table) else names(query)
            if suspects & set(known):
                raise NotLocal(Reason.AMBIGUOUS_NAME, select)


def _why_no_source(joined: Joined, keys: Keys) -> Reason:
    """Why no source has the key."""
    holders = {holder.alias for key in keys for column in columns(key) if (holder := joined.holder(column.table))}
    if len(holders) > 1:
        return Reason.KEY_FROM_SEVERAL_INPUTS
    is_optional = any(joined.sources[alias].optional for alias in holders)
    return Reason.KEY_FROM_OPTIONAL_SIDE if is_optional else Reason.KEY_NOT_FROM_INPUT


def _why_untied(source: Source) -> Reason:
    query = query_of(source.relation)
    is_total = isinstance(query, exp.Select) and query.args.get("group") is None and any(map(aggregates, query.selects))
    return Reason.AGGREGATE_WITHOUT_GROUP if is_total else Reason.JOIN_WITHOUT_EQUALITY
