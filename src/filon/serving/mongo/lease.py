"""The right to load, which one process has at a time."""

from __future__ import annotations

import datetime as dt
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from filon.errors import StoreBusy
from filon.serving.mongo.documents import Document

LEASE = dt.timedelta(seconds=30)
LOADER = "loader"


class Lease:
    """The right to load, for as long as this process lives: a killed one loses it after ``LEASE``.

    The server's clock alone says when a lease ends, whatever the clocks of loaders say. An end further away than a
    lease lasts was written by another clock, or before the server's was moved back; who waits for it shortens it.
    """

    def __init__(self, collection: Collection[Document], uri: str) -> None:
        self._collection = collection
        self._uri = uri
        self._owner = secrets.token_hex(8)
        self._over = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._ends = 0.0

    def __enter__(self) -> Lease:
        self._ends = _seconds() + LEASE.total_seconds()
        if self._taken() != self._owner:
            message = f"{self._uri}: another process is loading it, or was killed less than {LEASE.seconds} s ago"
            raise StoreBusy(f"{message}; run again when it is done")
        self._renewer.start()
        return self

    def note(self, load: int, tables: Sequence[str]) -> None:
        """Note what this load is about to change, for whoever has to undo it."""
        self._change({"$set": {"load": load, "tables": list(tables)}})

    def settled(self) -> None:
        """Note that nothing is left to undo."""
        self._change({"$set": {"load": None, "tables": []}})

    def left(self) -> tuple[int | None, list[str]]:
        """The load that the process before did not finish, and its tables."""
        lease = self._collection.find_one({"_id": LOADER}) or {}
        return lease.get("load"), lease.get("tables") or []

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._renewer.join()
        with suppress(PyMongoError):  # the lease runs out by itself
            self._collection.update_one({"_id": LOADER, "owner": self._owner}, {"$set": {"owner": None}})

    def check(self) -> None:
        """StoreBusy when the lease ran out, as after a long sleep of the machine: another process may be loading."""
        if _seconds() > self._ends:
            raise StoreBusy(f"{self._uri}: this load was so slow that another process may have taken over; run again")

    def _taken(self) -> str | None:
        """Take the lease if it is free, in one step, and say whose it is now."""
        is_free = {"$or": [{"$eq": [{"$ifNull": ["$owner", None]}, None]}, {"$lt": ["$until", "$$NOW"]}]}
        owner = {"$cond": [is_free, self._owner, "$owner"]}
        until = {"$cond": [is_free, _end(), {"$min": ["$until", _end()]}]}
        change = [{"$set": {"owner": owner, "until": until}}]
        try:
            lease = self._collection.find_one_and_update(
                {"_id": LOADER}, change, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:  # two processes created the first lease at once
            return None
        return None if lease is None else str(lease["owner"])

    def _change(self, change: Mapping[str, Any]) -> None:
        self.check()
        if self._collection.update_one({"_id": LOADER, "owner": self._owner}, change).matched_count == 0:
            raise StoreBusy(f"{self._uri}: another process took over this load; run again")

    def _renew(self) -> None:
        while not self._over.wait(LEASE.total_seconds() / 3):
            ends = _seconds() + LEASE.total_seconds()
            with suppress(PyMongoError):  # tried again in a while, until the lease runs out
                renewal = [{"$set": {"until": _end()}}]
                result = self._collection.update_one({"_id": LOADER, "owner": self._owner}, renewal)
                self._ends = ends if result.matched_count else 0.0


def _end() -> Mapping[str, Any]:
    """When a lease ends that begins now, by the clock of the server."""
    return {"$add": ["$$NOW", round(LEASE.total_seconds() * 1000)]}


def _seconds() -> float:
    """Seconds of a clock that nobody sets, and that goes on while the machine sleeps where the system has one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
