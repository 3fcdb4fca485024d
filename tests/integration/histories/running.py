"""Runs of many histories: how many, how long, and from which seed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture import engine
from hypothesis.internal.conjecture.engine import ConjectureRunner
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.histories.beginnings import Beginnings
from tests.integration.histories.machine import Histories

STEPS = 7
"""What happens in a history, its beginning included."""
MOST_SHRINKING_S = 900
"""How long a shorter history is looked for that fails too; hypothesis would stop after a few dozen attempts."""


def run_histories(number: int, start: int, machine: type[Histories] = Histories, *, shrink: bool = True) -> None:
    """Let so many histories happen; the same ``start`` gives the same ones.

    Raises:
        AssertionError: tables of one differ from those of a lake without a past. A note holds that history, as the
            calls of a short script; with ``shrink``, it is the shortest that could be found.

    """
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    chosen = settings(
        max_examples=number,
        stateful_step_count=STEPS,
        phases=phases,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with _varied(), tempfile.TemporaryDirectory(prefix="filon-test-") as folder:
        seeded = type(machine.__name__, (machine,), {"beginnings": Beginnings(Path(folder))})
        run_state_machine_as_test(seed(start)(seeded), settings=chosen)


@contextmanager
def _varied() -> Iterator[None]:
    """Each history is a new one, and there is time to shorten one that fails.

    Of six, hypothesis makes five by repeating parts of the sixth. That is cheap where a test takes a millisecond; where
    it takes two seconds, what is new must come sooner.
    """
    repeating, patience = ConjectureRunner.generate_mutations_from, engine.MAX_SHRINKING_SECONDS
    engine.MAX_SHRINKING_SECONDS = MOST_SHRINKING_S
    ConjectureRunner.generate_mutations_from = _generate_none  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        engine.MAX_SHRINKING_SECONDS = patience
        ConjectureRunner.generate_mutations_from = repeating  # type: ignore[method-assign]


def _generate_none(runner: ConjectureRunner, data: object) -> None:
    """In place of what makes histories from others."""
