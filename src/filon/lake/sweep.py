"""Delete what no kept release needs. What is young stays: a run that has not published yet may be using it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from filon.lake.documents import Ledger, Release
from filon.lake.location import Layer
from filon.lake.store import Lake

RUNS_KEPT = 1_000
TABLES = (Layer.BRONZE, Layer.SILVER, Layer.GOLD, Layer.QUARANTINE)


@dataclass(frozen=True)
class Swept:
    """What was deleted."""

    releases: int
    files: int
    bytes: int


def sweep_lake(lake: Lake, *, keep: int, before: dt.datetime) -> Swept:
    """Keep the newest releases, what they name, what the ledger names, and all that was written after ``before``."""
    numbers = lake.releases.numbers()
    kept = [lake.releases.get(number) for number in numbers[-keep:]]
    ledgers = lake.ledgers.numbers()
    ledger = lake.ledger()
    lake.releases.delete(numbers[:-keep])
    needed_ledgers = {release.ledger for release in kept} | set(ledgers[-keep:])
    lake.ledgers.delete([number for number in ledgers if number not in needed_ledgers])
    files = size = 0
    for layer in TABLES:
        location = lake.layer(layer)
        location.drop_uploads(before)
        listed = list(location.listing())
        needed = _needed(
            lake, layer, kept, ledger, {name.split("/", 1)[0] for name, *_ in listed if "/_delta_log/" in name}
        )
        for name, modified, length in listed:
            table_file = name.endswith(".parquet") and "/_delta_log/" not in name
            if table_file and name not in needed and modified < before:
                location.delete([name])
                files, size = files + 1, size + length
    _forget_builds(lake, kept, before)
    metadata = lake.layer(Layer.METADATA)
    metadata.delete(metadata.names("runs")[:-RUNS_KEPT])
    return Swept(len(numbers[:-keep]), files, size)


def _needed(lake: Lake, layer: Layer, releases: Iterable[Release], ledger: Ledger, tables: Iterable[str]) -> set[str]:
    """Files of kept releases, of the ledger, and of the Delta tables as they stand now."""
    from filon.lake.tables import active_files

    builds = [build for release in releases for build in release.tables.values() if build.layer is layer]
    needed = {f"{build.table}/{name}" for build in builds for name in build.files}
    if layer is Layer.BRONZE:
        needed |= {f"{version.dataset}/{name}" for version in ledger.versions for name in version.bronze}
    for table in tables:
        needed |= {f"{table}/{name}" for name in active_files(lake.table(layer, table))}
    return needed


def _forget_builds(lake: Lake, releases: Iterable[Release], before: dt.datetime) -> None:
    """Drop the notes of builds whose files may be gone."""
    known = {
        f"builds/{build.layer}/{build.table}/{build.fingerprint}.json"
        for release in releases
        for build in release.tables.values()
    }
    metadata = lake.layer(Layer.METADATA)
    metadata.delete(
        [name for name, modified, _ in metadata.listing("builds") if name not in known and modified < before]
    )
