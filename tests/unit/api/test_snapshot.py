from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from filon.api.snapshot import Reader, Remembered
from filon.errors import StoreUnavailable
from filon.project import Column, ColumnType, Kind
from filon.serving.query import Query, Row
from filon.serving.sqlite import SQLiteStore
from filon.serving.state import LoadId, ServedState
from filon.serving.tables import Order, StoredTable

TABLE = StoredTable("t", (Column("id", ColumnType(Kind.INTEGER)),), ("id",))
QUERY = Query((Order("id"),))
LOAD = LoadId("store", 1, "token")


class SlowStore(SQLiteStore):
    """A store that takes its time, alive or not."""

    def __init__(self, path: Path, *, alive: bool) -> None:
        super().__init__(path)
        self._alive = alive

    async def states(self) -> Sequence[ServedState]:
        if not self._alive:
            await asyncio.sleep(60)
        return await super().states()

    async def find(self, load: LoadId, table: StoredTable, query: Query) -> list[Row]:
        await asyncio.sleep(1.2 if self._alive else 60)
        return [{"id": load.number, "from": table.name, "at": query.skip}]


def test_a_store_that_hangs_is_unavailable(tmp_path: Path) -> None:
    reader = Reader(SlowStore(tmp_path / "none.db", alive=False))
    for question in (reader.states, lambda: reader.find(LOAD, TABLE, QUERY)):
        with pytest.raises(StoreUnavailable):
            asyncio.run(question())


def test_a_slow_answer_of_a_live_store_is_waited_for(tmp_path: Path) -> None:
    reader = Reader(SlowStore(tmp_path / "none.db", alive=True))
    assert asyncio.run(reader.find(LOAD, TABLE, QUERY)) == [{"id": 1, "from": "t", "at": 0}]


def test_the_least_used_answer_is_forgotten_first() -> None:
    asked: list[str] = []

    async def ask_for(remembered: Remembered[str], *keys: str) -> None:
        for key in keys:

            async def ask(key: str = key) -> str:
                asked.append(key)
                return key

            assert await remembered.get(key, ask) == key

    asyncio.run(ask_for(Remembered(2), "a", "b", "a", "c", "a", "b"))
    assert asked == ["a", "b", "c", "b"]
