"""How an engine spells Filon's SQL: the one place where statements and types become an engine's own.

Filon's SQL is what ``docs/sql.md`` lists and sqlglot reads as the dialect ``filon.sql.DIALECT``. The SQL of projects is
held to it by ``filon.project.grammar``, and what stages and stores compose by a test, which reads the statements of
whole runs. Two things may stand in composed SQL only: names of tables with blanks, which no table of a project has, and
``AS MATERIALIZED``, which asks an engine to compute a step once.
"""

from __future__ import annotations

from typing import Protocol

from filon.engines.types import FoundType
from filon.project.types import ColumnType


class Dialect(Protocol):
    """The spelling of one engine."""

    name: str
    """The dialect of sqlglot that comes nearest."""

    def spell(self, query: str) -> str:
        """A query of Filon's SQL as the engine reads it."""

    def spell_type(self, kind: ColumnType) -> str:
        """The type of a table's column as the engine reads it."""

    def read_type(self, spelling: str) -> FoundType:
        """A type as the engine spells it, in what it says of a query."""
