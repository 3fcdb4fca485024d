"""Sealed documents: JSON with a checksum, the number of its format, and the checksum of the document before it.

A sealed document is JSON whose first keys are ``sha256``, over everything behind that key, ``format``, and
``previous``, the ``sha256`` of the document before it (empty: none).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from filon.errors import Damage, LakeDamaged, LakeForeign

Content = TypeVar("Content", bound=BaseModel)

FORMAT = 2
"""To be raised when a release of Filon reads or writes any document of the lake in another way than the one before.

Documents from the time before formats were numbered count as format 1.
"""
SEAL = re.compile(rb'\{"sha256":"([0-9a-f]{64})",')
HEAD = re.compile(rb'"format":(\d{1,9}),"previous":"((?:[0-9a-f]{64})?)",')
OTHER_BYTES = "holds other bytes than were written"


@dataclass(frozen=True)
class Sealed(Generic[Content]):
    """A document, its seal, and the seal of the one before it."""

    content: Content
    seal: str
    previous: str


class Link(NamedTuple):
    """The seal of a document, that of the one before it, and where its content begins."""

    seal: str
    previous: str
    start: int


def seal(document: BaseModel, previous: str = "", *, indent: int | None = None) -> bytes:
    """Serialise a document with its seal.

    Args:
        document: its content; fields at their defaults are left out
        previous: the seal of the document before it; empty when there is none
        indent: blanks per level of nesting; None for a single line

    """
    body = document.model_dump_json(exclude_defaults=True, indent=indent).removeprefix("{")
    sealed = f'"format":{FORMAT},"previous":"{previous}",{body}'.encode()
    return b'{"sha256":"' + hashlib.sha256(sealed).hexdigest().encode() + b'",' + sealed


def seal_in(raw: bytes) -> str:
    """The seal that a stored document has, without verifying it; empty when there is none."""
    head = SEAL.match(raw)
    return head[1].decode() if head else ""


def verify(raw: bytes, address: str, part: str, repair: str) -> Link:
    """Verify a sealed document without reading its content; arguments and errors as for ``unseal``."""
    require_own_format(raw, address)
    checksum = SEAL.match(raw)
    head = HEAD.match(raw, checksum.end()) if checksum else None
    if checksum is None or head is None or not _is_intact(raw, checksum):
        raise LakeDamaged([Damage(address, OTHER_BYTES, part, repair)])
    return Link(checksum[1].decode(), head[2].decode(), head.end())


def unseal(raw: bytes, model: type[Content], address: str, part: str, repair: str) -> Sealed[Content]:
    """Verify and read a sealed document.

    Args:
        raw: the document as it is stored
        model: the model of its content
        address: where it is stored, for messages
        part: what it is or belongs to, for messages
        repair: what can be done when it is damaged, for messages

    Raises:
        LakeForeign: a version of Filon with another format wrote it
        LakeDamaged: it has other bytes than were written

    """
    link = verify(raw, address, part, repair)
    try:
        content = model.model_validate_json(b"{" + raw[link.start :])
    except ValidationError as error:  # intact and in this format, but with fields that this version does not have
        raise LakeForeign(address, FORMAT, FORMAT) from error
    return Sealed(content, link.seal, link.previous)


def require_own_format(raw: bytes, address: str) -> None:
    """LakeForeign when a document is intact and was written in another format; damage raises no error here."""
    checksum = SEAL.match(raw)
    if checksum is None:
        if _has_no_seal(raw):
            raise LakeForeign(address, 1, FORMAT)
        return
    head = HEAD.match(raw, checksum.end())
    number = int(head[1]) if head else 1
    if number != FORMAT and _is_intact(raw, checksum):
        raise LakeForeign(address, number, FORMAT)


def _is_intact(raw: bytes, checksum: re.Match[bytes]) -> bool:
    """Whether the bytes behind the checksum have it."""
    return hashlib.sha256(raw[checksum.end() :]).hexdigest().encode() == checksum[1]


def _has_no_seal(raw: bytes) -> bool:
    """Whether this is a JSON document of the first versions, which had no seal, and not one with a damaged seal."""
    try:
        content = json.loads(raw)
    except ValueError:
        return False
    return isinstance(content, dict) and not content.keys() & {"sha256", "format", "previous"}
