"""What names mean in a query: columns of what FROM reads, and names that SELECT gives."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from filon.engines.spark.terms import Term, Unspellable, name
from filon.engines.spark.types import Type


class Typed(NamedTuple):
    """A column of a table or a query."""

    name: str
    type: Type


Tables = Mapping[str, tuple[Typed, ...]]
"""Columns of tables, by the name of each in small letters."""


@dataclass(frozen=True)
class Source:
    """Something that FROM reads, under the name that the query gives it."""

    name: str
    columns: tuple[Typed, ...]

    def find(self, column: str) -> Typed | None:
        """The column of a name, whatever its case."""
        wanted = column.casefold()
        return next((found for found in self.columns if found.name.casefold() == wanted), None)

    def term(self, column: Typed) -> Term:
        """One of its columns."""
        return Term(f"{name(self.name)}.{name(column.name)}", column.type)


@dataclass
class Scope:
    """What can be named in one SELECT.

    ``merged`` are the columns of USING, which are of several sources; ``outer`` is the query around a subquery;
    ``given`` are the names that SELECT gives, as far as they were read.
    """

    tables: Tables
    outer: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Term] = field(default_factory=dict)
    given: dict[str, Term] = field(default_factory=dict)

    def table(self, wanted: str, line: int) -> tuple[Typed, ...]:
        """The columns of a table or a step."""
        found = self.tables.get(wanted.casefold())
        if found is None:
            close = difflib.get_close_matches(wanted.casefold(), list(self.tables), n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise Unspellable(f"there is no table {wanted}{hint}", line)
        return found

    def source(self, wanted: str) -> Source | None:
        """What is read under a name, here or further out."""
        found = next((source for source in self.sources if source.name.casefold() == wanted.casefold()), None)
        return found or (self.outer.source(wanted) if self.outer else None)

    def column(self, wanted: str, line: int, *, prefer_given: bool = False) -> Term:
        """What a plain name means: a column, else a name that SELECT gave (the other way round where preferred)."""
        given = self.given.get(wanted.casefold())
        if prefer_given and given:
            return given
        scope: Scope | None = self
        while scope is not None:
            if found := scope.own(wanted, line):
                return found
            scope = scope.outer
        if given:
            return given
        names = {column.name for source in self.sources for column in source.columns}
        close = difflib.get_close_matches(wanted, names, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise Unspellable(f"there is no column {wanted}{hint}", line)

    def own(self, wanted: str, line: int) -> Term | None:
        """A column of what this SELECT itself reads."""
        if merged := self.merged.get(wanted.casefold()):
            return merged
        found = [(source, column) for source in self.sources if (column := source.find(wanted))]
        if len(found) > 1:
            tables = " and ".join(source.name for source, _ in found)
            raise Unspellable(f"the column {wanted} is in {tables}; write its table before it", line)
        return found[0][0].term(found[0][1]) if found else None

    def stars(self, of: Source | None = None) -> Iterable[tuple[str, Term]]:
        """The columns that a star stands for, each once."""
        seen = set()
        for source in [of] if of else self.sources:
            for column in source.columns:
                merged = None if of else self.merged.get(column.name.casefold())
                if merged is None:
                    yield column.name, source.term(column)
                elif column.name.casefold() not in seen:
                    seen.add(column.name.casefold())
                    yield column.name, merged
