"""What is known of alerts between runs: which of them hold, since when, and whether people were told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from pydantic import Field

from filon.errors import LakeDamaged
from filon.lake.documents import Document
from filon.lake.location import Layer
from filon.lake.sealed import seal, unseal
from filon.lake.store import Lake

NAME = "alerts.json"


class AlertState(Document):
    """Whether an alert holds since a time, and why; ``is_told`` when that reached everybody.

    ``attempts`` counts those that failed since the last change, ``problem`` is that of the last; ``reached`` are the
    addresses, hashed, that took the message and are not sent it again.
    """

    is_on: bool
    since: dt.datetime
    what: str = ""
    is_told: bool = False
    attempts: int = 0
    problem: str = ""
    reached: tuple[str, ...] = ()


class AlertBook(Document):
    """The alerts by their text; ``last_good_run`` is when a run last found the tables up to date."""

    last_good_run: dt.datetime | None = None
    alerts: Mapping[str, AlertState] = Field(default={})


def read_book(lake: Lake) -> AlertBook:
    """The book; an empty one when there is none, or one that is damaged: people are then told once more."""
    metadata = lake.layer(Layer.METADATA)
    try:
        return unseal(metadata.read(NAME), AlertBook, metadata.path_of(NAME), "alerts", "").content
    except (FileNotFoundError, LakeDamaged):
        return AlertBook()


def write_book(lake: Lake, book: AlertBook) -> None:
    """Write the book over the older one."""
    lake.layer(Layer.METADATA).write(NAME, seal(book, indent=1))
