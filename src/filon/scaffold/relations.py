"""Keys of tables and references between them, found in all their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import prod

from filon.engines import SqlEngine
from filon.project import Kind
from filon.scaffold.guess import ColumnGuess, TableGuess
from filon.scaffold.names import KEY_WORDS, is_called_like_a_key, words_in
from filon.sql import identifier, identifiers

FEWEST_FOR_KEY, FEWEST_UNNAMED, FEWEST_FOR_PAIR, FEWEST_WITH_ROOM, FEWEST_FOR_REQUIRED = 3, 10, 20, 50, 100
"""Rows that a table needs for a key called like one, for another column, for a key of several columns, for any where
more files may come, and for columns to be required."""
LARGEST_KEY = 3
FIRST_ROWS = 20_000
"""Rows among which a combination of columns is tried before all rows are looked at."""
MOST_TRIED = 12
"""Combinations that are tried on all rows."""
LINE_WORDS = {"line", "ligne", "item", "pos", "position", "rang", "rank", "seq", "sequence", "index", "idx", "row"}
"""Words for what counts the parts of a whole, such as the lines of an order."""
COLUMNS_AT_ONCE = 25
"""A query that counts different values of more columns may not fit into memory."""
DISCRETE = (Kind.INTEGER, Kind.TEXT)
MOMENTS = (Kind.DATE, Kind.TIMESTAMP)
CONTAINED, CONTAINED_BY_NAME = 0.9, 0.5
"""Share of the different values of a column that must be keys of the other table; less where the names agree."""
FEWEST_VALUES, SHORTEST_VALUE = 2, 2
"""Different values, and characters of each, that are not in another table by chance."""


@dataclass(frozen=True)
class ColumnFacts:
    """What stands in a column: values that are null, different values, and an example as text."""

    nulls: int
    distinct: int
    example: str
    shortest: int


@dataclass(frozen=True)
class TableFacts:
    """The records that were read for a table, the rows of them that it has, and facts of each column by name."""

    read: int
    rows: int
    columns: Mapping[str, ColumnFacts]


def facts_of(engine: SqlEngine, guess: TableGuess, read: int) -> TableFacts:
    """Count what stands in each column of a table that is bound under its name; ``read`` records were read for it."""
    [(rows,)] = engine.rows(f"SELECT count(*) FROM {identifier(guess.name)}")
    columns: dict[str, ColumnFacts] = {}
    for first in range(0, len(guess.columns), COLUMNS_AT_ONCE):
        some = guess.columns[first : first + COLUMNS_AT_ONCE]
        [counts] = engine.rows(f"SELECT {', '.join(map(_counted, some))} FROM {identifier(guess.name)}")
        for place, column in enumerate(some):
            filled, distinct, example, shortest = counts[4 * place : 4 * place + 4]
            columns[column.name] = ColumnFacts(rows - filled, distinct, example or "", shortest or 0)
    return TableFacts(read, rows, columns)


def _counted(column: ColumnGuess) -> str:
    name = identifier(column.name)
    text = f"CAST({name} AS VARCHAR)"
    return f"count({name}), count(DISTINCT {name}), min({text}), min(length({text}))"


def relate(engine: SqlEngine, guesses: Sequence[TableGuess], facts: Mapping[str, TableFacts]) -> list[TableGuess]:
    """The guesses with keys, references and required columns.

    Args:
        engine: the tables are bound under their names
        guesses: the tables
        facts: what stands in their columns, by table

    """
    keyed = [replace(guess, key=_single_key(guess, facts[guess.name])) for guess in guesses]
    parents = [(guess, guess.key[0]) for guess in keyed if len(guess.key) == 1]
    related = [_with_references(engine, guess, parents, facts) for guess in keyed]
    pairs = [guess if guess.key else replace(guess, key=_key_of_several(engine, guess, facts)) for guess in related]
    return [_with_required(guess, facts[guess.name]) for guess in pairs]


def _has_enough_rows(guess: TableGuess, facts: TableFacts, fewest: int) -> bool:
    return facts.read >= max(fewest, FEWEST_WITH_ROOM if guess.source.may_grow else 0)


def _single_key(guess: TableGuess, facts: TableFacts) -> tuple[str, ...]:
    """The first column called like a key, else the first column of all, if it is filled and each value stands once."""
    named = [column for column in guess.columns if is_called_like_a_key(column.header)]
    for columns, fewest in ((named, FEWEST_FOR_KEY), (guess.columns[:1], FEWEST_UNNAMED)):
        for column in columns:
            found = facts.columns[column.name]
            is_unique = found.nulls == 0 and found.distinct == facts.rows and column.type.kind in DISCRETE
            if is_unique and _has_enough_rows(guess, facts, fewest):
                return (column.name,)
    return ()


def _key_of_several(engine: SqlEngine, guess: TableGuess, facts: Mapping[str, TableFacts]) -> tuple[str, ...]:
    """The combination of few columns whose values stand once together, that looks most like a key; () when none is."""
    table = facts[guess.name]
    if not _has_enough_rows(guess, table, FEWEST_FOR_PAIR):
        return ()
    columns = [c for c in guess.columns if c.type.kind in DISCRETE + MOMENTS and table.columns[c.name].nulls == 0]
    tried = 0
    for size in range(2, LARGEST_KEY + 1):
        choices = [
            choice
            for choice in combinations(columns, size)
            if any(map(_is_lead, choice)) and prod(table.columns[c.name].distinct for c in choice) >= table.rows
        ]
        ranked = sorted(choices, key=lambda choice: [sum(map(_strangeness, choice)), *map(columns.index, choice)])
        for choice in _distinct_at_first(engine, guess.name, ranked):
            tried += 1
            if tried > MOST_TRIED:
                return ()
            names = [column.name for column in choice]
            if _are_distinct(engine, f"SELECT {identifiers(names)} FROM {identifier(guess.name)}", names):
                return tuple(names)
    return ()


def _distinct_at_first(
    engine: SqlEngine, table: str, choices: Iterable[tuple[ColumnGuess, ...]]
) -> Iterator[tuple[ColumnGuess, ...]]:
    """The combinations whose values stand once among the first rows."""
    first = f"(SELECT * FROM {identifier(table)} WHERE _record <= {FIRST_ROWS})"
    for choice in choices:
        names = [column.name for column in choice]
        if _are_distinct(engine, f"SELECT {identifiers(names)} FROM {first} AS first_rows", names):
            yield choice


def _are_distinct(engine: SqlEngine, query: str, names: Sequence[str]) -> bool:
    counted = f"SELECT count(*) FROM ({query} GROUP BY {identifiers(names)} HAVING count(*) > 1 LIMIT 1) AS repeated"
    return engine.rows(counted) == [(0,)]


def _is_lead(column: ColumnGuess) -> bool:
    """Whether a column makes a key likely: a moment, a reference, or a name like that of a key."""
    return column.type.kind in MOMENTS or bool(column.references) or is_called_like_a_key(column.header)


def _strangeness(column: ColumnGuess) -> int:
    """How unlikely a column is as a part of a key: a number that counts something is less likely than a name or day."""
    if column.references or is_called_like_a_key(column.header) or LINE_WORDS & words_in(column.header):
        return 0
    return 2 if column.type.kind is Kind.INTEGER else 1


def _with_references(
    engine: SqlEngine,
    guess: TableGuess,
    parents: Sequence[tuple[TableGuess, str]],
    facts: Mapping[str, TableFacts],
) -> TableGuess:
    """The guess with the references of its columns to keys of other tables."""
    columns = []
    for column in guess.columns:
        found = facts[guess.name].columns[column.name]
        best, target = 0.0, None
        for parent, key in parents:
            if parent.name == guess.name or (column.name,) == guess.key or not _may_refer(column, found, parent, key):
                continue
            share = _contained(engine, guess.name, column.name, parent.name, key)
            is_named = _is_named_after(column, parent, key)
            if share >= (CONTAINED_BY_NAME if is_named else CONTAINED) and share + is_named > best:
                best, target = share + is_named, (parent.name, key)
        columns.append(replace(column, references=target))
    return replace(guess, columns=tuple(columns))


def _may_refer(column: ColumnGuess, found: ColumnFacts, parent: TableGuess, key: str) -> bool:
    kind = next(other.type.kind for other in parent.columns if other.name == key)
    if kind is not column.type.kind:
        return False
    if _is_named_after(column, parent, key):
        return found.distinct > 0
    is_telling = found.distinct >= FEWEST_VALUES and found.shortest >= SHORTEST_VALUE
    return column.type.kind is Kind.TEXT and is_telling  # small numbers are among the keys of any table


def _is_named_after(column: ColumnGuess, parent: TableGuess, key: str) -> bool:
    """Whether a column is called like the key of a table, or like the table and its key: ``id_client``, ``client``."""
    own, other, table = (words_in(name) for name in (column.name, key, parent.name))
    subject = {word.removesuffix("s") for word in table}
    named = {word.removesuffix("s") for word in own}
    return own == other or (bool(named & subject) and named - subject <= {*other, *KEY_WORDS})


def _contained(engine: SqlEngine, table: str, column: str, parent: str, key: str) -> float:
    """The share of the different values of a column that are keys of another table."""
    child, own, target, other = map(identifier, (table, column, parent, key))
    values = f"SELECT DISTINCT {own} AS value FROM {child} WHERE {own} IS NOT NULL"
    query = (
        f"SELECT count(*), count(target.{other}) FROM ({values}) AS held "
        f"LEFT JOIN {target} AS target ON target.{other} = held.value"
    )
    [(count, met)] = engine.rows(query)
    return met / count if count else 0.0


def _with_required(guess: TableGuess, facts: TableFacts) -> TableGuess:
    """The guess with required columns: those of the key, and with many rows those that are always filled."""
    is_long = facts.rows >= FEWEST_FOR_REQUIRED
    columns = (
        replace(column, required=column.name in guess.key or (is_long and facts.columns[column.name].nulls == 0))
        for column in guess.columns
    )
    return replace(guess, columns=tuple(columns))
