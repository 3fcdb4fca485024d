"""Values as SQLite keeps them, and the way back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from filon.project import Column, Kind
from filon.project.values import EXACT, WHOLE
from filon.serving.query import EPOCH, EPOCH_DAY, Value
from filon.serving.tables import StoredTable
from filon.sql import identifier

FIRST = EPOCH_DAY.toordinal()
TYPES = {Kind.INTEGER: "INTEGER", Kind.DECIMAL: "INTEGER", Kind.DOUBLE: "REAL", Kind.BOOLEAN: "INTEGER"}
TYPES |= {Kind.TEXT: "TEXT", Kind.DATE: "INTEGER", Kind.TIMESTAMP: "INTEGER"}


def bound(table: StoredTable, column: str, value: Value) -> Any:
    """A value as ``encoding`` spells it."""
    kind = table.column(column).type
    if isinstance(value, Decimal) or (kind.kind is Kind.DECIMAL and isinstance(value, (int, float))):
        units = int(EXACT.scaleb(Decimal(str(value)), kind.scale))
        return units if units in WHOLE else float(units)  # beyond what is stored, every number compares alike
    if isinstance(value, dt.datetime):
        return (value - EPOCH) // dt.timedelta(microseconds=1)
    return (value - EPOCH_DAY).days if isinstance(value, dt.date) else value


def decoder(column: Column) -> Callable[[Any], Value] | None:
    """What makes a value of a row of what SQLite gives; None when it is one already."""
    kind, scale = column.type.kind, column.type.scale
    if kind is Kind.DECIMAL:
        return lambda value: EXACT.scaleb(Decimal(value), -scale)
    if kind is Kind.DATE:
        return lambda value: dt.date.fromordinal(value + FIRST)
    if kind is Kind.TIMESTAMP:
        return lambda value: EPOCH + dt.timedelta(microseconds=value)
    return bool if kind is Kind.BOOLEAN else None


def decoded(
    names: Sequence[str], row: Sequence[Any], decoders: Sequence[tuple[int, Callable[[Any], Value]]]
) -> dict[str, Value]:
    """A row of SQLite as a row."""
    values = list(row)
    for index, decode in decoders:
        if values[index] is not None:
            values[index] = decode(values[index])
    return dict(zip(names, values, strict=True))


def plain(column: Column) -> str:
    """A column as people who read the file expect it; SQLite itself knows no decimals."""
    name, kind = identifier(column.name), column.type
    if kind.kind is Kind.DECIMAL and kind.scale:
        return f"{name} / {10**kind.scale}.0"
    if kind.kind is Kind.TIMESTAMP:
        micros = f"((({name} % 1000000) + 1000000) % 1000000)"  # never negative, before 1970 either
        seconds = f"strftime('%Y-%m-%dT%H:%M:%S', ({name} - {micros}) / 1000000, 'unixepoch')"
        return f"{seconds} || printf('.%06dZ', {micros})"
    if kind.kind is Kind.DATE:
        return f"date({name} * 86400, 'unixepoch')"
    return name
