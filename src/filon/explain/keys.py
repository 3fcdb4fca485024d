"""Values of keys as people write them, as conditions."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from filon.engines import SqlEngine
from filon.project import Column, Kind
from filon.sql import literal

WHOLE = re.compile(r"[+-]?[0-9]+")


def typed_key(engine: SqlEngine, column: Column, text: str) -> str | None:
    """An expression for the value of a key's column; None when a text spells none, or one that it would round.

    Dates are written as ``2026-01-31``, numbers with a point, timestamps as ``2026-01-31 10:00:00+00``.
    """
    if column.type.kind is Kind.TEXT:
        return literal(text)
    if column.type.kind is Kind.INTEGER and not WHOLE.fullmatch(text):
        return None
    if column.type.kind is Kind.DECIMAL and not _has_room(column.type.scale, text):
        return None
    value = f"TRY_CAST({literal(text)} AS {column.type.sql})"
    [(is_value,)] = engine.rows(f"SELECT {value} IS NOT NULL")
    return value if is_value else None


def _has_room(scale: int, text: str) -> bool:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    exponent = number.normalize().as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= scale
