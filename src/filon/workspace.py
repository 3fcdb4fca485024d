"""Folders for temporary files: each is gone when its process ends; what a killed process left, the next one removes."""

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
    """A folder that is gone afterwards, in ``parent`` or where the system keeps temporary files.

    A lock beside the folder says that its process lives; the system gives it back however the process ends.
    WorkspaceUnavailable when there is no room, or no right to write there.
    """
    folder, lock = _made(parent)
    try:
        yield folder
    finally:
        _remove(folder)
        lock.release()


def _made(parent: Path | None) -> tuple[Path, BaseFileLock]:
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
    """Remove the folders whose processes were killed; those of other users and of other programs stay."""
    for lock in place.glob(f"{PREFIX}*{LOCK}"):
        folder = lock.with_suffix("")
        if lock.is_symlink() or folder.is_symlink():
            continue
        with suppress(OSError, Timeout), FileLock(lock, timeout=0):  # another user's, or in use
            _remove(folder)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + LOCK)


def _remove(folder: Path) -> None:
    """Remove a folder and its lock, as far as the system lets it."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        _lock_of(folder).unlink(missing_ok=True)
