"""Rows as documents: the values that BSON has for those of a table, and the way back."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from typing import Any

from bson.decimal128 import Decimal128

from filon.project import Column, Kind
from filon.project.values import EXACT
from filon.serving.protocol import Batch
from filon.serving.query import EPOCH, Value
from filon.serving.state import OPEN
from filon.serving.tables import StoredTable

Document = dict[str, Any]


PAGE_INDEX, LOCK = "_page_index", "_load_lock"


VERSION = "_v"


DIGITS = 34
"""Digits of a Decimal128."""
_BEYOND = 10**DIGITS


# a Decimal128 whose exponent is -scale, from a whole number: see the BID encoding of IEEE 754
_BIAS, EXPONENT_SHIFT, _SIGN = 6176, 49, 1 << 63


_LOW, _HIGH = (1 << 64) - 1, (1 << EXPONENT_SHIFT) - 1
"""The bits of a whole number in the two words."""


_WORDS = struct.Struct("<QQ")
_pack, _unpack = _WORDS.pack, _WORDS.unpack


def maker(table: StoredTable, load: int) -> Callable[[Batch], list[Document]]:
    """Documents from rows of the engine. Column by column, which is twice as fast as value by value."""
    names = ("_id", *table.column_names, "_from", "_to")
    places = [table.column_names.index(name) for name in table.key]
    id_names = (*table.key, VERSION)
    encoders = [(index, encode) for index, column in enumerate(table.columns) if (encode := encoder(column))]

    def make(batch: Batch) -> list[Document]:
        if not batch:
            return []
        columns: list[Sequence[Any]] = list(zip(*batch, strict=True))
        for index, encode in encoders:
            columns[index] = [None if value is None else encode(value) for value in columns[index]]
        keys = zip(*(columns[index] for index in places), repeat(load))
        ids = [dict(zip(id_names, key, strict=True)) for key in keys]
        rows = zip(ids, *columns, repeat(load), repeat(OPEN))
        return [dict(zip(names, row, strict=True)) for row in rows]

    return make


def encoder(column: Column) -> Callable[[Any], Any] | None:
    """What makes a BSON value of what the engine hands over; None when it is one already."""
    kind, scale = column.type.kind, column.type.scale
    if kind is Kind.DECIMAL:
        exponent = decimal_exponent(scale)

        def decimal(number: int | Decimal) -> Decimal128:
            value = int(number)
            if not -_BEYOND < value < _BEYOND:  # its bits would be those of another number
                raise OverflowError(f"{value} has more than {DIGITS} digits")
            if value >= 0:
                return Decimal128.from_bid(_pack(value & _LOW, exponent | value >> 64))
            return Decimal128.from_bid(_pack(-value & _LOW, _SIGN | exponent | -value >> 64))

        return decimal
    if kind is Kind.TIMESTAMP:
        return lambda value: EPOCH + dt.timedelta(microseconds=value)
    return None


def decimal_exponent(scale: int) -> int:
    """The exponent of a Decimal128 with so many decimals, in its place in the upper of the two words."""
    return (_BIAS - scale) << EXPONENT_SHIFT


def decoder(column: Column) -> Callable[[Any], Value] | None:
    """What makes a value of a row of what BSON gives; None when it is one already."""
    kind = column.type.kind
    if kind is Kind.DECIMAL:
        return decimal_reader(column.type.scale)
    if kind is Kind.DATE:
        return lambda value: value.date()
    if kind is Kind.TIMESTAMP:
        return lambda value: value.replace(tzinfo=dt.UTC)
    return None


@lru_cache
def decimal_reader(scale: int) -> Callable[[Any], Decimal]:
    """What reads decimals that were written with a scale, from their bits: PyMongo takes six times as long for it."""
    exponent = decimal_exponent(scale)

    def read(value: Decimal128) -> Decimal:
        low, high = _unpack(value.bid)
        if exponent <= high <= exponent | _HIGH:
            return EXACT.scaleb(Decimal((high ^ exponent) << 64 | low), -scale)
        high ^= _SIGN
        if exponent <= high <= exponent | _HIGH:
            return EXACT.scaleb(Decimal(-((high ^ exponent) << 64 | low)), -scale)
        return value.to_decimal()  # written by somebody else

    return read


def decoded(
    names: Sequence[str], document: Document, decoders: Sequence[tuple[str, Callable[[Any], Value]]]
) -> dict[str, Value]:
    """A document as a row."""
    row = {name: document.get(name) for name in names}
    for name, decode in decoders:
        if row[name] is not None:
            row[name] = decode(row[name])
    return row


def bound(table: StoredTable, column: str, value: Value) -> Any:
    """A value of a query as BSON has it."""
    kind = table.column(column).type
    if kind.kind is Kind.DECIMAL and value is not None:
        units = int(EXACT.scaleb(Decimal(str(value)), kind.scale))
        # beyond what is stored, every number compares alike
        return Decimal128(EXACT.scaleb(Decimal(max(-_BEYOND, min(units, _BEYOND))), -kind.scale))
    if kind.kind is Kind.DATE and isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    return value


def rows_of(name: str) -> str:
    """The collection that holds all versions of a table's rows."""
    return f"_rows_{name}"
