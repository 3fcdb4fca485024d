"""Documents that can tell whether they are still as they were written, and which document came before them.

A sealed document is JSON whose first two keys are ``sha256``, over everything behind that key, and ``previous``, the
``sha256`` of the document before it (empty: none).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from filon.errors import Damage, LakeCorrupt, LakeDamaged

Content = TypeVar("Content", bound=BaseModel)

HEAD = re.compile(rb'\{"sha256":"([0-9a-f]{64})",("previous":"((?:[0-9a-f]{64})?)",)')
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
    sealed = f'"previous":"{previous}",{body}'.encode()
    return b'{"sha256":"' + hashlib.sha256(sealed).hexdigest().encode() + b'",' + sealed


def seal_in(raw: bytes) -> str:
    """The seal that a stored document bears, not compared with its content; empty when there is none."""
    head = HEAD.match(raw)
    return head[1].decode() if head else ""


def unseal(raw: bytes, model: type[Content], address: str, part: str, repair: str) -> Sealed[Content]:
    """Read a sealed document.

    LakeDamaged, which names ``address``, ``part`` and ``repair``, when it is not as it was written; LakeCorrupt when
    another version of Filon wrote it.
    """
    head = HEAD.match(raw)
    if head is None or hashlib.sha256(raw[head.start(2) :]).hexdigest().encode() != head[1]:
        if head is None and _is_json(raw):
            raise _of_another_version(address)
        raise LakeDamaged([Damage(address, OTHER_BYTES, part, repair)])
    try:
        content = model.model_validate_json(b"{" + raw[head.end() :])
    except ValidationError as error:
        raise _of_another_version(address) from error
    return Sealed(content, head[1].decode(), head[3].decode())


def _is_json(raw: bytes) -> bool:
    try:
        return isinstance(json.loads(raw), dict)
    except ValueError:
        return False


def _of_another_version(address: str) -> LakeCorrupt:
    return LakeCorrupt(f"{address} was written by another version of Filon. Start a new lake: --lake, or FILON_LAKE.")
