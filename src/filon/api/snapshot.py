"""Which load answers a request: the current one, the one of an older release, or the one that a cursor belongs to."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from filon.api.problems import HttpProblem, gone, unavailable
from filon.errors import StoreUnavailable
from filon.serving.feeds import Feed
from filon.serving.protocol import Store
from filon.serving.query import Condition, Query, Row
from filon.serving.records import Records
from filon.serving.state import LoadId, PageIndex, ServedState, TableState
from filon.serving.tables import StoredTable

Result = TypeVar("Result")
Value = TypeVar("Value")
FRESH_S = 0.2
"""Seconds for which the list of loads is used before the store is asked again."""
STATE_PATIENCE_S = 1.5
QUESTION_PATIENCE_S = 1.0
PROBE_PATIENCE_S = 0.7
LONGEST_QUESTION_S = 30.0
TURN_S = 0.1
MOST_REMEMBERED = 2_000


class Remembered(Generic[Value]):
    """The most recently used answers, a bounded number of them."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """The answer known under a key, or the one that ``ask`` gives now."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        answer = self._kept[key] = await ask()
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return answer


class Reader:
    """The store as requests ask it: a question is answered in time, or StoreUnavailable is raised.

    A question may take up to ``LONGEST_QUESTION_S`` as long as the store is alive. When one takes longer than
    ``QUESTION_PATIENCE_S``, a short question finds out whether it is.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts: Remembered[int] = Remembered()
        self._page_indexes: Remembered[PageIndex | None] = Remembered()

    @property
    def name(self) -> str:
        """Name of the kind of store."""
        return self._store.name

    @property
    def uri(self) -> str:
        """Address of the store, for the log."""
        return self._store.uri

    async def states(self) -> Sequence[ServedState]:
        """The loads that can be asked for, newest first."""
        return await self._probe(STATE_PATIENCE_S)

    async def find(self, load: LoadId, table: StoredTable, query: Query) -> list[Row]:
        """Rows of a load."""
        return await self._within_limits(self._store.find(load, table, query))

    async def count(self, load: LoadId, table: StoredTable, conditions: tuple[Condition, ...]) -> int:
        """Number of rows of a load that meet the conditions; counted once."""
        key = (load, table.name, conditions)
        return await self._counts.get(key, lambda: self._within_limits(self._store.count(load, table, conditions)))

    async def page_index(self, load: LoadId, table: StoredTable) -> PageIndex | None:
        """The marks of a table; fetched once."""
        return await self._page_indexes.get(
            (load, table.name), lambda: self._within_limits(self._store.page_index(load, table))
        )

    async def ask(self, question: Callable[[Records], Coroutine[Any, Any, Result]]) -> Result:
        """What the records of the store say."""
        return await self._within_limits(question(self._store.records))

    async def shut(self) -> None:
        """Give back connections, inside the event loop that used them."""
        await self._store.shut_readers()
        self._store.shut()

    async def _within_limits(self, question: Coroutine[Any, Any, Result]) -> Result:
        task = asyncio.ensure_future(question)
        try:
            if not await _is_done(task, QUESTION_PATIENCE_S):
                await self._probe(PROBE_PATIENCE_S)
                if not await _is_done(task, LONGEST_QUESTION_S):
                    raise StoreUnavailable(f"the store needed more than {LONGEST_QUESTION_S:.0f} s for one question")
            return task.result()
        finally:
            task.cancel()

    async def _probe(self, patience_s: float) -> Sequence[ServedState]:
        task = asyncio.ensure_future(self._store.states())
        try:
            if not await _is_done(task, patience_s):
                raise StoreUnavailable(f"the store did not answer in {patience_s} s")
            return task.result()
        finally:
            task.cancel()


async def _is_done(task: asyncio.Future[Any], patience_s: float) -> bool:
    """Whether a task ends in time, counted in turns of this event loop: a busy process is not a store that is gone."""
    for _ in range(max(1, round(patience_s / TURN_S))):
        done, _ = await asyncio.wait({task}, timeout=TURN_S)
        if done:
            return True
    return False


@dataclass(frozen=True)
class Snapshot:
    """The load that answers a request.

    ``feeds`` are the tables as contracts describe them today, by name; a load may be older than the contracts.
    """

    state: ServedState
    feeds: Mapping[str, Feed] = field(default_factory=dict, repr=False)

    @property
    def load(self) -> LoadId:
        """Which load it is."""
        return self.state.id

    def table(self, name: str) -> TableState:
        """What the load knows of a table; 404 when it did not have it yet, 409 when its contract was another."""
        known = self.state.tables.get(name)
        if known is None:
            detail = f"Release {self.state.release} does not hold {name}. `filon run` loads tables that are new."
            raise HttpProblem(404, "table-not-loaded", detail)
        if not self._fits(known):
            of = self.feeds[name].served.name
            detail = f"Release {self.state.release} was loaded when {of} had another contract than this API reads. "
            detail += "`filon run` loads it anew; an API that is older than the contract must be started again."
            raise HttpProblem(409, "other-contract", detail)
        return known

    def known(self, name: str) -> TableState | None:
        """What the load knows of a table; None when it cannot be read, or is not there."""
        known = self.state.tables.get(name)
        return known if known is not None and self._fits(known) else None

    def _fits(self, known: TableState) -> bool:
        feed = self.feeds.get(known.table)
        return feed is None or feed.fits(known)


class Snapshots:
    """The loads that requests can ask for; the list may be ``FRESH_S`` old."""

    def __init__(self, reader: Reader, feeds: Mapping[str, Feed], clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._feeds = feeds
        self._clock = clock
        self._states: Sequence[ServedState] = ()
        self._fresh_until = float("-inf")
        self._lock = asyncio.Lock()

    async def known(self) -> Sequence[ServedState]:
        """The loads, newest first."""
        if self._clock() >= self._fresh_until:
            async with self._lock:
                if self._clock() >= self._fresh_until:
                    await self._refresh()
        return self._states

    async def choose(self, release: int | None = None, load: LoadId | None = None) -> Snapshot:
        """The load that is asked for; 404 or 410 when it is not kept, 503 when nothing is loaded."""
        states = await self.known()
        if not states:
            raise unavailable("Nothing is loaded yet. `filon run` fills the store.")
        if load is not None:
            return self._of_load(states, load, release)
        if release is None:
            return self.of(states[0])
        for state in states:
            if state.release == release:
                return self.of(state)
        kept = ", ".join(str(number) for number in dict.fromkeys(state.release for state in states))
        raise HttpProblem(404, "unknown-release", f"The release asked for is not served. These are kept: {kept}.")

    def of(self, state: ServedState) -> Snapshot:
        """A load, seen as contracts say today."""
        return Snapshot(state, self._feeds)

    async def _refresh(self) -> None:
        self._states = await self._reader.states()
        self._fresh_until = self._clock() + FRESH_S

    def _of_load(self, states: Sequence[ServedState], load: LoadId, release: int | None) -> Snapshot:
        state_of_load = next((state for state in states if state.id == load), None)
        if state_of_load is None:
            raise gone()
        if release not in (None, state_of_load.release):
            raise HttpProblem(422, "invalid-parameter", "The cursor belongs to another release: leave `release` out.")
        return self.of(state_of_load)
