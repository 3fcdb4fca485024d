"""The types that columns of tables have, and their spelling in Filon's SQL; engines spell it in their own way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The family of a column's type."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    DOUBLE = "double"
    TEXT = "text"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    TEXTS = "list of text"
    """Of a table that Filon itself makes; no contract declares it."""


_SQL = {
    Kind.INTEGER: "BIGINT",
    Kind.DOUBLE: "DOUBLE",
    Kind.TEXT: "VARCHAR",
    Kind.DATE: "DATE",
    Kind.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TEXTS: "VARCHAR[]",
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
    "VARCHAR[]": Kind.TEXTS,
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
        """Spelling in Filon's SQL and in documents of the lake, such as ``BIGINT`` or ``DECIMAL(10,2)``."""
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
TEXTS = ColumnType(Kind.TEXTS)


class TypedColumn(NamedTuple):
    """A column of a table, as an engine reads it and the lake commits it."""

    name: str
    type: ColumnType


PLACE = (TypedColumn("_file", INTEGER), TypedColumn("_record", INTEGER))
"""Where a record stands: the number of its file version, and its own, from 1, in that."""


def parse_type(spelling: str) -> ColumnType | None:
    """Read a type of Filon's SQL; None when no column of a table can have it."""
    if match := _DECIMAL.fullmatch(spelling.strip()):
        precision, scale = int(match[1]), int(match[2])
        fits = 1 <= precision <= MAX_PRECISION and scale <= precision
        return ColumnType(Kind.DECIMAL, precision, scale) if fits else None
    kind = _KINDS.get(spelling.strip().upper())
    return ColumnType(kind) if kind else None
