"""What an explanation says. Nothing here knows the lake or an engine, so that every reader can use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

EVERY_ROW = "TRUE"
"""The condition that all rows of a table meet."""
SAMPLE = 5
"""Rows of a table that an explanation shows."""


@dataclass(frozen=True)
class Record:
    """A record of a file as received; ``record`` counts from 1, ``text`` is the record as CSV."""

    file: str
    version: int
    sha256: str
    record: int
    fields: Mapping[str, str | None]
    text: str | None = None


@dataclass(frozen=True)
class OtherRecord:
    """A record that has the key of a row of ``table``, the table of a source, and is not that row.

    ``reasons`` are those for which it was rejected, with what the contract demands (empty: it demands nothing of the
    kind); a record without a reason was superseded by the row.
    """

    table: str
    record: Record
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class Contribution:
    """Rows of a table that a row was computed from.

    Attributes:
        table: the table
        read_by: the model that read it; None for the explained rows themselves
        rows: number of rows that meet ``condition``
        exact: whether all of them were used; else they are candidates that include the used ones
        keys: keys of the rows that are shown, the first ones unless others were asked for
        condition: SQL over the table's columns
        records: records of these rows, of tables of sources
        shown: these rows
        skip: how many rows come before these
        of_shown: whether only the rows that are shown of a table above were followed to these

    """

    table: str
    read_by: str | None
    rows: int
    exact: bool
    keys: tuple[tuple[Any, ...], ...]
    condition: str
    records: tuple[Record, ...] = ()
    shown: tuple[Mapping[str, Any], ...] = ()
    skip: int = 0
    of_shown: bool = False

    @property
    def is_every_row(self) -> bool:
        """Whether the condition holds for all rows of the table."""
        return self.condition == EVERY_ROW


class Obstacle(StrEnum):
    """Why rows of a table that was read cannot be told."""

    OTHER_ROWS = "other-rows"
    SUBQUERY = "subquery"
    UNTIED = "untied"
    OTHERWISE = "otherwise"
    CHANGED = "changed"
    REFUSED = "refused"


OBSTACLES = {
    Obstacle.OTHER_ROWS: "a window function reads other rows of it",
    Obstacle.SUBQUERY: "a subquery reads it",
    Obstacle.UNTIED: "nothing ties single rows of it to this one",
    Obstacle.OTHERWISE: "how it is read is not understood",
    Obstacle.CHANGED: "the SELECT is another one today than in this release",
    Obstacle.REFUSED: "the engine refuses its condition",
}
"""What each of them is, in words."""


@dataclass(frozen=True)
class NotFollowed:
    """A table whose used rows are not shown: what is in the way, and the same in words, for the operator."""

    table: str
    read_by: str
    code: Obstacle
    reason: str


@dataclass
class Explanation:
    """A row, the SELECT of its model, and the rows that it was computed from.

    ``row`` is empty when the table has no row of that key, but a source has records of it. ``others`` are the first of
    the records of sources that have the key and are not the row, ``others_total`` says how many there are.
    ``counts_forgotten`` is the number of rows of the table whose figures still count people who were forgotten.
    ``sql`` and ``inputs`` are of the model, None and empty for the table of a source.
    """

    table: str
    release: int
    row: dict[str, Any]
    computed_by: str | None
    sql: str | None = None
    inputs: tuple[str, ...] = ()
    contributions: list[Contribution] = field(default_factory=list)
    not_followed: list[NotFollowed] = field(default_factory=list)
    others: list[OtherRecord] = field(default_factory=list)
    others_total: int = 0
    counts_forgotten: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The explanation as nested dicts and lists, for JSON."""
        return asdict(self)
