"""The checker is checked: histories find each fault that is put into the code. A new one is a line of ``MUTANTS``."""

from __future__ import annotations

import pytest

from tests.integration.histories.machine import Histories
from tests.integration.histories.mutants import MUTANTS, Mutant
from tests.integration.histories.running import run_histories

MOST = 80
"""Histories in which a fault must show."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_shows_within_a_bounded_number_of_histories(mutant: Mutant) -> None:
    damaged = type("Damaged", (Histories,), {"damaged": lambda _: mutant.applied()})
    with pytest.raises(AssertionError):
        run_histories(MOST, mutant.seed, damaged, shrink=False)
