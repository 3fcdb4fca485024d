"""What a release names, brought to the disk before the release is: engines and Delta write without that.

What is due is read off the two releases, not remembered from writing: a run may publish what another run built that was
killed before it brought anything to the disk.
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
    """Bring to the disk the files, Delta logs and notes of builds that ``published`` does not have.

    LakeDamaged when one of them is gone, LakeUnavailable when the disk does not take it. The builds are then forgotten:
    what the system still shows of them may never have reached the disk, and no later sync would say so.
    """
    metadata = layers(Layer.METADATA)
    folder = metadata.folder
    if folder is None:
        return
    before = published.tables if published is not None else {}
    due = [build for build in release.tables.values() if before.get(build.id) != build]
    notes = [build.note for build in due if (folder / build.note).exists()]
    objects: dict[Location, list[str]] = defaultdict(list, {metadata: notes})
    for build in due:
        objects[layers(build.layer)] += _objects_of(layers, build, before.get(build.id))
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
    """The files of a build and what its log gained since the one before, as they are named in the layer."""
    location = layers(build.layer) / build.table
    known = {file.name for file in before.files} if before is not None else set()
    entries = list(location.listing(LOG))
    goes_on = before is not None and log_size(entries, before.version) == before.log_bytes
    new = [file.name for file in build.files if file.name not in known]
    new += entries_after(entries, before.version if before is not None and goes_on else -1)
    return (f"{build.table}/{name}" for name in new)
