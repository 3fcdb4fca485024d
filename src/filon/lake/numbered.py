"""Numbered documents that are only ever added: the one primitive that makes ledger and releases safe.

Document n+1 is created, never overwritten, so of two writers that both read document n exactly one succeeds. This is
what local disks and every S3 implementation with conditional writes can do.
"""

from __future__ import annotations

import gzip
import re
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from filon.errors import LakeCorrupt
from filon.lake.location import Location

Content = TypeVar("Content", bound=BaseModel)


class NumberedLog(Generic[Content]):
    """The documents ``0000000001.json``, ``0000000002.json``, … of one kind under one prefix."""

    def __init__(self, location: Location, prefix: str, model: type[Content], *, compressed: bool = False) -> None:
        self._location = location
        self._prefix = prefix
        self._model = model
        self._suffix = ".json.gz" if compressed else ".json"
        self._pattern = re.compile(rf"{re.escape(prefix)}/(\d+){re.escape(self._suffix)}")

    def numbers(self) -> list[int]:
        """Numbers of all documents, ascending."""
        found = (self._pattern.fullmatch(name) for name in self._location.names(self._prefix))
        return sorted(int(match[1]) for match in found if match)

    def latest(self) -> Content | None:
        """The newest document, or None when there is none."""
        numbers = self.numbers()
        return self.get(numbers[-1]) if numbers else None

    def get(self, number: int) -> Content:
        """One document; FileNotFoundError when it does not exist, LakeCorrupt when it cannot be understood."""
        name = self._name(number)
        content = self._location.read(name)
        try:
            plain = gzip.decompress(content) if self._suffix.endswith(".gz") else content
            return self._model.model_validate_json(plain)
        except (ValidationError, OSError, EOFError) as error:
            raise LakeCorrupt(
                f"{self._location.path_of(name)} cannot be understood ({type(error).__name__}). "
                "It was written by another version of Filon, or damaged: restore it, or start a new lake."
            ) from error

    def add(self, number: int, document: Content) -> bool:
        """Create a document; False when another writer created that number first."""
        plain = document.model_dump_json(exclude_defaults=True, indent=None if self._suffix.endswith(".gz") else 1)
        content = plain.encode()
        if self._suffix.endswith(".gz"):
            content = gzip.compress(content, compresslevel=1, mtime=0)
        return self._location.create(self._name(number), content)

    def delete(self, numbers: list[int]) -> None:
        """Delete documents that nothing refers to any more."""
        self._location.delete([self._name(number) for number in numbers])

    def _name(self, number: int) -> str:
        return f"{self._prefix}/{number:010d}{self._suffix}"
