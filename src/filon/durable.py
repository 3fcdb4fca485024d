"""What must survive a power cut: files and folders that are brought to the disk, and the seam of all durable calls.

A file that was written lies in the memory of the system until it is synced, and so does its name until its folder is.
What a document names is synced before the document is created, and the document before anybody is told of it.

Every call that makes something durable, or takes it away, goes through ``durable``. That does nothing by itself; tests
observe the calls there, count them, and let the n-th one fail or kill the process around it. Commands to MongoDB are
observed where its driver shows them.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from filon.threads import side_by_side

SYNCERS = 8
"""Files that are synced side by side: a file system writes their names down together."""
STAGED = "#"
"""Between the name of a file to be and a random number; obstore lists no such files."""
_DIGITS = 10**18


class Effect(StrEnum):
    """What a durable call does."""

    CREATE = "create a document"
    WRITE = "write a document"
    DELETE = "delete objects"
    SEAL = "seal files of a table"
    COMMIT = "commit to a Delta log"
    SYNC = "sync files and folders"
    SQLITE = "commit to SQLite"


@dataclass(frozen=True)
class DurableCall:
    """A call as it is observed; ``what`` names the object, the table or the command."""

    effect: Effect
    what: str


Observer = Callable[[DurableCall], AbstractContextManager[None]]


class _Seam:
    observer: Observer | None = None


def durable(effect: Effect, what: str) -> AbstractContextManager[None]:
    """The block that makes something durable: exactly as long as the call, so that both its ends can be observed."""
    return nullcontext() if _Seam.observer is None else _Seam.observer(DurableCall(effect, what))


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Let every durable call of this process, of whatever thread, run inside what ``observer`` returns for it."""
    before, _Seam.observer = _Seam.observer, observer
    try:
        yield
    finally:
        _Seam.observer = before


def create(path: Path, content: bytes) -> bool:
    """Create a file that must not exist yet; False when it does.

    It is on the disk before its name is seen, so nobody ever finds half of it. OSError when it cannot be written.
    """
    with _staged(path, [content], sync=True) as staged:
        try:
            os.link(staged, path)
        except FileExistsError:
            return False
    sync_folder(path.parent)
    return True


def write(path: Path, content: Iterable[bytes], *, sync: bool = True) -> None:
    """Write a file in one step, over an older one if there is one.

    ``sync``: it is on the disk before its name is seen, and its name when this returns. Without, a power cut may leave
    the older one, none, or a file of other bytes. OSError when it cannot be written.
    """
    with _staged(path, content, sync=sync) as staged:
        staged.replace(path)
    if sync:
        sync_folder(path.parent)


def delete(paths: Collection[Path], *, sync: bool = True) -> None:
    """Delete files; those already gone are no error. ``sync``: no power cut brings them back once this returns."""
    for path in paths:
        path.unlink(missing_ok=True)
    if sync:
        _each(sync_folder, {path.parent for path in paths if path.parent.is_dir()})


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in; all of them are on the disk when this returns."""
    made = [folder, *folder.parents]
    missing = [path for path in made if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def sync(paths: Collection[Path], roots: Collection[Path]) -> None:
    """Bring files to the disk, and then their names: every folder between them and the root that they lie under.

    FileNotFoundError when a file is gone, another OSError when the disk does not take it. What was written before is
    then lost, although it can still be read: the system reports that once.
    """
    own = {path.parent for path in paths}
    around = {folder for parent in own for folder in (parent, *parent.parents)}
    folders = {folder for folder in around if any(map(folder.is_relative_to, roots))}
    _each(sync_file, paths)
    _each(sync_folder, folders)


def sync_file(path: Path) -> None:
    """Bring the content of a file to the disk."""
    # Windows syncs only what is open for writing
    handle = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        _sync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder to the disk: a file that was renamed is found there after a crash."""
    if sys.platform == "win32":  # where folders cannot be opened, and NTFS keeps names in its own journal
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        _sync(handle)
    finally:
        os.close(handle)


def left_staged(folder: Path) -> Iterator[Path]:
    """Files under a folder that were being written when their writers were killed, or are being written now."""
    for path in folder.rglob(f"*{STAGED}*"):
        if path.name.rpartition(STAGED)[2].isdigit() and path.is_file():
            yield path


@contextmanager
def _staged(path: Path, content: Iterable[bytes], *, sync: bool) -> Iterator[Path]:
    """The content under another name in the same folder, which is gone afterwards."""
    make_folder(path.parent)
    staged = path.with_name(f"{path.name}{STAGED}{secrets.randbelow(_DIGITS)}")
    try:
        with staged.open("xb") as stream:
            stream.writelines(content)
            stream.flush()
            if sync:
                _sync(stream.fileno())
        yield staged
    finally:
        staged.unlink(missing_ok=True)


def _each(work: Callable[[Path], None], paths: Collection[Path]) -> None:
    side_by_side(work, sorted(paths), SYNCERS)


def _sync(handle: int) -> None:
    if sys.platform == "darwin":  # whose fsync leaves data in the memory of the drive
        import fcntl

        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    else:
        os.fsync(handle)
