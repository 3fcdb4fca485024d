"""What all tests share: where temporary files lie, how tests are divided, and a table of what took the time."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from filon.settings import PREFIX

MEMORY = Path("/dev") / "shm"
ROOM = 4 * 2**30
"""Bytes that the file system in memory must have free: several times as much as all tests together leave there."""
UNDIVIDED = ("tests/e2e/", "tests/integration/flows/", "tests/integration/up/")
"""Packages whose modules share a server that takes long to start, or may not run beside each other."""
SHOWN = 25
PHASES = ("setup", "call", "teardown")


@dataclass
class Cost:
    """What the tests of a file cost: seconds of each phase, and of the processor."""

    tests: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    processor_s: float = 0.0

    def add(self, report: pytest.TestReport) -> None:
        """Count one phase of one test."""
        self.tests += report.when == "setup"
        self.seconds[report.when or "call"] += report.duration
        self.processor_s += vars(report).get("processor_s", 0.0)

    @property
    def total_s(self) -> float:
        """The seconds of all phases."""
        return sum(self.seconds.values())


def processor_s() -> float:
    """Seconds of the processor that this process and its children, once they have ended, have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


class Meter:
    """The processor's seconds between two looks."""

    def __init__(self) -> None:
        self._seen = processor_s()

    def read(self) -> float:
        """Those since the last look."""
        before, self._seen = self._seen, processor_s()
        return self._seen - before


meter = Meter()


def pytest_configure() -> None:
    """Keep temporary files in memory, unless TMPDIR says where: of a small run, half is waiting for the disk."""
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker uses that of the process that started it
        os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="filon-tests-")


def pytest_unconfigure() -> None:
    """Remove what tests kept in the cache of this user."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["XDG_CACHE_HOME"])


def _has_room(folder: Path) -> bool:
    """Whether tests can write their files there, and run them."""
    if not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= ROOM and not found.f_flag & os.ST_NOEXEC


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``--dist loadscope``, workers are sent whole modules, and some packages."""
    if config.getvalue("dist") != "loadscope":
        return None
    scheduler = LoadScopeScheduling(config, log)
    module_of = scheduler._split_scope

    def scope_of(nodeid: str) -> str:
        undivided = [package for package in UNDIVIDED if nodeid.startswith(package)]
        return undivided[0] if undivided else str(module_of(nodeid))

    scheduler._split_scope = scope_of
    return scheduler


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """Variables of Filon that the developer's shell has are no settings of tests.

    Those that say how tests run, ``FILON_TEST_…``, would be refused as unknown; modules read them when imported.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            patch.delenv(name)
        yield


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over modules and tests: they stay, and to search them takes long."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note in the report of each phase what it cost the processor; workers send such attributes along."""
    report = yield
    vars(report)["processor_s"] = meter.read()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the dearest files."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    costs = costs_by_file(report for report in reports if isinstance(report, pytest.TestReport))
    dearest = sorted(costs, key=lambda name: costs[name].total_s, reverse=True)[:SHOWN]
    total = sum(cost.total_s for cost in costs.values())
    terminalreporter.write_sep("=", f"{len(dearest)} dearest of {len(costs)} files, which took {total:.0f} s")
    terminalreporter.write_line(f"{'tests':>6}" + "".join(f"{name:>10}" for name in (*PHASES, "processor")))
    for name in dearest:
        cost = costs[name]
        seconds = [*cost.seconds.values(), cost.processor_s]
        terminalreporter.write_line(f"{cost.tests:>6}" + "".join(f"{each:>10.1f}" for each in seconds) + f"  {name}")


def costs_by_file(reports: Iterable[pytest.TestReport]) -> dict[str, Cost]:
    """What each test file cost."""
    costs: dict[str, Cost] = defaultdict(Cost)
    for report in reports:
        costs[report.location[0]].add(report)
    return costs
