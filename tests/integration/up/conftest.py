"""A stack that runs for as long as the tests do, and how to start others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from filon.cli.secrets import read_variables

STOP_S = 60


@dataclass(frozen=True)
class Running:
    """A stack that is up: its process, and what it said of its services."""

    process: subprocess.Popen[str]
    folder: Path
    services: dict[str, dict[str, Any]]

    def address(self, service: str) -> str:
        """Where a service is."""
        return str(self.services[service]["address"])

    def states(self) -> dict[str, str]:
        """How the services are."""
        return {name: str(service["state"]) for name, service in self.services.items()}

    def log(self, service: str) -> str:
        """What a service wrote."""
        file: Path = self.folder / self.services[service]["log"]
        return file.read_text(errors="replace")

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets between the services."""
        return read_variables(self.folder / ".filon/services/secrets.env")

    @property
    def environment(self) -> dict[str, str]:
        """What another terminal needs to work on the same lake and store."""
        return surroundings() | read_variables(self.folder / ".filon/services/stack.env")

    def tree(self) -> set[int]:
        """Every process that it started, and their own."""
        return descendants(self.process.pid)

    def stop(self, number: signal.Signals) -> int:
        """Send it a signal and wait for its end."""
        self.process.send_signal(number)
        return self.process.wait(STOP_S)


def start(folder: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    """Start a stack on free ports."""
    return subprocess.Popen(
        [sys.executable, "-m", "filon", "up", "--ports", "auto", "--json", *options],
        cwd=folder,
        env=surroundings() | variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@contextmanager
def running(folder: Path, *options: str, **variables: str) -> Iterator[Running]:
    """A stack on free ports; none of its processes outlives it."""
    with start(folder, *options, **variables) as process:
        before: set[int] = set()
        try:
            yield Running(process, folder, _services_of(process))
            before = descendants(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_S)
    assert not alive(before)


def _services_of(process: subprocess.Popen[str]) -> dict[str, dict[str, Any]]:
    assert process.stdout is not None
    assert process.stderr is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            return {service["name"]: service for service in json.loads("".join(lines))["services"]}
    raise AssertionError(process.stderr.read())


def surroundings() -> dict[str, str]:
    """The environment without settings of Filon, AWS or Prefect."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("FILON_", "AWS_", "PREFECT_"))}


def descendants(pid: int) -> set[int]:
    """The processes below one, as the system lists them."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    children = {int(child) for text in lists for child in text.read_text().split()}
    return children | {below for child in children for below in descendants(child)}


def alive(pids: set[int]) -> set[int]:
    """Those that still are there."""
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def usual_ports_alone() -> FileLock:
    """Held by one process at a time: stacks that start at once would take the same free ports."""
    return FileLock(Path(tempfile.gettempdir()) / "filon-tests-of-stacks.lock")


@pytest.fixture(scope="package", autouse=True)
def usual_ports() -> Iterator[None]:
    """The tests of this package do not run beside other stacks."""
    with usual_ports_alone():
        yield


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Everything that can run here."""
    with running(tmp_path_factory.mktemp("up")) as running_stack:
        yield running_stack
