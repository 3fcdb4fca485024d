"""A key through the joins of a SELECT: over one source, over those that have it too, and back from a changed row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from filon.stages.incremental.joins import Joined, Link, Source
from filon.stages.incremental.reasons import NotLocal, Reason
from filon.stages.incremental.shapes import Shapes
from filon.stages.incremental.trees import columns, conjuncts, with_columns

Keys = tuple[exp.Expr, ...]
CHANGED = "changed keys"
TOTAL = frozenset(
    {"coalesce", "day", "isodow", "local_date", "lower", "month", "quarter", "surrogate_key", "title_case"}
    | {"upper", "week", "year"}
)
"""Functions that have a value for all values of what they are declared for."""


def key_column(index: int) -> str:
    """The name of a part of a key in queries for it."""
    return f"k{index}"


def bare(part: exp.Expr) -> exp.Expr:
    """An expression over one source, without the source's name."""
    return with_columns(part, lambda column: exp.column(column.name, quoted=True))


def attempted(part: exp.Expr) -> exp.Expr:
    """An expression that is null where it cannot be computed: a model may have dropped such rows before."""
    return part.copy() if _never_fails(part) else exp.Anonymous(this="attempt", expressions=[part.copy()])


def _never_fails(part: exp.Expr) -> bool:
    """Whether an expression has a value for every row, so that engines need not be ready for errors: that is slow."""
    if isinstance(part, (exp.Column, exp.Literal, exp.Null)):
        return True
    if isinstance(part, (exp.Paren, exp.Coalesce)):
        return all(map(_never_fails, part.iter_expressions()))
    name = part.name.lower() if isinstance(part, exp.Anonymous) else ""
    is_total = name in TOTAL or (name == "strftime" and isinstance(part.expressions[-1], exp.Literal))
    return is_total and all(map(_never_fails, part.expressions))


class KeyPaths:
    """Keys over the sources of one SELECT."""

    def __init__(self, joined: Joined, shapes: Shapes) -> None:
        self._joined = joined
        self._shapes = shapes
        self._relations = {side.alias: side.relation for source in joined.sources.values() for side in source.sides}

    def over(self, keys: Keys, source: Source) -> Keys | None:
        """The keys as expressions over one source that is always there; None when they are not."""
        if source.optional:
            return None
        found = tuple(with_columns(self._without_coalesce(key), lambda c: self._equal_in(c, source)) for key in keys)
        own = {side.alias for side in source.sides}
        return found if all(column.table in own for key in found for column in columns(key)) else None

    def split(self, keys: Keys, source: Source) -> list[tuple[Source, Keys]]:
        """Keys over the sides of a source; NotLocal when one side of a FULL JOIN decides it alone."""
        if source.beside is None:
            return [(source, keys)]
        sides = []
        for number, side in enumerate(source.sides):
            own = tuple(self._side_of(key, source, number) for key in keys)
            if any(column.table != side.alias for key in own for column in columns(key)):
                raise NotLocal(Reason.KEY_FROM_OPTIONAL_SIDE, keys[0])
            sides.append((side, own))
        return sides

    def equated(self, keys: Keys, anchor: Source) -> dict[str, Keys]:
        """The other sources whose rows, wherever they are joined, have the key themselves: over each, its key."""
        equal = [[key] for key in keys]
        found: dict[str, Keys] = {}
        waiting = [alias for alias in self._joined.sources if alias != anchor.alias]
        while added := [(alias, own) for alias in waiting if (own := self._key_in(alias, keys, equal)) is not None]:
            for alias, own in added:
                found[alias] = own
                waiting.remove(alias)
                for known, part in zip(equal, own, strict=True):
                    known.extend([part] if isinstance(part, exp.Column) else [])
        return found

    def derived(self, keys: Keys, path: Sequence[str], links: Sequence[Link], changed: exp.Expr) -> exp.Select:
        """The keys of joined rows in which the first source of a path has certain values.

        Args:
            keys: expressions over the last source of the path
            path: from the source that changed
            links: those from the first source to the second that are followed
            changed: a query for the values of the links' ends in the first source, as ``k0``, ``k1``, …

        """
        sources = [self._joined.sources[alias] for alias in path]
        query = exp.select(
            *(exp.alias_(attempted(key), key_column(index), quoted=True) for index, key in enumerate(keys))
        )
        query = query.distinct().from_(sources[-1].relation.copy())
        if sources[-1].beside is not None and sources[-1].on is not None:
            query = query.join(sources[-1].beside.relation.copy(), on=sources[-1].on.copy(), join_type="full")
        for farther, nearer in zip(reversed(path[1:-1]), reversed(path[2:]), strict=True):
            steps = self._joined.between(farther, nearer)
            on = exp.and_(*(exp.EQ(this=attempted(step.mine), expression=attempted(step.theirs)) for step in steps))
            query = query.join(self._joined.sources[farther].relation.copy(), on=on, join_type="inner")
        ends = [exp.column(key_column(index), table=CHANGED, quoted=True) for index in range(len(links))]
        on = exp.and_(
            *(exp.EQ(this=end, expression=attempted(link.theirs)) for end, link in zip(ends, links, strict=True))
        )
        return query.join(
            exp.alias_(exp.Subquery(this=changed), CHANGED, table=True, quoted=True), on=on, join_type="inner"
        )

    def _key_in(self, alias: str, keys: Keys, equal: list[list[exp.Expr]]) -> Keys | None:
        own = []
        for key, known in zip(keys, equal, strict=True):
            if not columns(key):
                own.append(key)
                continue
            shape = self._shape(key)
            links = (link for link in self._joined.links if link.source == alias and link.theirs in known)
            mine = next((link.mine for link in links if shape is not None and self._shape(link.mine) == shape), None)
            if mine is None:
                return None
            own.append(mine)
        return tuple(own)

    def _equal_in(self, column: exp.Column, source: Source) -> exp.Expr:
        """The column of a source that equals another one in all joined rows; the other one when there is none."""
        own = {side.alias for side in source.sides}
        reached: list[exp.Expr] = [column]
        for known in reached:  # grows meanwhile
            if isinstance(known, exp.Column) and known.table in own:
                return known
            for link in self._joined.links:
                ends = (link.mine, link.theirs) if link.always and link.theirs not in reached else ()
                if ends and ends[0] == known and self._shape(known) == self._shape(ends[1]) is not None:
                    reached.append(ends[1])
        return column

    def _without_coalesce(self, key: exp.Expr) -> exp.Expr:
        """A key in which COALESCE of equal columns, which USING stands for, is the column that is always there."""

        def change(node: exp.Expr) -> exp.Expr:
            parts = coalesced(node)
            for part in parts:
                holder = self._joined.holder(part.table)
                is_there = holder is not None and not holder.optional and holder.beside is None
                if is_there and all(other is part or self._are_linked(part, other) for other in parts):
                    return part.copy()
            return node

        changed: exp.Expr = key.transform(change)
        return changed

    def _are_linked(self, one: exp.Column, other: exp.Column) -> bool:
        ends = ((link.mine, link.theirs) for link in self._joined.links)
        is_equal = any((one, other) in ((mine, theirs), (theirs, mine)) for mine, theirs in ends)
        return is_equal and self._shape(one) == self._shape(other) is not None

    def _side_of(self, key: exp.Expr, source: Source, number: int) -> exp.Expr:
        """A key over one side of a FULL JOIN, which has it by COALESCE of columns that the join equates."""
        equal = [{part.this, part.expression} for part in conjuncts(source.on) if isinstance(part, exp.EQ)]
        aliases = [side.alias for side in source.sides]

        def change(node: exp.Expr) -> exp.Expr:
            parts = coalesced(node)
            is_pair = (
                len(parts) == 2 and set(parts) in equal and self._shape(parts[0]) == self._shape(parts[1]) is not None
            )
            found = [part for part in parts if part.table == aliases[number]]
            return found[0].copy() if is_pair and len(found) == 1 else node

        changed: exp.Expr = key.transform(change)
        return changed

    def _shape(self, part: exp.Expr) -> str | None:
        return self._shapes.of(part, self._relations)


def coalesced(node: exp.Expr) -> list[exp.Column]:
    """The columns of a COALESCE of columns alone; none for anything else."""
    if isinstance(node, exp.Coalesce):
        parts = [node.this, *node.expressions]
    elif isinstance(node, exp.Anonymous) and node.name.lower() == "coalesce":
        parts = list(node.expressions)
    else:
        return []
    found = [part for part in parts if isinstance(part, exp.Column)]
    return found if len(found) == len(parts) else []


def renamed(keys: Keys, new: Mapping[str, str]) -> Keys:
    """Keys over the columns of one query as keys over those of another."""
    return tuple(with_columns(key, lambda column: exp.column(new[column.name], quoted=True)) for key in keys)
