"""What a contract says, as the rest of Filon sees it: datasets that arrive and models that are built."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from filon.project.document import Document, Place
from filon.project.fileformats import format_of
from filon.project.fingerprints import fingerprint_of, named, statement
from filon.project.formats import Reading, readings_of
from filon.project.functions import Setting
from filon.project.places import PACKED, PlaceColumn
from filon.project.types import PLACE, ColumnType, Kind
from filon.project.values import Value
from filon.project.vocabulary import (
    AggregationSpec,
    ApiSpec,
    ChartSpec,
    ColumnDialect,
    Dialect,
    Drift,
    FileFormat,
    Keep,
    MissingFile,
    Normalise,
    RowRule,
    ServingSpec,
)

Bound = Value | tuple[Value, ...]


SPELLING = ("decimal", "grouping", "currency", "percent", "negative", "true", "false", "null_values")
"""Words of a dialect that decide which value the text of a field spells."""
CUTTING = ("delimiter", "quote", "escape", "encoding", "header", "skip_lines", "skip_until", "comment", "short_records")
"""Words of a dialect that decide how a text is cut into records and fields; ``footer`` is one as well."""
AS_IT_IS = Normalise()
AS_THE_TABLE = ColumnDialect()
SERVED, NOT_SERVED = ServingSpec(), ServingSpec(served=False)
ENGLISH = ApiSpec()


@dataclass(frozen=True)
class Rule:
    """One condition on a value: its ODCS word (``maximum``, ``pattern``, …), and what the value is held to."""

    name: str
    bound: Bound


@dataclass(frozen=True)
class Reference:
    """Values must exist in ``column`` of ``table``; where that is not ``binding``, a check warns of others."""

    table: str
    column: str
    binding: bool = True


@dataclass(frozen=True)
class Column:
    """A column of a contract.

    ``header`` is its name in files, ``aliases`` are others; ``format`` is the JDK pattern of a date or timestamp,
    ``other_formats`` are those tried for texts that it does not read, in their order; ``dialect`` is how its texts are
    spelled where they differ from the other columns of the table.
    """

    name: str
    type: ColumnType
    required: bool = False
    unique: bool = False
    header: str = ""
    aliases: tuple[str, ...] = ()
    format: str = ""
    other_formats: tuple[str, ...] = ()
    normalise: Normalise = AS_IT_IS
    dialect: ColumnDialect = AS_THE_TABLE
    rules: tuple[Rule, ...] = ()
    reference: Reference | None = None
    description: str = field(default="", repr=False)

    @property
    def is_text(self) -> bool:
        """Whether the column holds text."""
        return self.type.kind is Kind.TEXT

    @property
    def is_bound(self) -> bool:
        """Whether a row is refused when the value refers to nothing."""
        return self.reference is not None and self.reference.binding

    @property
    def formats(self) -> tuple[str, ...]:
        """All its patterns, in the order in which they are tried."""
        return (self.format, *self.other_formats)

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """The ways in which texts spell a date or a timestamp, in the order in which they are tried; else ()."""
        if self.type.kind not in (Kind.DATE, Kind.TIMESTAMP):
            return ()
        return tuple(reading for pattern in self.formats for reading in readings_of(pattern))

    @property
    def row_facts(self) -> dict[str, object]:
        """What decides which texts of a source the column accepts, and what becomes of them."""
        reference = self.reference if self.is_bound else None
        return {
            "name": self.name,
            "type": self.type.sql,
            **named(self, "required", "header", "format", "other_formats"),
            "normalise": named(self.normalise, "trim", "case", "canonical") if self.is_text else None,
            "dialect": named(self.dialect, "timezone", *SPELLING) or None,
            "rules": [(rule.name, rule.bound) for rule in self.rules] or None,
            "reference": (reference.table, reference.column) if reference else None,
        }


_DEMANDS = {
    "mustBe": "must be {0}",
    "mustNotBe": "must not be {0}",
    "mustBeGreaterThan": "must be greater than {0}",
    "mustBeGreaterOrEqualTo": "must be at least {0}",
    "mustBeLessThan": "must be less than {0}",
    "mustBeLessOrEqualTo": "must be at most {0}",
    "mustBeBetween": "must be between {0} and {1}",
    "mustNotBeBetween": "must not be between {0} and {1}",
}
"""The operators of ODCS as people say them."""


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

    @property
    def facts(self) -> dict[str, object]:
        """What decides its result, the rows of the tables that it reads apart."""
        return {
            "query": statement(self.query),
            **named(self, "name", "operator", "expected", "blocking", "counts_rows"),
        }

    def compare(self, value: Decimal | None) -> str:
        """What was found, and what it must be, for people."""
        bounds = [format(bound, "f") for bound in self.expected]
        found = "no number" if value is None else format(value, "f")
        return f"found {found}, {_DEMANDS[self.operator].format(*bounds)}"

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
    """A source: which files bring it, how they are spelled, and which rows are accepted.

    ``locale`` is the project's: of the sizes of groups of digits.
    ``newest`` is the column whose greatest value decides between rows of one key.
    """

    contract: Contract
    pattern: str
    dialect: Dialect
    keep: Keep
    drift: Drift
    malformed_threshold: float
    on_missing_file: MissingFile
    rules: tuple[RowRule, ...]
    locale: str = "en"
    place_columns: tuple[PlaceColumn, ...] = ()
    newest: str | None = None
    serving: ServingSpec = NOT_SERVED

    @property
    def name(self) -> str:
        """Name of the dataset and of its silver table."""
        return self.contract.name

    @cached_property
    def served_contract(self) -> Contract:
        """The contract of the silver table as readers see it: rows without a key are told apart by their place."""
        if self.contract.key:
            return self.contract
        columns = (*self.contract.columns, *(Column(place.name, place.type, required=True) for place in PLACE))
        return replace(self.contract, columns=columns, key=tuple(place.name for place in PLACE))

    @property
    def answer_facts(self) -> dict[str, object]:
        """What decides how the stored rows of its silver table are spelled in an answer of the API."""
        return _answer_facts(self.served_contract, self.serving)

    @cached_property
    def read_columns(self) -> tuple[Column, ...]:
        """The columns that are read from the records of a file, not from its path."""
        placed = {column.column for column in self.place_columns}
        return tuple(column for column in self.contract.columns if column.name not in placed)

    def place_of(self, path: str) -> tuple[str | None, ...]:
        """What tells files of the same content apart: the values that are read from a path; () when none is.

        An archive has the same place as the file that it unpacks to.
        """
        plain = PACKED.sub("", path)
        return tuple(column.value(plain) for column in self.place_columns)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when other rows would be accepted of the same records, or would look different."""
        dialect = named(self.dialect, "delimiter", "quote", "timezone", *SPELLING)
        moments = [c for c in self.contract.columns if c.type.kind is Kind.TIMESTAMP]
        shifted = any(self.dialect_of(column).timezone != "UTC" for column in moments)
        return fingerprint_of(
            {
                "columns": [column.row_facts for column in self.contract.columns],
                "key": sorted(self.contract.key),
                "dialect": dialect,
                "moments": "of the years 1 to 9999 in UTC" if shifted else None,
                "groups": "full ones before the decimal mark" if self._has_groups else None,
                "newest": self.newest,
                "keep": self.keep,
                "discards": self.drift is Drift.DISCARD or None,
                "rules": [(rule.name, statement(rule.expression)) for rule in self.rules] or None,
                "places": [(place.column, place.pattern) for place in self.place_columns] or None,
            }
        )

    @cached_property
    def format(self) -> FileFormat:
        """What its files are."""
        return self.dialect.format or format_of(self.pattern)

    def dialect_of(self, column: Column) -> Dialect:
        """How the texts of a column are spelled: by its own words, and by those of the table for the rest."""
        return self.dialect.model_copy(update=column.dialect.given)

    @cached_property
    def parse_hash(self) -> str:
        """Changes when the same bytes would be cut into other records or columns."""
        return fingerprint_of(
            {
                "headers": [_names(column) for column in self.read_columns],
                "places": [place.column for place in self.place_columns] or None,
                "dialect": named(self.dialect, *CUTTING),
                "footer": named(footer, "lines", "starts_with") if (footer := self.dialect.footer) else None,
                "discards": self.drift is Drift.DISCARD or None,
                "format": self._format_facts,
            }
        )[:16]

    @property
    def _format_facts(self) -> dict[str, object] | None:
        """What decides how typed values of a file are spelled as texts; None for CSV, whose texts are as received."""
        if self.format is FileFormat.CSV:
            return None
        words = ("decimal", "negative", "true", "false", "timezone")
        spelled = [(c.name, c.type.kind, named(self.dialect_of(c), *words) or None) for c in self.read_columns]
        return {"name": self.format, **named(self.dialect, "sheet"), "spelled": spelled}

    @cached_property
    def acceptance_hash(self) -> str:
        """Changes when a file that was refused might be accepted, or one that was accepted be refused."""
        required = sorted(column.name for column in self.read_columns if column.required)
        facts = {"parse": self.parse_hash, "required": required, "some": self.needs_some_column or None}
        return fingerprint_of({**facts, **named(self, "drift", "malformed_threshold")})[:16]

    @property
    def needs_some_column(self) -> bool:
        """Whether a file is accepted only if its header has one of the columns, since it has none that it must have."""
        return self.dialect.header and not any(column.required for column in self.read_columns)

    @cached_property
    def reads(self) -> frozenset[Setting]:
        """The settings that its rules compare with, and that say what its texts mean."""
        from filon.project.grammar import settings_read  # brings the SQL parser

        dated = [c for c in self.contract.columns if any(rule.name == "notAfter" for rule in c.rules)]
        found = {Setting.AS_OF} if dated else set()
        names = any(reading.has_names for column in self.contract.columns for reading in column.readings)
        if self._has_groups or names:
            found.add(Setting.LOCALE)
        if any(column.type.kind is Kind.TIMESTAMP for column in dated):
            found.add(Setting.TIMEZONE)
        return frozenset(found.union(*(settings_read(rule.expression) for rule in self.rules)))

    @property
    def _has_groups(self) -> bool:
        return any(self.dialect_of(column).grouping for column in self.contract.columns if column.type.is_number)

    @property
    def references(self) -> tuple[tuple[Column, Reference], ...]:
        """Columns whose values must exist elsewhere, or the row is rejected."""
        columns = self.contract.columns
        return tuple((column, column.reference) for column in columns if column.reference and column.is_bound)


@dataclass(frozen=True)
class Model:
    """A gold table: one SELECT and its contract.

    ``inputs`` are the tables that the SELECT reads, ``reads`` the settings.
    ``latency``: the table promises to have been found up to date no longer ago than that.
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

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.contract.name

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the table's rows, types or key may change although its inputs do not."""
        columns = [(column.name, column.type.sql) for column in self.contract.columns]
        return fingerprint_of({"sql": statement(self.sql), "columns": columns, "key": self.contract.key})

    @property
    def answer_facts(self) -> dict[str, object]:
        """What decides how the same stored rows are spelled in an answer of the API."""
        aggregations = self.aggregations.model_dump(mode="json") if self.aggregations else None
        return {**_answer_facts(self.contract, self.serving), "aggregations": aggregations}


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

    @cached_property
    def fingerprint(self) -> str:
        """Changes when what is compiled without data changes: contracts of sources, models and checks."""
        return fingerprint_of(
            {
                "name": self.name,
                "datasets": {name: dataset.fingerprint for name, dataset in self.datasets.items()},
                "models": {name: model.fingerprint for name, model in self.models.items()},
                "checks": {name: [c.facts for c in contract.checks] for name, contract in self.contracts.items()},
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


def _answer_facts(contract: Contract, spec: ServingSpec) -> dict[str, object]:
    names = ("served", "path", "item", "paged", "default_limit", "maximum_limit", "sort", "filters", "unindexed")
    columns = [(column.name, column.type.sql) for column in contract.columns]
    return {"columns": columns, "key": contract.key, **named(spec, *names, "aliases")}


def _names(column: Column) -> tuple[object, ...]:
    """What decides which field of a header holds a column."""
    aliases = (column.aliases,) if column.aliases else ()
    # names with a blank inside are compared without regard to its kind since another version than those without
    compared = ("any blanks",) if any(len(name.split()) > 1 for name in (column.header, *column.aliases)) else ()
    return (column.name, column.header, *aliases, *compared)


def contracts_of(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> dict[str, Contract]:
    """The contract of each table: datasets first, then models."""
    contracts = {name: dataset.contract for name, dataset in datasets.items()}
    return contracts | {name: model.contract for name, model in models.items()}
