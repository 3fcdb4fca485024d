"""Spelling of SQL: identifiers and literals enter a statement only by this way, and ``DIALECT`` reads it."""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_lowercase, ascii_uppercase

DIALECT = "duckdb"
"""The dialect of sqlglot that reads Filon's SQL: its functions and types are spelled as there, see ``docs/sql.md``."""


_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)


def caseless(name: str) -> str:
    """A name as SQL compares it: `Total` and `total` are one column, `Étage` and `étage` are two."""
    return name.translate(_SMALL)


def identifier(name: str) -> str:
    """Quote a column or table name."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Quote a text value."""
    return "'" + value.replace("'", "''") + "'"


def identifiers(names: Iterable[str]) -> str:
    """Quote names and join them with commas."""
    return ", ".join(identifier(name) for name in names)


def literals(values: Iterable[str]) -> str:
    """Quote text values and join them with commas."""
    return ", ".join(literal(value) for value in values)
