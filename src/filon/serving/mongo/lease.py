"""The right to load, which one process has at a time."""

from __future__ import annotations

import datetime as dt
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from filon.errors import StoreBusy
from filon.serving.mongo.documents import Document

LEASE = dt.timedelta(seconds=30)


class Lease:
    """The right to load, for as long as this process lives: a killed one loses it after ``LEASE``."""

    def __init__(self, collection: Collection[Document], uri: str) -> None:
        self._collection = collection
        self._uri = uri
        self._owner = secrets.token_hex(8)
        self._over = threading.Event()
        self._renewer = threading.Thread(target=self._renew, daemon=True)
        self._ends = 0.0

    def __enter__(self) -> Lease:
        now, self._ends = dt.datetime.now(dt.UTC), time.monotonic() + LEASE.total_seconds()
        free = {"_id": "loader", "$or": [{"until": {"$lt": now}}, {"owner": None}]}
        try:
            self._collection.update_one(free, {"$set": {"owner": self._owner, "until": now + LEASE}}, upsert=True)
        except DuplicateKeyError:
            message = f"{self._uri}: another process is loading it, or was killed less than {LEASE.seconds} s ago"
            raise StoreBusy(f"{message}; run again when it is done") from None
        self._renewer.start()
        return self

    def note(self, load: int, tables: Sequence[str]) -> None:
        """Note what this load is about to change, for whoever has to undo it."""
        self._change({"$set": {"load": load, "tables": list(tables)}})

    def settled(self) -> None:
        """Note that nothing is left to undo or to finish."""
        self._change({"$set": {"load": None, "tables": []}})

    def left(self) -> tuple[int | None, list[str]]:
        """The load that the process before did not finish, and its tables."""
        found = self._collection.find_one({"_id": "loader"}) or {}
        return found.get("load"), found.get("tables") or []

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._renewer.join()
        with suppress(PyMongoError):  # the lease runs out by itself
            self._collection.update_one({"_id": "loader", "owner": self._owner}, {"$set": {"owner": None}})

    def check(self) -> None:
        """StoreBusy when the lease ran out, as after a long sleep of the machine: another process may be loading."""
        if time.monotonic() > self._ends:
            raise StoreBusy(f"{self._uri}: this load was so slow that another process may have taken over; run again")

    def _change(self, change: Mapping[str, Any]) -> None:
        self.check()
        if self._collection.update_one({"_id": "loader", "owner": self._owner}, change).matched_count == 0:
            raise StoreBusy(f"{self._uri}: another process took over this load; run again")

    def _renew(self) -> None:
        while not self._over.wait(LEASE.total_seconds() / 3):
            ends, until = time.monotonic() + LEASE.total_seconds(), dt.datetime.now(dt.UTC) + LEASE
            with suppress(PyMongoError):  # tried again in a while, until the lease runs out
                found = self._collection.update_one({"_id": "loader", "owner": self._owner}, {"$set": {"until": until}})
                self._ends = ends if found.matched_count else 0.0
