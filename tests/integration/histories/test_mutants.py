"""The checker is checked: histories find each fault that is put into the code. A new one is a line of ``MUTANTS``."""

from __future__ import annotations

import os

import pytest

from tests.integration.histories.machine import Histories
from tests.integration.histories.mutants import IN_MONGODB, MUTANTS, Mutant
from tests.integration.histories.running import run_histories
from tests.integration.histories.scripts import Script, carry_out

LONG = "FILON_TEST_LONG" in os.environ
MOST = 300
"""Histories by chance in which a fault must show."""


def damaged(mutant: Mutant, server: str = "") -> type[Histories]:
    return type("Damaged", (Histories,), {"damaged": lambda _: mutant.applied(), "server": server})


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_shows_in_the_history_that_was_made_for_it(mutant: Mutant) -> None:
    with pytest.raises(AssertionError):
        carry_out(mutant.history, damaged(mutant))


@pytest.mark.parametrize("history", dict.fromkeys(mutant.history for mutant in MUTANTS), ids=lambda made: made.__name__)
def test_that_history_shows_nothing_without_the_fault(history: Script) -> None:
    carry_out(history)


def test_a_fault_in_the_store_shows_in_mongodb_as_well(mongo_uri: str) -> None:
    with pytest.raises(AssertionError, match="has too much"):
        carry_out(IN_MONGODB.history, damaged(IN_MONGODB, mongo_uri))


@pytest.mark.skipif(not LONG, reason="takes an hour; set FILON_TEST_LONG")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_chance_finds_the_fault_as_well(mutant: Mutant) -> None:
    with pytest.raises(AssertionError):
        run_histories(MOST, 1, damaged(mutant), shrink=False)
