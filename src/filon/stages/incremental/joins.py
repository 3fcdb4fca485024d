"""What a SELECT reads: its sources, and the equalities by which rows of one matter to rows of another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sqlglot import exp

from filon.stages.incremental.filters import Filter, both_ways, sides_of
from filon.stages.incremental.reading import STARRED
from filon.stages.incremental.reasons import NotLocal, Reason
from filon.stages.incremental.trees import columns, conjuncts, is_per_row, tables, walk

KNOWN_JOIN = {"this", "side", "kind", "on"}
INNER_KINDS = ("", "INNER", "CROSS", "OUTER")
FILTERS = ("SEMI", "ANTI")


@dataclass(frozen=True)
class Source:
    """A relation that a SELECT reads, under its alias.

    ``optional``: joined rows may lack it. ``beside``: the other side of a FULL JOIN, with its condition; the two are
    one source, since a row may lack either.
    """

    alias: str
    relation: exp.Expr = field(compare=False)
    optional: bool = False
    beside: Source | None = None
    on: exp.Expr | None = field(default=None, compare=False)

    @property
    def sides(self) -> tuple[Source, ...]:
        """The source, and the other side of its FULL JOIN."""
        return (self,) if self.beside is None else (self, self.beside)


@dataclass(frozen=True)
class Link:
    """A row of ``source`` can matter only to joined rows in which ``mine`` equals ``theirs``, of ``neighbour``.

    ``always``: in all joined rows both are there, and equal.
    """

    source: str
    mine: exp.Expr
    neighbour: str
    theirs: exp.Expr
    always: bool


@dataclass(frozen=True)
class Joined:
    """The sources of a SELECT, and their links. ``rest``: subqueries that are read in a way that no link describes."""

    sources: dict[str, Source]
    links: tuple[Link, ...]
    rest: tuple[exp.Expr, ...]

    def holder(self, alias: str) -> Source | None:
        """The source to which an alias belongs."""
        found = (source for source in self.sources.values() for side in source.sides if side.alias == alias)
        return next(found, None)

    def between(self, source: str, neighbour: str) -> list[Link]:
        """The links from one source to another."""
        return [link for link in self.links if link.source == source and link.neighbour == neighbour]

    def path(self, source: str, goal: str) -> list[str] | None:
        """The shortest way along links from a source to another; None when there is none."""
        paths, seen = [[source]], {source}
        for path in paths:  # grows meanwhile
            if path[-1] == goal:
                return path
            for link in self.links:
                if link.source == path[-1] and link.neighbour not in seen:
                    seen.add(link.neighbour)
                    paths.append([*path, link.neighbour])
        return None


def read_joins(select: exp.Select) -> Joined:
    """The sources of a SELECT and their links; NotLocal when a join is not understood."""
    return _Reader(select).joined()


class _Reader:
    def __init__(self, select: exp.Select) -> None:
        self.select = select
        self.sources: dict[str, Source] = {}
        self.inner: list[exp.Expr] = []
        self.outer: list[tuple[str, exp.Expr]] = []
        self.links: list[Link] = []

    def joined(self) -> Joined:
        self._read_sources()
        where = self.select.args.get("where")
        stated = conjuncts(where.this if where is not None else None)
        filters = {id(part): found for part in stated if (found := Filter.read(part))}
        self.inner += [part for part in stated if id(part) not in filters]
        self._require()
        for part in self.inner:
            self._link(part)
        for alias, part in self.outer:
            self._link_outer(alias, part)
        for number, found in enumerate(filters.values(), start=1):
            self._link_filter(f"filter {number}", found)
        followed = {id(node) for found in filters.values() for node in found.part.walk()}
        return Joined(self.sources, tuple(self.links), tuple(self._others(followed)))

    def _read_sources(self) -> None:
        from_ = self.select.args.get("from_")
        joins = list(self.select.args.get("joins") or ())
        if from_ is None:
            return
        first = Source(from_.this.alias_or_name, _relation(from_.this))
        if joins and joins[0].side == "FULL":
            first = self._full(first, joins.pop(0))
        elif joins and joins[0].side == "RIGHT" and _is_plain(joins[0]):
            join = joins.pop(0)
            self._add(Source(join.this.alias_or_name, _relation(join.this)))
            self.outer += [(first.alias, part) for part in conjuncts(join.args.get("on"))]
            first = replace(first, optional=True)
        self._add(first)
        for join in joins:
            self._read_join(join)

    def _full(self, first: Source, join: exp.Join) -> Source:
        if not _is_plain(join) or join.args.get("on") is None or first.alias == join.this.alias_or_name:
            raise NotLocal(Reason.JOIN_NOT_UNDERSTOOD, join)
        return replace(first, beside=Source(join.this.alias_or_name, _relation(join.this)), on=join.args["on"])

    def _read_join(self, join: exp.Join) -> None:
        is_filter = join.kind in FILTERS and join.side in ("", "LEFT") and not self.select.meta.get(STARRED)
        if not (is_filter or _is_plain(join)) or join.side in ("FULL", "RIGHT") or set(_given(join)) - KNOWN_JOIN:
            raise NotLocal(Reason.JOIN_NOT_UNDERSTOOD, join)
        alias, on = join.this.alias_or_name, conjuncts(join.args.get("on"))
        optional = is_filter or join.side == "LEFT"
        self._add(Source(alias, _relation(join.this), optional=optional))
        if optional:
            self.outer += [(alias, part) for part in on]
        else:
            self.inner += on

    def _add(self, source: Source) -> None:
        taken = {side.alias for other in self.sources.values() for side in other.sides}
        if not source.alias or any(side.alias in taken for side in source.sides):
            raise NotLocal(Reason.JOIN_NOT_UNDERSTOOD, self.select)
        self.sources[source.alias] = source

    def _require(self) -> None:
        """A source is always there when an equality of one of its columns must hold; then so must its own ON."""
        waiting = list(self.inner)
        for part in waiting:  # grows meanwhile
            for side in sides_of(part):
                if isinstance(side, exp.Column) and (source := self.sources.get(side.table)) and source.optional:
                    self.sources[source.alias] = replace(source, optional=False)
                    waiting += [on for alias, on in self.outer if alias == source.alias]

    def _link(self, part: exp.Expr) -> None:
        ends = [(self._owner(side), side) for side in sides_of(part)]
        owners = [owner for owner, _ in ends]
        if len(ends) != 2 or None in owners or owners[0] == owners[1]:
            return
        if any(owner is not None and self.sources[owner].optional for owner in owners):
            return  # no column of it: the condition may hold for what lacks the source
        for (source, mine), (neighbour, theirs) in (ends, ends[::-1]):
            self.links.append(Link(str(source), mine, str(neighbour), theirs, always=True))

    def _link_outer(self, alias: str, part: exp.Expr) -> None:
        """An equality in ON of a LEFT JOIN says which rows of its right side matter, and nothing of others."""
        if not self.sources[alias].optional:
            self._link(part)
            return
        for mine, theirs in both_ways(part):
            owner = self._owner(theirs)
            if self._owner(mine) != alias or owner in (None, alias):
                continue
            if isinstance(theirs, exp.Column) or not self.sources[str(owner)].optional:
                self.links.append(Link(alias, mine, str(owner), theirs, always=False))

    def _link_filter(self, alias: str, found: Filter) -> None:
        self.sources[alias] = Source(alias, found.query, optional=True)
        for name, theirs in found.pairs:
            owner = self._owner(theirs)
            if owner is not None and (isinstance(theirs, exp.Column) or not self.sources[owner].optional):
                self.links.append(Link(alias, exp.column(name, table=alias), owner, theirs, always=False))

    def _owner(self, side: exp.Expr) -> str | None:
        """The one source of an expression's columns."""
        owners = {self._alias_of(column.table) for column in columns(side)}
        return owners.pop() if len(owners) == 1 and is_per_row(side) else None

    def _alias_of(self, alias: str) -> str | None:
        found = (source.alias for source in self.sources.values() for side in source.sides if side.alias == alias)
        return next(found, None)

    def _others(self, followed: set[int]) -> Iterator[exp.Expr]:
        """The subqueries of the SELECT that are neither sources nor followed filters."""
        relations = {id(side.relation) for source in self.sources.values() for side in source.sides}
        for node in walk(self.select):
            is_query = isinstance(node, exp.Query) and node is not self.select
            if is_query and id(node) not in relations and id(node) not in followed and tables(node):
                yield node


def _relation(node: exp.Expr) -> exp.Expr:
    """A table, or a subquery with an alias; NotLocal for what is neither."""
    if isinstance(node, (exp.Lateral, exp.Unnest)) or isinstance(node.this, (exp.Func, exp.Anonymous)):
        raise NotLocal(Reason.TABLE_FUNCTION, node)
    has_columns = isinstance(node.args.get("alias"), exp.TableAlias) and bool(node.args["alias"].columns)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        others = {word for word, value in node.args.items() if value} - {"this", "alias"}
        if not others and not has_columns:
            return node
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query) and not has_columns:
        return node
    raise NotLocal(Reason.NOT_UNDERSTOOD, node)


def _given(join: exp.Join) -> list[str]:
    return [word for word, value in join.args.items() if value]


def _is_plain(join: exp.Join) -> bool:
    return join.kind in INNER_KINDS and not set(_given(join)) - KNOWN_JOIN
