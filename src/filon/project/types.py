"""The types a column of a contract can have, and their SQL spelling (the same for every engine)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The family of a column's type."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    DOUBLE = "double"
    TEXT = "text"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"


_SQL = {
    Kind.INTEGER: "BIGINT",
    Kind.DOUBLE: "DOUBLE",
    Kind.TEXT: "VARCHAR",
    Kind.DATE: "DATE",
    Kind.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
    Kind.BOOLEAN: "BOOLEAN",
}
_KINDS = {
    "BIGINT": Kind.INTEGER,
    "INTEGER": Kind.INTEGER,
    "DOUBLE": Kind.DOUBLE,
    "VARCHAR": Kind.TEXT,
    "DATE": Kind.DATE,
    "TIMESTAMP WITH TIME ZONE": Kind.TIMESTAMP,
    "TIMESTAMPTZ": Kind.TIMESTAMP,
    "BOOLEAN": Kind.BOOLEAN,
}
LOGICAL = {
    "integer": Kind.INTEGER,
    "number": Kind.DECIMAL,
    "string": Kind.TEXT,
    "date": Kind.DATE,
    "timestamp": Kind.TIMESTAMP,
    "boolean": Kind.BOOLEAN,
}
"""Logical types of the Open Data Contract Standard that a table can hold."""

_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)", re.IGNORECASE)
MAX_PRECISION = 38


@dataclass(frozen=True)
class ColumnType:
    """A column's type; ``precision`` and ``scale`` are those of a decimal, 0 otherwise."""

    kind: Kind
    precision: int = 0
    scale: int = 0

    @property
    def sql(self) -> str:
        """SQL spelling, such as ``BIGINT`` or ``DECIMAL(10,2)``."""
        if self.kind is Kind.DECIMAL:
            return f"DECIMAL({self.precision},{self.scale})"
        return _SQL[self.kind]

    @property
    def is_number(self) -> bool:
        """Whether minimum and maximum compare numbers."""
        return self.kind in (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE)

    @property
    def is_exact(self) -> bool:
        """Whether values are exact numbers, so that sums are exact."""
        return self.kind in (Kind.INTEGER, Kind.DECIMAL)

    def __str__(self) -> str:
        return self.sql


TEXT = ColumnType(Kind.TEXT)
INTEGER = ColumnType(Kind.INTEGER)


def parse_type(spelling: str) -> ColumnType | None:
    """Read an SQL type; None when no column of a contract can have it."""
    if match := _DECIMAL.fullmatch(spelling.strip()):
        precision, scale = int(match[1]), int(match[2])
        fits = 1 <= precision <= MAX_PRECISION and scale <= precision
        return ColumnType(Kind.DECIMAL, precision, scale) if fits else None
    kind = _KINDS.get(spelling.strip().upper())
    return ColumnType(kind) if kind else None
