"""How numbers of a block are written: what the contract says of a column or measure, or the block itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.language import Language, Unit
from filon.pages import NumberFormat, parts_of


def format_of(described: Row, measure: str, own: str | None = None) -> str:
    """The format of a measure or column of a table; that of a ratio is that of its first part."""
    name = parts_of(measure)[0]
    analysis = described["analysis"]
    if own is not None:
        return own
    if analysis is not None and name in analysis["formats"]:
        return str(analysis["formats"][name])
    columns = {column["name"]: column["format"] for column in described["columns"]}
    return columns.get(name) or NumberFormat.NUMBER


def writer(language: Language, kind: str, decimals: int | None = None) -> Callable[[Any], str]:
    """Writes numbers in a format; ``decimals``: the digits after the mark of plain amounts, their own if None."""
    match kind:
        case NumberFormat.MONEY:
            return language.money
        case NumberFormat.PERCENT:
            return lambda value: language.percent(None if value is None else value / 100)
        case NumberFormat.PLAIN:
            return lambda value: language.text("none") if value is None else str(value)
        case _:
            return lambda value: language.number(value, decimals)


def decimals_of(measure: str) -> int | None:
    """The digits after the mark of a measure: two of a ratio."""
    return 2 if len(parts_of(measure)) > 1 else None


def unit_of(language: Language, kind: str) -> Unit:
    """What stands before and after the numbers of an axis."""
    if kind == NumberFormat.MONEY:
        return language.money_unit
    return Unit(after=" %") if kind == NumberFormat.PERCENT else Unit()


def measure_writer(context: Context, table: str, measure: str, own: str | None = None) -> Callable[[Any], str]:
    """Writes a measure of a table."""
    return writer(context.language, format_of(context.tables[table], measure, own), decimals_of(measure))
