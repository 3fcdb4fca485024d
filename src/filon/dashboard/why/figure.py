"""What a panel explains, as the address keeps it: the path and parameters by which the API explains it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from filon.dashboard.client import Row
from filon.dashboard.context import parameter_of

MEASURE, EMPTY = "measure", "empty"
"""The API's parameters of a cell: the measure, and the names of which its facts have no value."""
PERIODS, SHARE = "_periods", "_share"
"""Of the address only: by how many periods the figure is divided, and that it is shown as a share of the whole."""


@dataclass(frozen=True)
class Figure:
    """A row of a table by its key; a cell of its analysis, or how many of its rows meet the ``choice``.

    ``choice`` are parameters of the API, ``periods`` divides the figure if there are any, ``is_share`` divides it by
    that of all groups.
    """

    table: str
    key: tuple[str, ...] = ()
    choice: tuple[tuple[str, str], ...] = ()
    periods: int = 0
    is_share: bool = False

    @property
    def measure(self) -> str:
        """The measure of a cell, or the ratio of two; empty of a row."""
        return dict(self.choice).get(MEASURE, "")

    @property
    def path(self) -> str:
        """Where the API explains it; a part that is all dots is escaped, or it would lead elsewhere."""
        parts = (quote(part, safe="") for part in (self.table, *self.key))
        return "/".join(part if part.strip(".") else part.replace(".", "%2E") for part in parts)

    @property
    def spelled(self) -> str:
        """The text of the address."""
        own = [(PERIODS, str(self.periods))] if self.periods else []
        own += [(SHARE, "1")] if self.is_share else []
        query = urlencode([*self.choice, *own])
        return f"{self.path}?{query}" if query else self.path

    @classmethod
    def read(cls, text: str) -> Figure:
        """The figure of a text of the address; whether there is such a one, the API knows."""
        path, _, query = text.partition("?")
        table, *key = map(unquote, path.split("/"))
        pairs = parse_qsl(query, keep_blank_values=True)
        own = {name: value for name, value in pairs if name in (PERIODS, SHARE)}
        periods = own.get(PERIODS, "")
        choice = tuple((name, value) for name, value in pairs if name not in own)
        is_number = periods.isascii() and periods.isdecimal() and len(periods) < 10
        return cls(table, tuple(key), choice, int(periods) if is_number else 0, is_share=SHARE in own)

    def of(self, measure: str) -> Figure:
        """The same cell of another measure."""
        return self._with(((MEASURE, measure),))

    def without(self, names: Iterable[str]) -> Figure:
        """The same cell without the choice of some names."""
        left = set(names)
        return replace(self, choice=tuple(pair for pair in self.choice if pair[0] not in left))

    def _with(self, pairs: tuple[tuple[str, str], ...]) -> Figure:
        return replace(self, choice=(*pairs, *self.without(name for name, _ in pairs).choice))


def figure_of_row(described: Mapping[str, Any], row: Row) -> Figure | None:
    """The figure of a row of a table; None when it has no key."""
    key = [row.get(name) for name in described["key"]]
    if not key or None in key:
        return None
    return Figure(described["name"], tuple(parameter_of(value) for value in key))
