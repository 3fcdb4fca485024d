"""What every page gets: the API, the release that it shows, the language, and the filters."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from filon.dashboard.client import ApiClient, ApiResponse, Parameters, Row
from filon.dashboard.colours import colours_of
from filon.dashboard.filters import Filters, Period
from filon.dashboard.language import Language, as_sorted
from filon.errors import ApiError

AGES = ("age_seconds", "checked_at", "fresh")
UNFIT = "invalid-parameter"
MOST_ASKED = 50
MOST_VALUES = 1_000
"""The most values of a dimension that can be chosen; those with the largest sums when there are more."""


@dataclass(frozen=True)
class Context:
    """One drawing of a page; all its data come from one release.

    ``granularity``: the period that is chosen for the whole page; ``offered``: the filters that the page has.
    """

    client: ApiClient
    language: Language
    project: Mapping[str, Any]
    release: int
    filters: Filters = field(default_factory=Filters)
    granularity: str = ""
    offered: tuple[str, ...] = ()

    @cached_property
    def tables(self) -> dict[str, Row]:
        """The catalogue by table name, some seconds old at most since ages of tables grow."""
        response = self.client.recent("tables", [("release", str(self.release))])
        return {table["name"]: table for table in response.data["data"]}

    @property
    def analysed(self) -> Iterator[Row]:
        """The tables with an analysis that can be asked."""
        return (table for table in self.tables.values() if table["analysis"] is not None)

    @property
    def words(self) -> Mapping[str, str]:
        """The project's names for time in the API."""
        words: Mapping[str, str] = self.project["api"]
        return words

    @cached_property
    def stamp(self) -> str:
        """A hash that changes when the same release is loaded again, or with other contracts."""
        tables = self.tables.values()
        contents = [{name: value for name, value in table.items() if name not in AGES} for table in tables]
        return hashlib.sha256(json.dumps(contents, default=str).encode()).hexdigest()[:16]

    def with_filters(self, filters: Filters) -> Context:
        """The same page with other filters."""
        return self.with_choice(filters=filters)

    def with_choice(self, **changes: Any) -> Context:
        """The same page with other choices."""
        context = replace(self, **changes)
        for name in ("tables", "stamp"):  # cached properties that choices do not change
            if name in self.__dict__:
                context.__dict__[name] = self.__dict__[name]
        return context

    def answer(self, path: str, parameters: Parameters = ()) -> ApiResponse:
        """A cached response of the release."""
        return self.client.get_of_release(self.release, path, parameters, self.stamp)

    def rows(self, path: str, parameters: Parameters = ()) -> list[Row]:
        """The rows of a list of the release."""
        return list(self.answer(path, parameters).data["data"])

    def page(self, described: Row, parameters: Parameters, size: int, cursor: str | None = None) -> ApiResponse:
        """A page of the rows of a table: the first, or that of ``cursor``."""
        place = [("after", cursor)] if cursor else []
        return self.answer(described["path"], [*parameters, ("limit", str(size)), *place])

    def analyse(
        self,
        table: str,
        by: str = "",
        *,
        filters: Filters | None = None,
        sort: str | None = None,
        limit: int | None = None,
        stats: str | None = None,
    ) -> list[Row]:
        """All measures of the rows of a table that filters select, a row per group.

        Args:
            table: a table with an analysis
            by: one or two names of dimensions or periods; one row for all if empty
            filters: those of the page if None
            sort: a measure, or ``value``; descending with ``-``
            limit: the most rows
            stats: a measure to add statistics of

        """
        analysis = self.tables[table]["analysis"]
        options = {"by": by, "sort": sort, "limit": limit, "stats": stats}
        parameters = [(name, str(value)) for name, value in options.items() if value]
        return self.rows(analysis["path"], [*parameters, *self.choice_of(table, filters)])

    def choice_of(self, table: str, filters: Filters | None = None) -> list[tuple[str, str]]:
        """The filters that the analysis of a table has, as its parameters."""
        chosen = self.filters if filters is None else filters
        analysis = self.tables[table]["analysis"]
        return [*chosen.values(analysis["dimensions"]), *chosen.days(self.words["firstDay"], self.words["lastDay"])]

    def row_choice_of(self, table: str) -> list[tuple[str, str]]:
        """The filters that the rows of a table have, as parameters of its list."""
        described = self.tables[table]
        offered = set(described["filters"])
        days: list[tuple[str, str]] = []
        for name in self.times():
            if f"{name}_min" in offered:
                days = self.filters.days(f"{name}_min", f"{name}_max")
        return [*self.filters.values(offered), *days]

    def times(self) -> list[str]:
        """The date columns of analyses, which periods choose days of."""
        return list(dict.fromkeys(table["analysis"]["time"] for table in self.analysed))

    def together(self, *requests: Callable[[], Any]) -> list[Any]:
        """Call functions in parallel; returns their results in order."""
        return self.client.together(*requests)

    def values(self, dimension: str) -> list[str]:
        """The values of a dimension in the whole release, in order; none where no analysis has it."""
        return self._values(dimension, Filters(), MOST_VALUES)

    def offered_values(self, dimension: str, asked: Iterable[str]) -> list[str]:
        """The values of a dimension, and of many also those that are asked for and exist beside the largest."""
        values = self.values(dimension)
        beyond = list(dict.fromkeys(value for value in asked if value not in values))[:MOST_ASKED]
        if not beyond or len(values) < MOST_VALUES - 1:  # one may be no value
            return values
        try:
            more = self._values(dimension, Filters(None, {dimension: tuple(beyond)}), len(beyond))
        except ApiError as error:
            if error.kind != UNFIT:
                raise
            more = []  # the column cannot hold what was asked for
        return sorted([*values, *more], key=as_sorted)

    def _values(self, dimension: str, filters: Filters, most: int) -> list[str]:
        table = next((t["name"] for t in self.analysed if dimension in t["analysis"]["dimensions"]), None)
        if table is None:
            return []
        rows = self.analyse(table, dimension, filters=filters, limit=most)
        return sorted((parameter_of(row[dimension]) for row in rows if row[dimension] is not None), key=as_sorted)

    def colours(self, dimension: str, rows: Iterable[Row] = ()) -> Mapping[str, str]:
        """The colour of each value of a dimension, the same on every page; those of ``rows`` where none has it."""
        return colours_of(self.values(dimension) or [str(row[dimension]) for row in rows])

    def days(self, tables: Iterable[str] | None = None) -> Period | None:
        """From the first to the last day of the facts of some tables, or of all; None when there are none."""
        day, known = self.words["day"], []
        for table in [item["name"] for item in self.analysed] if tables is None else tables:
            for order in ("value", "-value"):
                # facts without a day may come first
                rows = self.analyse(table, day, filters=Filters(), sort=order, limit=2)
                known += [dt.date.fromisoformat(row[day]) for row in rows if row[day]]
        return Period(min(known), max(known)) if known else None

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


def parameter_of(value: object) -> str:
    """A value of a dimension as a parameter of the API."""
    return str(value).lower() if isinstance(value, bool) else str(value)
