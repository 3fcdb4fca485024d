"""Records of a source, read from bronze by their places."""

from __future__ import annotations

from collections.abc import Sequence

from filon.engines import SqlEngine
from filon.explain.report import Record
from filon.lake import Lake, Layer, Ledger
from filon.project import PLACE, Dataset
from filon.sql import identifier, identifiers
from filon.stages.bronze.columns import bronze_columns
from filon.stages.rules import as_read
from filon.stages.silver import raw_text

RECORDS = "records explained"  # no table of a project has a blank in its name
Place = tuple[int, int]
"""Number of a file version, and of a record in it."""


def read_records(
    engine: SqlEngine, lake: Lake, ledger: Ledger, dataset: Dataset, places: Sequence[Place]
) -> list[Record]:
    """The records at some places of a source, in the order of the places; all from one query.

    Args:
        engine: reaches the lake
        lake: where the records are
        ledger: names the files
        dataset: the source
        places: where the records are

    """
    if not places:
        return []
    numbers = {number for number, _ in places}
    versions = {version.number: version for version in ledger.versions if version.number in numbers}
    files = {file.name: file for version in versions.values() for file in version.bronze}
    part = ", ".join(f"{version.path} version {number}" for number, version in versions.items())
    paths = lake.paths_of(Layer.BRONZE, dataset.name, list(files.values()), part)
    engine.bind(RECORDS, paths, bronze_columns(dataset), lenient=True)
    names = dataset.contract.column_names
    read = ", ".join(f"{identifier(name)} AS {as_read(name)}" for name in names)
    # engines skip parts of files by the bounds of single columns, so these are restricted one by one too
    chosen = " OR ".join(f"(_file = {number} AND _record = {record})" for number, record in places)
    ordinals = sorted({record for _, record in places})
    where = f"_file IN ({_listed(sorted(numbers))}) AND _record IN ({_listed(ordinals)}) AND ({chosen})"
    text = raw_text(dataset, list(versions.values()), ledger.headers)
    query = (
        f"SELECT {identifiers(name for name, _ in PLACE)}, {text}, {', '.join(as_read(name) for name in names)} "
        f"FROM (SELECT *, {read} FROM {identifier(RECORDS)} WHERE {where}) AS received"
    )
    found = {(int(number), int(record)): (raw, values) for number, record, raw, *values in engine.rows(query)}
    records = []
    for number, ordinal in places:
        version, (raw, values) = versions[number], found[number, ordinal]
        fields = dict(zip(names, values, strict=True))
        fields |= {
            column.column: value
            for column, value in zip(dataset.place_columns, dataset.place_of(version.path), strict=True)
        }
        records.append(Record(version.path, number, version.sha256, ordinal, fields, raw))
    return records


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
