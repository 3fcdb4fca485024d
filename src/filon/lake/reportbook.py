"""What is known of reports between the commands that send them: when each was sent last, and to whom not yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from pydantic import Field

from filon.errors import LakeDamaged
from filon.lake.documents import Document
from filon.lake.location import Layer
from filon.lake.sealed import seal, unseal
from filon.lake.store import Lake

NAME = "reports.json"


class ReportState(Document):
    """A report: the due time that it was begun for, and its release.

    ``is_sent`` when everybody has it; ``reached`` are the addresses, hashed, that took it and are not sent it again;
    ``attempts`` counts those that failed, ``problem`` is that of the last.
    """

    due: dt.datetime
    at: dt.datetime
    release: int | None = None
    is_sent: bool = False
    attempts: int = 0
    problem: str = ""
    reached: tuple[str, ...] = ()


class ReportBook(Document):
    """The reports by their name."""

    reports: Mapping[str, ReportState] = Field(default={})


def read_reports(lake: Lake) -> ReportBook:
    """The book; an empty one when there is none, or one that is damaged: reports are then sent once more."""
    metadata = lake.layer(Layer.METADATA)
    try:
        return unseal(metadata.read(NAME), ReportBook, metadata.path_of(NAME), "reports", "").content
    except (FileNotFoundError, LakeDamaged):
        return ReportBook()


def write_reports(lake: Lake, book: ReportBook) -> None:
    """Write the book over the older one."""
    lake.layer(Layer.METADATA).write(NAME, seal(book, indent=1))
