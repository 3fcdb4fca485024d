"""How many rows each table of rows has, and whether another program wrote there, without counting any.

A load leaves the number of rows beside the rows, and triggers that make it null when somebody else inserts, changes or
deletes one. They lie in the file, so whatever program writes runs them. A load takes them away while it writes itself;
all of it is one transaction.
"""

from __future__ import annotations

import sqlite3

from filon.serving.sqlite.queries import count_all, exists, row_tables
from filon.sql import identifier, literal

TABLE = "_row_counts"
SCHEMA = f"CREATE TABLE IF NOT EXISTS {TABLE} (name TEXT PRIMARY KEY, versions INTEGER) WITHOUT ROWID;\n"
WRITES = ("INSERT", "UPDATE", "DELETE")


def holds(connection: sqlite3.Connection, rows: str, versions: int) -> bool:
    """Whether a table of rows is there with that many, and nobody but loads wrote to it.

    A table without triggers, as older versions of Filon left it, is counted.
    """
    if not exists(connection, rows):
        return False
    if not _is_watched(connection, rows):
        return count_all(connection, rows) == versions
    return _left(connection, rows) == versions


def _left(connection: sqlite3.Connection, rows: str) -> int | None:
    """The number of rows that a load left; None when somebody else wrote."""
    [versions] = connection.execute(f"SELECT versions FROM {TABLE} WHERE name = ?", [rows]).fetchone()
    return None if versions is None else int(versions)


class RowCounts:
    """The numbers of rows while a load writes; a table whose number is not known is counted when it is asked for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        watched = [rows for rows in row_tables(connection) if _is_watched(connection, rows)]
        left = {rows: _left(connection, rows) for rows in watched}
        self._known = {rows: versions for rows, versions in left.items() if versions is not None}
        self._damaged = left.keys() - self._known.keys()

    def holds(self, rows: str, versions: int) -> bool:
        """Whether a table was there with so many rows when the load began, and nobody but loads had written to it."""
        return exists(self._connection, rows) and rows not in self._damaged and self.of(rows) == versions

    def unwatch(self) -> None:
        """Take the triggers away: what follows is the load's own work."""
        for rows in row_tables(self._connection):
            for write in WRITES:
                self._connection.execute(f"DROP TRIGGER IF EXISTS {_trigger(rows, write)}")

    def start(self, rows: str) -> None:
        """A table was made, without rows."""
        self._known[rows] = 0

    def add(self, rows: str, number: int) -> None:
        """So many rows were inserted, or deleted if it is negative."""
        if rows in self._known:
            self._known[rows] += number

    def of(self, rows: str) -> int:
        """The number of rows of a table."""
        if rows not in self._known:
            self._known[rows] = count_all(self._connection, rows)
        return self._known[rows]

    def watch(self) -> None:
        """Leave the numbers and the triggers of all tables of rows."""
        self._connection.execute(f"DELETE FROM {TABLE}")
        for rows in row_tables(self._connection):
            self._connection.execute(f"INSERT INTO {TABLE} VALUES (?, ?)", [rows, self.of(rows)])
            touched = f"UPDATE {TABLE} SET versions = NULL WHERE name = {literal(rows)} AND versions IS NOT NULL"
            for write in WRITES:
                self._connection.execute(
                    f"CREATE TRIGGER {_trigger(rows, write)} AFTER {write} ON {identifier(rows)} BEGIN {touched}; END"
                )


def _trigger(rows: str, write: str) -> str:
    return identifier(f"{rows} after {write.lower()}")


def _is_watched(connection: sqlite3.Connection, rows: str) -> bool:
    """Whether a table has all triggers, and its number of rows was left."""
    [triggers] = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? AND name LIKE ? || ' after %'",
        [rows, rows],
    ).fetchone()
    counted = f"SELECT 1 FROM {TABLE} WHERE name = ?"
    return (
        triggers == len(WRITES)
        and exists(connection, TABLE)
        and connection.execute(counted, [rows]).fetchone() is not None
    )
