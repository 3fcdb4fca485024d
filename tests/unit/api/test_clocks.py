"""A clock that is set back neither brings back keys nor locks clients out."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from filon.api.problems import HttpProblem
from filon.api.rates import Rates
from filon.api.security import Guard, KeyFile, Scope
from filon.errors import StoreUnavailable

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


async def not_noted() -> bool:
    return False


async def unanswered() -> bool:
    raise StoreUnavailable("no answer")


def test_a_key_that_was_over_stays_over_when_the_clock_is_set_back(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    _, secret = keys.create("guest", Scope.READ, NOW, NOW + DAY)
    guard = Guard(keys, required=False, noted=not_noted)
    asked = {"x-api-key": secret}
    assert guard.admit(asked, Scope.READ, NOW) is not None
    for now in (NOW + 2 * DAY, NOW):
        with pytest.raises(HttpProblem) as refused:
            guard.admit(asked, Scope.READ, now)
        assert refused.value.status == 401


def test_a_store_that_never_said_whether_keys_are_required_opens_nothing(tmp_path: Path) -> None:
    guard = Guard(KeyFile(tmp_path / "keys.json"), required=False, noted=unanswered)
    with pytest.raises(HttpProblem) as refused:
        asyncio.run(guard.prepare())
    assert refused.value.status == 503


def test_a_window_that_was_counted_with_a_clock_ahead_is_over(tmp_path: Path) -> None:
    rates = Rates("2/minute", tmp_path / "rates.db")
    assert [_exceeded(rates) for _ in range(3)] == [False, False, True]
    with closing(sqlite3.connect(tmp_path / "rates.db", isolation_level=None)) as counters:
        counters.execute("UPDATE counters SET ends = ends + 86400")
    assert not _exceeded(rates)
    rates.shut()


def test_counters_are_shared_again_once_their_file_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "rates.db").mkdir()
    rates, other = (Rates("2/minute", tmp_path / "rates.db", file_again_s=0.0) for _ in range(2))
    assert [_exceeded(rates) for _ in range(3)] == [False, False, True]
    (tmp_path / "rates.db").rmdir()
    assert [_exceeded(rates) for _ in range(2)] == [False, False]
    assert _exceeded(other)
    rates.shut()
    other.shut()


def _exceeded(rates: Rates) -> bool:
    allowance = rates.hit("address:127.0.0.1", has_key=False)
    assert allowance is not None
    return allowance.is_exceeded
