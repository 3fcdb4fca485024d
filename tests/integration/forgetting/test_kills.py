"""An erasure that is killed at any durable call is finished by the next run, or by the next erasure."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.durability.conftest import LONG, looks
from tests.integration.durability.shop import LOOK, RUN, lay_out
from tests.integration.durability.template import BEFORE, KILLED, Done, Fault, Order, Template
from tests.integration.forgetting.person import ACHATS, CLIENTS, FILLING, KEY, MORE, REFUSED, VALUES
from tests.integration.forgetting.scan import found

FORGET = ("forget", "clients", "--key", KEY, "--reason", "asked", "--yes", "--json")
HELD = ("lake", "workspace")
UNIQUE = re.compile(r"[0-9a-f-]{8,}|[0-9]+")
"""In the names of objects, what tells those of a kind apart."""


@dataclass(frozen=True)
class Life:
    """A folder in which a person stands everywhere, and the process that carries out commands."""

    folder: Path
    environment: Mapping[str, str]
    template: Template

    def carry_out(self, folder: Path, *commands: tuple[str, ...], fault: Fault | None = None) -> Done:
        """Carry out commands in a folder, in a process of their own."""
        return self.template.carry_out(Order(str(folder), self.environment, commands, fault))

    def copy(self, folder: Path) -> Path:
        """A folder as it is when the person is to be forgotten."""
        return shutil.copytree(self.folder, folder)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Two releases of a small project."""
    folder = tmp_path_factory.mktemp("life")
    template = Template()
    life = Life(folder, lay_out(folder), template)
    (folder / "sources" / "clients.csv").write_text(CLIENTS)
    (folder / "sources" / "achats-0.csv").write_text(ACHATS)
    assert life.carry_out(folder, RUN).codes == [0]
    (folder / "sources" / "achats-2.csv").write_text(MORE + FILLING)
    (folder / "sources" / "clients-3.csv").write_text(REFUSED)
    assert life.carry_out(folder, RUN).codes == [0]
    yield life
    template.end()


def held(folder: Path) -> list[str]:
    """Where values of the person stand in what Filon holds, the sources apart."""
    places = [place for name in HELD for place in found(folder / name, VALUES)]
    (folder / "store").mkdir()
    for path in folder.glob("serving.db*"):
        shutil.copy(path, folder / "store")
    places += found(folder / "store", VALUES)
    shutil.rmtree(folder / "store")
    return places


def moments(calls: Sequence[str]) -> list[int]:
    """The numbers of durable calls before which a process is killed: all of them, or the last of each kind."""
    kinds = {UNIQUE.sub("#", call): number for number, call in enumerate(calls, start=1)}
    return [*range(1, len(calls) + 1)] if LONG else sorted(kinds.values())


@pytest.mark.parametrize("finish", [RUN, FORGET])
def test_an_erasure_killed_at_any_durable_call_is_finished(life: Life, tmp_path: Path, finish: tuple[str, ...]) -> None:
    whole = life.copy(tmp_path / "whole")
    done = life.carry_out(whole, FORGET)
    assert done.codes == [0], done.output
    assert held(whole) == []
    [expected] = looks(life.carry_out(whole, RUN, LOOK))
    numbers = moments(done.calls) if finish == RUN else moments(done.calls)[::3]
    for number in numbers:
        folder = life.copy(tmp_path / str(number))
        killed = life.carry_out(folder, FORGET, fault=Fault(number, BEFORE))
        assert (killed.code, len(killed.calls)) == (KILLED, number), killed.output
        shutil.rmtree(folder / "lake" / "metadata" / "leases")  # whose process is known to be dead
        has_begun = any((folder / "lake" / "metadata" / "erasures").glob("*.json"))
        ended = life.carry_out(folder, finish if has_begun else FORGET, ("verify", "--full"))
        assert ended.codes == [0, 0], (done.calls[number - 1], ended.output)
        assert held(folder) == [], done.calls[number - 1]
        [seen] = looks(life.carry_out(folder, RUN, LOOK))
        assert (seen["tables"], seen["served"]) == (expected["tables"], expected["served"]), done.calls[number - 1]
        assert held(folder) == [], done.calls[number - 1]
        shutil.rmtree(folder)
    print(f"killed before {len(numbers)} of {len(done.calls)} durable calls")  # noqa: T201


def test_a_lake_is_not_read_while_an_erasure_is_unfinished(life: Life, tmp_path: Path) -> None:
    folder = life.copy(tmp_path / "half")
    calls = life.carry_out(life.copy(tmp_path / "whole"), FORGET).calls
    middle = next(number for number, call in enumerate(calls, 1) if "/releases/" in call)
    life.carry_out(folder, FORGET, fault=Fault(middle, BEFORE))
    said = life.carry_out(folder, ("status",), ("plan",))
    assert said.codes == [1, 1]
    assert said.output.count("`filon run` goes on with that") == 2
