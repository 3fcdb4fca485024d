"""Compare releases and documents with what is stored. Tables are checked by one listing per layer; no file is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from filon.errors import Damage, LakeDamaged
from filon.lake.deltalog import LOG, log_size
from filon.lake.documents import NOTES, Build, Release
from filon.lake.location import Entry, Layer
from filon.lake.numbered import GONE, NumberedLog
from filon.lake.sealed import OTHER_BYTES, seal
from filon.lake.store import Lake
from filon.threads import side_by_side

TABLES = (Layer.BRONZE, Layer.SILVER, Layer.GOLD, Layer.QUARANTINE, Layer.SUPERSEDED)


def inspect_release(lake: Lake, release: Release) -> list[Damage]:
    """The objects of a release that are gone or have another size: files, Delta logs, notes of builds.

    The lake remembers damaged files and logs, so that they are not used.
    """
    metadata = lake.layer(Layer.METADATA)
    threads = len(TABLES) if metadata.bucket else 1  # a disk answers at once
    listed = dict(zip(TABLES, side_by_side(lambda layer: _by_table(lake, layer), TABLES, threads), strict=True))
    notes = {entry.name: entry for entry in metadata.listing(NOTES)}
    damages = []
    for build in release.tables.values():
        entries = listed[build.layer].get(build.table, {})
        damages += lake.files.compare(build, entries, lake.part_of(build))
        damages += _log_damage(lake, build, entries)
        damages += _note_damage(lake, build, notes)
    return damages


def inspect_documents(lake: Lake) -> list[Damage]:
    """The damage of ledger, releases and reports of runs."""
    damages: list[Damage] = []
    for log in (lake.ledgers.documents, lake.releases, lake.runs, lake.erasures.documents):
        lost = _lost_newest(log)
        damages += lost or log.broken_links()
    return damages


def accept_loss(lake: Lake) -> list[Damage]:
    """Continue from the newest ledger and release that can be read; returns the damage of the newer ones."""
    lost = [*_lost_newest(lake.ledgers.documents), *_lost_newest(lake.releases)]
    if lost:
        lake.accept_loss()
    return lost


def _lost_newest(log: NumberedLog[Any]) -> list[Damage]:
    try:
        log.newest()
    except LakeDamaged as error:
        return list(error.damages)
    return []


def mend_notes(lake: Lake, release: Release) -> None:
    """Write the notes of a release's builds again; the release holds all of their content."""
    for build in release.tables.values():
        if build.layer is not Layer.BRONZE:
            lake.note(build)


def _by_table(lake: Lake, layer: Layer) -> Mapping[str, Mapping[str, Entry]]:
    tables: dict[str, dict[str, Entry]] = {}
    for entry in lake.listing(layer):
        table, _, name = entry.name.partition("/")
        tables.setdefault(table, {})[name] = entry._replace(name=name)
    return tables


def _log_damage(lake: Lake, build: Build, entries: Mapping[str, Entry]) -> list[Damage]:
    if log_size(entries.values(), build.version) == build.log_bytes:
        return []
    address = lake.table(build.layer, build.table).path_of(LOG)
    what = f"lacks entries up to version {build.version}, or they have other sizes"
    repair = "`filon run` writes another log, whose versions begin with 0"
    lake.damaged_logs.add(build.id)
    return [Damage(address, what, lake.part_of(build), repair)]


def _note_damage(lake: Lake, build: Build, notes: Mapping[str, Entry]) -> list[Damage]:
    """A note of another size that can be read is sound: another run built the same content."""
    entry = notes.get(build.note)
    if build.layer is Layer.BRONZE or (entry is not None and entry.size == len(seal(build))):
        return []
    address = lake.layer(Layer.METADATA).path_of(build.note)
    if entry is not None and lake.find_note(build.layer, build.table, build.fingerprint) is not None:
        return []
    what = GONE if entry is None else OTHER_BYTES
    return [Damage(address, what, lake.part_of(build), "`filon run` writes it again")]
