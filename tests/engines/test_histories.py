"""Histories of a small project whose engine changes: every table equals the one that DuckDB alone would have made."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import pytest

from filon.settings import Settings
from tests.integration.histories.machine import Histories
from tests.integration.histories.place import OPTIONS
from tests.integration.histories.running import run_histories
from tests.integration.histories.scripts import (
    Script,
    carry_out,
    forgotten_client,
    late_client,
    purchases_retracted,
)

AT_RANDOM = 1
"""Histories: on Spark, each of their runs takes half a minute."""


class ChangingEngines(Histories):
    """What begins on DuckDB goes on on Spark, then on DuckDB again, and so on; what it is compared with is DuckDB's."""

    remote: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self._engines = itertools.cycle([OPTIONS, Settings(engine="spark", spark_remote=self.remote)])
        self.place = replace(self.place, choose=self._choose)

    def _choose(self) -> Settings:
        chosen = next(self._engines)
        self.seen[chosen.engine] += 1
        return chosen


@pytest.fixture
def machine(spark_remote: str) -> Iterator[type[ChangingEngines]]:
    seen = Counter[str]()
    yield type("OnThisServer", (ChangingEngines,), {"remote": spark_remote, "seen": seen})
    assert seen["spark"]
    assert seen["comparisons"]


@pytest.mark.parametrize(
    "script",
    [purchases_retracted, late_client, forgotten_client],
    ids=lambda script: script.__name__,
)
def test_tables_are_extended_on_spark_as_on_duckdb(script: Script, machine: type[ChangingEngines]) -> None:
    carry_out(script, machine)


def test_a_project_may_change_its_engine_whatever_happens(machine: type[ChangingEngines]) -> None:
    run_histories(AT_RANDOM, 1, machine, shrink=False)
