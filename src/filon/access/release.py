"""A release, and the questions that can be asked of its tables."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filon.access.rows import Rows
from filon.engines import Engine, StatementInvalid
from filon.errors import NotFound, QueryInvalid
from filon.lake import Build, Lake, Layer, Release
from filon.pipeline.engine import open_engine
from filon.project import PLACE, Project
from filon.settings import Settings
from filon.sql import identifier, identifiers
from filon.suggestions import suggestion

if TYPE_CHECKING:
    from filon.explain.report import Explanation

NAMED = (Layer.SILVER, Layer.GOLD)
"""The layers whose tables have names of their own, as the SQL of models knows them."""
TABLED = (Layer.BRONZE, *NAMED, Layer.QUARANTINE, Layer.SUPERSEDED)


@dataclass(frozen=True)
class OpenRelease:
    """A release of a lake; each question is answered by an engine of its own, which can only read."""

    settings: Settings
    project: Project
    lake: Lake
    release: Release

    @property
    def number(self) -> int:
        """The number of the release."""
        return self.release.number

    @property
    def tables(self) -> dict[str, int]:
        """The silver and gold tables, each with its number of rows."""
        return {build.table: build.rows for build in self._named().values()}

    def table(self, name: str, *, layer: str | None = None, where: str | None = None, limit: int | None = None) -> Rows:
        """Rows of a table, in the order of its key.

        Args:
            name: the table
            layer: ``bronze`` gives the records of a dataset as received, ``quarantine`` its rejected rows,
                ``superseded`` those that others of their key outrank
            where: a condition in Filon's SQL over the table's columns
            limit: the most rows

        Returns:
            The rows, in memory.

        Raises:
            NotFound: the release has no such table
            QueryInvalid: the condition is wrong

        """
        build = self._build(name, layer)
        names = [column.name for column in build.columns]
        condition = ""
        if where is not None:
            from filon.access.questions import require_condition  # brings the SQL parser

            require_condition(where, names)
            condition = f" WHERE ({where}\n)"
        most = "" if limit is None else f" LIMIT {limit}"
        order = f" ORDER BY {identifiers(self._order(build, names))}"
        query = f"SELECT * FROM {identifier(name)}{condition}{order}{most}"
        return self._answer(query, {name: build}, fix=f"the columns are {', '.join(names)}")

    def sql(self, query: str, *, limit: int | None = None) -> Rows:
        """The rows of one SELECT in Filon's SQL over silver and gold tables.

        Args:
            query: the SELECT
            limit: the most rows, where the query sets no limit itself

        Returns:
            The rows, in memory.

        Raises:
            QueryInvalid: the query is wrong, or names a table that the release does not have

        """
        from filon.access.questions import read_select, table_lines  # brings the SQL parser

        select = read_select(query)
        known = self._named()
        used = {}
        for name, line in table_lines(select.tree).items():
            build = known.get(name.casefold())
            if build is None:
                names = [build.table for build in known.values()]
                raise QueryInvalid(line, f"release {self.number} has no table {name}", suggestion(name, names))
            used[name] = build
        bounded = limit is not None and not {"limit", "fetch"} & {key for key, arg in select.tree.args.items() if arg}
        return self._answer(
            f"{select.sql}\nLIMIT {limit}" if bounded else select.sql,
            used,
            fix="mend the query; `filon show TABLE` shows the columns of a table",
        )

    def explain(self, table: str, *key: object) -> Explanation:
        """What a row was computed from, table by table, down to files and records.

        Args:
            table: a silver or gold table
            key: the values of its key, in the order of the contract

        Returns:
            The row and the rows that it was computed from.

        Raises:
            NotFound: the table has no key, or no such row

        """
        from filon.explain.rows import explain

        values = [str(value) for value in key]
        with self._engine() as engine:
            ledger = self.lake.ledgers.get(self.release.ledger)
            return explain(engine, self.project, self.lake, self.release, ledger, table, values)

    def count(self, name: str, layer: str | None = None) -> int:
        """The number of rows of a table; NotFound when the release does not have it."""
        return self._build(name, layer).rows

    def _named(self) -> dict[str, Build]:
        """Silver and gold tables by their names, which SQL compares without case."""
        return {build.table.casefold(): build for build in self.release.tables.values() if build.layer in NAMED}

    def _build(self, name: str, layer: str | None) -> Build:
        layers: Sequence[str] = NAMED if layer is None else (layer,)
        for build in self.release.tables.values():
            if build.table == name and build.layer in layers:
                return build
        if layer is not None and layer not in TABLED:
            raise NotFound(f"no layer {layer} has tables; {suggestion(layer, TABLED)}")
        names = [build.table for build in self.release.tables.values() if build.layer in layers]
        where = f" in {layer}" if layer else ""
        raise NotFound(f"release {self.number} has no table {name}{where}; {suggestion(name, names)}")

    def _order(self, build: Build, names: list[str]) -> list[str]:
        """The columns that rows are sorted by: the key, else the place in the files, else all of them."""
        contract = self.project.contracts.get(build.table)
        places = [column.name for column in PLACE]
        for order in (list(contract.key) if contract and build.layer in NAMED else [], places):
            if order and set(order) <= set(names):
                return order
        return names

    def _answer(self, query: str, used: dict[str, Build], *, fix: str) -> Rows:
        with self._engine() as engine:
            for name, build in used.items():
                engine.bind(name, self.lake.paths(build), build.columns)
            try:
                columns = engine.describe(query)
            except StatementInvalid as error:
                raise QueryInvalid(error.line, error.message, fix) from error
            return Rows(tuple(columns), engine.arrow(query), self.project.timezone)

    def _engine(self) -> AbstractContextManager[Engine]:
        return open_engine(self.settings, self.project, self.release.as_of, self.lake.places)
