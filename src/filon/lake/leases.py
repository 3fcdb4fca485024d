"""What runs in progress rely on, so that a sweep beside them leaves it where it is.

A lease is an object that its run writes again and again. Whether a run is alive is told by that alone: a sweep watches
the lease for a while, and takes one that does not change for a dead run's. No clock is compared with another.
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
PATIENCE_S = 4 * BEAT_S
POLL_S = 0.2


class LeaseDocument(Document):
    """A run: how often it has said that it lives, the release it began with, and the notes of builds that it uses."""

    run_id: str
    beat: int
    release: int
    notes: tuple[str, ...]


class Lease:
    """Says that this run is alive, and what it relies on, until it is closed."""

    def __init__(self, metadata: Location, run_id: str, release: int, *, beat_s: float = BEAT_S) -> None:
        self._metadata = metadata
        self._run_id = run_id
        self._release = release
        self._notes: tuple[str, ...] = ()
        self._beat = 0
        self._beat_s = beat_s
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        with suppress(LakeUnavailable):  # a sweep finds it dead
            self._metadata.delete([_name(self._run_id)], sync=False)

    def hold(self, builds: Iterable[Build]) -> None:
        """Rely on these builds from now on. Whoever calls this looks afterwards whether they are still there."""
        new = tuple(name for name in (build.note for build in builds) if name not in self._notes)
        if new:
            self._notes += new
            self._write()

    def _write(self) -> None:
        with self._lock:
            self._beat += 1
            document = LeaseDocument(run_id=self._run_id, beat=self._beat, release=self._release, notes=self._notes)
            self._metadata.write(_name(self._run_id), seal(document), sync=False)  # no run outlives a power cut

    def _live(self) -> None:
        while not self._over.wait(self._beat_s):
            with suppress(LakeUnavailable):  # tried again at the next beat
                self._write()


def end_dead_leases(
    metadata: Location, *, patience_s: float = PATIENCE_S, wait: Callable[[float], None] = time.sleep
) -> None:
    """Delete the leases of runs that are dead. Takes ``patience_s`` seconds if there are any such."""
    metadata.delete(_torn(metadata))
    first = {lease.run_id: lease for lease in leases(metadata)}
    alive: dict[str, LeaseDocument] = {}
    waited = 0.0
    while (unknown := first.keys() - alive.keys()) and waited < patience_s:
        wait(POLL_S)
        waited += POLL_S
        now = {lease.run_id: lease for lease in leases(metadata)}
        alive |= {run: now[run] for run in unknown & now.keys() if now[run].beat != first[run].beat}
        first = {run: lease for run, lease in first.items() if run in now}
    metadata.delete([_name(run) for run in sorted(first.keys() - alive.keys())])


def leases(metadata: Location) -> list[LeaseDocument]:
    """The leases that there are, whether their runs live or not."""
    found = []
    for name in metadata.names(FOLDER):
        with suppress(FileNotFoundError, LakeDamaged):  # given back, or written half by a machine that failed
            found.append(_read(metadata, name))
    return found


def _torn(metadata: Location) -> list[str]:
    """Leases that a power cut left unreadable. Their runs are dead: a living one writes its lease in one step."""
    torn = []
    for name in metadata.names(FOLDER):
        try:
            _read(metadata, name)
        except FileNotFoundError:
            continue
        except LakeDamaged:
            torn.append(name)
    return torn


def _read(metadata: Location, name: str) -> LeaseDocument:
    return unseal(metadata.read(name), LeaseDocument, metadata.path_of(name), "a lease", "delete it").content


def _name(run_id: str) -> str:
    return f"{FOLDER}/{run_id}.json"
