"""What a store must be able to do: the interface of the loader and the API to MongoDB and SQLite.

A row in a store has two load numbers beside its columns: the first load that shows it and the first that does not
(``OPEN``: none yet). Readers name the load whose rows they want, so a load in progress, or one that was killed, changes
nothing for them until its number becomes the current one. They name it by its id, since numbers are given again once a
store was dropped or restored from a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from filon.project import Column
from filon.serving.limits import Limit
from filon.serving.query import Condition, Query, Row
from filon.serving.records import Records
from filon.serving.state import LoadId, PageIndex, ServedState
from filon.serving.tables import StoredTable

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

Batch = Sequence[Sequence[Any]]
"""Rows as the engine hands them over, their values spelled by ``encoding``."""


class BulkInsert(Protocol):
    """Adds rows to a prepared table, as ``LoadSession.insert`` does, from columns of Arrow, while the load goes on."""

    def __call__(self, table: StoredTable, batches: Iterable[pa.RecordBatch], /) -> Callable[[], int]:
        """What waits until the rows are there, and returns their number; it must be called before ``flip``."""


class LoadSession(Protocol):
    """A load in progress. Readers see what it writes from ``flip`` on; without ``flip``, nothing of it stays."""

    before: ServedState | None
    kept: Sequence[ServedState]
    id: LoadId

    def prepare(self, table: StoredTable) -> bool:
        """Make sure that the table is there; False when rows of loads before are not, or had another shape."""

    def insert(self, table: StoredTable, batches: Iterable[Batch]) -> int:
        """Add rows (columns in the table's order) that this load shows first, and return their number."""

    def bulk(self) -> BulkInsert | None:
        """What adds many rows of Arrow faster than ``insert``, if the store can."""

    def close(self, table: StoredTable, keys: Iterable[Batch] | None) -> int:
        """Let this load no longer show the rows with these keys (None: all rows), and return their number."""

    def flip(self, state: ServedState, page_index: Mapping[str, PageIndex | None], *, alone: bool = False) -> None:
        """Make the load the one that readers see, in one step; ``alone``: older ones can no longer be asked for.

        ``page_index`` has that of each table that changed (None: small).
        """

    def holds(self, table: StoredTable, versions: int) -> bool:
        """Whether the table is there and has that many rows, closed ones included."""

    def page_index(self, table: StoredTable) -> PageIndex | None:
        """The page index of the table in the load before; None when it had none."""

    def count(self, table: StoredTable) -> int:
        """Number of rows in the table, closed ones included, as this load leaves it."""

    def sweep(self, keep: int) -> int:
        """Forget all loads before this one but the newest ``keep``, and delete the rows that none of these shows."""


class Store(Protocol):
    """An operational store: one process loads it, many read it.

    ``find``, ``count`` and ``page_index`` answer from the very load that is named, or raise LoadGone when the store
    does not keep it, or kept it no longer when the answer was complete.
    """

    name: str
    uri: str

    @property
    def records(self) -> Records:
        """What is kept beside the loads."""

    def encoding(self, column: Column) -> str:
        """SQL, for the engine, that makes of a column the values which ``insert`` takes."""

    def limits(self, column: Column) -> Sequence[Limit]:
        """Conditions on the values of a column under which the store keeps them unchanged."""

    def state(self) -> ServedState | None:
        """The current load; None when the store is empty. StoreUnavailable when it does not answer."""

    def kept(self) -> Sequence[ServedState]:
        """The loads that readers can still ask for, newest first; ``states`` is the same for readers."""

    def is_settled(self, state: ServedState) -> bool:
        """Whether plain readers (tables by their names, ``_sync_metadata``) see the current load in the fastest way.

        They always see it; a load that was killed may have left a slower way.
        """

    def holds(self, table: StoredTable, versions: int) -> bool:
        """Whether the table is there and has that many rows, closed ones included."""

    def loading(self, *, anew: bool = False) -> AbstractContextManager[LoadSession]:
        """Begin the next load, alone: what a killed one left is undone first.

        ``anew``: nothing of the loads before stays, as in an empty store. StoreBusy when another process is loading.
        """

    def give_back(self) -> None:
        """Give back the space of what was deleted, so that no byte of it is left in the files of the store."""

    async def states(self) -> Sequence[ServedState]:
        """The loads that readers can still ask for, newest first."""

    async def find(self, load: LoadId, table: StoredTable, query: Query) -> list[Row]:
        """Rows of a load."""

    async def count(self, load: LoadId, table: StoredTable, conditions: Sequence[Condition]) -> int:
        """Number of rows of a load that meet the conditions."""

    async def page_index(self, load: LoadId, table: StoredTable) -> PageIndex | None:
        """The page index of a table as that load shows it; None for small tables."""

    async def shut_readers(self) -> None:
        """Give back the connections of readers, inside their event loop."""

    def shut(self) -> None:
        """Give back the connections of loads."""
