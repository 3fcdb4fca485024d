"""What a disk holds after a power cut: only what was synced before.

While commands run, every ``fsync`` of the process is recorded, and the tree of the lake after each durable call. Later
the lake is put together as a disk may hold it that lost power at that call. SQLite syncs for itself, so its file is no
part of this.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filon.durable import DurableCall, Observer

LAKE = "lake"
LOG, KEPT = "log", "kept"
Entries = dict[str, tuple[bool, int]]
"""The names in a folder: whether each is a folder, and its inode."""


@dataclass
class Recorder:
    """Writes down below ``disk`` what reaches the disk of a lake.

    Each file gets a second name there, so that its content stays, and its inode is not given to another one.
    """

    lake: Path
    disk: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """All that is there to begin with was synced."""
        (self.disk / KEPT).mkdir(parents=True)
        start = _tree(self.lake)
        for name, entries in start.items():
            for entry, (is_folder, inode) in entries.items():
                if not is_folder:
                    self._keep(self.lake / name / entry, inode)
            self._note(folder=name, entries=entries)
        self._note(root=self.lake.exists())
        self.moment("start")

    def moment(self, call: str) -> None:
        """The power may go now."""
        self._note(call=call, tree=_tree(self.lake))

    def synced(self, handle: int) -> None:
        """An open file or folder was synced."""
        path = Path(f"/proc/self/fd/{handle}").readlink()
        found = os.fstat(handle)
        if path == self.lake.parent:
            self._note(root=self.lake.exists())
        elif path != self.lake and self.lake not in path.parents:
            return
        elif stat.S_ISDIR(found.st_mode):
            self._note(folder=str(path.relative_to(self.lake)), entries=_entries(path))
        else:
            self._keep(path, found.st_ino)

    def _keep(self, path: Path, inode: int) -> None:
        kept = self.disk / KEPT / str(inode)
        if not kept.exists():
            os.link(path, kept)
        self._note(file=inode)

    def _note(self, **what: object) -> None:
        with self.lock, (self.disk / LOG).open("a") as stream:
            stream.write(json.dumps(what) + "\n")


@contextlib.contextmanager
def recorded(folder: Path, disk: Path, observer: Observer) -> Iterator[Observer]:
    """Record below ``disk`` what reaches the disk of the lake in ``folder``; yields the observer to use meanwhile."""
    recorder, really = Recorder(folder / LAKE, disk), os.fsync

    def fsync(fd: Any) -> None:
        really(fd)
        recorder.synced(fd)

    @contextlib.contextmanager
    def observe(call: DurableCall) -> Iterator[None]:
        with observer(call):
            yield
        if threading.current_thread().name != "lease":
            recorder.moment(str(call.effect))

    recorder.begin()
    os.fsync = fsync
    try:
        yield observe
        recorder.moment("end")
    finally:
        os.fsync = really


def cuts(disk: Path) -> int:
    """At how many moments the power may go."""
    return sum('"call"' in line for line in (disk / LOG).read_text().splitlines())


def after_cut(disk: Path, number: int, target: Path, *, names_survive: bool) -> None:
    """Put a lake together as it is after a power cut at moment ``number`` (0: before anything).

    What was not synced is gone. With ``names_survive``, the system wrote all names down of its own accord, and no
    content: files that were not synced are empty.
    """
    root, synced, folders, tree = False, set[int](), dict[str, Entries](), dict[str, Entries]()
    left = number
    for line in (disk / LOG).read_text().splitlines():
        found = json.loads(line)
        if "file" in found:
            synced.add(found["file"])
        elif "folder" in found:
            folders[found["folder"]] = found["entries"]
        elif "root" in found:
            root = found["root"]
        elif left == 0:
            tree = found["tree"]
            break
        else:
            left -= 1
    if names_survive:
        root, folders = bool(tree), tree
    if root:
        _rebuild(disk, folders, synced, ".", target)


def _rebuild(disk: Path, folders: dict[str, Entries], synced: set[int], name: str, target: Path) -> None:
    target.mkdir()
    for entry, (is_folder, inode) in folders.get(name, {}).items():
        if is_folder:
            _rebuild(disk, folders, synced, str(Path(name) / entry), target / entry)
        else:
            content = (disk / KEPT / str(inode)).read_bytes() if inode in synced else b""
            (target / entry).write_bytes(content)


def _tree(lake: Path) -> dict[str, Entries]:
    if not lake.exists():
        return {}
    return {str(path.relative_to(lake)): _entries(path) for path in [lake, *lake.rglob("*")] if path.is_dir()}


def _entries(folder: Path) -> Entries:
    with os.scandir(folder) as found:
        return {entry.name: (entry.is_dir(), entry.inode()) for entry in found}
