"""Explain a published row: the rows that it was computed from, table by table, down to files and records."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from filon.engines import SqlEngine
from filon.errors import EngineError, NotFound
from filon.explain.conditions import equals, has_values, implied_by, these_rows
from filon.explain.contenders import bind_contenders, contenders_of
from filon.explain.demands import demand_of
from filon.explain.expressions import constants
from filon.explain.keys import typed_key
from filon.explain.lineage import Reading, trace
from filon.explain.records import Place, read_records
from filon.explain.report import (
    EVERY_ROW,
    OBSTACLES,
    SAMPLE,
    Contribution,
    Explanation,
    NotFollowed,
    Obstacle,
    OtherRecord,
    Record,
)
from filon.lake import Build, Lake, Layer, Ledger, Release
from filon.project import PLACE, Contract, Dataset, Kind, Model, Project
from filon.sql import identifier, identifiers
from filon.stages.gold import recipe_of
from filon.suggestions import suggestion

SPELLING = "write dates of a key as 2026-01-31 and numbers with a point, whatever the files do"
PLACE_NAMES = FILE, RECORD = tuple(name for name, _ in PLACE)


@dataclass(frozen=True)
class Page:
    """Which rows of one table are shown: those after the first ``skip`` ones, ``limit`` at most.

    ``of`` is the table; if it is empty, the first one that an explanation reaches.
    """

    of: str = ""
    skip: int = 0
    limit: int = SAMPLE


@dataclass
class Explainer:
    """Explains rows of one release; an engine that is kept answers later questions sooner.

    Args:
        engine: reaches the lake
        project: contracts and models
        lake: where the tables are
        release: the release of the rows
        ledger: the one that the release was built from
        every_way: follow every way to each table; else the nearest one
        whole: follow all rows of a table to the tables below it; else those that are shown
        page: which rows of one table are shown; of the others, the first ``SAMPLE``

    """

    engine: SqlEngine
    project: Project
    lake: Lake
    release: Release
    ledger: Ledger
    every_way: bool = True
    whole: bool = True
    page: Page = Page()
    _bound: set[str] = field(default_factory=set)
    _with_rejected: dict[str, bool] = field(default_factory=dict)

    def explain(self, table: str, key: Sequence[str]) -> Explanation:
        """Explain a row.

        Args:
            table: a silver or gold table
            key: the values of its key, as text, in the order of the contract

        Returns:
            The row, what it was computed from, and the other records of its key. Without such a row, why it is missing.

        Raises:
            NotFound: the table has no key, or there is neither such a row nor such a record

        """
        contract = self._keyed(table)
        if len(key) != len(contract.key):
            raise NotFound(f"the key of {table} is {', '.join(contract.key)}: give {len(contract.key)} values")
        self.bind(table)
        values = self._typed(contract, key)
        condition = equals(contract.key, [value or "NULL" for value in values])
        rows = self.first_rows(contract, condition, 1)
        explanation = self.begin(table, {name: rows[0][name] for name in contract.column_names} if rows else {})
        if rows:
            condition = has_values((name, rows[0][name]) for name in contract.key)
            self._explain_row(explanation, contract, condition)
        elif table in self.project.datasets:
            self._add_others(explanation, self.project.datasets[table], key)
        elif None not in values:
            self._explain_absence(explanation, condition)
        if not (rows or explanation.others or explanation.contributions):
            spelled = f"; {SPELLING}" if None in values else ""
            raise NotFound(f"{table} has no row {', '.join(key)} in release {self.release.number}{spelled}")
        return explanation

    def begin(self, table: str, row: dict[str, Any]) -> Explanation:
        """The explanation of a row of a table, which says nothing yet of where it comes from."""
        model = self.project.models.get(table)
        if model is None:
            return Explanation(table, self.release.number, row, None)
        build = self.release.named(table)
        counting = build.counts_forgotten if build is not None else 0
        sql, inputs = model.sql, model.inputs
        return Explanation(table, self.release.number, row, str(model.path), sql, inputs, counts_forgotten=counting)

    def bind(self, table: str) -> None:
        """Let the engine know a silver or gold table of the release."""
        if table in self._bound:
            return
        build = self.release.build(Layer.SILVER if table in self.project.silver else Layer.GOLD, table)
        if build is None:
            raise NotFound(f"release {self.release.number} has no table {table}: run the pipeline")
        self._require_columns(table, build)
        self.engine.bind(table, self.lake.paths(build), build.columns)
        self._bound.add(table)

    def _descend(self, start: Iterable[_Below], into: Explanation) -> None:
        """Add the rows that a model read for some of its rows, and those that its input models read for these."""
        due = deque(start)
        while due:
            above = due.popleft()
            rows, model = above.rows, self.project.models[above.rows.table]
            if not self._is_as_it_was(model):
                why = f"the SELECT of {model.name} is another one today than in release {self.release.number}"
                into.not_followed += [NotFollowed(name, model.name, Obstacle.CHANGED, why) for name in model.inputs]
                continue
            for table in model.inputs:
                self.bind(table)
            traced = trace(self.project, model, rows.condition, exact=rows.exact, used=rows.used, implied=rows.implied)
            into.not_followed += [
                NotFollowed(part.table, model.name, part.code, OBSTACLES[part.code]) for part in traced.unfollowed
            ]
            for reading in traced.readings:
                if not self.every_way and _is_reached(reading, into.contributions):
                    continue
                page = self._page(reading.table, into)
                try:
                    part = self.contribution(reading, model.name, page, of_shown=above.of_shown)
                except EngineError as error:  # a condition may fail on values that the model filters out first
                    code = Obstacle.REFUSED
                    why = f"{OBSTACLES[code]}: {error}"
                    into.not_followed.append(NotFollowed(reading.table, model.name, code, why))
                    continue
                is_new = part.table in self.project.models and not self._is_covered(part, into.contributions)
                into.contributions.append(part)
                if is_new and self._is_followed(part):
                    due.append(self._narrowed(part, is_used=reading.used or part.exact))

    def _page(self, table: str, into: Explanation) -> Page:
        """Which rows of a table are shown where it is reached for the first time."""
        is_meant = table == self.page.of if self.page.of else not into.contributions
        is_first = all(part.table != table for part in into.contributions)
        return self.page if is_meant and is_first else Page()

    def contribution(
        self, reading: Reading, reader: str | None, page: Page, *, of_shown: bool = False, count: int | None = None
    ) -> Contribution:
        """Count the rows of a reading, unless their number is known, and read those of a page."""
        contract, skip = self.project.contracts[reading.table], page.skip
        condition = f"({reading.condition}) AND {reading.implied}" if reading.exact else reading.condition
        rows = self.first_rows(contract, condition, page.limit + 1, skip)
        if count is None:
            count = skip + len(rows)
            if len(rows) > page.limit or (skip and not rows):
                where = f"FROM {identifier(contract.name)} WHERE {condition}"
                [(count,)] = self.engine.rows(f"SELECT count(*) {where}")
        shown = rows[: page.limit]
        dataset = self.project.silver.get(contract.name)
        records = self._records(dataset, [(row[FILE], row[RECORD]) for row in shown]) if dataset else []
        is_only_candidate = reading.used and count == 1
        return Contribution(
            contract.name,
            reader,
            count,
            reading.exact or is_only_candidate or count == 0,
            tuple(tuple(row[name] for name in _order(contract, dataset)) for row in shown),
            reading.condition,
            tuple(records),
            tuple({name: row[name] for name in contract.column_names} for row in shown),
            skip,
            of_shown,
        )

    def follow(self, reading: Reading, into: Explanation, count: int | None = None) -> None:
        """Add the rows of a reading, whose number may be known, and what they were computed from."""
        part = self.contribution(reading, None, self._page(reading.table, into), count=count)
        into.contributions.append(part)
        if part.table in self.project.models and self._is_followed(part):
            self._descend([self._narrowed(part, is_used=reading.used or part.exact)], into)

    def first_rows(self, contract: Contract, condition: str, most: int, skip: int = 0) -> list[Mapping[str, Any]]:
        """The first rows of a table that meet a condition, in the order of its key; those of a source with places."""
        dataset = self.project.silver.get(contract.name)
        names = [*contract.column_names, *(PLACE_NAMES if dataset else ())]
        order = identifiers(_order(contract, dataset))
        query = (
            f"SELECT {_select_list(contract, names)} FROM {identifier(contract.name)} WHERE {condition} "
            f"ORDER BY {order} LIMIT {most}{f' OFFSET {skip}' if skip else ''}"
        )
        return [dict(zip(names, row, strict=True)) for row in self.engine.rows(query)]

    def _keyed(self, table: str) -> Contract:
        contracts = self.project.contracts
        if table not in contracts:
            raise NotFound(f"no table {table}; {suggestion(table, contracts)}")
        if not contracts[table].key:
            raise NotFound(f"{table} has no key, so that no single row of it can be named")
        return contracts[table]

    def _require_columns(self, table: str, build: Build) -> None:
        lacking = set(self.project.contracts[table].column_names) - {column.name for column in build.columns}
        if lacking:
            columns = ", ".join(sorted(lacking))
            raise NotFound(f"{table} had no {columns} in release {self.release.number}: its contract was another one")

    def _is_as_it_was(self, model: Model) -> bool:
        """Whether today's SELECT of a model is that of the release."""
        build = self.release.build(Layer.GOLD, model.name)
        return build is None or build.recipe in ("", recipe_of(self.project, model, self.release.as_of))

    def _explain_row(self, into: Explanation, contract: Contract, condition: str) -> None:
        reading = Reading(contract.name, condition, exact=True, used=True, implied=implied_by(contract, [into.row]))
        if contract.name in self.project.silver:
            self.follow(reading, into)
        else:
            self._descend([_Below(reading)], into)
        for part in into.contributions:
            dataset = self.project.datasets.get(part.table)
            if dataset is not None and part.rows == 1 and dataset.contract.key and None not in part.keys[0]:
                self._add_others(into, dataset, [str(value) for value in part.keys[0]])

    def _explain_absence(self, into: Explanation, condition: str) -> None:
        """Find records of sources from which a row would have been computed that there is not."""
        missing = Explanation(into.table, into.release, {}, None)
        self._descend([_Below(Reading(into.table, condition, exact=True, used=False))], missing)
        for part in missing.contributions:
            dataset = self.project.datasets.get(part.table)
            key = constants(part.condition, dataset.contract.key) if dataset and dataset.contract.key else None
            if dataset is None or key is None:
                continue
            values = self._typed(dataset.contract, list(key.values()))
            same = equals(dataset.contract.key, [value or "NULL" for value in values])
            accepted = self.contribution(Reading(dataset.name, same, exact=False, used=False), part.read_by, Page())
            into.contributions += [accepted] if accepted.rows else []
            self._add_others(into, dataset, list(key.values()))

    def _typed(self, contract: Contract, key: Sequence[str]) -> list[str | None]:
        """Expressions for the values of a key; None for a text that spells none."""
        return [
            typed_key(self.engine, contract.column(name), text) for name, text in zip(contract.key, key, strict=True)
        ]

    def _add_others(self, into: Explanation, dataset: Dataset, key: Sequence[str]) -> None:
        """Add the records of a source that have a key and are not its row."""
        if dataset.name not in self._with_rejected:
            for _, reference in dataset.references:
                self.bind(reference.table)
            self._with_rejected[dataset.name] = bind_contenders(
                self.engine, self.lake, self.release, self.ledger, dataset
            )
        rejected = self._with_rejected[dataset.name]
        found = contenders_of(self.engine, self.release, dataset, key, SAMPLE, rejected=rejected)
        records = self._records(dataset, [(contender.version, contender.record) for contender in found.records])
        into.others_total += found.total
        into.others += [
            OtherRecord(dataset.name, record, {reason: demand_of(dataset, reason) for reason in contender.reasons})
            for contender, record in zip(found.records, records, strict=True)
        ]

    def _records(self, dataset: Dataset, places: Sequence[Place]) -> list[Record]:
        return read_records(self.engine, self.lake, self.ledger, dataset, places)

    def _is_covered(self, part: Contribution, earlier: Sequence[Contribution]) -> bool:
        """Whether earlier contributions of the same table have all of these rows."""
        conditions = [
            f"({other.condition})" for other in earlier if other.table == part.table and (other.exact or not part.exact)
        ]
        if not conditions:
            return False
        new = f"({part.condition}) AND ({' OR '.join(conditions)}) IS NOT TRUE"
        return not self.engine.rows(f"SELECT 1 FROM {identifier(part.table)} WHERE {new} LIMIT 1")

    def _is_followed(self, part: Contribution) -> bool:
        """Whether there may be rows to follow; none are where a page ends before it begins."""
        return self.whole or not part.rows or bool(part.keys)

    def _narrowed(self, part: Contribution, *, is_used: bool) -> _Below:
        """The rows of a contribution that are followed; few rows are given by their keys, a shorter condition."""
        contract = self.project.contracts[part.table]
        is_cut = part.rows > len(part.keys)
        if not part.keys or not contract.key or (is_cut and self.whole):
            return _Below(Reading(part.table, part.condition, part.exact, is_used), part.of_shown)
        implied = implied_by(contract, part.shown) if part.exact else EVERY_ROW
        reading = Reading(part.table, these_rows(contract.key, part.shown), part.exact, part.exact, implied)
        return _Below(reading, part.of_shown or is_cut)


@dataclass(frozen=True)
class _Below:
    """Rows that are followed; ``of_shown`` is that of the contributions that they give."""

    rows: Reading
    of_shown: bool = False


def explain(
    engine: SqlEngine,
    project: Project,
    lake: Lake,
    release: Release,
    ledger: Ledger,
    table: str,
    key: Sequence[str],
) -> Explanation:
    """Explain a row of a release by every way to each table; see ``Explainer``."""
    return Explainer(engine, project, lake, release, ledger).explain(table, key)


def _is_reached(reading: Reading, contributions: Iterable[Contribution]) -> bool:
    return any(part.table == reading.table and (part.exact or not reading.exact) for part in contributions)


def _order(contract: Contract, dataset: Dataset | None) -> Sequence[str]:
    """The columns that tell rows of a table apart."""
    return contract.key or (PLACE_NAMES if dataset else contract.column_names)


def _select_list(contract: Contract, names: Iterable[str]) -> str:
    """A SELECT list of columns; timestamps are cast to text, since Python would need another package for them."""
    timestamps = {column.name for column in contract.columns if column.type.kind is Kind.TIMESTAMP}
    return ", ".join(
        f"CAST({identifier(name)} AS VARCHAR) AS {identifier(name)}" if name in timestamps else identifier(name)
        for name in names
    )
