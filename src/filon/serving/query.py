"""What readers ask of a table, whatever store holds it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from filon.project import ColumnType, Kind
from filon.project.serving import Operator, Order

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
    """A number as stores give it; ``read_value`` makes every number a Decimal."""
    if not isinstance(value, Decimal) or kind.kind is Kind.DECIMAL:
        return value
    return int(value) if kind.kind is Kind.INTEGER else float(value)
