"""Records: what a store keeps beside the loads, small documents that readers find by kind and key, or newest first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence, Set
from typing import Protocol


class Records(Protocol):
    """The records of a store. They need no load: an empty store takes them, and one that is being loaded.

    A record is written by one write of its own, which readers see wholly or not at all. Its text may have a few
    megabytes. The newest record is the one that arrived last, whatever clocks say; one that is written again keeps its
    place. StoreBusy when another process keeps the store locked, as a load of SQLite does while it lasts.
    """

    def keep(self, kind: str, key: str, at: dt.datetime, text: str, most: int | None = None) -> None:
        """Write a record over one of the same kind and key; only the newest ``most`` of the kind stay (None: all).

        ``at`` is the time that it speaks of.
        """

    def known(self, kind: str, key: str) -> str | None:
        """The text of a record, or None. For loads and command line; readers await ``find``."""

    def keys(self, kind: str) -> Set[str]:
        """The keys of all records of a kind."""

    def forget(self, kind: str, keys: Set[str]) -> None:
        """Delete these records of a kind."""

    async def newest(self, kind: str, skip: int, limit: int) -> Sequence[str]:
        """The texts of a kind, newest first."""

    async def count(self, kind: str) -> int:
        """Number of records of a kind."""

    async def find(self, kind: str, key: str) -> str | None:
        """The text of a record."""


def time_text(at: dt.datetime) -> str:
    """A time as records keep it: its text sorts as the time does."""
    return at.astimezone(dt.UTC).isoformat(timespec="microseconds")
