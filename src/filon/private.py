"""Files that only their owner reads: written whole, kept through a crash of the machine, by one writer at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from filon.durable import sync_folder


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads; when this returns it is on the disk, whole, else it is as it was."""
    with _beside(path, text.encode()) as name:
        name.replace(path)
    sync_folder(path.parent)


def create_private(path: Path, content: bytes) -> bool:
    """Create a file that only its owner reads, whole and on the disk; False when there is one already, which stays."""
    with _beside(path, content) as name:
        try:
            path.hardlink_to(name)  # whole or not at all, and never over that of another process
        except FileExistsError:
            return False
    sync_folder(path.parent)
    return True


@contextmanager
def _beside(path: Path, content: bytes) -> Iterator[Path]:
    """A file of another name in the same folder with this content, on the disk; it is gone after the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a file, if it is there, for good."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """A block that one process at a time is in; the others wait. The system gives the lock back when a process ends."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock, mode=0o600):
        yield
