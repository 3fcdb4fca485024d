"""The ledger as it is kept: what each document changed, and now and then the whole, so that reading stays short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from pydantic import Field

from filon.errors import LakeDamaged
from filon.lake.documents import Document, FileVersion, HeaderProfile, Ledger, Observation
from filon.lake.location import Location, sync_objects
from filon.lake.numbered import GONE, NumberedLog
from filon.lake.sealed import OTHER_BYTES, Sealed

MOST_CHANGES = 50
READERS = 8
PART = "the ledger"
WITHOUT = (
    ". Without one, `filon run --force` goes on from the ledger before it: what arrived since then and is no longer in "
    "the sources is lost, and what was retracted since then counts again"
)


class LedgerChange(Document):
    """Ledger ``number``: all of it (``base`` is its own number), or what differs from the ledger before.

    ``base`` is the newest whole ledger that it builds on. ``versions`` are those that are new or changed, ``forgotten``
    the paths that are observed no more.
    """

    number: int
    base: int
    project: str = ""
    last_version: int = 0
    versions: tuple[FileVersion, ...] = ()
    observations: Mapping[str, Observation] = Field(default={})
    forgotten: tuple[str, ...] = ()
    headers: Mapping[str, HeaderProfile] = Field(default={})


class LedgerLog:
    """The ledgers of a lake. The files of ``bronze`` that one names are on the disk before it is created."""

    def __init__(self, metadata: Location, bronze: Location) -> None:
        self._bronze = bronze
        self.documents = NumberedLog(
            metadata, "ledger", LedgerChange, part=PART, without_newest=WITHOUT, compressed=True
        )

    def latest(self) -> Ledger:
        """The ledger as it stands; an empty one when nothing ever arrived."""
        number = self.documents.newest()
        return self.get(number) if number else Ledger()

    def get(self, number: int) -> Ledger:
        """The ledger of that number; LakeDamaged when one of the documents that it is made of is not as it was."""
        last = self.documents.sealed(number)
        with ThreadPoolExecutor(READERS) as pool:
            parts = [*pool.map(self._earlier, range(last.content.base, number)), last]
        for before, part in pairwise(parts):
            if part.previous != before.seal:
                raise LakeDamaged([self.documents.damage(before.content.number, OTHER_BYTES)])
        return _together([part.content for part in parts])

    def add(self, before: Ledger, after: Ledger) -> Ledger | None:
        """Create the ledger after ``before``, and return it as it is numbered; None when another writer was first."""
        number = self.documents.after(before.number)
        base = self._base(before.number, number)
        sync_objects({self._bronze: _bronze_of(after) - _bronze_of(before)})
        if not self.documents.add(number, _change(before, after, number, base)):
            return None
        return after.model_copy(update={"number": number})

    def first_needed(self, number: int) -> int:
        """The oldest document that a ledger is made of."""
        return self.documents.get(number).base

    def _base(self, before: int, number: int) -> int:
        """The whole ledger to build on, or the number itself when it is time for another whole one."""
        if not before or number > before + 1:
            return number
        base = self.documents.get(before).base
        sizes = self.documents.sizes()
        since = sum(size for known, size in sizes.items() if base < known < number)
        return number if number - base > MOST_CHANGES or since > sizes.get(base, 0) else base

    def _earlier(self, number: int) -> Sealed[LedgerChange]:
        try:
            return self.documents.sealed(number)
        except FileNotFoundError:
            raise LakeDamaged([self.documents.damage(number, GONE)]) from None


def _bronze_of(ledger: Ledger) -> set[str]:
    """The files that hold the records of a ledger, as they are named in the layer."""
    return {f"{version.dataset}/{file.name}" for version in ledger.versions for file in version.bronze}


def _change(before: Ledger, after: Ledger, number: int, base: int) -> LedgerChange:
    whole = base == number
    known = {} if whole else {version.number: version for version in before.versions}
    observed = {} if whole else before.observations
    return LedgerChange(
        number=number,
        base=base,
        project=after.project,
        last_version=after.last_version,
        versions=tuple(version for version in after.versions if known.get(version.number) != version),
        observations={path: seen for path, seen in after.observations.items() if observed.get(path) != seen},
        forgotten=tuple(path for path in observed if path not in after.observations),
        headers={name: header for name, header in after.headers.items() if whole or name not in before.headers},
    )


def _together(changes: Sequence[LedgerChange]) -> Ledger:
    """The ledger that these changes make, the first of which is a whole one."""
    versions: dict[int, FileVersion] = {}
    observations: dict[str, Observation] = {}
    headers: dict[str, HeaderProfile] = {}
    for change in changes:
        versions |= {version.number: version for version in change.versions}
        for path in change.forgotten:
            observations.pop(path, None)
        observations |= change.observations
        headers |= change.headers
    return Ledger(
        number=changes[-1].number,
        project=changes[-1].project,
        last_version=changes[-1].last_version,
        versions=tuple(versions.values()),
        observations=observations,
        headers=headers,
    )
