"""Storage of the ledger: documents with the changes since the one before, and now and then a whole one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pydantic import Field

from filon.errors import LakeDamaged
from filon.lake.documents import Document, FileVersion, HeaderProfile, Ledger, Observation
from filon.lake.location import Location, sync_objects
from filon.lake.numbered import GONE, NumberedLog
from filon.lake.sealed import OTHER_BYTES, Sealed
from filon.threads import side_by_side

MOST_CHANGES = 50
"""Documents with changes after which the ledger is written as a whole again."""
READERS = 8
PART = "the ledger"
WITHOUT = (
    ". Without one, `filon run --force` goes on from the ledger before it: what arrived since then and is no longer in "
    "the sources is lost, and what was retracted since then counts again"
)


class LedgerChange(Document):
    """Ledger ``number``: all of it (``base`` is its own number), or what differs from the ledger before.

    ``base`` is the number of the whole ledger that the changes build on; ``versions`` are the new and changed ones,
    ``forgotten`` the paths that no longer have an observation.
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
    """The ledgers of a lake. The bronze files that a ledger names are synced before it is created."""

    def __init__(self, metadata: Location, bronze: Location) -> None:
        self._bronze = bronze
        self.documents = NumberedLog(
            metadata, "ledger", LedgerChange, part=PART, without_newest=WITHOUT, compressed=True
        )

    def latest(self) -> Ledger:
        """The newest ledger; an empty one when there is none."""
        number = self.documents.newest()
        return self.get(number) if number else Ledger()

    def get(self, number: int) -> Ledger:
        """A ledger by number; LakeDamaged when a document that it is made of is gone or altered."""
        last = self.documents.sealed(number)
        documents = [*side_by_side(self._earlier, range(last.content.base, number), READERS), last]
        for before, document in pairwise(documents):
            if document.previous != before.seal:
                raise LakeDamaged([self.documents.damage(before.content.number, OTHER_BYTES)])
        return _merged([document.content for document in documents])

    def add(self, before: Ledger, after: Ledger) -> Ledger | None:
        """Create the ledger after ``before``; returns it with its number, or None when another writer was first."""
        number = self.documents.after(before.number)
        base = self._base(before.number, number)
        sync_objects({self._bronze: _bronze_of(after) - _bronze_of(before)})
        if not self.documents.add(number, _change(before, after, number, base)):
            return None
        return after.model_copy(update={"number": number})

    def first_needed(self, number: int) -> int:
        """The number of the oldest document that a ledger is made of."""
        return self.documents.get(number).base

    def _base(self, before: int, number: int) -> int:
        """The whole ledger that ledger ``number`` builds on; ``number`` itself when it is to be written whole."""
        if not before or number > before + 1:
            return number
        base = self.documents.get(before).base
        sizes = self.documents.sizes()
        changes = sum(size for other, size in sizes.items() if base < other < number)
        return number if number - base > MOST_CHANGES or changes > sizes.get(base, 0) else base

    def _earlier(self, number: int) -> Sealed[LedgerChange]:
        try:
            return self.documents.sealed(number)
        except FileNotFoundError:
            raise LakeDamaged([self.documents.damage(number, GONE)]) from None


def _bronze_of(ledger: Ledger) -> set[str]:
    """Names of the bronze files of a ledger, relative to the layer."""
    return {f"{version.dataset}/{file.name}" for version in ledger.versions for file in version.bronze}


def _change(before: Ledger, after: Ledger, number: int, base: int) -> LedgerChange:
    is_whole = base == number
    versions = {} if is_whole else {version.number: version for version in before.versions}
    observations = {} if is_whole else before.observations
    return LedgerChange(
        number=number,
        base=base,
        project=after.project,
        last_version=after.last_version,
        versions=tuple(version for version in after.versions if versions.get(version.number) != version),
        observations={path: new for path, new in after.observations.items() if observations.get(path) != new},
        forgotten=tuple(path for path in observations if path not in after.observations),
        headers={name: header for name, header in after.headers.items() if is_whole or name not in before.headers},
    )


def _merged(changes: Sequence[LedgerChange]) -> Ledger:
    """The ledger that changes add up to; the first of them is whole."""
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
