"""Delete whatever no kept document names, whatever its age: what an erasure leaves must not wait for a sweep.

Nothing else may write to the lake meanwhile.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from filon.lake.deltalog import LOG
from filon.lake.documents import NOTES, Release
from filon.lake.inspect import TABLES
from filon.lake.location import Layer, Location
from filon.lake.store import SUPERSEDED, Lake

FILES = "files/"


def purge_unnamed(lake: Lake, now: dt.datetime) -> int:
    """Delete files, logs and notes that neither a kept release nor a ledger names; returns the number of files."""
    releases = [lake.releases.get(number) for number in lake.releases.numbers()]
    named = _named(lake, releases)
    tables = {(build.layer, build.table) for release in releases for build in release.tables.values()}
    metadata = lake.layer(Layer.METADATA)
    notes = {build.note for release in releases for build in release.tables.values()}
    metadata.delete([name for name in metadata.names(NOTES) if name not in notes])
    metadata.drop_uploads(now)
    count = 0
    for layer in TABLES:
        location = lake.layer(layer)
        location.drop_uploads(now)
        due = []
        for entry in lake.listing(layer):
            table, _, name = entry.name.partition("/")
            is_copy = layer is Layer.QUARANTINE and entry.name.startswith(FILES)
            is_log = name.startswith(f"{LOG}/") and (layer, table) in tables
            if not is_copy and not is_log and (layer, entry.name) not in named:
                due.append(entry.name)
        location.delete(due)
        count += len(due)
        _prune(location)
    return count


def _named(lake: Lake, releases: list[Release]) -> set[tuple[Layer, str]]:
    builds = (build for release in releases for build in release.tables.values())
    named = {(build.layer, f"{build.table}/{file.name}") for build in builds for file in build.files}
    documents = lake.ledgers.documents
    for number in documents.numbers():
        for version in documents.get(number).versions:
            named |= {(Layer.BRONZE, f"{version.dataset}/{file.name}") for file in version.bronze}
    return named


def _prune(location: Location) -> None:
    """Remove empty folders: the name of one may be the value of a partition."""
    if location.folder is None or not location.folder.is_dir():
        return
    folders = sorted((path for path in location.folder.rglob("*") if path.is_dir()), key=_depth, reverse=True)
    for folder in folders:
        if folder.name not in (LOG, SUPERSEDED) and not any(folder.iterdir()):
            folder.rmdir()


def _depth(path: Path) -> int:
    return len(path.parts)
