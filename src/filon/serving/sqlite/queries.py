"""Questions about tables and rows, in SQL of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from filon.errors import LoadGone
from filon.project.serving import Operator
from filon.serving.query import Condition, Query, exact
from filon.serving.sqlite.values import bound
from filon.serving.state import LoadId, PageIndex, ServedState, read_state
from filon.serving.tables import Order, StoredTable
from filon.sql import identifier


def rows_of(table: StoredTable) -> str:
    """The table that holds all versions of a table's rows."""
    return f"_rows_{table.name}"


def count_all(connection: sqlite3.Connection, rows: str) -> int:
    """Number of rows of a table of rows, closed ones included; SQLite reads the smallest index for that."""
    [versions] = connection.execute(f"SELECT count(*) FROM {identifier(rows)}").fetchone()
    return int(versions)


def row_tables(connection: sqlite3.Connection) -> list[str]:
    """Every table that holds versions of rows."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [name for (name,) in names if name.startswith("_rows_")]


def exists(connection: sqlite3.Connection, name: str) -> bool:
    """Whether there is a table of that name; views are ours, and made anew."""
    row = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?)", [name]
    ).fetchone()
    return row is not None


def states_of(connection: sqlite3.Connection, uri: str) -> list[ServedState]:
    """The loads that can be asked for, newest first."""
    if not exists(connection, "_loads"):
        return []
    rows = connection.execute("SELECT state FROM _loads ORDER BY load DESC").fetchall()
    return [read_state(state, uri) for (state,) in rows]


def require_load(connection: sqlite3.Connection, load: LoadId, uri: str) -> None:
    """LoadGone when the store does not keep this very load."""
    wanted = "SELECT 1 FROM _loads WHERE load = ? AND token = ?"
    if not exists(connection, "_loads") or not connection.execute(wanted, [load.number, load.token]).fetchone():
        raise LoadGone(f"{uri} no longer keeps load {load.number} of the store {load.store}; ask for one that it keeps")


def newest_page_index(connection: sqlite3.Connection, table: StoredTable, load: int) -> PageIndex | None:
    """The newest marks of a table that are not newer than a load; None for a small table."""
    sql = "SELECT page_index FROM _page_index WHERE name = ? AND load <= ? ORDER BY load DESC LIMIT 1"
    row = connection.execute(sql, [table.name, load]).fetchone()
    return PageIndex.model_validate_json(row[0]) if row and row[0] else None


def where(load: LoadId, table: StoredTable, conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
    """The condition for rows of a load that meet all conditions, and its values."""
    parts = [f"_from <= {load.number} AND _to > {load.number}"]
    conditions = exact(table, conditions)
    for item in conditions:
        places = f"({', '.join('?' * len(item.values))})" if item.operator is Operator.ONE_OF else "?"
        parts.append(f"{identifier(item.column)} {item.operator} {places}")
    return " AND ".join(parts), [bound(table, item.column, value) for item in conditions for value in item.values]


def place_of(table: StoredTable, query: Query) -> tuple[str, list[Any]]:
    """The condition that rows lie behind a place of the sort (or at it), and its values."""
    place = query.at or query.after
    if place is None:
        return "", []
    values = [bound(table, step.column, value) for step, value in zip(query.sort, place, strict=True)]
    branches, parameters = [], list[Any]()
    for index, (step, value) in enumerate(zip(query.sort, values, strict=True)):
        behind = _behind(step, value)
        if behind is None:
            continue
        same = [f"{identifier(before.column)} IS ?" for before in query.sort[:index]]
        branches.append(" AND ".join([*same, behind]))
        parameters += [*values[:index], *([value] if "?" in behind else [])]
    if query.at:
        branches.append(" AND ".join(f"{identifier(step.column)} IS ?" for step in query.sort))
        parameters += values
    first, value = query.sort[0], values[0]
    begin = ""
    if value is not None and not first.descending:  # lets the index find where to begin
        begin, parameters = f"{identifier(first.column)} >= ? AND ", [value, *parameters]
    return f" AND {begin}({' OR '.join(branches) or 'FALSE'})", parameters


def _behind(step: Order, value: Any) -> str | None:
    """Rows whose column comes later than a value; nulls come first, or last where the sort descends."""
    name = identifier(step.column)
    if value is None:
        return None if step.descending else f"{name} IS NOT NULL"
    return f"({name} < ? OR {name} IS NULL)" if step.descending else f"{name} > ?"
