"""Why a file is quarantined whole."""

from __future__ import annotations

from filon.errors import SourceGone, SourceUnreadable
from filon.project.vocabulary import Dialect
from filon.stages.bronze.arrivals import PASSING

LONGEST_DETAIL = 1_000


class FileRejected(Exception):
    """A file is quarantined whole: ``reason`` is the code, ``detail`` says where and what to do."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail if len(detail) <= LONGEST_DETAIL else f"{detail[:LONGEST_DETAIL]}…"
        super().__init__(reason, self.detail)

    def __str__(self) -> str:
        return self.detail

    @property
    def is_passing(self) -> bool:
        """Whether the reason is that the file could not be read now, which is independent of its content."""
        return self.reason in PASSING


def unread(error: SourceUnreadable) -> FileRejected:
    """The reason for a file whose bytes could not be read."""
    if isinstance(error, SourceGone):
        return FileRejected("changed_while_reading", "it was listed, but was gone when it was to be read")
    return FileRejected(error.reason or "unreadable", f"{error}. Each run tries again.")


def changed() -> FileRejected:
    """The reason for a file whose content is no longer what was hashed."""
    return FileRejected("changed_while_reading", "the file was written to while it was read; the next run tries again")


def nothing(dialect: Dialect) -> FileRejected:
    """The reason for a file that holds no text."""
    least = "a header" if dialect.header else "a record"
    return FileRejected("empty", f"the file holds no text; send it again, with at least {least}")
