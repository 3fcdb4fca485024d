"""The columns of facts in the memory of this process: fetched from the store chunk by chunk, only what is new."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from filon.api.problems import HttpProblem
from filon.api.snapshot import Reader, Snapshot, Snapshots
from filon.errors import StoreError
from filon.project.serving import Operator
from filon.serving.analysis import Analysis
from filon.serving.columns.chunks import Chunk
from filon.serving.columns.memory import Coded, Columns
from filon.serving.columns.stored import DIGEST, MONTH, PART, chunk_table
from filon.serving.query import Condition, Query, Row
from filon.serving.state import LoadId

Result = TypeVar("Result")
MOST_LOADS = 2
"""Loads whose columns are held; they share the chunks that did not change between them."""
MOST_CHUNKS = 5_000
DECODED_AT_ONCE = 12
FOLLOW_S = 2.0


@dataclass(frozen=True)
class _Held:
    """The columns of a load, and the chunks that they consist of."""

    columns: Columns
    coded: Coded


class ColumnCache:
    """The columns of one table's facts."""

    def __init__(self, reader: Reader, snapshots: Snapshots, analysis: Analysis) -> None:
        self.analysis = analysis
        self._reader = reader
        self._snapshots = snapshots
        self._table = chunk_table(analysis)
        self._sort = self._table.total_order(())
        self._held: OrderedDict[LoadId, _Held] = OrderedDict()
        self._fetching: dict[LoadId, asyncio.Task[Columns]] = {}
        self._lock = asyncio.Lock()
        # one computation at a time: each uses a core and memory of its own
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="analysis")

    @property
    def name(self) -> str:
        """The table of the store that holds the chunks."""
        return self._table.name

    async def columns(self, snapshot: Snapshot) -> Columns:
        """The columns of a load. Requests that wait for the same columns share one fetch, and its failure."""
        load = snapshot.load
        if load in self._held:
            self._held.move_to_end(load)
            return self._held[load].columns
        if load not in self._fetching:
            task = self._fetching[load] = asyncio.create_task(self._fetch(snapshot))
            task.add_done_callback(lambda _: self._fetching.pop(load))
        return await asyncio.shield(self._fetching[load])

    async def compute(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """The result of a computation, which runs in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)

    async def follow(self) -> None:
        """Fetch the columns of each load before a request needs them."""
        while True:
            with suppress(StoreError, HttpProblem):  # a request would be answered with it
                # not by way of the snapshots: requests would wait there for a store that does not answer
                if states := await self._reader.states():
                    await self.columns(self._snapshots.of(states[0]))
            await asyncio.sleep(FOLLOW_S)

    def shut(self) -> None:
        """End what is under way."""
        for task in self._fetching.values():
            task.cancel()
        self._pool.shutdown(cancel_futures=True)

    async def _fetch(self, snapshot: Snapshot) -> Columns:
        async with self._lock:  # one after the other, so that the second finds the chunks of the first
            return await self._fetch_alone(snapshot)

    async def _fetch_alone(self, snapshot: Snapshot) -> Columns:
        snapshot.table(self.name)
        index = await self._find(snapshot, (), (MONTH, PART, DIGEST))
        digests = tuple(str(row[DIGEST]) for row in index)
        coded = self._nearest(digests)
        coded = await self._with_chunks(coded, snapshot, [row for row in index if row[DIGEST] not in coded.parts])
        columns = coded.columns(digests)
        self._held[snapshot.load] = _Held(columns, coded)
        while len(self._held) > MOST_LOADS:
            self._held.popitem(last=False)
        return columns

    async def _with_chunks(self, coded: Coded, snapshot: Snapshot, index: Sequence[Row]) -> Coded:
        """The chunks of an index as well; some are read while those before are decoded."""
        decoding: asyncio.Future[Coded] | None = None
        for start in range(0, len(index), DECODED_AT_ONCE):
            chunks = await self._chunks(snapshot, index[start : start + DECODED_AT_ONCE])
            coded = await decoding if decoding is not None else coded
            decoding = asyncio.ensure_future(self.compute(coded.with_chunks, chunks))
        return await decoding if decoding is not None else coded

    async def _chunks(self, snapshot: Snapshot, index: Sequence[Row]) -> list[Chunk]:
        chunks = []
        for row in index:
            key: Mapping[str, Any] = {name: row[name] for name in (MONTH, PART)}
            conditions = tuple(Condition(name, Operator.EQUAL, value) for name, value in key.items())
            chunks += [_chunk(found) for found in await self._find(snapshot, conditions, None)]
        return chunks

    def _nearest(self, digests: Sequence[str]) -> Coded:
        """The chunks among these that are in memory, from the load that has most of them."""
        shared = [held.coded.only(digests) for held in self._held.values()]
        return max(shared, key=lambda coded: len(coded.parts), default=Coded.empty(self.analysis))

    async def _find(
        self, snapshot: Snapshot, conditions: tuple[Condition, ...], fields: tuple[str, ...] | None
    ) -> Sequence[Row]:
        query = Query(self._sort, conditions, limit=MOST_CHUNKS, fields=fields)
        return await self._reader.find(snapshot.load, self._table, query)


def _chunk(row: Row) -> Chunk:
    rows: Any = row
    return Chunk(**{name: rows[name] for name in Chunk.__dataclass_fields__})
