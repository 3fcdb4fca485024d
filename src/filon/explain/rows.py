"""Explain a published row: the rows that it was computed from, table by table, down to files and records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from filon.engines import SqlEngine
from filon.errors import EngineError, NotFound
from filon.explain.contenders import contenders_of
from filon.explain.demands import demand_of
from filon.explain.keys import typed_key
from filon.explain.lineage import EVERY_ROW, Reading, trace
from filon.lake import Build, Lake, Layer, Ledger, Release
from filon.project import PLACE, TEXT, Contract, Dataset, Kind, Project, TypedColumn
from filon.sql import identifier, identifiers, literal

SAMPLE = 5
SPELLING = "write dates of a key as 2026-01-31 and numbers with a point, whatever the files do"
PLACE_NAMES = tuple(name for name, _ in PLACE)
RECORDS = "records explained"  # no table of a project has a blank in its name


@dataclass(frozen=True)
class Record:
    """A record of a file as received; ``record`` counts from 1."""

    file: str
    version: int
    sha256: str
    record: int
    fields: Mapping[str, str | None]


@dataclass(frozen=True)
class OtherRecord:
    """A record that has the key of the explained row and is not it.

    ``reasons`` are those for which it was rejected, with what the contract demands (empty: it demands nothing of the
    kind); a record without a reason was superseded by the row.
    """

    record: Record
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class Contribution:
    """Rows of a table that a row was computed from.

    Attributes:
        table: the table
        read_by: the model that read it; None for the explained row itself
        rows: number of rows that meet ``condition``
        exact: whether all of them were used; else they are candidates that include the used ones
        keys: keys of the first rows
        condition: SQL over the table's columns
        records: records of the first rows, of tables of sources

    """

    table: str
    read_by: str | None
    rows: int
    exact: bool
    keys: tuple[tuple[Any, ...], ...]
    condition: str
    records: tuple[Record, ...] = ()

    @property
    def is_every_row(self) -> bool:
        """Whether the condition holds for all rows of the table."""
        return self.condition == EVERY_ROW


@dataclass(frozen=True)
class NotFollowed:
    """A table whose used rows are not shown, and the reason."""

    table: str
    read_by: str
    reason: str


@dataclass
class Explanation:
    """A row, the SQL file of its model, and the rows that it was computed from.

    ``row`` is empty when the table has no row of that key, but a source has records of it. ``others`` are the first of
    the records of a source that have the key and are not the row, ``others_total`` says how many there are.
    """

    table: str
    release: int
    row: dict[str, Any]
    computed_by: str | None
    contributions: list[Contribution] = field(default_factory=list)
    not_followed: list[NotFollowed] = field(default_factory=list)
    others: list[OtherRecord] = field(default_factory=list)
    others_total: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The explanation as nested dicts and lists, for JSON."""
        return asdict(self)


def explain(
    engine: SqlEngine,
    project: Project,
    lake: Lake,
    release: Release,
    ledger: Ledger,
    table: str,
    key: Sequence[str],
) -> Explanation:
    """Explain a row of a release.

    Args:
        engine: reaches the lake
        project: contracts and models
        lake: where the tables are
        release: the release of the row
        ledger: names the files
        table: a silver or gold table
        key: the values of its key, as text, in the order of the contract

    Returns:
        The row and the rows that it was computed from; of a silver table, also the other records of its key.

    Raises:
        NotFound: the table has no key, or there is neither such a row nor such a record

    """
    contract = project.contracts.get(table)
    if contract is None or not contract.key:
        raise NotFound(f"no table {table} with a key; there are: {', '.join(project.contracts)}")
    if len(key) != len(contract.key):
        raise NotFound(f"the key of {table} is {', '.join(contract.key)}: give {len(contract.key)} values")
    explainer = _Explainer(engine, project, lake, release, ledger)
    explainer.bind(table)
    values = {
        name: typed_key(engine, contract.column(name), text) for name, text in zip(contract.key, key, strict=True)
    }
    condition = " AND ".join(f"{identifier(name)} = {value or 'NULL'}" for name, value in values.items())
    rows = engine.rows(
        f"SELECT {_select_list(contract, contract.column_names)} FROM {identifier(table)} WHERE {condition}"
    )
    model = project.models.get(table)
    row = dict(zip(contract.column_names, rows[0], strict=True)) if rows else {}
    explanation = Explanation(table, release.number, row, str(model.path) if model else None)
    if model is None:
        explainer.add_others(explanation, project.datasets[table], key)
    if not rows and not explanation.others:
        spelled = f"; {SPELLING}" if None in values.values() else ""
        raise NotFound(f"{table} has no row {', '.join(key)} in release {release.number}{spelled}")
    if not rows:
        return explanation
    reading = Reading(table, _key_condition(contract.key, [row[name] for name in contract.key]), exact=True, used=True)
    if model is None:
        explanation.contributions.append(explainer.contribution(reading, None))
    else:
        explainer.descend(reading, explanation)
    return explanation


@dataclass(frozen=True)
class _Explainer:
    """Reads the tables of a release, and adds the contributions of a row."""

    engine: SqlEngine
    project: Project
    lake: Lake
    release: Release
    ledger: Ledger

    def build(self, table: str) -> Build:
        layer = Layer.SILVER if table in self.project.datasets else Layer.GOLD
        build = self.release.build(layer, table)
        if build is None:
            raise NotFound(f"release {self.release.number} has no table {table}: run the pipeline")
        return build

    def bind(self, table: str) -> None:
        build = self.build(table)
        self.engine.bind(table, self.lake.paths(build), build.columns)

    def add_others(self, into: Explanation, dataset: Dataset, key: Sequence[str]) -> None:
        """Add the records of a source that have the key and are not its row."""
        for _, reference in dataset.references:
            self.bind(reference.table)
        found = contenders_of(self.engine, self.lake, self.release, self.ledger, dataset, key, SAMPLE)
        into.others_total = found.total
        into.others = [
            OtherRecord(
                self.record(dataset.contract, place.version, place.record),
                {reason: demand_of(dataset, reason) for reason in place.reasons},
            )
            for place in found.places
        ]

    def descend(self, rows: Reading, into: Explanation) -> None:
        """Add the rows that a model read for some of its rows, and recursively those that its input models read."""
        model = self.project.models[rows.table]
        for table in model.inputs:
            self.bind(table)
        traced = trace(self.project, model, rows.condition, exact=rows.exact, used=rows.used)
        into.not_followed += [NotFollowed(part.table, model.name, part.reason) for part in traced.unfollowed]
        for reading in traced.readings:
            try:
                part = self.contribution(reading, model.name)
            except EngineError as error:  # a pushed-down condition may fail on values that the model filters out first
                into.not_followed.append(NotFollowed(reading.table, model.name, str(error)))
                continue
            is_new = part.table in self.project.models and not self.is_covered(part, into.contributions)
            into.contributions.append(part)
            if is_new:
                self.descend(self.narrowed(part, is_used=reading.used or part.exact), into)

    def contribution(self, reading: Reading, reader: str | None) -> Contribution:
        """Count the rows of a reading, and read the first ones."""
        contract = self.project.contracts[reading.table]
        where = f"FROM {identifier(contract.name)} WHERE {reading.condition}"
        [(count,)] = self.engine.rows(f"SELECT count(*) {where}")
        names = contract.key or (PLACE_NAMES if contract.name in self.project.datasets else contract.column_names)
        first = f"{where} ORDER BY {identifiers(names)} LIMIT {SAMPLE}"
        keys = self.engine.rows(f"SELECT {_select_list(contract, names)} {first}")
        records: tuple[Record, ...] = ()
        if contract.name in self.project.datasets:
            places = self.engine.rows(f"SELECT {identifiers(PLACE_NAMES)} {first}")
            records = tuple(self.record(contract, int(file), int(record)) for file, record in places)
        is_only_candidate = reading.used and count == 1
        exact = reading.exact or is_only_candidate or count == 0
        return Contribution(contract.name, reader, int(count), exact, tuple(keys), reading.condition, records)

    def is_covered(self, part: Contribution, earlier: Sequence[Contribution]) -> bool:
        """Whether earlier contributions of the same table have all of these rows."""
        conditions = [
            f"({other.condition})" for other in earlier if other.table == part.table and (other.exact or not part.exact)
        ]
        new = f"({part.condition}) AND ({' OR '.join(conditions) or 'FALSE'}) IS NOT TRUE"
        return not self.engine.rows(f"SELECT 1 FROM {identifier(part.table)} WHERE {new} LIMIT 1")

    def narrowed(self, part: Contribution, *, is_used: bool) -> Reading:
        """The rows of a contribution as a reading; a single row is given by its key, a shorter condition."""
        key = self.project.contracts[part.table].key
        condition = _key_condition(key, part.keys[0]) if part.rows == 1 and key else part.condition
        return Reading(part.table, condition, part.exact, is_used)

    def record(self, contract: Contract, number: int, ordinal: int) -> Record:
        """Read a record from bronze."""
        version = next(version for version in self.ledger.versions if version.number == number)
        columns = [TypedColumn(name, TEXT) for name in contract.column_names]
        part = f"{version.path}, version {number}"
        paths = self.lake.paths_of(Layer.BRONZE, contract.name, version.bronze, part)
        self.engine.bind(RECORDS, paths, [*columns, *PLACE], lenient=True)
        place = f"_file = {number} AND _record = {ordinal}"
        [texts] = self.engine.rows(
            f"SELECT {identifiers(contract.column_names)} FROM {identifier(RECORDS)} WHERE {place}"
        )
        dataset = self.project.datasets[contract.name]
        placed = zip(dataset.place_columns, dataset.place_of(version.path), strict=True)
        fields = dict(zip(contract.column_names, texts, strict=True))
        fields |= {column.column: value for column, value in placed}
        return Record(version.path, number, version.sha256, ordinal, fields)


def _select_list(contract: Contract, names: Iterable[str]) -> str:
    """A SELECT list of columns; timestamps are cast to text, since Python would need another package for them."""
    timestamps = {column.name for column in contract.columns if column.type.kind is Kind.TIMESTAMP}
    return ", ".join(
        f"CAST({identifier(name)} AS VARCHAR)" if name in timestamps else identifier(name) for name in names
    )


def _key_condition(key: Iterable[str], values: Iterable[Any]) -> str:
    return " AND ".join(
        f"{identifier(name)} {_value_condition(value)}" for name, value in zip(key, values, strict=True)
    )


def _value_condition(value: Any) -> str:
    if value is None:
        return "IS NULL"
    if isinstance(value, Decimal):
        return f"= {value:f}"
    return f"= {str(value).upper() if isinstance(value, (bool, int)) else literal(str(value))}"
