"""Sync what a release names before the release is created: engines and deltalake write files without syncing them.

What is to be synced follows from the difference between two releases, not from what this process wrote: a run may
publish a build of another run that was killed before it synced anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from filon.errors import Damage, LakeDamaged, LakeUnavailable
from filon.lake.deltalog import LOG, entries_after, log_size
from filon.lake.documents import Build, Release
from filon.lake.location import Layer, Location, sync_objects
from filon.lake.numbered import GONE

Layers = Callable[[Layer], Location]
REPAIR = "`filon run` builds it again"


def sync_builds(layers: Layers, release: Release, published: Release | None) -> None:
    """Sync the files, Delta logs and notes of builds that ``published`` does not have. Nothing to do on object stores.

    When that fails, the notes of these builds are deleted, so that they are built again: after a failed sync the system
    may still return content that never reached the disk, and a later sync would not report it.

    Args:
        layers: gives the place of a layer
        release: the release that is about to be created
        published: the release before it, whose builds are synced

    Raises:
        LakeDamaged: an object is gone
        LakeUnavailable: the disk refuses to store one

    """
    metadata = layers(Layer.METADATA)
    folder = metadata.folder
    if folder is None:
        return
    synced = published.tables if published is not None else {}
    due = [build for build in release.tables.values() if synced.get(build.id) != build]
    notes = [build.note for build in due if (folder / build.note).exists()]
    objects: dict[Location, list[str]] = defaultdict(list, {metadata: notes})
    for build in due:
        objects[layers(build.layer)] += _objects_of(layers, build, synced.get(build.id))
    try:
        sync_objects(objects)
    except FileNotFoundError as error:
        metadata.delete(notes)
        raise LakeDamaged(
            [Damage(str(error.filename), GONE, f"it is new in release {release.number}", REPAIR)]
        ) from error
    except LakeUnavailable:
        metadata.delete(notes)
        raise


def _objects_of(layers: Layers, build: Build, before: Build | None) -> Iterator[str]:
    """The files and log entries that a build has and the one before it lacks; names are relative to the layer."""
    location = layers(build.layer) / build.table
    synced = {file.name for file in before.files} if before is not None else set()
    entries = list(location.listing(LOG))
    is_continued = before is not None and log_size(entries, before.version) == before.log_bytes
    new = [file.name for file in build.files if file.name not in synced]
    new += entries_after(entries, before.version if before is not None and is_continued else -1)
    return (f"{build.table}/{name}" for name in new)
