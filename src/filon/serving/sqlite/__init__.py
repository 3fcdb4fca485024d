"""SQLite: the store inside one file, for one machine. Many processes read it while one loads it.

Rows lie in ``_rows_TABLE``; the table's own name is a view of the rows that are valid now, for people and tools that
read the file directly. A load is one transaction, so a killed one leaves nothing.
"""

from filon.serving.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
