"""The state of a store: which load readers see, and what each of its tables holds."""

from __future__ import annotations

import datetime as dt
import secrets
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from filon.errors import StoreForeign
from filon.project import ColumnType, Kind
from filon.project.values import read_value
from filon.serving.query import Value, as_stored
from filon.serving.tables import StoredTable

OPEN = 2**31 - 1
"""The load that closes a row which is still valid."""


@dataclass(frozen=True)
class LoadId:
    """Which load of which store: whatever is remembered of a load is remembered under this, never under its number.

    ``number`` orders the loads of a store and decides which rows belong to each. A store that was dropped numbers its
    loads from 1 again, and one that was restored from a copy gives its next loads the numbers of others. So a store has
    a random name (``store``), and each load a random ``token``, which no other load ever has.
    """

    store: str
    number: int
    token: str


def next_load(before: ServedState | None) -> LoadId:
    """The id of the load that follows another one; without one, of the first load of a new store."""
    store, number = (before.id.store, before.id.number) if before else (secrets.token_hex(8), 0)
    return LoadId(store, number + 1, secrets.token_hex(8))


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class InputBuild(_Document):
    """The content of a gold table that rows of the store were computed from: which it is, and its number of rows.

    The lake finds the rows themselves by table and ``fingerprint``, for as long as it keeps them.
    """

    table: str
    fingerprint: str
    rows: int


class TableState(_Document):
    """One table as a load left it.

    ``fingerprint`` changes when other rows would be served, ``storage_hash`` when they would be kept in another way,
    ``recipe`` when the same tables of the lake would give others. ``versions`` is the number of rows in the store,
    closed ones included: another number means that another program wrote there.
    ``builds`` are the gold tables that the rows come from, in the order of the feed's inputs; ``passed`` and ``warned``
    count their checks. ``counts_forgotten`` is the number of rows of these tables whose figures were published before a
    person was forgotten, and count them.
    """

    table: str
    fingerprint: str
    storage_hash: str
    recipe: str
    rows: int
    versions: int
    builds: tuple[InputBuild, ...]
    as_of: dt.date
    gold_at: dt.datetime
    synced_at: dt.datetime
    duration_s: float
    passed: int = 0
    warned: int = 0
    counts_forgotten: int = 0

    @property
    def refresh_seconds(self) -> float:
        """Seconds from gold to the store; 0 when a clock was moved back in between."""
        return max(0.0, (self.synced_at - self.gold_at).total_seconds())


class ServedState(_Document):
    """One load: the release that it serves and the state of every table."""

    id: LoadId
    release: int
    project: str
    as_of: dt.date
    published_at: dt.datetime
    loaded_at: dt.datetime
    tables: Mapping[str, TableState]

    @property
    def load(self) -> int:
        """Number of the load in its store, from 1."""
        return self.id.number


@dataclass(frozen=True)
class LoadReport:
    """What a load wrote. ``load`` is the one that readers see now; nothing was written when both counts are 0."""

    store: str
    load: int
    release: int
    inserted: int
    closed: int
    duration_s: float


def read_state(text: str, uri: str) -> ServedState:
    """A state as a store keeps it; StoreForeign when it cannot be understood."""
    try:
        return ServedState.model_validate_json(text)
    except ValidationError as error:
        raise StoreForeign(
            f"{uri} was loaded by another version of Filon, or damaged. Drop it and run: the lake has all of it."
        ) from error


class PageIndex(_Document):
    """Places in a table in the order of its sort: the values of the sort's columns, and how many rows come before.

    They let readers jump to any page without counting the rows before it. Values are plain JSON, for ``read_value``.
    There need not be a row at a place any more. The places lie about ``step`` rows apart; ``rows`` are ascending
    numbers of rows (None, as in stores of older versions of Filon: multiples of ``step``), ``sort`` is the order that
    they were found in.
    """

    step: int
    keys: tuple[tuple[str | int | float | bool | None, ...], ...]
    rows: tuple[int, ...] | None = None
    sort: tuple[str, ...] = ()

    @property
    def numbers(self) -> Sequence[int]:
        """How many rows come before each place."""
        return range(0, self.step * len(self.keys), self.step) if self.rows is None else self.rows

    def find(self, row: int, table: StoredTable) -> tuple[int, tuple[Value, ...] | None]:
        """The last place that is not behind a row, as the number of rows before it and its values; else 0 and None."""
        index = bisect_right(self.numbers, row) - 1
        return (self.numbers[index], self.place(index, table)) if index >= 0 else (0, None)

    def place(self, index: int, table: StoredTable) -> tuple[Value, ...]:
        """The values of the sort's columns at a place."""
        kinds = [table.column(step.column).type for step in table.total_order(table.sort)]
        return tuple(map(read_place, self.keys[index], kinds))


def read_place(value: str | float | bool | None, kind: ColumnType) -> Value:
    """A value of a place as stores give it; texts stay as they are, whatever their spelling in Unicode is."""
    if value is None or (isinstance(value, str) and kind.kind is Kind.TEXT):
        return value
    return as_stored(read_value(value, kind), kind)
