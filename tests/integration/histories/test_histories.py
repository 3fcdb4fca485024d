"""Incremental equals full: after any history, every table equals the one that a lake without a past would have."""

from __future__ import annotations

import pytest

from tests.integration.histories.machine import Histories
from tests.integration.histories.running import run_histories
from tests.integration.histories.scripts import FOUND, Script, carry_out, forgotten_client

EACH = 150
"""Histories of a class; the classes are shared between processes. `make prove` lets many more happen."""
IN_MONGODB = 12
COME_ABOUT = {
    "compacted tables",
    "compacted tables of bronze",
    "files swept",
    "killed runs",
    "races",
    "rejected: client:reference",
    "rejected: day:notAfter",
    "rejected: id:required",
    "rejected: purchase:reference",
    "rejected: record:too_few_fields",
    "retractions",
    "rollbacks",
    "states of some keys",
    "rows of forgotten people",
    "superseded records",
}
"""What must have come about in so many histories: else they would prove little."""


def prove(start: int) -> None:
    Histories.seen.clear()
    run_histories(EACH, start)
    assert Histories.seen["histories"] >= EACH
    assert {what for what in COME_ABOUT if not Histories.seen[what]} == set()


@pytest.mark.parametrize("script", FOUND, ids=lambda script: script.__name__)
def test_what_was_found_once_is_found_no_more(script: Script) -> None:
    carry_out(script)


def test_a_forgotten_client_is_as_one_who_never_said_anything() -> None:
    carry_out(forgotten_client)


class TestSomeHistories:
    def test_every_table_equals_that_of_a_lake_without_a_past(self) -> None:
        prove(1)


class TestOtherHistories:
    def test_every_table_equals_that_of_a_lake_without_a_past(self) -> None:
        prove(2)


def test_a_store_in_mongodb_shows_what_one_without_a_past_shows(mongo_uri: str) -> None:
    Histories.seen.clear()
    run_histories(IN_MONGODB, 3, type("InMongoDB", (Histories,), {"server": mongo_uri}))
    assert Histories.seen["histories"] >= IN_MONGODB
