"""The history of a small shop, carried out once without any fault: what every fault is compared with."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.durability.shop import HISTORY, LOOK, RUN, SWEEP, Step, lay_out, objects, state_of
from tests.integration.durability.template import Done, Fault, Order, Template

Seen = dict[str, Any]
LONG = "FILON_TEST_LONG" in os.environ
"""Whether every error is tried at every call, and every state is mended although the same one was before."""
MENDED: Sequence[Sequence[str]] = (RUN, LOOK, SWEEP, LOOK, RUN)
"""What follows each command of the history and each fault: a run, a sweep, and a run that finds nothing to do."""


@dataclass(frozen=True)
class Stage:
    """A step of the history: the folder as it begins, what readers see before and after it, and how it went.

    ``finished`` is what they see after the step and another run, ``objects`` what the lake holds after a sweep.
    """

    step: Step
    folder: Path
    before: Seen
    after: Seen
    finished: Seen
    objects: Sequence[str]
    done: Done

    @property
    def calls(self) -> Sequence[str]:
        """Its durable calls."""
        return self.done.calls


@dataclass(frozen=True)
class History:
    """All stages, and the process that carries out commands."""

    template: Template
    environment: Mapping[str, str]
    stages: Mapping[str, Stage]
    mended: set[tuple[str, object]] = field(default_factory=set)

    def carry_out(
        self, folder: Path, commands: Sequence[Sequence[str]], fault: Fault | None = None, disk: Path | None = None
    ) -> Done:
        """Carry out commands in a folder, in a process of their own."""
        return self.template.carry_out(Order(str(folder), self.environment, commands, fault, str(disk or "")))

    def copy(self, stage: Stage, folder: Path) -> Path:
        """A folder as it is when a step begins."""
        shutil.copytree(stage.folder, folder)
        return folder

    def require_sound(self, stage: Stage, folder: Path) -> Seen | None:
        """A whole release is published, and the next runs end with what a lake without faults has.

        Returns what readers see; None when the same state of lake and store was found sound already.
        """
        state = (stage.step.name, state_of(folder))
        if state in self.mended and not LONG:
            return None
        self.mended.add(state)
        done = self.carry_out(folder, [LOOK, stage.step.command, *MENDED])
        seen, *after = looks(done)
        self._require_whole(stage, seen)
        assert done.codes[2:] == [0] * len(MENDED), done.output
        assert done.codes[1] == 0 or "no live file" in done.output, done.output
        assert [found["tables"] for found in after] == [stage.finished["tables"]] * 2
        assert [found["served"] for found in after] == [stage.finished["served"]] * 2
        assert '"status": "unchanged"' in done.output[done.output.rindex('{"release"') :], done.output
        assert objects(folder) == stage.objects
        return seen

    def _require_whole(self, stage: Stage, seen: Seen) -> None:
        """The published release is the one before the step or the one after it, all of it; the store serves one too."""
        assert (seen["release"], seen["tables"]) in [
            (known["release"], known["tables"]) for known in (stage.before, stage.after)
        ]
        assert seen["served"] in (stage.before["served"], stage.after["served"])


def rebuilt(history: History, stage: Stage, folder: Path) -> Seen:
    """What readers see when a step is followed by a run that builds every table anew."""
    return looks(history.carry_out(history.copy(stage, folder), [stage.step.command, (*RUN, "--force"), LOOK]))[0]


def looks(done: Done) -> list[Seen]:
    """What the commands ``LOOK`` saw."""
    assert done.code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines() if line.startswith('{"release"')]


@pytest.fixture(scope="package")
def template() -> Iterator[Template]:
    """The process from which others are forked."""
    template = Template()
    yield template
    template.end()


@pytest.fixture(scope="package")
def history(tmp_path_factory: pytest.TempPathFactory, template: Template) -> History:
    """The history without faults.

    Each step is carried out in a copy, as it is with faults: a copied file has a new inode, so a run reads it again.
    """
    folder = tmp_path_factory.mktemp("history")
    work = folder / "work"
    work.mkdir()
    found: dict[str, Stage] = {}
    history = History(template, lay_out(work), found)
    before: Seen = {"release": 0, "tables": {}, "served": []}
    for step in HISTORY:
        for name, content in step.arrives.items():
            (work / "sources" / name).write_text(content)
        start = shutil.copytree(work, folder / step.name)
        work = shutil.copytree(start, folder / f"{step.name}, carried out")
        done = history.carry_out(work, [step.command])
        after = looks(history.carry_out(work, [LOOK]))[0]
        twin = shutil.copytree(work, folder / f"{step.name}, finished")
        finished = looks(history.carry_out(twin, MENDED))[0]
        found[step.name] = Stage(step, start, before, after, finished, objects(twin), done)
        before = after
    return history
