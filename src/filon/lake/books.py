"""What is known between runs of alerts and reports: which hold, which were sent, and whom that reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from pydantic import Field

from filon.errors import LakeDamaged
from filon.lake.documents import Document
from filon.lake.location import Layer
from filon.lake.sealed import seal, unseal
from filon.lake.store import Lake


class Told(Document):
    """Whom a message reached.

    ``reached`` are the addresses, hashed, that took it and are not sent it again; ``attempts`` counts those that
    failed, ``problem`` is that of the last.
    """

    attempts: int = 0
    problem: str = ""
    reached: tuple[str, ...] = ()


class AlertState(Told):
    """Whether an alert holds since a time, and why; ``is_told`` when that reached everybody."""

    is_on: bool
    since: dt.datetime
    what: str = ""
    is_told: bool = False


class ReportState(Told):
    """A report: the due time that it was begun for, and its release; ``is_sent`` when everybody has it."""

    due: dt.datetime
    at: dt.datetime
    release: int | None = None
    is_sent: bool = False


class AlertBook(Document):
    """The alerts by their text; ``last_good_run`` is when a run last found the tables up to date."""

    file: ClassVar[str] = "alerts.json"
    last_good_run: dt.datetime | None = None
    alerts: Mapping[str, AlertState] = Field(default={})


class ReportBook(Document):
    """The reports by their name."""

    file: ClassVar[str] = "reports.json"
    reports: Mapping[str, ReportState] = Field(default={})


Book = TypeVar("Book", AlertBook, ReportBook)


def read_book(lake: Lake, kind: type[Book]) -> Book:
    """A book; an empty one when there is none, or one that is damaged: people are then told once more."""
    metadata = lake.layer(Layer.METADATA)
    try:
        return unseal(metadata.read(kind.file), kind, metadata.path_of(kind.file), kind.__name__, "").content
    except (FileNotFoundError, LakeDamaged):
        return kind()


def write_book(lake: Lake, book: AlertBook | ReportBook) -> None:
    """Write a book over the older one."""
    lake.layer(Layer.METADATA).write(book.file, seal(book, indent=1))
