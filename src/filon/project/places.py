"""What the place of a file tells: columns that are read from its path."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

PATH = "_path"
"""The name in files of a column that holds the path itself."""
PACKED = re.compile(r"\.(gz|zst|zstd)$", re.IGNORECASE)
"""How the name of a compressed file ends; the rest of its path is its place."""
ARCHIVE = re.compile(r"\.zip$", re.IGNORECASE)
"""How the name of an archive ends; its members are files below it, as those of a folder are."""


@dataclass(frozen=True)
class PlaceColumn:
    """A column whose value in every record is a part of the file's path.

    ``pattern`` has a group of the column's name; it is empty when the value is the whole path.
    """

    column: str
    pattern: str = ""

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return path_pattern(self.pattern)

    def value(self, path: str) -> str | None:
        """The value for a file; None when the pattern is not found in its path.

        Args:
            path: relative to the sources; the pattern does not see how an archive ends

        """
        if not self.pattern:
            return path
        found = self._compiled.search(PACKED.sub("", unicodedata.normalize("NFC", path)))
        return found[self.column] if found else None


def path_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which groups are named as ``(?<name>…)`` or ``(?P<name>…)``; re.error when it cannot be."""
    return re.compile(re.sub(r"\(\?<(?=[^=!])", "(?P<", pattern))
