"""Limits of a file: the size that an archive unpacks to, and the header and empty lines of a text."""

from __future__ import annotations

from dataclasses import dataclass

RATIO_COUNTS_FROM = 256 << 20
"""Bytes that every archive may unpack to, however small it is."""
LARGEST_WINDOW = 128 << 20
"""Bytes of the window of a Zstandard archive, which the decoder holds in memory."""
MOST_FIELDS = 4_096
LONGEST_HEADER = 128 << 10
"""Fields and characters of a header: the engine holds a vector of rows per field, and names may be in every row."""
MOST_EMPTY_LINES = 10_000_000
EMPTY_SHARE = 0.9


@dataclass(frozen=True)
class Limits:
    """Limits of unpacking: ``unpacked`` bytes in total, and ``ratio`` times the size of the archive."""

    unpacked: int = 100 * 10**9
    ratio: int = 200

    def allowed(self, packed: int) -> int:
        """Bytes that an archive of this size may unpack to."""
        return min(self.unpacked, max(RATIO_COUNTS_FROM, self.ratio * packed))

    def exceeded(self, packed: int) -> str:
        """The message for an archive of this size that unpacks to more, with what to do."""
        if self.allowed(packed) == self.unpacked:
            return f"it unpacks to more than {self.unpacked:,} bytes; cut it, or raise FILON_MAX_UNPACKED_SIZE"
        return (
            f"its {packed:,} bytes unpack to more than {self.allowed(packed):,}, {self.ratio} times as much; "
            "if that is no mistake, raise FILON_MAX_RATIO"
        )
