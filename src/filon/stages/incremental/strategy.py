"""The strategy of a model: by key, by partition or full; and the queries by which it is carried out.

The caller gives the engine two kinds of tables beside the model's inputs: the changed rows of each input that changed
(``changed_rows``), and the affected keys (``AFFECTED``), which ``Local.affected`` computes. The new table is then
``Local.kept`` and ``Local.rows`` together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import combinations

from sqlglot import exp

from filon.engines import Columns
from filon.project import Contract, Kind, Model, Partition
from filon.sql import DIALECT, caseless, identifier
from filon.stages.incremental.keys import Keys, attempted, key_column
from filon.stages.incremental.locality import Blocked, Branch, Locality, Reach, Restriction
from filon.stages.incremental.partitions import affected_partitions
from filon.stages.incremental.reading import ALIASED, START, read_model, read_part
from filon.stages.incremental.reasons import NotLocal, Reason
from filon.stages.incremental.trees import columns, outputs, query_of, tables, with_columns
from filon.stages.models import select_as_declared

AFFECTED = "affected keys"
"""The name of the table of affected keys, with one column for each part of the key."""
ROW, KEY = "row", "key"
MOST_KEY_COLUMNS = 6
"""Of a longer key, parts are not tried: there are too many."""


class StrategyKind(StrEnum):
    """How a model is computed when its inputs changed."""

    BY_KEY = "by_key"
    BY_PARTITION = "by_partition"
    FULL = "full"


@dataclass(frozen=True)
class KeyPart:
    """A column of the table of affected keys: a column of the model, or an expression over the model's columns."""

    name: str
    sql: str | None = None

    def over(self, table: str) -> str:
        """The part as SQL, over the model's rows under an alias."""
        if self.sql is None:
            return f"{identifier(table)}.{identifier(self.name)}"
        part = read_part(self.sql)
        return with_columns(part, lambda c: exp.column(c.name, table=table, quoted=True)).sql(dialect=DIALECT)


@dataclass(frozen=True)
class Full:
    """A model that is computed whole: why, and the line of its SELECT, where it is known."""

    model: Model = field(repr=False)
    reason: Reason
    line: int | None

    @property
    def kind(self) -> StrategyKind:
        """Full."""
        return StrategyKind.FULL


@dataclass(frozen=True)
class Local:
    """A model that is computed for the keys that changes of its inputs affect.

    ``restricted`` are the inputs of which only rows with such keys are read, at some place at least; ``blocked`` those
    whose changes make the model full. What the SELECT reads beside the inputs (``Model.reads``: the as-of date and the
    like) must be the same as when the old rows were computed.
    """

    model: Model = field(repr=False)
    kind: StrategyKind
    key: tuple[KeyPart, ...]
    blocked: tuple[Blocked, ...]
    _restrictions: tuple[Restriction, ...] = field(repr=False)
    _branches: tuple[Branch, ...] = field(repr=False)
    _aliased: frozenset[int] = field(repr=False)
    _types: tuple[str | None, ...] = field(repr=False)
    _always_restricted: frozenset[str] = field(repr=False)

    @property
    def restricted(self) -> tuple[str, ...]:
        """Names of inputs."""
        return tuple(sorted({place.table for place in self._restrictions}))

    @property
    def looked_up(self) -> tuple[str, ...]:
        """Names of the inputs that are read whole, wherever the SELECT names them."""
        return tuple(name for name in self.model.inputs if name not in self.restricted)

    def blocked_by(self, changed: Iterable[str]) -> Blocked | None:
        """Why the model is full when these inputs changed; None when it is not."""
        names = set(changed)
        return next((item for item in self.blocked if item.table in names), None)

    def affected(self, changed: Iterable[str]) -> str:
        """A query for the affected keys, without duplicates.

        Args:
            changed: names of the inputs that changed. Each has a table ``changed_rows(name)`` of the input's columns:
                the old version of each row that is gone or changed, the new version of each that came or changed. The
                inputs themselves are the new ones.

        Returns:
            SQL; one column per part of the key, of the contract's type where it is a column of the model. No row when
            nothing is affected.

        Raises:
            ValueError: the model is full when one of them changes (``blocked_by``), or none of them is an input

        """
        names = set(changed)
        if (blocked := self.blocked_by(names)) is not None:
            raise ValueError(f"{self.model.name} is full when {blocked.table} changes: {blocked.reason}")
        parts = [
            attempted(exp.cast(exp.column(key_column(index), quoted=True), kind, dialect=DIALECT))
            if kind is not None
            else exp.column(key_column(index), quoted=True)
            for index, kind in enumerate(self._types)
        ]
        columns_ = [exp.alias_(part, part_of.name, quoted=True) for part, part_of in zip(parts, self.key, strict=True)]
        selects = [
            exp.select(*(column.copy() for column in columns_)).from_(
                exp.alias_(exp.Subquery(this=query), KEY, table=True)
            )
            for query in dict.fromkeys(branch.query for branch in self._branches if branch.table in names)
        ]
        if not selects:
            raise ValueError(f"{self.model.name} reads none of {', '.join(sorted(names))}")
        return "\nUNION\n".join(select.sql(dialect=DIALECT) for select in selects)

    def rows(self) -> str:
        """A query for the model's rows with affected keys, as its contract declares them; reads ``AFFECTED``."""
        declared = select_as_declared(replace(self.model, sql=self._restricted_sql()))
        return _matching(f"(\n{declared}\n)", "SEMI", self.key)

    def partitions_of(self, table: str, partition: Partition) -> str | None:
        """A query for the partitions of an input in which rows with affected keys can be; None when they can be in any.

        Args:
            table: the name of the input
            partition: how its files are divided

        Returns:
            SQL that reads ``AFFECTED``, with one column, the partition as text, or null for rows that have none.

        """
        if caseless(table) not in self._always_restricted:
            return None
        places = [place.keys for place in self._restrictions if caseless(place.table) == caseless(table)]
        return affected_partitions(places, self._key_types, partition, AFFECTED)

    def own_partitions(self, partition: Partition) -> str | None:
        """The same for an older version of the model's table."""
        keys = [read_part(part.sql) if part.sql else exp.column(part.name, quoted=True) for part in self.key]
        return affected_partitions([tuple(keys)], self._key_types, partition, AFFECTED)

    @property
    def _key_types(self) -> list[tuple[str, str | None]]:
        return list(zip((part.name for part in self.key), self._types, strict=True))

    def present(self, old: str) -> str:
        """A query for the affected keys that an older version of the model's table, by its name, has rows of."""
        parts = ", ".join(f"{part.over(ROW)} AS {identifier(part.name)}" for part in self.key)
        return f"SELECT DISTINCT {parts} FROM ({self.matching(old)}) AS {identifier(ROW)}"

    def matching(self, old: str, keys: str = AFFECTED) -> str:
        """A query for the rows of an older version of the model's table, by its name, with affected keys, or others."""
        return _matching(identifier(old), "SEMI", self.key, keys)

    def kept(self, old: str) -> str:
        """A query for the rows of an older version of the model's table, by its name, without affected keys."""
        return _matching(identifier(old), "ANTI", self.key)

    def _restricted_sql(self) -> str:
        """The SELECT, word for word, with each restricted table cut down where it is named."""
        sql = self.model.sql
        for place in sorted(self._restrictions, key=lambda place: place.start, reverse=True):
            named = sql[place.start : place.end + 1]
            alias = "" if place.start in self._aliased else f" AS {named}"
            sql = f"{sql[: place.start]}({_cut_down(named, self.key, place.keys)}){alias}{sql[place.end + 1 :]}"
        return sql


Strategy = Full | Local


def strategy_of(model: Model, inputs: Mapping[str, Columns]) -> Strategy:
    """Work out how a model can be computed for what changed.

    Args:
        model: the model
        inputs: the columns of its inputs, by name (``filon.stages.models.input_columns``)

    Returns:
        Local by the model's key if it can be, else by the largest part of it, else by its partition; else Full,
        with the reason for which the whole key fails. An input whose changes cannot be followed does not make the model
        full as long as another's can (``Local.blocked``).

    """
    try:
        return _first_local(model, inputs)
    except NotLocal as error:
        return Full(model, error.reason, error.line)
    except RecursionError:
        return Full(model, Reason.TOO_LARGE, None)


def _first_local(model: Model, inputs: Mapping[str, Columns]) -> Strategy:
    """The strategy by the first key that will do; NotLocal when nothing can be said of the SELECT."""
    tree = read_model(model.sql, inputs)
    locality = Locality(tree, inputs)
    failure: Full | None = None
    for kind, key in _choices(model.contract, tree):
        try:
            found = _local(model, tree, locality, kind, key)
        except NotLocal as error:
            found = Full(model, error.reason, error.line)
        if isinstance(found, Local):
            return found
        failure = failure or found
    return failure or Full(model, Reason.NO_KEY, None)


def _local(model: Model, tree: exp.Expr, locality: Locality, kind: StrategyKind, key: tuple[KeyPart, ...]) -> Strategy:
    parts, types = zip(*(_declared(part, model.contract, tree, locality) for part in key), strict=True)
    reach = locality.reach(tree, parts)
    _require_accounted(tree, model, reach)
    blocked = {item.table: item for item in reversed(reach.blocked)}
    if blocked.keys() >= set(model.inputs):
        first = next(iter(reach.blocked), None)
        return Full(model, first.reason if first else Reason.KEY_NOT_FROM_INPUT, first.line if first else None)
    aliased = frozenset(table.meta[START] for table in tables(tree) if table.meta.get(ALIASED))
    places = tuple(_places(tree, reach))
    named = {table.name for table in tables(tree) if table.meta.get(START) not in {place.start for place in places}}
    return Local(
        model,
        kind,
        key,
        tuple(blocked[name] for name in sorted(blocked)),
        places,
        reach.branches,
        aliased,
        types,
        frozenset(caseless(name) for name in model.inputs) - named,
    )


def _require_accounted(tree: exp.Expr, model: Model, reach: Reach) -> None:
    """Every place where the text names a table is one whose changes are followed, or block."""
    blocked = {caseless(item.table) for item in reach.blocked}
    followed = {branch.start for branch in reach.branches}
    named = tables(tree)
    if {table.name for table in named} != {caseless(name) for name in model.inputs}:
        raise NotLocal(Reason.NOT_UNDERSTOOD, tree)
    for table in named:
        if table.name not in blocked and table.meta.get(START) not in followed:
            raise NotLocal(Reason.NOT_UNDERSTOOD, table)


def _places(tree: exp.Expr, reach: Reach) -> Iterator[Restriction]:
    """The places that are restricted in one way wherever their step is read; whole rows never do harm."""
    uses: dict[int, int] = {}
    for table in tables(tree):
        uses[table.meta.get(START, -1)] = uses.get(table.meta.get(START, -1), 0) + 1
    found: dict[int, list[Restriction]] = {}
    for place in reach.restrictions:
        found.setdefault(place.start, []).append(place)
    for start, places in found.items():
        if len(set(places)) == 1 and len(places) >= uses.get(start, 0):
            yield places[0]


def _declared(part: KeyPart, contract: Contract, tree: exp.Expr, locality: Locality) -> tuple[exp.Expr, str | None]:
    """A part of a key over the columns of the SELECT, and the type that it is cast to."""
    if part.sql is None:
        column = contract.column(part.name)
        if column.type.kind is Kind.DOUBLE:
            raise NotLocal(Reason.KEY_NOT_EXACT, tree)
        return exp.column(caseless(part.name), quoted=True), column.type.sql
    types = {caseless(column.name): column.type.sql for column in contract.columns}

    def as_declared(column: exp.Column) -> exp.Expr:
        name = caseless(column.name)
        own = exp.column(name, quoted=True)
        return (
            own if locality.shapes.of_column(tree, name) == types[name] else exp.cast(own, types[name], dialect=DIALECT)
        )

    return with_columns(read_part(part.sql), as_declared), None


def _choices(contract: Contract, tree: exp.Expr) -> Iterator[tuple[StrategyKind, tuple[KeyPart, ...]]]:
    """The keys to try, best first: the columns that the key is computed from, the key, parts of it, the partition."""
    key = contract.key
    own = tuple(_plain(contract, tree))
    longest = len(key) if len(key) <= MOST_KEY_COLUMNS else 1
    parts = (part for size in range(len(key) - 1, 0, -1) for part in combinations(key, size) if longest > 1)
    for names in dict.fromkeys([own, key, *parts]):
        if names:
            yield StrategyKind.BY_KEY, tuple(KeyPart(name) for name in names)
    if contract.partition is not None:
        column = identifier(contract.partition.column.name)
        yield StrategyKind.BY_PARTITION, (KeyPart(contract.partition.name, contract.partition.over(column)),)


def _plain(contract: Contract, tree: exp.Expr) -> Iterator[str]:
    """The key, with each computed column replaced by the columns that it comes from, if these are there."""
    query = query_of(tree)
    if not isinstance(query, exp.Select):
        yield from contract.key
        return
    found = outputs(query)
    names = {caseless(column.name): column.name for column in contract.columns}
    given = {
        part: names[name] for name, part in reversed(found.items()) if isinstance(part, exp.Column) and name in names
    }
    chosen: dict[str, None] = {}
    for name in contract.key:
        read = columns(found[caseless(name)]) if caseless(name) in found else []
        is_given = bool(read) and all(column in given for column in read)
        is_plain = isinstance(found.get(caseless(name)), exp.Column)
        chosen.update(dict.fromkeys([given[column] for column in read] if is_given and not is_plain else [name]))
    yield from chosen


def _cut_down(table: str, key: Iterable[KeyPart], own: Keys) -> str:
    """A query for the rows of a table that have an affected key; where that is cheaper, for all without a key too.

    An engine skips parts of files by plain equalities of columns only, which no null meets. Rows beyond the affected
    keys do no harm, so those with a null are read whether a key is null or not.
    """
    row, keys = identifier(ROW), f"{identifier(AFFECTED)} AS {identifier(KEY)}"
    is_plain = all(isinstance(part, (exp.Column, exp.Literal)) for part in own)
    compared = "=" if is_plain else "IS NOT DISTINCT FROM"
    on = " AND ".join(
        f"{identifier(KEY)}.{identifier(part.name)} {compared} {_over_row(over)}"
        for part, over in zip(key, own, strict=True)
    )
    found = f"SELECT * FROM {table} AS {row} SEMI JOIN {keys} ON {on}"
    nulls = " OR ".join(f"{_over_row(part)} IS NULL" for part in own if isinstance(part, exp.Column))
    return f"{found} UNION ALL SELECT * FROM {table} AS {row} WHERE {nulls}" if is_plain else found


def _over_row(part: exp.Expr) -> str:
    over = with_columns(part, lambda column: exp.column(column.name, table=ROW, quoted=True))
    return attempted(over).sql(dialect=DIALECT)


def _matching(table: str, how: str, key: Iterable[KeyPart], keys: str = AFFECTED) -> str:
    row = identifier(ROW)
    conditions = " AND ".join(
        f"{identifier(KEY)}.{identifier(part.name)} IS NOT DISTINCT FROM {part.over(ROW)}" for part in key
    )
    return f"SELECT * FROM {table} AS {row} {how} JOIN {identifier(keys)} AS {identifier(KEY)} ON {conditions}"
