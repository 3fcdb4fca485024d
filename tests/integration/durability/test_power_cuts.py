"""A machine that loses power at every durable call of a small history: only what was synced is still there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.integration.durability.conftest import History
from tests.integration.durability.disk import LAKE, after_cut, cuts
from tests.integration.durability.shop import HISTORY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="open files are named by /proc")


@pytest.mark.parametrize("names_survive", [False, True], ids=["nothing survives", "names survive"])
@pytest.mark.parametrize("step", [step.name for step in HISTORY])
def test_a_power_cut_at_any_durable_call_leaves_a_whole_release_and_the_next_run_completes(
    history: History, tmp_path: Path, step: str, names_survive: bool
) -> None:
    stage = history.stages[step]
    disk = tmp_path / "disk"
    done = history.carry_out(history.copy(stage, tmp_path / "recorded"), [stage.step.command], disk=disk)
    assert len(done.calls) == len(stage.calls)
    moments = range(cuts(disk))
    assert len(moments) == len(stage.calls) + 2
    for number in moments:
        folder = history.copy(stage, tmp_path / str(number))
        shutil.rmtree(folder / LAKE, ignore_errors=True)
        after_cut(disk, number, folder / LAKE, names_survive=names_survive)
        published = {path.name for path in (folder / LAKE).glob("metadata/releases/*.json")}
        if number == moments[-1]:
            newest = f"{stage.after['release']:010}.json"
            assert newest in published, "what was said to be published is on the disk"
        history.require_sound(stage, folder)
        shutil.rmtree(folder)
    print(f"{step}: power cut at each of {len(moments)} moments")  # noqa: T201
