"""What readers ask of a table, whatever store holds it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from filon.project import ColumnType, Kind
from filon.project.serving import Operator
from filon.project.values import at_scale
from filon.serving.tables import Order, StoredTable

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
EPOCH_DAY = EPOCH.date()


Value = bool | int | float | Decimal | str | dt.date | dt.datetime | None
"""A value of a row: decimals are Decimal, dates are date, timestamps are datetime in UTC."""

Row = Mapping[str, Value]


Known = bool | int | float | Decimal | str | dt.date | dt.datetime
"""A value that is not null."""


@dataclass(frozen=True)
class Condition:
    """A column compared with a value that is not null (``ONE_OF``: several); a null of the column never meets it."""

    column: str
    operator: Operator
    value: Known | tuple[Known, ...]

    @property
    def values(self) -> tuple[Known, ...]:
        """What the column is compared with."""
        return self.value if isinstance(self.value, tuple) else (self.value,)


def one_of(column: str, values: Sequence[Known]) -> Condition:
    """A column has one of these values, whatever their order."""
    different = tuple(sorted(set(values)))
    if len(different) == 1:
        return Condition(column, Operator.EQUAL, different[0])
    return Condition(column, Operator.ONE_OF, different)


MICROSECOND = dt.timedelta(microseconds=1)


def exact(
    table: StoredTable, conditions: Sequence[Condition], moment: dt.timedelta = MICROSECOND
) -> tuple[Condition, ...]:
    """Conditions that the same rows meet, with values that columns can have.

    Stores then never round one. ``moment`` is the shortest time that the store tells apart.
    """
    return tuple(_exact(item, table.column(item.column).type, moment) for item in conditions)


def _exact(item: Condition, kind: ColumnType, moment: dt.timedelta) -> Condition:
    if item.operator in (Operator.AT_LEAST, Operator.AT_MOST):
        [value] = item.values
        bound = _nearest(value, kind, moment, up=item.operator is Operator.AT_LEAST)
        return Condition(item.column, Operator.ONE_OF, ()) if bound is None else replace(item, value=bound)
    held = tuple(value for value in item.values if _nearest(value, kind, moment, up=True) == value)
    return item if len(held) == len(item.values) else Condition(item.column, Operator.ONE_OF, held)


def _nearest(value: Known, kind: ColumnType, moment: dt.timedelta, *, up: bool) -> Known | None:
    """The next value of a column at or above (or below) another; None when the calendar ends before it."""
    if isinstance(value, Decimal) and kind.kind is Kind.DECIMAL:
        return at_scale(value, kind.scale, ROUND_CEILING if up else ROUND_FLOOR)
    if not isinstance(value, dt.datetime):
        return value
    beyond = (value - EPOCH) % moment
    try:
        return value - beyond + (moment if up and beyond else dt.timedelta())
    except OverflowError:
        return None


@dataclass(frozen=True)
class Query:
    """Some rows of a table, in order.

    ``conditions``: all must be met. ``sort`` is total, it ends with the key; nulls come first, or last where it
    descends. Rows are those from the place ``at`` on, or behind the place ``after`` (values of the sort's columns; one
    of the two at most), the first ``skip`` of them left out. ``fields``: only these columns (None: all).
    """

    sort: tuple[Order, ...]
    conditions: tuple[Condition, ...] = ()
    at: tuple[Value, ...] | None = None
    after: tuple[Value, ...] | None = None
    skip: int = 0
    limit: int = 100
    fields: tuple[str, ...] | None = None


def as_stored(value: Value, kind: ColumnType) -> Value:
    """A value as stores give it: a number that ``read_value`` read as a Decimal in the type of its column."""
    if not isinstance(value, Decimal) or kind.kind is Kind.DECIMAL:
        return value
    return int(value) if kind.kind is Kind.INTEGER else float(value)
