"""Numbered documents, which are created and never overwritten: the storage of ledger, releases and reports.

Of two writers that both read document n and create document n+1 exactly one succeeds. Local disks, and S3 with
conditional writes, support this. Each document has the seal of the one before it, and an object under ``heads`` names
the newest one, so that a lost or altered document is noticed, whether it is in the middle or the newest.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from filon.errors import Damage, LakeDamaged
from filon.lake.location import Location
from filon.lake.sealed import OTHER_BYTES, Link, Sealed, require_own_format, seal, seal_in, unseal, verify

Content = TypeVar("Content", bound=BaseModel)
GONE = "is gone"


class Head(BaseModel):
    """Number and seal of the newest document; written after the document, it may be out of date, but never ahead."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    number: int
    seal: str


class NumberedLog(Generic[Content]):
    """The documents ``0000000001.json``, ``0000000002.json``, … of one kind under one prefix."""

    def __init__(
        self,
        location: Location,
        prefix: str,
        model: type[Content],
        *,
        part: str,
        without_newest: str = "",
        compressed: bool = False,
    ) -> None:
        """Describe a kind of documents; nothing is read.

        Args:
            location: the place of the lake's metadata
            prefix: the folder of the documents in it
            model: the model of their content
            part: what they are, for messages
            without_newest: what can be done without a backup when the newest is lost, for messages
            compressed: store them with gzip, as ``.json.gz``

        """
        self._location = location
        self._prefix = prefix
        self._model = model
        self._part = part
        self._repair = f"restore it from a backup{without_newest}"
        self._compressed = compressed
        self._head_name = f"heads/{prefix}.json"
        self._suffix = ".json.gz" if compressed else ".json"
        self._pattern = re.compile(rf"{re.escape(prefix)}/(\d+){re.escape(self._suffix)}")
        self._seals: dict[int, str] = {}
        self.accepts_loss = False
        """Whether to continue from the newest document that can be read, although a newer one is lost.

        It is reset when a document is added.
        """
        self._lost = 0

    def require_own_format(self) -> None:
        """LakeForeign when a version of Filon with another format added the newest document.

        Damage raises no error here, but when the documents are read.
        """
        with suppress(FileNotFoundError):
            require_own_format(self._location.read(self._head_name), self._location.path_of(self._head_name))
            return
        for number in self.numbers()[-1:]:  # without a head: an old lake, or the head is lost
            with suppress(LakeDamaged):
                require_own_format(self._unpacked(number), self._location.path_of(self._name(number)))

    def sizes(self) -> dict[int, int]:
        """The size in bytes of each document, by number, ascending."""
        entries = ((self._pattern.fullmatch(entry.name), entry.size) for entry in self._location.listing(self._prefix))
        return dict(sorted((int(match[1]), size) for match, size in entries if match))

    def numbers(self) -> list[int]:
        """Numbers of all documents, ascending."""
        return list(self.sizes())

    def latest(self) -> Content | None:
        """The newest document, or None when there is none. LakeDamaged when a newer one is known to be lost."""
        number = self.newest()
        return self.get(number) if number else None

    def newest(self) -> int:
        """The number of the newest document, 0 when there is none. LakeDamaged when a newer one is known to be lost."""
        numbers, head = self.numbers(), self._head()
        if self.accepts_loss:
            self._lost = max([*numbers, head.number if head is not None else 0], default=0)
            return next((number for number in reversed(numbers) if self._is_sound(number)), 0)
        number = numbers[-1] if numbers else 0
        if head is not None and head.number > number:
            raise LakeDamaged([self.damage(head.number, GONE)])
        if head is not None and head.number == number and self.seal_of(number) != head.seal:
            raise LakeDamaged([self.damage(number, OTHER_BYTES)])
        if head is None and number > 1:
            raise LakeDamaged([self._head_damage(GONE)])
        return number

    def after(self, number: int) -> int:
        """The number of the document to add after ``number``; the number of a lost document is not used again."""
        return max(number, self._lost) + 1

    def get(self, number: int) -> Content:
        """One document; FileNotFoundError when it does not exist, LakeDamaged when it was altered."""
        return self.sealed(number).content

    def sealed(self, number: int) -> Sealed[Content]:
        """One document with its seals; errors as for ``get``."""
        damage = self.damage(number, OTHER_BYTES)
        document = unseal(self._unpacked(number), self._model, damage.object, damage.part, damage.repair)
        self._seals[number] = document.seal
        return document

    def linked(self, number: int) -> Content:
        """One document, whose seal is compared with that in the next document; errors as for ``get``."""
        document = self.sealed(number)
        later = min((other for other in self.numbers() if other > number), default=0)
        if later and self._link(later).previous != document.seal:
            raise LakeDamaged([self.damage(number, OTHER_BYTES)])
        return document.content

    def seal_of(self, number: int) -> str:
        """The seal of a document."""
        return self._seals.get(number) or self._link(number).seal

    def add(self, number: int, document: Content) -> bool:
        """Create a document and note it as the newest; False when another writer created that number first."""
        numbers = self.numbers()
        # from the newest down, so that only one is read, however many there are
        before = next((other for other in reversed(numbers) if other < number and self._is_sound(other)), 0)
        previous = self.seal_of(before) if before else ""
        content = seal(document, previous, indent=None if self._compressed else 1)
        raw = gzip.compress(content, compresslevel=1, mtime=0) if self._compressed else content
        if not self._location.create(self._name(number), raw):
            return False
        self._seals[number] = seal_in(content)
        self.note_head(number)
        if self.accepts_loss:
            self.delete([lost for lost in numbers if before < lost < number])
            self.accepts_loss = False
        return True

    def rewrite(self, contents: Mapping[int, Content]) -> None:
        """Write every document again, with other contents and the seals that follow from them; others are deleted.

        Only an erasure does so. A killed one leaves documents whose seals do not fit each other, until it is finished;
        it reads each by itself (``get``).

        Args:
            contents: the content of each document that stays, by number

        """
        self.delete([number for number in self.numbers() if number not in contents])
        previous = ""
        for number, content in sorted(contents.items()):
            stored = seal(content, previous, indent=None if self._compressed else 1)
            raw = gzip.compress(stored, compresslevel=1, mtime=0) if self._compressed else stored
            if self._location.read(self._name(number)) != raw:
                self._location.write(self._name(number), raw)
            previous = self._seals[number] = seal_in(stored)
        if contents:
            newest = Head(number=max(contents), seal=previous)
            self._location.write(self._head_name, seal(newest))

    def note_head(self, number: int) -> None:
        """Write the head for the newest document, unless it is up to date; a killed writer may have left it out."""
        head = self._head()
        if number and (head is None or head.number < number):
            newer = Head(number=number, seal=self.seal_of(number))
            self._location.write(self._head_name, seal(newer))

    def broken_links(self) -> list[Damage]:
        """The damage of documents between the oldest and the newest one: those that are gone or were altered."""
        damages = []
        numbers = self.numbers()
        for before, number in pairwise(numbers):
            try:
                if self._link(number).previous != self.seal_of(before):
                    lost = before + 1 if number > before + 1 else before
                    damages.append(self.damage(lost, GONE if lost != before else OTHER_BYTES))
            except LakeDamaged as error:
                damages += error.damages
        return damages

    def damage(self, number: int, what: str) -> Damage:
        """The damage of a document, with what can be done; ``what`` says what is wrong."""
        return Damage(self.address(number), what, f"number {number} of {self._part}", self._repair)

    def address(self, number: int) -> str:
        """Where a document is stored."""
        return self._location.path_of(self._name(number))

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete documents; the caller makes sure that nothing refers to them."""
        self._location.delete([self._name(number) for number in numbers])

    def _link(self, number: int) -> Link:
        """The seals of a document, whose content is not read; errors as for ``get``."""
        damage = self.damage(number, OTHER_BYTES)
        link = verify(self._unpacked(number), damage.object, damage.part, damage.repair)
        self._seals[number] = link.seal
        return link

    def _unpacked(self, number: int) -> bytes:
        raw = self._location.read(self._name(number))
        try:
            return gzip.decompress(raw) if self._compressed else raw
        except (OSError, EOFError, zlib.error) as error:
            raise LakeDamaged([self.damage(number, OTHER_BYTES)]) from error

    def _is_sound(self, number: int) -> bool:
        try:
            return bool(self.seal_of(number))
        except LakeDamaged:
            return False

    def _head(self) -> Head | None:
        damage = self._head_damage(OTHER_BYTES)
        try:
            raw = self._location.read(self._head_name)
            return unseal(raw, Head, damage.object, damage.part, damage.repair).content
        except FileNotFoundError:
            return None
        except LakeDamaged:
            if self.accepts_loss:
                return None
            raise

    def _name(self, number: int) -> str:
        return f"{self._prefix}/{number:010d}{self._suffix}"

    def _head_damage(self, what: str) -> Damage:
        address = self._location.path_of(self._head_name)
        return Damage(address, what, f"it names the newest of {self._part}", self._repair)
