"""Which loads are kept, asked once for all questions that want to know at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Set
from contextlib import suppress

Ids = Set[tuple[int, str]]
"""Numbers and tokens of loads."""


class Kept:
    """The loads that are kept. At most one look at them is on its way, and one waits, for all who come meanwhile."""

    def __init__(self, ask: Callable[[], Awaitable[Ids]]) -> None:
        self._ask = ask
        self._waiting: asyncio.Task[Ids] | None = None
        self._lock = asyncio.Lock()

    async def now(self) -> Ids:
        """The loads that are kept at some moment after this call."""
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(self._ask_in_turn())
            self._waiting.add_done_callback(_retrieve)
        return await asyncio.shield(self._waiting)

    async def _ask_in_turn(self) -> Ids:
        async with self._lock:
            self._waiting = None  # the answer may be older than what is asked from here on
            return await self._ask()


def _retrieve(task: asyncio.Task[Ids]) -> None:
    """Whoever asked is told of an error; if nobody waits any more, it is no news."""
    with suppress(asyncio.CancelledError):
        task.exception()
