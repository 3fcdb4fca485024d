"""Files of tables: sealed when they are written, looked at whenever they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import xxhash

from filon.errors import Damage, LakeDamaged
from filon.lake.datafile import DataFile, TableFile
from filon.lake.documents import Build
from filon.lake.location import Entry, Layer, Location
from filon.lake.numbered import GONE
from filon.lake.sealed import OTHER_BYTES

READERS = 4
FROM_BRONZE = "`filon run` builds the table again from bronze"
FROM_SOURCES = (
    "`filon run` reads the file of the sources again; if that is gone, put it back, or restore the lake from a backup"
)


class TableFiles:
    """The files of all tables of a lake.

    A file that was found sound is not read again by this process: nothing of Filon writes to a file twice. What was
    found damaged is remembered, so that it is built again instead of being used.
    """

    def __init__(self, table: Callable[[Layer, str], Location]) -> None:
        self._table = table
        self._sound: set[str] = set()
        self._damaged: dict[str, Damage] = {}

    def seal(self, layer: Layer, table: str, files: Sequence[DataFile]) -> tuple[TableFile, ...]:
        """Files that were just written, each with the hash of what now lies in the lake."""
        location = self._table(layer, table)
        tags = {entry.name: entry.etag for entry in location.listing()} if location.bucket and files else {}

        def sealed(file: DataFile) -> TableFile:
            _, found = measured(location.chunks(file.name))
            tag = tags.get(file.name, "")
            return TableFile(
                name=file.name,
                size=file.size,
                rows=file.rows,
                hash=found,
                etag=tag,
                partition=file.partition,
                stats=file.stats,
            )

        with ThreadPoolExecutor(READERS) as pool:
            result = tuple(pool.map(sealed, files))
        self._sound |= {location.path_of(file.name) for file in result}
        return result

    def known_damage(self, layer: Layer, table: str, files: Iterable[TableFile]) -> tuple[Damage, ...]:
        """What is known to be damaged of some files; nothing is read."""
        if not self._damaged:
            return ()
        location = self._table(layer, table)
        found = (self._damaged.get(location.path_of(file.name)) for file in files)
        return tuple(damage for damage in found if damage is not None)

    def compare(self, build: Build, entries: Mapping[str, Entry], part: str) -> list[Damage]:
        """Look whether the files of a build are among these objects of its table, in their sizes."""
        found = []
        for file in build.files:
            entry = entries.get(file.name)
            if entry is None:
                found.append(self._damage(build.layer, build.table, file, GONE, part))
            elif entry.size != file.size:
                found.append(self._damage(build.layer, build.table, file, _other_size(entry.size, file), part))
        return found

    def require_sound(self, layer: Layer, table: str, files: Sequence[TableFile], part: str) -> None:
        """Read files, and LakeDamaged when one is not as it was written."""
        location = self._table(layer, table)
        due = [file for file in files if location.path_of(file.name) not in self._sound]
        self._trust_tags(location, due)

        def examined(file: TableFile) -> Damage | None:
            address = location.path_of(file.name)
            if address in self._sound:
                return None
            what = _difference(location, file)
            if what is None:
                self._sound.add(address)
                return None
            return self._damage(layer, table, file, what, part)

        with ThreadPoolExecutor(READERS) as pool:
            found = [damage for damage in pool.map(examined, due) if damage is not None]
        if found:
            raise LakeDamaged(found)

    def _trust_tags(self, location: Location, files: Iterable[TableFile]) -> None:
        """An object whose tag is the one that it had when it was written need not be read."""
        tagged = {file.name: file for file in files if file.etag}
        if location.bucket is None or not tagged:
            return
        for entry in location.listing():
            file = tagged.get(entry.name)
            if file is not None and (entry.size, entry.etag) == (file.size, file.etag):
                self._sound.add(location.path_of(entry.name))

    def _damage(self, layer: Layer, table: str, file: TableFile, what: str, part: str) -> Damage:
        address = self._table(layer, table).path_of(file.name)
        self._sound.discard(address)
        repair = FROM_SOURCES if layer is Layer.BRONZE else FROM_BRONZE
        return self._damaged.setdefault(address, Damage(address, what, part, repair))


def measured(chunks: Iterable[bytes]) -> tuple[int, str]:
    """Bytes and hash of a file's content."""
    size, digest = 0, xxhash.xxh3_128()
    for chunk in chunks:
        size += len(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()


def _difference(location: Location, file: TableFile) -> str | None:
    """How a file differs from what was written; None when it does not."""
    try:
        size, found = measured(location.chunks(file.name))
    except FileNotFoundError:
        return GONE
    if size != file.size:
        return _other_size(size, file)
    return None if found == file.hash else OTHER_BYTES


def _other_size(found: int, file: TableFile) -> str:
    return f"has {found:,} bytes instead of {file.size:,}"
