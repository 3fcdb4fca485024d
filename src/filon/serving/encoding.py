"""SQL by which the engine spells values for stores."""

from __future__ import annotations

from filon.project import Column
from filon.sql import identifier

FAST_DIGITS = 17  # with one more the product below might leave 64 bits


def unscaled(column: Column) -> str:
    """A decimal as a whole number of its last decimal."""
    name, kind = identifier(column.name), column.type
    if kind.precision <= FAST_DIGITS:
        return f"CAST({name} * {10**kind.scale} AS BIGINT)"
    return f"unscaled({name})"
