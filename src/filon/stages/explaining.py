"""Explain a published row: the rows that went into it, table by table, down to files and records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from filon.engines import Engine
from filon.errors import NotFound
from filon.lake import Build, Lake, Layer, Ledger, Release
from filon.project import Contract, Project
from filon.project.lineage import origin_of
from filon.sql import identifier, identifiers, literal

SAMPLE = 5


@dataclass(frozen=True)
class Record:
    """A record of a file, as it was received."""

    file: str
    version: int
    sha256: str
    record: int
    fields: Mapping[str, str | None]


@dataclass(frozen=True)
class Contribution:
    """Rows of an input table that went into the row: how many, and the keys of the first ones."""

    table: str
    rows: int
    keys: tuple[tuple[Any, ...], ...]
    condition: str
    records: tuple[Record, ...] = ()


@dataclass
class Explanation:
    """A row, the SQL file that computed it, and what it was computed from."""

    table: str
    release: int
    row: dict[str, Any]
    computed_by: str | None
    contributions: list[Contribution] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def explain(
    engine: Engine,
    project: Project,
    lake: Lake,
    release: Release,
    ledger: Ledger,
    table: str,
    key: Sequence[str],
) -> Explanation:
    """Explain the row of ``table`` with this key; NotFound when there is none."""
    contract = project.contracts.get(table)
    if contract is None or not contract.key:
        raise NotFound(f"no table {table} with a key; there are: {', '.join(project.contracts)}")
    if len(key) != len(contract.key):
        raise NotFound(f"the key of {table} is {', '.join(contract.key)}: give {len(contract.key)} values")
    work = _Work(engine, project, lake, release, ledger)
    work.bind(table)
    condition = " AND ".join(
        f"{identifier(name)} = TRY_CAST({literal(value)} AS {contract.column(name).type.sql})"
        for name, value in zip(contract.key, key, strict=True)
    )
    found = engine.rows(f"SELECT {identifiers(contract.column_names)} FROM {identifier(table)} WHERE {condition}")
    if not found:
        raise NotFound(f"{table} has no row {', '.join(key)} in release {release.number}")
    model = project.models.get(table)
    explanation = Explanation(
        table=table,
        release=release.number,
        row=dict(zip(contract.column_names, found[0], strict=True)),
        computed_by=str(model.path) if model else None,
    )
    conditions = {name: explanation.row[name] for name in contract.key}
    if model is None:
        explanation.contributions.append(work.contribution(table, condition))
    else:
        work.descend(table, conditions, explanation.contributions, set())
    return explanation


@dataclass(frozen=True)
class _Work:
    engine: Engine
    project: Project
    lake: Lake
    release: Release
    ledger: Ledger

    def build(self, table: str) -> Build:
        layer = Layer.SILVER if table in self.project.datasets else Layer.GOLD
        build = self.release.build(layer, table)
        if build is None:
            raise NotFound(f"release {self.release.number} has no table {table}: run the line")
        return build

    def bind(self, table: str) -> None:
        build = self.build(table)
        self.engine.bind(table, self.lake.paths(build), build.columns)

    def descend(self, table: str, values: Mapping[str, Any], into: list[Contribution], seen: set[str]) -> None:
        """Add what each input of a model gave to the rows with these column values."""
        model = self.project.models[table]
        origins = {name: origin_of(model, name, self.project.contracts) for name in values}
        for source in model.inputs:
            mapped = [(origin, values[name]) for name, origin in origins.items() if origin and origin.table == source]
            if source in seen or not mapped:
                continue
            seen.add(source)
            self.bind(source)
            condition = " AND ".join(f"{origin.expression} = {_spelled(value)}" for origin, value in mapped)
            into.append(self.contribution(source, condition))
            if source in self.project.models:
                passed_on = {origin.column: value for origin, value in mapped if origin.column}
                self.descend(source, passed_on, into, seen)

    def contribution(self, table: str, condition: str) -> Contribution:
        """Count the rows of a table that meet a condition, and show the first ones."""
        contract = self.project.contracts[table]
        where = f"FROM {identifier(table)} WHERE {condition}"
        [(count,)] = self.engine.rows(f"SELECT count(*) {where}")
        is_silver = table in self.project.datasets
        names = contract.key or ("_file", "_record")
        keys = self.engine.rows(f"SELECT {identifiers(names)} {where} ORDER BY ALL LIMIT {SAMPLE}")
        records: tuple[Record, ...] = ()
        if is_silver:
            order = f"ORDER BY {identifiers(names)} LIMIT {SAMPLE}"
            places = self.engine.rows(f"SELECT _file, _record {where} {order}")
            records = tuple(self.record(contract, int(file), int(record)) for file, record in places)
        return Contribution(table, int(count), tuple(keys), condition, records)

    def record(self, contract: Contract, number: int, ordinal: int) -> Record:
        """The record as bronze holds it."""
        version = next(version for version in self.ledger.versions if version.number == number)
        location = self.lake.table(Layer.BRONZE, contract.name)
        columns = [(name, "VARCHAR") for name in contract.column_names]
        paths = [location.path_of(name) for name in version.bronze]
        self.engine.bind("bronze", paths, [*columns, ("_file", "BIGINT"), ("_record", "BIGINT")], lenient=True)
        place = f"_file = {number} AND _record = {ordinal}"
        [fields] = self.engine.rows(f"SELECT {identifiers(contract.column_names)} FROM bronze WHERE {place}")
        return Record(
            version.path,
            number,
            version.sha256,
            ordinal,
            dict(zip(contract.column_names, fields, strict=True)),
        )


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    return literal(str(value))
