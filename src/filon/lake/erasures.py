"""Erasures of people: what was decided, when and by whom, without the values that name them.

An erasure has two documents: the first is created before anything is erased, the second when nothing is left to erase.
The hashes of all first documents are the block list: records that name one of these people are rejected on sight.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from filon.lake.datafile import TableFile
from filon.lake.documents import Document
from filon.lake.location import Location
from filon.lake.numbered import NumberedLog
from filon.lake.sealed import seal, unseal
from filon.sql import identifier, literal, literals

REPLACED = "erasing.json"
RESTORE = "restore the lake from a backup, and forget again"
SEPARATOR = "\x1f"
SEPARATOR_SQL = "chr(31)"


class Subject(Document):
    """People of a dataset, by the salted hashes of their values in some of its columns: the key, or what others name.

    ``hashes`` are hexadecimal SHA-256, one for each person.
    """

    dataset: str
    columns: tuple[str, ...]
    hashes: tuple[str, ...]


class Erasure(Document):
    """An erasure as it begins, or, with ``finishes``, the end of the one of that number.

    ``people`` is their number, ``erased`` the number of rows by table. ``recompute``: figures that counted these people
    were computed again without them; else they were kept.
    """

    number: int
    at: dt.datetime
    by: str
    reason: str
    dataset: str
    people: int
    salt: str = ""
    subjects: tuple[Subject, ...] = ()
    recompute: bool = False
    sources: bool = False
    finishes: int = 0
    erased: Mapping[str, int] = Field(default={})


class Replaced(Document):
    """By dataset, the Parquet files of bronze that an erasure in progress wrote in the place of which."""

    files: Mapping[str, Mapping[str, tuple[TableFile, ...]]]


@dataclass(frozen=True)
class Naming:
    """Columns of a dataset whose values name a person, and what is known of the people who are forgotten.

    ``domain`` and ``meant`` are the dataset and the columns of the people themselves, ``columns`` those that name them.
    """

    domain: str
    meant: tuple[str, ...]
    columns: tuple[str, ...]
    salt: str
    hashes: frozenset[str]

    @property
    def hash_sql(self) -> str:
        """SQL over typed columns: the salted hash of whom the row names, null when that is nobody."""
        values = (f"CAST({identifier(column)} AS VARCHAR)" for column in self.columns)
        parts = [*map(literal, (self.salt, self.domain, *self.meant)), *values]
        return f"sha256({f' || {SEPARATOR_SQL} || '.join(parts)})"

    @property
    def condition(self) -> str:
        """SQL over typed columns: the row names one of these people."""
        return f"{self.hash_sql} IN ({literals(sorted(self.hashes))})" if self.hashes else "FALSE"


def hashed(salt: str, dataset: str, columns: Sequence[str], values: Sequence[str]) -> str:
    """The salted hash of a person: of the texts of the values in these columns, as SQL casts them."""
    return hashlib.sha256(SEPARATOR.join([salt, dataset, *columns, *values]).encode()).hexdigest()


@dataclass(frozen=True)
class BlockList:
    """Everybody who is forgotten; ``salt`` is empty when nobody is."""

    salt: str = ""
    subjects: tuple[Subject, ...] = ()

    def hashes(self, dataset: str, columns: Sequence[str]) -> frozenset[str]:
        """The people of a dataset, by these columns."""
        found = (s.hashes for s in self.subjects if (s.dataset, s.columns) == (dataset, tuple(columns)))
        return frozenset(text for hashes in found for text in hashes)

    def naming(self, dataset: str, meant: Sequence[str], columns: Sequence[str]) -> Naming:
        """The people of a dataset as columns name them; see ``Naming``."""
        return Naming(dataset, tuple(meant), tuple(columns), self.salt, self.hashes(dataset, meant))


class ErasureLog:
    """The erasures of a lake."""

    def __init__(self, metadata: Location) -> None:
        self._metadata = metadata
        self.documents = NumberedLog(metadata, "erasures", Erasure, part="the erasures of people")

    def all(self) -> list[Erasure]:
        """All documents, oldest first. LakeDamaged when one was altered, or the newest is lost."""
        newest = self.documents.newest()
        return [self.documents.get(number) for number in self.documents.numbers()] if newest else []

    def begun(self) -> list[Erasure]:
        """The erasures, oldest first."""
        return [erasure for erasure in self.all() if not erasure.finishes]

    def unfinished(self) -> list[Erasure]:
        """The erasures that a killed process left, oldest first."""
        every = self.all()
        ended = {erasure.finishes for erasure in every}
        return [erasure for erasure in every if not erasure.finishes and erasure.number not in ended]

    def block_list(self) -> BlockList:
        """Everybody who is forgotten, by erasures that ended and by those that did not."""
        return merged(self.begun())

    def replaced(self) -> Replaced:
        """What an erasure in progress has replaced so far; a killed one goes on from it."""
        try:
            raw = self._metadata.read(REPLACED)
        except FileNotFoundError:
            return Replaced(files={})
        return unseal(raw, Replaced, self._metadata.path_of(REPLACED), "an erasure in progress", RESTORE).content

    def note_replaced(self, replaced: Replaced) -> None:
        """Note what was replaced, before any document names it."""
        self._metadata.write(REPLACED, seal(replaced))

    def forget_replaced(self) -> None:
        """Delete that note: every document names what was written."""
        self._metadata.delete([REPLACED])

    def add(self, erasure: Erasure) -> Erasure | None:
        """Create the next document; returns it with its number, or None when another writer was first."""
        number = max(self.documents.numbers(), default=0) + 1
        numbered = erasure.model_copy(update={"number": number})
        return numbered if self.documents.add(number, numbered) else None


def merged(erasures: Iterable[Erasure]) -> BlockList:
    """The people of some erasures, which share a salt."""
    listed = list(erasures)
    return BlockList(listed[0].salt if listed else "", tuple(s for erasure in listed for s in erasure.subjects))


def new_salt() -> str:
    """A random salt."""
    return secrets.token_hex(16)
