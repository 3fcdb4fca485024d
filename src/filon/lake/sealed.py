"""Documents that can tell whether they are still as they were written, in which format, and what came before them.

A sealed document is JSON whose first keys are ``sha256``, over everything behind that key, ``format``, and
``previous``, the ``sha256`` of the document before it (empty: none).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from filon.errors import Damage, LakeDamaged, LakeForeign

Content = TypeVar("Content", bound=BaseModel)

FORMAT = 2
"""Raise it when a release of Filon reads or writes any document of the lake in another way than the one before.

Documents of before formats were numbered count as format 1.
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


def seal(document: BaseModel, previous: str = "", *, indent: int | None = None) -> bytes:
    """A document as it is stored."""
    body = document.model_dump_json(exclude_defaults=True, indent=indent).removeprefix("{")
    sealed = f'"format":{FORMAT},"previous":"{previous}",{body}'.encode()
    return b'{"sha256":"' + hashlib.sha256(sealed).hexdigest().encode() + b'",' + sealed


def seal_in(raw: bytes) -> str:
    """The seal that a stored document bears, not compared with its content; empty when there is none."""
    head = SEAL.match(raw)
    return head[1].decode() if head else ""


def unseal(raw: bytes, model: type[Content], address: str, part: str, repair: str) -> Sealed[Content]:
    """Read a sealed document.

    LakeForeign when a version of Filon with another format wrote it; LakeDamaged, which names ``address``, ``part`` and
    ``repair``, when it is not as it was written.
    """
    require_own_format(raw, address)
    found = SEAL.match(raw)
    head = HEAD.match(raw, found.end()) if found else None
    if found is None or head is None or not _is_intact(raw, found):
        raise LakeDamaged([Damage(address, OTHER_BYTES, part, repair)])
    try:
        content = model.model_validate_json(b"{" + raw[head.end() :])
    except ValidationError as error:  # sealed by Filon, in our format, with other words than we know
        raise LakeForeign(address, FORMAT, FORMAT) from error
    return Sealed(content, found[1].decode(), head[2].decode())


def require_own_format(raw: bytes, address: str) -> None:
    """LakeForeign when a document is as a version of Filon with another format wrote it; damage is not looked for."""
    found = SEAL.match(raw)
    if found is None:
        if _has_no_seal(raw):
            raise LakeForeign(address, 1, FORMAT)
        return
    head = HEAD.match(raw, found.end())
    number = int(head[1]) if head else 1
    if number != FORMAT and _is_intact(raw, found):
        raise LakeForeign(address, number, FORMAT)


def _is_intact(raw: bytes, found: re.Match[bytes]) -> bool:
    """Whether all that stands behind the seal is what was sealed."""
    return hashlib.sha256(raw[found.end() :]).hexdigest().encode() == found[1]


def _has_no_seal(raw: bytes) -> bool:
    """Whether this is a document of the first versions, which had no seal; a damaged seal leaves other keys behind."""
    try:
        content = json.loads(raw)
    except ValueError:
        return False
    return isinstance(content, dict) and not content.keys() & {"sha256", "format", "previous"}
