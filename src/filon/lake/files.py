"""Files of tables: hashed when they are written, verified before they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import xxhash

from filon.errors import Damage, LakeDamaged
from filon.lake.datafile import DataFile, TableFile
from filon.lake.documents import Build
from filon.lake.location import Entry, Layer, Location
from filon.lake.numbered import GONE
from filon.lake.sealed import OTHER_BYTES
from filon.threads import side_by_side

READERS = 4
FROM_BRONZE = "`filon run` builds the table again from bronze"
FROM_SOURCES = (
    "`filon run` reads the file of the sources again; if that is gone, put it back, or restore the lake from a backup"
)


class TableFiles:
    """The files of all tables of a lake, and which of them this process has verified.

    A sound file is not verified again: Filon never changes a file. A damaged one is remembered, so that its table is
    built again.
    """

    def __init__(self, table: Callable[[Layer, str], Location]) -> None:
        self._table = table
        self._sound: set[str] = set()
        self._damaged: dict[str, Damage] = {}

    def seal(self, layer: Layer, table: str, files: Sequence[DataFile]) -> tuple[TableFile, ...]:
        """Hash files that were just written, by reading them back from the lake.

        Args:
            layer: the layer of the table
            table: its name
            files: as the engine reports them

        """
        location = self._table(layer, table)
        tags = {entry.name: entry.etag for entry in location.listing()} if location.bucket and files else {}

        def sealed(file: DataFile) -> TableFile:
            _, digest = size_and_hash(location.chunks(file.name))
            tag = tags.get(file.name, "")
            return TableFile(
                name=file.name,
                size=file.size,
                rows=file.rows,
                hash=digest,
                etag=tag,
                partition=file.partition,
                stats=file.stats,
            )

        result = tuple(side_by_side(sealed, files, READERS))
        self._sound |= {location.path_of(file.name) for file in result}
        return result

    def known_damage(self, layer: Layer, table: str, files: Iterable[TableFile]) -> tuple[Damage, ...]:
        """The damage of some files that was noticed before; no file is read."""
        if not self._damaged:
            return ()
        location = self._table(layer, table)
        damages = (self._damaged.get(location.path_of(file.name)) for file in files)
        return tuple(damage for damage in damages if damage is not None)

    def compare(self, build: Build, entries: Mapping[str, Entry], part: str) -> list[Damage]:
        """The files of a build that are missing or have another size; no file is read.

        Args:
            build: whose files are compared
            entries: the objects in the folder of its table, by name
            part: what the files belong to, for messages

        """
        damages = []
        for file in build.files:
            entry = entries.get(file.name)
            if entry is None:
                damages.append(self._damage(build.layer, build.table, file, GONE, part))
            elif entry.size != file.size:
                damages.append(self._damage(build.layer, build.table, file, _other_size(entry.size, file), part))
        return damages

    def require_sound(self, layer: Layer, table: str, files: Sequence[TableFile], part: str) -> None:
        """Verify files by their hash.

        Args:
            layer: the layer of the table
            table: its name
            files: those of the table that are about to be read
            part: what they belong to, for messages

        Raises:
            LakeDamaged: files are gone, or have other bytes than were written

        """
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

        damages = [damage for damage in side_by_side(examined, due, READERS) if damage is not None]
        if damages:
            raise LakeDamaged(damages)

    def _trust_tags(self, location: Location, files: Iterable[TableFile]) -> None:
        """Take objects on an object store for sound if their tag and size are those that they were written with."""
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


def size_and_hash(chunks: Iterable[bytes]) -> tuple[int, str]:
    """The size in bytes and the XXH3 (128 bits, hexadecimal) of a content."""
    size, digest = 0, xxhash.xxh3_128()
    for chunk in chunks:
        size += len(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()


def _difference(location: Location, file: TableFile) -> str | None:
    """How a file differs from what was written, for messages; None when it does not."""
    try:
        size, digest = size_and_hash(location.chunks(file.name))
    except FileNotFoundError:
        return GONE
    if size != file.size:
        return _other_size(size, file)
    return None if digest == file.hash else OTHER_BYTES


def _other_size(size: int, file: TableFile) -> str:
    return f"has {size:,} bytes instead of {file.size:,}"
