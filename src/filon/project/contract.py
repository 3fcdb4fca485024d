"""What a contract says, as the rest of Filon sees it: datasets that arrive and models that are built."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from filon.project.document import Document, Place
from filon.project.types import ColumnType, Kind
from filon.project.values import Value
from filon.project.vocabulary import (
    AggregationSpec,
    ApiSpec,
    ChartSpec,
    Dialect,
    Drift,
    Keep,
    MissingFile,
    Normalise,
    RowRule,
    ServingSpec,
)

Bound = Value | tuple[Value, ...]


AS_IT_IS = Normalise()
SERVED = ServingSpec()
ENGLISH = ApiSpec()


@dataclass(frozen=True)
class Rule:
    """One condition on a value: its ODCS word (``maximum``, ``pattern``, …), and what the value is held to."""

    name: str
    bound: Bound


@dataclass(frozen=True)
class Reference:
    """A column's value must exist in ``column`` of ``table``."""

    table: str
    column: str


@dataclass(frozen=True)
class Column:
    """A column of a contract. ``header`` is its name in the file, ``format`` the JDK pattern of a date or timestamp."""

    name: str
    type: ColumnType
    required: bool = False
    unique: bool = False
    header: str = ""
    format: str = ""
    normalise: Normalise = AS_IT_IS
    rules: tuple[Rule, ...] = ()
    reference: Reference | None = None
    description: str = field(default="", repr=False)

    @property
    def is_text(self) -> bool:
        """Whether the column holds text."""
        return self.type.kind is Kind.TEXT


@dataclass(frozen=True)
class Check:
    """A query with one number for an answer, and what that number must be.

    ``operator`` is the ODCS word (``mustBe``, ``mustBeBetween``, …). ``counts_rows``: the number counts bad rows.
    """

    name: str
    query: str
    operator: str
    expected: tuple[Decimal, ...]
    blocking: bool = True
    counts_rows: bool = False
    place: Place = field(default=(), repr=False)

    def holds(self, value: Decimal | None) -> bool:
        """Whether an answer meets the check; no answer (NULL, or what is no number) never does."""
        if value is None:
            return False
        low, high = self.expected[0], self.expected[-1]
        return {
            "mustBe": value == low,
            "mustNotBe": value != low,
            "mustBeGreaterThan": value > low,
            "mustBeGreaterOrEqualTo": value >= low,
            "mustBeLessThan": value < low,
            "mustBeLessOrEqualTo": value <= low,
            "mustBeBetween": low <= value <= high,
            "mustNotBeBetween": not low <= value <= high,
        }[self.operator]


class CheckStatus(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"


@dataclass(frozen=True)
class Contract:
    """What every table has: a name, columns, a key and checks."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    description: str = field(default="", repr=False)
    grain: str = field(default="", repr=False)
    document: Document = field(kw_only=True, repr=False, compare=False)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def place_of(self, column: str) -> Place:
        """Where a column stands in the contract's file."""
        return ("schema", 0, "properties", self.column_names.index(column))


@dataclass(frozen=True)
class Dataset:
    """A source: which files bring it, how they are spelled, and which rows are accepted."""

    contract: Contract
    pattern: str
    dialect: Dialect
    keep: Keep
    drift: Drift
    malformed_threshold: float
    on_missing_file: MissingFile
    rules: tuple[RowRule, ...]

    @property
    def name(self) -> str:
        """Name of the dataset and of its silver table."""
        return self.contract.name

    @property
    def fingerprint(self) -> str:
        """Changes when anything that decides which rows are accepted, or how they look, changes."""
        return digest(repr(replace(self, contract=replace(self.contract, checks=()))))

    @property
    def parse_hash(self) -> str:
        """Changes when the same bytes would be cut into other records or columns."""
        headers = tuple((column.name, column.header) for column in self.contract.columns)
        spelling = (self.dialect.delimiter, self.dialect.quote, self.dialect.encoding, self.drift is Drift.DISCARD)
        return digest(repr((headers, spelling)))[:16]

    @property
    def acceptance_hash(self) -> str:
        """Changes when a file that was refused might be accepted."""
        required = tuple(column.name for column in self.contract.columns if column.required)
        return digest(repr((self.parse_hash, self.drift, self.malformed_threshold, required)))[:16]

    @property
    def uses_as_of(self) -> bool:
        """Whether a rule compares with the run's as-of date."""
        if any("as_of" in rule.expression.lower() for rule in self.rules):
            return True
        return any(rule.name == "notAfter" for column in self.contract.columns for rule in column.rules)

    @property
    def references(self) -> tuple[tuple[Column, Reference], ...]:
        """Columns that must exist elsewhere."""
        return tuple((column, column.reference) for column in self.contract.columns if column.reference)


@dataclass(frozen=True)
class Model:
    """A gold table: one SELECT and its contract. ``inputs`` are the tables that the SELECT reads.

    ``latency``: the table promises to have been found up to date no longer ago than that.
    """

    contract: Contract
    path: Path = field(repr=False)
    sql: str
    inputs: tuple[str, ...]
    uses_as_of: bool
    serving: ServingSpec = SERVED
    aggregations: AggregationSpec | None = None
    chart: ChartSpec | None = field(default=None, repr=False)
    latency: dt.timedelta | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.contract.name

    @property
    def fingerprint(self) -> str:
        """Changes when the table's rows or types may change although its inputs do not."""
        types = tuple((column.name, column.type) for column in self.contract.columns)
        return digest(repr((self.sql, types, self.contract.key)))


@dataclass(frozen=True)
class Project:
    """A project folder, read and consistent in itself.

    ``datasets`` and ``models`` are in building order; ``api`` are the API's names for time.
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

    @property
    def fingerprint(self) -> str:
        """Changes when any contract, model or setting of the project changes."""
        parts = [self.name, self.locale, *(d.fingerprint for d in self.datasets.values())]
        checks = [repr(contract.checks) for contract in self.contracts.values()]
        return digest(repr((parts, [repr(model) for model in self.models.values()], checks)))

    @property
    def contracts(self) -> dict[str, Contract]:
        """Every contract by table name, in building order."""
        return contracts_of(self.datasets, self.models)


def contracts_of(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> dict[str, Contract]:
    """The contract of each table: datasets first, then models."""
    contracts = {name: dataset.contract for name, dataset in datasets.items()}
    return contracts | {name: model.contract for name, model in models.items()}


def digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
