"""A run that is killed, or whose disk fails, at every durable call of a small history."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.durability.conftest import LONG, History, Stage
from tests.integration.durability.shop import HISTORY
from tests.integration.durability.template import AFTER, BEFORE, KILLED, Fault

STEPS = [step.name for step in HISTORY]


def points(stage: Stage) -> list[int]:
    """The numbers of the durable calls of a step; without any, the seam would not be where it should."""
    assert stage.calls
    return [*range(1, len(stage.calls) + 1)]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_a_process_killed_at_any_durable_call_leaves_a_whole_release_and_the_next_run_completes(
    history: History, tmp_path: Path, step: str, moment: str
) -> None:
    stage = history.stages[step]
    for number in points(stage):
        folder = history.copy(stage, tmp_path / str(number))
        done = history.carry_out(folder, [stage.step.command], Fault(number, moment))
        assert (done.code, len(done.calls)) == (KILLED, number), f"call {number} was not reached: {done}"
        history.require_sound(stage, folder)
        shutil.rmtree(folder)
    print(f"{step}: killed {moment} each of {len(stage.calls)} durable calls")  # noqa: T201


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("first", [0, 1])
def test_a_disk_that_fails_at_any_durable_call_is_told_in_a_line_and_the_next_run_completes(
    history: History, tmp_path: Path, step: str, first: int
) -> None:
    stage = history.stages[step]
    for number in points(stage) if LONG else points(stage)[first::2]:
        error = ("ENOSPC", "EIO")[first]
        folder = history.copy(stage, tmp_path / str(number))
        done = history.carry_out(folder, [stage.step.command], Fault(number, error))
        assert (done.code, done.faults) == (0, 1), f"call {number} was not reached: {done}"
        assert "Traceback" not in done.output, done.calls
        seen = history.require_sound(stage, folder)
        if done.codes == [0] and seen is not None:  # nothing was lost, as when a lease is not given back
            assert seen == stage.after, done.calls
        shutil.rmtree(folder)
    print(f"{step}: {('ENOSPC', 'EIO')[first]} at {'each' if LONG else 'every other'} durable call")  # noqa: T201
