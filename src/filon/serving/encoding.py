"""SQL by which the engine spells values for stores."""

from __future__ import annotations

from filon.project import Column
from filon.project.analysis import WORD_DIGITS
from filon.sql import identifier


def unscaled(column: Column, of: str = "") -> str:
    """A decimal as a whole number of its last decimal; ``of`` is the table if a query has several."""
    name, kind = f"{of}.{identifier(column.name)}" if of else identifier(column.name), column.type
    if kind.precision + kind.scale <= WORD_DIGITS:  # the product is a decimal of as many digits
        return f"CAST({name} * {10**kind.scale} AS BIGINT)"
    return f"unscaled({name})"
