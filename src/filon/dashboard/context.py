"""What every page gets: the API, the release that it shows, the language, and the filters."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from filon.dashboard.client import ApiClient, ApiResponse, Parameters, Row
from filon.dashboard.colours import colours_of
from filon.dashboard.filters import Filters, Period
from filon.dashboard.language import Language

FACTS = "fact_ventes"
DAY = "jour"
"""The API's name for the period of a day, in projects that the pages and the filters are made for."""
OFFERED = ("measures", "dimensions", "distinct", "periods")
AGES = ("age_seconds", "checked_at", "fresh")
MOST_VALUES = 1_000
"""The most values of a dimension that can be chosen; those with the largest sums when there are more."""


@dataclass(frozen=True)
class Need:
    """What a page requires of a table: names of its analysis, columns and filters."""

    table: str
    analysed: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """One drawing of a page; all its data come from one release."""

    client: ApiClient
    language: Language
    project: Mapping[str, Any]
    release: int
    filters: Filters = field(default_factory=Filters)

    @cached_property
    def tables(self) -> dict[str, Row]:
        """The catalogue by table name, requested for each drawing since ages of tables grow."""
        response = self.client.get("tables", [("release", str(self.release))])
        return {table["name"]: table for table in response.data["data"]}

    @cached_property
    def analysed(self) -> Row | None:
        """The table whose analyses the filters act on: the sales, or else the first that has any by ``DAY``."""
        found = sorted(self.tables.values(), key=lambda table: table["name"] != FACTS)
        return next((table for table in found if DAY in (table.get("analysis") or {}).get("periods", ())), None)

    @cached_property
    def stamp(self) -> str:
        """A hash that changes when the same release is loaded again, or with other contracts."""
        tables = self.tables.values()
        contents = [{name: value for name, value in table.items() if name not in AGES} for table in tables]
        return hashlib.sha256(json.dumps(contents, default=str).encode()).hexdigest()[:16]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions that the sidebar filters by."""
        return tuple(self.analysed["analysis"]["dimensions"]) if self.analysed else ()

    def with_filters(self, filters: Filters) -> Context:
        """The same page with other filters."""
        context = replace(self, filters=filters)
        for name in ("tables", "analysed", "stamp"):  # cached properties that filters do not change
            if name in self.__dict__:
                context.__dict__[name] = self.__dict__[name]
        return context

    def answer(self, path: str, parameters: Parameters = ()) -> ApiResponse:
        """A cached response of the release."""
        return self.client.get_of_release(self.release, path, parameters, self.stamp)

    def rows(self, path: str, parameters: Parameters = ()) -> list[Row]:
        """The rows of a list of the release."""
        return list(self.answer(path, parameters).data["data"])

    def analyse(
        self,
        by: str = "",
        *,
        filters: Filters | None = None,
        sort: str | None = None,
        limit: int | None = None,
        stats: str | None = None,
    ) -> list[Row]:
        """Sums of the facts that filters select, a row per value of a dimension.

        Args:
            by: a dimension, or ``jour``, ``mois`` or ``annee``; one row for all facts if empty
            filters: those of the page if None
            sort: a measure, or ``value``; descending with ``-``
            limit: the most rows
            stats: a measure to add statistics of

        """
        if self.analysed is None:
            return []
        options = {"by": by, "sort": sort, "limit": limit, "stats": stats}
        parameters = [(name, str(value)) for name, value in options.items() if value]
        chosen = self.filters if filters is None else filters
        return self.rows(self.analysed["analysis"]["path"], [*parameters, *chosen.parameters()])

    def together(self, *requests: Callable[[], Any]) -> list[Any]:
        """Call functions in parallel; returns their results in order."""
        return self.client.together(*requests)

    def compared(self) -> list[Callable[[], Row]]:
        """Two functions for ``together``: the sums that filters select, and those of the period before, or ``{}``."""
        earlier = self.filters.before()
        return [self.total, lambda: self.total(earlier) if earlier else {}]

    def total(self, filters: Filters | None = None) -> Row:
        """The sums of all facts that filters select."""
        return self.analyse(filters=filters)[0]

    def values(self, dimension: str) -> list[str]:
        """The values of a dimension in the whole release, in order."""
        rows = self.analyse(dimension, filters=Filters(), limit=MOST_VALUES)
        return sorted(_parameter_of(row[dimension]) for row in rows if row[dimension] is not None)

    def colours(self, dimension: str) -> Mapping[str, str]:
        """The colour of each value of a dimension."""
        return colours_of(self.values(dimension))

    def days(self) -> Period | None:
        """From the first to the last day that has facts; None when there are none."""
        first = self.analyse(DAY, filters=Filters(), sort="value", limit=1)
        last = self.analyse(DAY, filters=Filters(), sort="-value", limit=1)
        if not first or not last:
            return None
        return Period(dt.date.fromisoformat(first[0][DAY]), dt.date.fromisoformat(last[0][DAY]))

    def unserved(self, tables: Iterable[str]) -> list[str]:
        """The tables among these that the project does not serve, or that are not loaded yet."""
        return [name for name in tables if name not in self.tables or self.tables[name]["rows"] is None]

    def quality(self, tables: Iterable[str]) -> str:
        """``warned`` when a check of one of these tables failed, else ``passed``."""
        states = {self.tables[name]["quality"] for name in tables if name in self.tables}
        return "warned" if "warned" in states else "passed"

    def age_s(self, tables: Iterable[str]) -> float:
        """Seconds since the oldest of these tables was computed."""
        return max(
            (float(self.tables[name]["age_seconds"] or 0) for name in tables if name in self.tables), default=0.0
        )

    def unmet_needs(self, needs: Iterable[Need]) -> dict[str, list[str]]:
        """What a page requires and tables lack, by table name."""
        missing = {}
        for need in needs:
            table = self.tables[need.table]
            analysis = table.get("analysis") or {}
            offered = {name for kind in OFFERED for name in analysis.get(kind, ())}
            columns = {column["name"] for column in table["columns"]}
            names = [
                *(f"analysis: {name}" for name in need.analysed if name not in offered),
                *(f"properties: {name}" for name in need.columns if name not in columns),
                *(f"filters: {name}" for name in need.filters if name not in table["filters"]),
            ]
            if names:
                missing[need.table] = names
        return missing


def _parameter_of(value: object) -> str:
    """A value of a dimension as a parameter of the API."""
    return str(value).lower() if isinstance(value, bool) else str(value)
