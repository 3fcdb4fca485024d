"""Folders for temporary files, removed when their process ends, or by the next process when it was killed."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from filon.errors import WorkspaceUnavailable

PREFIX = "filon-"
LOCK = ".lock"


@contextmanager
def temporary_folder(parent: Path | None) -> Iterator[Path]:
    """Create a folder that is removed when the block ends, in ``parent`` or the system's temporary folder.

    Its process holds a lock file beside the folder, which the system releases however the process ends.
    WorkspaceUnavailable when the folder cannot be created: no space, no permission.
    """
    folder, lock = _create(parent)
    try:
        yield folder
    finally:
        _remove(folder)
        lock.release()


def _create(parent: Path | None) -> tuple[Path, BaseFileLock]:
    place = parent
    try:
        place = place or Path(tempfile.gettempdir())
        remove_abandoned(place)
        folder = place / f"{PREFIX}{secrets.token_hex(6)}"
        lock = FileLock(_lock_of(folder), mode=0o600)
        lock.acquire()
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise WorkspaceUnavailable(place or Path("for temporary files"), error) from error
    return folder, lock


def remove_abandoned(place: Path) -> None:
    """Remove folders whose lock no process holds; those of other users and other programs are left."""
    for lock in place.glob(f"{PREFIX}*{LOCK}"):
        folder = lock.with_suffix("")
        if lock.is_symlink() or folder.is_symlink():
            continue
        with suppress(OSError, Timeout), FileLock(lock, timeout=0):  # of another user, or in use
            _remove(folder)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + LOCK)


def _remove(folder: Path) -> None:
    """Remove a folder and then its lock, which stays when the folder could not be removed."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        _lock_of(folder).unlink(missing_ok=True)
