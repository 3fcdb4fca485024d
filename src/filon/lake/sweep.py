"""Delete objects that no kept release, no ledger and no run in progress needs.

Documents that name files are deleted first, the files last: after a sweep that was killed some files are not named by
anything, and the next sweep deletes them. Files are listed before leases are read, and leases before documents: a file
that a run writes meanwhile is not in the listing, or the run has a lease, or a document names the file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from filon.errors import LakeDamaged
from filon.lake.deltalog import LOG, entries_before
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
    """Numbers of deleted releases, files and bytes, and the ids of the runs in progress, which keep files."""

    releases: int
    files: int
    bytes: int
    running: tuple[str, ...] = ()


def sweep_lake(lake: Lake, *, keep: int, before: dt.datetime, patience_s: float = PATIENCE_S) -> Swept:
    """Delete old releases, and all files that nothing kept names.

    While a run is in progress, files that no document ever named are kept: the run may be about to name them.

    Args:
        lake: the lake
        keep: number of the newest releases to keep; what they, the ledger and runs in progress use is kept as well
        before: objects that were written after this time are kept, in UTC
        patience_s: seconds without a change after which the lease of a run counts as dead

    Raises:
        LakeDamaged: the newest ledger or release is lost; nothing was deleted

    """
    lake.release()
    lake.ledger()  # both are read first: nothing is deleted from a lake whose newest documents are lost
    metadata = lake.layer(Layer.METADATA)
    end_dead_leases(metadata, patience_s=patience_s)
    metadata.drop_uploads(before)
    forgotten = _forget_releases(lake, keep)
    named = _forget_builds(lake, before)
    listed = {layer: list(lake.listing(layer)) for layer in TABLES}
    running = tuple(lease.run_id for lease in leases(metadata))
    kept = _kept_builds(lake)
    needed = _needed(lake, kept, listed)
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
        lake.layer(layer).delete(_old_log_entries(kept, layer, entries, before), sync=False)
        files, size = files + len(due), size + sum(entry.size for entry in due)
    metadata.delete([entry.name for entry in metadata.listing(PROBES) if entry.modified < before])
    summarise(lake)
    return Swept(forgotten, files, size, running)


def _forget_releases(lake: Lake, keep: int) -> int:
    """Delete old releases that no run in progress uses, and ledgers older than those of the kept releases."""
    numbers = lake.releases.numbers()
    in_use = {lease.release for lease in leases(lake.layer(Layer.METADATA))}
    oldest = min([*numbers[-keep:], *(number for number in numbers if number in in_use)], default=0)
    old = [number for number in numbers if number < oldest]
    lake.releases.delete(old)
    documents = lake.ledgers.documents
    ledgers = documents.numbers()
    built_from = [lake.releases.get(number).ledger for number in numbers if number >= oldest]
    first = min([*built_from, *ledgers[-keep:]], default=0)
    if first in ledgers:
        first = lake.ledgers.first_needed(first)
        documents.delete([number for number in ledgers if number < first])
    return len(old)


def _forget_builds(lake: Lake, before: dt.datetime) -> set[Place]:
    """Delete notes of builds that no kept release has and no run uses; returns the files that they named."""
    metadata = lake.layer(Layer.METADATA)
    kept = {build.note for release in _releases(lake) for build in release.tables.values()}
    kept |= {name for lease in leases(metadata) for name in lease.notes}
    due = [entry.name for entry in metadata.listing(NOTES) if entry.name not in kept and entry.modified < before]
    named = {place for name in due for place in _files_of(lake, name)}
    metadata.delete(due)
    return named


def _files_of(lake: Lake, note: str) -> set[Place]:
    """The files that a note names; none when it is gone or damaged."""
    return {(build.layer, f"{build.table}/{file.name}") for build in _noted(lake, note) for file in build.files}


def _noted(lake: Lake, note: str) -> list[Build]:
    """The build of a note; none when it is gone or damaged."""
    metadata = lake.layer(Layer.METADATA)
    try:
        return [unseal(metadata.read(note), Build, metadata.path_of(note), "a note", "").content]
    except (FileNotFoundError, LakeDamaged):
        return []


def _kept_builds(lake: Lake) -> list[Build]:
    """The builds of kept releases, and those that have a note: a run may be about to publish them."""
    released = [build for release in _releases(lake) for build in release.tables.values()]
    notes = lake.layer(Layer.METADATA).names(NOTES)
    return [*released, *(build for note in notes for build in _noted(lake, note))]


def _needed(lake: Lake, kept: Sequence[Build], listed: Mapping[Layer, Sequence[Entry]]) -> set[Place]:
    """Files of kept builds, of the ledger, and of the newest version of each Delta table."""
    from filon.lake.tables import active_files

    needed = {(build.layer, f"{build.table}/{file.name}") for build in kept for file in build.files}
    for version in lake.ledger().versions:
        needed |= {(Layer.BRONZE, f"{version.dataset}/{file.name}") for file in version.bronze}
    for layer, entries in listed.items():
        for table in {entry.name.split("/", 1)[0] for entry in entries if f"/{LOG}/" in entry.name}:
            needed |= {(layer, f"{table}/{name}") for name in active_files(lake.table(layer, table))}
    return needed


def _old_log_entries(kept: Sequence[Build], layer: Layer, entries: Sequence[Entry], before: dt.datetime) -> list[str]:
    """Entries of Delta logs that no reader of a kept build needs: those before the checkpoint that it is read from."""
    logs: dict[str, list[Entry]] = {}
    for entry in entries:
        table, _, name = entry.name.partition("/")
        if name.startswith(f"{LOG}/") and entry.modified < before:
            logs.setdefault(table, []).append(entry)
    oldest: dict[str, int] = {}
    for build in kept:
        if build.layer is layer:
            oldest[build.table] = min(build.version, oldest.get(build.table, build.version))
    return [name for table, version in oldest.items() for name in entries_before(logs.get(table, []), version)]


def _releases(lake: Lake) -> list[Release]:
    return [lake.releases.get(number) for number in lake.releases.numbers()]


def _is_table_file(entry: Entry) -> bool:
    return entry.name.endswith(".parquet") and f"/{LOG}/" not in entry.name
