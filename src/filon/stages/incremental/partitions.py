"""The partitions of a table in which the rows with affected keys lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from filon.project import Partition
from filon.sql import caseless, identifier
from filon.stages.incremental.keys import Keys
from filon.stages.incremental.reading import read_part
from filon.stages.incremental.trees import with_columns


def affected_partitions(
    places: Iterable[Keys], parts: Sequence[tuple[str, str | None]], partition: Partition, affected: str
) -> str | None:
    """A query for the partitions of a table in which rows with affected keys can be; None when they can be in any.

    Args:
        places: for each place where the table is read, the key over its columns
        parts: name and type of each column of the table of affected keys
        partition: how the files of the table are divided
        affected: the name of the table of affected keys

    """
    found = {_in_partition(keys, parts, partition) for keys in places}
    known = sorted(expression for expression in found if expression is not None)
    if None in found or not known:
        return None
    return " UNION ".join(f"SELECT {expression} FROM {identifier(affected)}" for expression in known)


def _in_partition(keys: Keys, parts: Sequence[tuple[str, str | None]], partition: Partition) -> str | None:
    """The partition of a row, over the affected keys: where one of them is the partition, or the column of it."""
    column = partition.column
    whole = with_columns(read_part(partition.over(identifier(column.name))), _lowered)
    for key, (name, kind) in zip(keys, parts, strict=True):
        is_column = isinstance(key, exp.Column) and caseless(key.name) == caseless(column.name)
        if is_column and kind == column.type.sql:
            return partition.over(identifier(name))
        if with_columns(key, _lowered) == whole:
            return identifier(name)
    return None


def _lowered(column: exp.Column) -> exp.Expr:
    return exp.column(caseless(column.name), quoted=True)
