"""A file as the sources list it: one of its own, or a member of a zip archive."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

LOOP = "it is a link to a folder that it lies in itself; its files are listed there"
UNKNOWN_TIME = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
EMPTY = "empty"
"""The reason code of an archive without members: behind it, unlike behind other faults, no file can lie."""


@dataclass(frozen=True)
class SourceFile:
    """A file as it is listed.

    ``path`` is relative to the sources, ``size`` in bytes; ``tag`` changes when the file is written again; ``place`` is
    its path on the disk, empty on an object store and for a ``member`` of an archive. ``fault`` says why there is
    nothing to read where a name stands, ``reason`` is its code, empty for what the system refuses.
    """

    path: str
    size: int
    tag: str
    modified: dt.datetime
    place: str = field(default="", repr=False, compare=False)
    fault: str = ""
    reason: str = ""
    member: Member | None = field(default=None, repr=False)

    @property
    def local(self) -> Path | None:
        """Its path on the disk; None where it has none. Of many files that are listed, few are read."""
        return Path(self.place) if self.place else None

    @property
    def may_hide_files(self) -> bool:
        """Whether files may lie behind it that are not listed."""
        return self.fault not in ("", LOOP) and self.member is None and self.reason != EMPTY


@dataclass(frozen=True)
class Member:
    """Where a member lies in its zip archive.

    ``offset`` is that of its local header, ``packed`` the number of compressed bytes, ``method`` that of the zip format
    (0: stored, 8: deflated), ``crc`` the CRC-32 of its content.
    """

    archive: SourceFile
    offset: int
    packed: int
    method: int
    crc: int
