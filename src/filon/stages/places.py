"""The SQL of places: rows by their file version and record, and the columns that are read from the path of a file."""

from __future__ import annotations

from collections.abc import Iterable

from filon.lake import FileVersion
from filon.project import Dataset, TypedColumn
from filon.sql import identifier, identifiers, literal

PLACES = "places of files"
"""A name with a blank, which no table of a project can have."""


def is_at(rows: str, places: str) -> str:
    """A condition, one of several, for the rows of an alias whose ``_file`` and ``_record`` stand in a table."""
    return f"EXISTS (SELECT 1 FROM {identifier(places)} AS place WHERE {same_place(rows)})"


def those_at(rows: str, places: str, where: str = "TRUE") -> str:
    """A join that leaves the rows of an alias whose ``_file`` and ``_record`` stand in a table.

    A join, since engines carry out EXISTS as one only when it compares nothing but these.

    Args:
        rows: the alias
        places: the table
        where: what else must hold; the row of the table is called ``place``

    """
    return f"SEMI JOIN {identifier(places)} AS place ON {same_place(rows)} AND {where}"


def those_not_at(rows: str, places: str, where: str = "TRUE") -> str:
    """The same for all other rows of the alias."""
    return f"ANTI JOIN {identifier(places)} AS place ON {same_place(rows)} AND {where}"


def same_place(rows: str) -> str:
    """Whether the row ``place`` of a table stands for the row of an alias."""
    return f"place._file = {rows}._file AND place._record = {rows}._record"


def places_query(dataset: Dataset, live: Iterable[FileVersion]) -> str:
    """A row per file version: its number, and the values of the columns that are read from its path."""
    rows = [
        ", ".join([f"CAST({version.number} AS BIGINT)", *(_text(c.value(version.path)) for c in dataset.place_columns)])
        for version in live
    ]
    names = identifiers(["number", *(f"{column.column} of place" for column in dataset.place_columns)])
    nothing = ", ".join(["CAST(NULL AS BIGINT)", *(_text(None) for _ in dataset.place_columns)])
    values = ", ".join(f"({row})" for row in rows or [nothing])
    return f"SELECT {names} FROM (VALUES {values}) AS places({names})"


def _text(value: str | None) -> str:
    return "CAST(NULL AS VARCHAR)" if value is None else literal(value)


def with_places(dataset: Dataset, columns: Iterable[TypedColumn], records: str) -> str:
    """The records of a query with the columns that are read from paths, by the table ``PLACES``."""
    placed = {column.column for column in dataset.place_columns}
    values = [
        f"places.{identifier(f'{column.name} of place')} AS {identifier(column.name)}"
        if column.name in placed
        else f"received.{identifier(column.name)}"
        for column in columns
    ]
    return (
        f"SELECT {', '.join(values)} FROM ({records}) AS received "
        f"LEFT JOIN {identifier(PLACES)} AS places ON received._file = places.number"
    )
