"""Delete what no kept release, no ledger and no run in progress needs.

What names files goes first, the files themselves last: a sweep that is killed leaves files that nothing names, and the
next one takes them. Files are listed before the leases of runs are read, and leases before documents: a file that a run
wrote meanwhile is either not listed, or its run is known, or a document names it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from filon.errors import LakeDamaged
from filon.lake.deltalog import LOG
from filon.lake.documents import NOTES, Build, Release
from filon.lake.inspect import TABLES
from filon.lake.leases import PATIENCE_S, end_dead_leases, leases
from filon.lake.location import Entry, Layer
from filon.lake.runs import summarise
from filon.lake.sealed import unseal
from filon.lake.store import Lake

PROBES = "probe"
Place = tuple[Layer, str]
"""A layer, and the name of an object in it."""


@dataclass(frozen=True)
class Swept:
    """What was deleted, and the runs in progress that kept files from being deleted."""

    releases: int
    files: int
    bytes: int
    running: tuple[str, ...] = ()


def sweep_lake(lake: Lake, *, keep: int, before: dt.datetime, patience_s: float = PATIENCE_S) -> Swept:
    """Keep the newest releases, what they name, what the ledger names, what runs in progress use, and what is young.

    Files that nothing ever named stay while a run is in progress, and as long as they were written after ``before``.
    ``patience_s`` is how long the lease of a run is watched until the run is taken for dead.
    """
    lake.release()
    lake.ledger()  # both are read first: nothing is deleted from a lake whose newest documents are lost
    metadata = lake.layer(Layer.METADATA)
    end_dead_leases(metadata, patience_s=patience_s)
    metadata.drop_uploads(before)
    forgotten = _forget_releases(lake, keep)
    named = _forget_builds(lake, before)
    listed = {layer: list(lake.layer(layer).listing()) for layer in TABLES}
    running = tuple(lease.run_id for lease in leases(metadata))
    needed = _needed(lake, listed)
    files = size = 0
    for layer, entries in listed.items():
        lake.layer(layer).drop_uploads(before)
        due = [
            entry
            for entry in entries
            if entry.modified < before
            and ((layer, entry.name) in named or not running)
            and _is_table_file(entry)
            and (layer, entry.name) not in needed
        ]
        lake.layer(layer).delete([entry.name for entry in due], sync=False)
        files, size = files + len(due), size + sum(entry.size for entry in due)
    metadata.delete([entry.name for entry in metadata.listing(PROBES) if entry.modified < before])
    summarise(lake)
    return Swept(forgotten, files, size, running)


def _forget_releases(lake: Lake, keep: int) -> int:
    """Delete old releases that no run goes back to, and the ledgers before those that the others were made with."""
    numbers = lake.releases.numbers()
    in_use = {lease.release for lease in leases(lake.layer(Layer.METADATA))}
    oldest = min([*numbers[-keep:], *(number for number in numbers if number in in_use)], default=0)
    gone = [number for number in numbers if number < oldest]
    lake.releases.delete(gone)
    documents = lake.ledgers.documents
    ledgers = documents.numbers()
    made_with = [lake.releases.get(number).ledger for number in numbers if number >= oldest]
    first = min([*made_with, *ledgers[-keep:]], default=0)
    if first in ledgers:
        first = lake.ledgers.first_needed(first)
        documents.delete([number for number in ledgers if number < first])
    return len(gone)


def _forget_builds(lake: Lake, before: dt.datetime) -> set[Place]:
    """Delete the notes of builds that no kept release has and no run uses; returns the files that they named."""
    metadata = lake.layer(Layer.METADATA)
    kept = {build.note for release in _releases(lake) for build in release.tables.values()}
    kept |= {name for lease in leases(metadata) for name in lease.notes}
    gone = [entry.name for entry in metadata.listing(NOTES) if entry.name not in kept and entry.modified < before]
    named = {place for name in gone for place in _files_of(lake, name)}
    metadata.delete(gone)
    return named


def _files_of(lake: Lake, note: str) -> set[Place]:
    metadata = lake.layer(Layer.METADATA)
    try:
        build = unseal(metadata.read(note), Build, metadata.path_of(note), "a note", "").content
    except (FileNotFoundError, LakeDamaged):
        return set()
    return {(build.layer, f"{build.table}/{file.name}") for file in build.files}


def _needed(lake: Lake, listed: Mapping[Layer, Sequence[Entry]]) -> set[Place]:
    """Files of kept releases, of noted builds, of the ledger, and of the Delta tables as they stand now."""
    from filon.lake.tables import active_files

    builds = [build for release in _releases(lake) for build in release.tables.values()]
    needed = {(build.layer, f"{build.table}/{file.name}") for build in builds for file in build.files}
    for note in lake.layer(Layer.METADATA).names(NOTES):
        needed |= _files_of(lake, note)
    for version in lake.ledger().versions:
        needed |= {(Layer.BRONZE, f"{version.dataset}/{file.name}") for file in version.bronze}
    for layer, entries in listed.items():
        for table in {entry.name.split("/", 1)[0] for entry in entries if f"/{LOG}/" in entry.name}:
            needed |= {(layer, f"{table}/{name}") for name in active_files(lake.table(layer, table))}
    return needed


def _releases(lake: Lake) -> list[Release]:
    return [lake.releases.get(number) for number in lake.releases.numbers()]


def _is_table_file(entry: Entry) -> bool:
    return entry.name.endswith(".parquet") and f"/{LOG}/" not in entry.name
