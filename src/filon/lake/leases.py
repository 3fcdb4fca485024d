"""Leases: which builds and releases runs in progress use, so that a concurrent sweep does not delete them.

A lease is an object that its run rewrites every ``BEAT_S`` seconds. A sweep polls it: if it does not change for
``PATIENCE_S`` seconds, its run has ended without deleting it. Clocks of different machines are not compared.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from filon.errors import LakeDamaged, LakeUnavailable
from filon.lake.documents import Build, Document
from filon.lake.location import Location
from filon.lake.sealed import seal, unseal

FOLDER = "leases"
BEAT_S = 3.0
"""Seconds between two writes of a lease."""
PATIENCE_S = 4 * BEAT_S
"""Seconds without a change after which a lease is dead."""
POLL_S = 0.2


class LeaseDocument(Document):
    """A lease: ``beat`` counts its writes, ``release`` is that at the start of the run, ``notes`` name its builds."""

    run_id: str
    beat: int
    release: int
    notes: tuple[str, ...]


class Lease:
    """The lease of this run, rewritten by a thread until the context manager exits."""

    def __init__(self, metadata: Location, run_id: str, release: int, *, beat_s: float = BEAT_S) -> None:
        self._metadata = metadata
        self._run_id = run_id
        self._release = release
        self._notes: tuple[str, ...] = ()
        self._beat = 0
        self._beat_s = beat_s
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._rewrite, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        with suppress(LakeUnavailable):  # the next sweep deletes it
            self._metadata.delete([_name(self._run_id)], sync=False)

    def hold(self, builds: Iterable[Build]) -> None:
        """Add builds to the lease. The caller checks afterwards that they still exist: a sweep may have been faster."""
        new = tuple(name for name in (build.note for build in builds) if name not in self._notes)
        if new:
            self._notes += new
            self._write()

    def _write(self) -> None:
        with self._lock:
            self._beat += 1
            document = LeaseDocument(run_id=self._run_id, beat=self._beat, release=self._release, notes=self._notes)
            # not synced: a lease has no meaning after a power cut
            self._metadata.write(_name(self._run_id), seal(document), sync=False)

    def _rewrite(self) -> None:
        while not self._over.wait(self._beat_s):
            with suppress(LakeUnavailable):  # tried again at the next beat
                self._write()


def end_dead_leases(
    metadata: Location, *, patience_s: float = PATIENCE_S, wait: Callable[[float], None] = time.sleep
) -> None:
    """Delete the leases of runs that have ended without deleting them.

    Args:
        metadata: the place of the lake's metadata
        patience_s: seconds without a change after which a lease is dead; so long this takes if there is such a lease
        wait: sleeps for some seconds

    """
    metadata.delete(_unreadable_leases(metadata))
    first = {lease.run_id: lease for lease in leases(metadata)}
    alive: dict[str, LeaseDocument] = {}
    waited = 0.0
    while (undecided := first.keys() - alive.keys()) and waited < patience_s:
        wait(POLL_S)
        waited += POLL_S
        now = {lease.run_id: lease for lease in leases(metadata)}
        alive |= {run: now[run] for run in undecided & now.keys() if now[run].beat != first[run].beat}
        first = {run: lease for run, lease in first.items() if run in now}
    metadata.delete([_name(run) for run in sorted(first.keys() - alive.keys())])


def leases(metadata: Location) -> list[LeaseDocument]:
    """All leases that can be read, of runs in progress and of dead ones."""
    documents = []
    for name in metadata.names(FOLDER):
        with suppress(FileNotFoundError, LakeDamaged):  # deleted meanwhile, or incomplete after a power cut
            documents.append(_read(metadata, name))
    return documents


def _unreadable_leases(metadata: Location) -> list[str]:
    """Names of leases that a power cut left incomplete. Their runs are dead: a write replaces the object atomically."""
    unreadable = []
    for name in metadata.names(FOLDER):
        try:
            _read(metadata, name)
        except FileNotFoundError:
            continue
        except LakeDamaged:
            unreadable.append(name)
    return unreadable


def _read(metadata: Location, name: str) -> LeaseDocument:
    return unseal(metadata.read(name), LeaseDocument, metadata.path_of(name), "a lease", "delete it").content


def _name(run_id: str) -> str:
    return f"{FOLDER}/{run_id}.json"
