"""A source: which files bring it, how they are spelled, and which rows are accepted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from filon.project.columns import SPELLING, Column, Reference
from filon.project.contract import Contract
from filon.project.fileformats import format_of
from filon.project.fingerprints import fingerprint_of, named, statement
from filon.project.functions import Setting
from filon.project.places import PACKED, PlaceColumn
from filon.project.types import PLACE, Kind
from filon.project.vocabulary import (
    Dialect,
    Drift,
    FileFormat,
    Keep,
    MissingFile,
    RowRule,
    ServingSpec,
)

CUTTING = ("delimiter", "quote", "escape", "encoding", "header", "skip_lines", "skip_until", "comment", "short_records")
"""Words of a dialect that decide how a text is cut into records and fields; ``footer`` is one as well."""
SERVED, NOT_SERVED = ServingSpec(), ServingSpec(served=False)


@dataclass(frozen=True)
class Dataset:
    """A source: which files bring it, how they are spelled, and which rows are accepted.

    ``locale`` is the project's: of the sizes of groups of digits.
    ``newest`` is the column whose greatest value decides between rows of one key. ``history`` is the contract of the
    table with all states of each key, if one is wanted.
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
    history: Contract | None = None

    @property
    def name(self) -> str:
        """Name of the dataset and of its silver table."""
        return self.contract.name

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """The contracts of its silver tables: its own, and that of its history."""
        return (self.contract, self.history) if self.history else (self.contract,)

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
        return answer_facts(self.served_contract, self.serving)

    @cached_property
    def read_columns(self) -> tuple[Column, ...]:
        """The columns that are read from the records of a file, not from its path."""
        placed = {column.column for column in self.place_columns}
        return tuple(column for column in self.contract.columns if column.name not in placed)

    def place_of(self, path: str) -> tuple[str | None, ...]:
        """What tells files of the same content apart: the values that are read from a path; () when none is.

        An archive has the same place as the file that it unpacks to.
        """
        if not self.place_columns:
            return ()
        plain = PACKED.sub("", path)
        return tuple(column.value(plain) for column in self.place_columns)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when other rows would be accepted of the same records, or would look different."""
        moments = [c for c in self.contract.columns if c.type.kind is Kind.TIMESTAMP]
        shifted = any(self.dialect_of(column).timezone != "UTC" for column in moments)
        return fingerprint_of(
            {
                **self.choosing_facts,
                "columns": [column.row_facts for column in self.contract.columns],
                "key": sorted(self.contract.key),
                "moments": "of the years 1 to 9999 in UTC" if shifted else None,
                "groups": "full ones before the decimal mark" if self._has_groups else None,
                "partition": self.contract.partition.facts if self.contract.partition else None,
            }
        )

    @cached_property
    def choosing_facts(self) -> dict[str, object]:
        """What decides which records become rows, beside what their columns say."""
        return {
            "dialect": named(self.dialect, "delimiter", "quote", "timezone", *SPELLING),
            "newest": self.newest,
            "keep": self.keep,
            "discards": self.drift is Drift.DISCARD or None,
            "rules": [(rule.name, statement(rule.expression)) for rule in self.rules] or None,
            "places": [(place.column, place.pattern) for place in self.place_columns] or None,
        }

    @property
    def file_facts(self) -> dict[str, object]:
        """What decides which files count, and how their texts are cut into records; columns apart."""
        footer = self.dialect.footer
        return {
            "pattern": self.pattern,
            "format": self.format,
            "dialect": named(self.dialect, *CUTTING, "sheet"),
            "footer": named(footer, "lines", "starts_with") if footer else None,
            **{name: getattr(self, name) for name in ("drift", "malformed_threshold", "on_missing_file")},
        }

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
    def read_by_rules(self) -> frozenset[Setting]:
        """The settings that the expressions of its rules read."""
        from filon.project.grammar import settings_read  # brings the SQL parser

        return frozenset().union(*(settings_read(rule.expression) for rule in self.rules))

    @cached_property
    def reads(self) -> frozenset[Setting]:
        """The settings that its rules compare with, and that say what its texts mean."""
        dated = [c for c in self.contract.columns if any(rule.name == "notAfter" for rule in c.rules)]
        found = {Setting.AS_OF} if dated else set()
        names = any(reading.has_names for column in self.contract.columns for reading in column.readings)
        if self._has_groups or names:
            found.add(Setting.LOCALE)
        if any(column.type.kind is Kind.TIMESTAMP for column in dated):
            found.add(Setting.TIMEZONE)
        return self.read_by_rules | found

    @property
    def _has_groups(self) -> bool:
        return any(self.dialect_of(column).grouping for column in self.contract.columns if column.type.is_number)

    @property
    def references(self) -> tuple[tuple[Column, Reference], ...]:
        """Columns whose values must exist elsewhere, or the row is rejected."""
        columns = self.contract.columns
        return tuple((column, column.reference) for column in columns if column.reference and column.is_bound)


def _names(column: Column) -> tuple[object, ...]:
    """What decides which field of a header holds a column."""
    aliases = (column.aliases,) if column.aliases else ()
    # names with a blank inside are compared without regard to its kind since another version than those without
    compared = ("any blanks",) if any(len(name.split()) > 1 for name in (column.header, *column.aliases)) else ()
    return (column.name, column.header, *aliases, *compared)


def answer_facts(contract: Contract, spec: ServingSpec) -> dict[str, object]:
    """What decides how stored rows of a table are spelled in an answer of the API."""
    names = ("served", "path", "item", "paged", "default_limit", "maximum_limit", "sort", "filters", "unindexed")
    columns = [(column.name, column.type.sql) for column in contract.columns]
    return {"columns": columns, "key": contract.key, **named(spec, *names, "aliases")}
