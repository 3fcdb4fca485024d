"""Which values stores keep as they are, as SQL that the engine judges rows by, and the error for any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from filon.errors import StoreUnfit
from filon.project import Column, Kind
from filon.serving.cube import GROUPING_SEPARATOR
from filon.serving.tables import StoredTable
from filon.sql import identifier, literal

LONGEST_SHOWN = 80
"""Characters of a value in messages."""
FIRST_DAY, LAST_DAY = "0001-01-01", "9999-12-31"


@dataclass(frozen=True)
class Limit:
    """A condition (SQL) on a column under which a store keeps its values; what others are, and their fix."""

    holds: str
    what: str
    fix: str


def calendar(column: Column) -> Limit:
    """Dates and timestamps of the years that Python and the stores share."""
    name, zone = identifier(column.name), ""
    if column.type.kind is Kind.TIMESTAMP:
        name, zone = f"timezone('UTC', {name})", " 23:59:59.999999"
    first, last = f"TIMESTAMP '{FIRST_DAY}'", f"TIMESTAMP '{LAST_DAY}{zone}'"
    return Limit(
        f"{name} BETWEEN {first} AND {last}",
        "stores keep the years 0001 to 9999, in UTC",
        "refuse it in the source's contract, or correct it in the model",
    )


def units(column: Column, least: int, most: int, what: str) -> Limit:
    """Decimals that are so many units of their last decimal, ends included."""
    bounds = (Decimal(f"{bound}e-{column.type.scale}") for bound in (least, most))
    low, high = (f"CAST({literal(format(bound, 'f'))} AS {column.type.sql})" for bound in bounds)
    return Limit(
        f"{identifier(column.name)} BETWEEN {low} AND {high}",
        what,
        "give the column fewer decimals, or refuse it in the source's contract",
    )


def common_limits(column: Column) -> list[Limit]:
    """What every store asks of a column; that doubles are finite, checks have seen before a release is published."""
    return [calendar(column)] if column.type.kind in (Kind.DATE, Kind.TIMESTAMP) else []


def unfit(uri: str, table: StoredTable, row: Mapping[str, object], column: str, what: str, fix: str) -> StoreUnfit:
    """The error for a value of a row."""
    key = ", ".join(f"{name} {_short(row[name])}" for name in table.key)
    return StoreUnfit(uri, table.title, column, key, _short(row[column]), what, fix)


def _short(value: object) -> str:
    text = str(value).replace(GROUPING_SEPARATOR, ", ")
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}… ({len(text):,} characters)"
