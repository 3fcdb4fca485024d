"""A gold table, and the project that it belongs to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from filon.errors import Problem
from filon.pages import Page, Text
from filon.project.alerts import AlertRule
from filon.project.columns import Column
from filon.project.contract import Contract
from filon.project.dataset import SERVED, Dataset, answer_facts
from filon.project.fingerprints import fingerprint_of, statement
from filon.project.functions import Setting
from filon.project.guard import GuardRule
from filon.project.reports import ReportRule
from filon.project.vocabulary import (
    AggregationSpec,
    ApiSpec,
    ChartSpec,
    Incremental,
    ServingSpec,
)

ENGLISH = ApiSpec()


@dataclass(frozen=True)
class Model:
    """A gold table: one SELECT and its contract.

    ``inputs`` are the tables that the SELECT reads, ``reads`` the settings.
    ``latency``: the table promises to have been found up to date no longer ago than that. ``incremental``: whether a
    SELECT that would be computed whole is a mistake.
    """

    contract: Contract
    path: Path = field(repr=False)
    sql: str
    inputs: tuple[str, ...]
    reads: frozenset[Setting] = frozenset()
    serving: ServingSpec = SERVED
    aggregations: AggregationSpec | None = None
    chart: ChartSpec | None = field(default=None, repr=False)
    latency: dt.timedelta | None = field(default=None, repr=False)
    incremental: Incremental = field(default=Incremental.AUTO, repr=False)

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.contract.name

    @cached_property
    def statement(self) -> str:
        """The SELECT without comments and layout."""
        return statement(self.sql)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the table's rows, types or key may change although its inputs do not."""
        columns = [(column.name, column.type.sql) for column in self.contract.columns]
        partition = self.contract.partition.facts if self.contract.partition else None
        facts = {"sql": self.statement, "columns": columns, "key": self.contract.key, "partition": partition}
        return fingerprint_of(facts)

    @property
    def figures(self) -> tuple[Column, ...]:
        """The columns that say how much: numbers that are neither part of the key nor refer to a row."""
        numbers = (column for column in self.contract.columns if column.type.is_number and column.reference is None)
        return tuple(column for column in numbers if column.name not in self.contract.key)

    @property
    def answer_facts(self) -> dict[str, object]:
        """What decides how the same stored rows are spelled in an answer of the API."""
        aggregations = self.aggregations.model_dump(mode="json") if self.aggregations else None
        return {**answer_facts(self.contract, self.serving), "aggregations": aggregations}


@dataclass(frozen=True)
class Project:
    """A project folder, read and consistent in itself.

    ``datasets`` and ``models`` are in building order; ``api`` are the API's names for time, ``guard`` is by how much a
    release may differ from the one before it, ``alerts`` are the conditions on which people are told, ``reports`` the
    pages that they are sent, ``labels`` what people call columns, measures and dimensions, ``pages`` those without a
    mistake in the order of the menu, ``page_problems`` the mistakes of the others.
    """

    folder: Path
    name: str
    title: str
    locale: str
    currency: str
    timezone: str
    datasets: Mapping[str, Dataset]
    models: Mapping[str, Model]
    sources: str | None = None
    api: ApiSpec = ENGLISH
    guard: tuple[GuardRule, ...] = ()
    alerts: tuple[AlertRule, ...] = ()
    reports: Mapping[str, ReportRule] = field(default_factory=dict)
    labels: Mapping[str, Text] = field(default_factory=dict)
    pages: Mapping[str, Page] = field(default_factory=dict, repr=False)
    page_problems: tuple[Problem, ...] = field(default=(), repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when what is compiled without data changes: contracts of sources, models, checks, what is strict."""
        strict = [name for name, model in self.models.items() if model.incremental is Incremental.STRICT]
        return fingerprint_of(
            {
                "name": self.name,
                "datasets": {name: dataset.fingerprint for name, dataset in self.datasets.items()},
                "models": {name: model.fingerprint for name, model in self.models.items()},
                "checks": {name: [c.facts for c in contract.checks] for name, contract in self.contracts.items()},
                "strict": strict or None,
            }
        )

    @cached_property
    def answers_hash(self) -> str:
        """Changes when the API would spell an answer differently that it gives from the same stored rows."""
        models = {name: model.answer_facts for name, model in self.models.items()}
        sources = {name: dataset.answer_facts for name, dataset in self.datasets.items() if dataset.serving.served}
        facts = {"api": self.api.model_dump(mode="json"), "models": models, "sources": sources or None}
        return fingerprint_of(facts)

    def settings(self, reads: Set[Setting], as_of: dt.date | None) -> dict[str, object]:
        """The settings that something reads, as facts of its fingerprint."""
        known = {Setting.AS_OF: as_of, Setting.LOCALE: self.locale, Setting.TIMEZONE: self.timezone}
        return {setting.value: known[setting] for setting in reads}

    @property
    def contracts(self) -> dict[str, Contract]:
        """Every contract by table name, in building order."""
        return contracts_of(self.datasets, self.models)

    @cached_property
    def silver(self) -> dict[str, Dataset]:
        """By the name of each silver table the dataset that it comes from: its own table, or its history."""
        return {contract.name: dataset for dataset in self.datasets.values() for contract in dataset.contracts}


def contracts_of(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> dict[str, Contract]:
    """The contract of each table: those of datasets first, each with that of its history, then models."""
    contracts = {contract.name: contract for dataset in datasets.values() for contract in dataset.contracts}
    return contracts | {name: model.contract for name, model in models.items()}
