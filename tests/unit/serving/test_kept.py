"""One look at the loads for many questions, never one that began before the question was answered."""

from __future__ import annotations

import asyncio

import pytest

from filon.errors import StoreUnavailable
from filon.serving.mongo.kept import Ids, Kept


class Server:
    """A server that answers when it is told to, with the number of the look."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.is_down = False

    async def ids(self) -> Ids:
        self.asked += 1
        found = self.asked
        await self.may_answer.wait()
        if self.is_down:
            raise StoreUnavailable("down")
        return {(found, "token")}


async def started(kept: Kept) -> asyncio.Task[Ids]:
    task = asyncio.create_task(kept.now())
    for _ in range(5):
        await asyncio.sleep(0)
    return task


def test_who_comes_while_a_look_is_on_its_way_waits_for_the_next_one_together() -> None:
    async def ask() -> None:
        server = Server()
        kept = Kept(server.ids)
        first = await started(kept)
        later = [await started(kept) for _ in range(3)]
        assert server.asked == 1
        server.may_answer.set()
        assert await first == {(1, "token")}
        assert await asyncio.gather(*later) == [{(2, "token")}] * 3
        assert server.asked == 2

    asyncio.run(ask())


def test_an_error_is_told_to_all_who_wait_and_to_nobody_after() -> None:
    async def ask() -> None:
        server = Server()
        kept = Kept(server.ids)
        server.is_down = True
        waiting = [await started(kept) for _ in range(2)]
        waiting[0].cancel()
        server.may_answer.set()
        with pytest.raises(StoreUnavailable):
            await waiting[1]
        server.is_down = False
        assert await kept.now() == {(3, "token")}

    asyncio.run(ask())
