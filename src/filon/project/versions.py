"""Versions of contracts, by the rules of Semantic Versioning: major, minor, patch."""

from __future__ import annotations

import re
from typing import NamedTuple

from filon.project.document import Document

_FORM = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.(0|[1-9][0-9]{0,8}))?(?:\.(0|[1-9][0-9]{0,8}))?")


class Version(NamedTuple):
    """A version of a contract. A breaking change needs a new major one, a compatible one a new minor one."""

    major: int = 1
    minor: int = 0
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


FIRST = Version()


def read_version(document: Document) -> Version:
    """The version of a contract; one that cannot be read is reported."""
    text = str(document.data.get("version", FIRST))
    found = parse_version(text)
    if found is None:
        what = f"`{text[:40]}` is no version of a contract"
        document.report(("version",), what, "write major, minor and patch as numbers: `version: 2.1.0`")
    return found or FIRST


def parse_version(text: str) -> Version | None:
    """A version; numbers that are left out are 0. None for a text that is none."""
    found = _FORM.fullmatch(text.strip())
    return Version(*(int(part or 0) for part in found.groups())) if found else None
