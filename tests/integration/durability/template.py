"""Processes that are made ready once and then forked: each is a real one, and starts within milliseconds.

Run as a module, this reads orders from its standard input, one a line, and carries out each in a child of its own.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pymongo.monitoring

from filon.durable import DurableCall, Effect, Observer, observed

KILLED = -signal.SIGKILL
BEFORE, AFTER = "before", "after"
MONGO_WRITES = ("insert", "update", "delete", "findAndModify", "create", "createIndexes", "collMod", "drop")
WARM = """
import babel.dates, babel.numbers, encodings.ascii, deltalake, duckdb, obstore, pandas, pyarrow.dataset, pyarrow.parquet
import rich._emoji_codes, typer._adapters, typer._click.decorators
import filon.access.pipeline, filon.cli.app, filon.cli.lake, filon.cli.pipeline, filon.engines.duckdb
import filon.lake.rollback, filon.lake.sweep, filon.lake.tables
import filon.pipeline.rollback, filon.pipeline.run, filon.serving.mongo, filon.serving.sqlite
import tests.integration.durability.disk, tests.integration.durability.shop
"""


@dataclass(frozen=True)
class Fault:
    """What happens at the n-th durable call: the process is killed ``before`` or ``after`` it, or the call fails.

    ``how`` is one of these two words, or the name of an error of the system, such as ``ENOSPC``.
    """

    number: int
    how: str


@dataclass(frozen=True)
class Order:
    """Commands to carry out one after the other in ``folder``, with a fault in them, or a record of what is synced."""

    folder: str
    environment: Mapping[str, str]
    commands: Sequence[Sequence[str]]
    fault: Fault | None = None
    disk: str = ""


@dataclass(frozen=True)
class Done:
    """How it ended: the exit code of the process, those of its commands, what they said, and the calls that began."""

    code: int
    codes: Sequence[int] = ()
    output: str = ""
    calls: Sequence[str] = ()
    faults: int = 0
    cpu_s: float = 0.0


@dataclass
class Calls:
    """Counts durable calls, and lets a fault happen. Calls of a lease are made by a clock, and do not count."""

    fault: Fault | None
    log: Path
    number: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def observe(self, call: DurableCall) -> Iterator[None]:
        """Run a call, with the fault if it is the one."""
        is_due = self.begin(f"{call.effect}: {call.what}")
        if is_due and self.fault is not None and self.fault.how not in (BEFORE, AFTER):
            self.log.with_suffix(".fault").touch()
            raise _error(self.fault.how, call.effect)
        yield
        if is_due:
            self.strike(AFTER)

    def begin(self, call: str) -> bool:
        """Count a call; whether the fault happens at this one. It kills the process here, if it is to be before."""
        if threading.current_thread().name == "lease":
            return False
        with self.lock:
            self.number += 1
            is_due = self.fault is not None and self.number == self.fault.number
            with self.log.open("a") as stream:
                stream.write(f"{call}\n")
        if is_due:
            self.strike(BEFORE)
        return is_due

    def strike(self, moment: str) -> None:
        """Kill the process, if this is the moment."""
        if self.fault is not None and self.fault.how == moment:
            os.kill(os.getpid(), signal.SIGKILL)


class MongoCalls(pymongo.monitoring.CommandListener):
    """Counts the commands that change a database of MongoDB as durable calls."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._due: set[int] = set()

    def started(self, event: pymongo.monitoring.CommandStartedEvent) -> None:
        """The command is about to be sent."""
        name = event.command_name
        if name in MONGO_WRITES and self._calls.begin(f"{name} {event.command[name]}"):
            self._due.add(event.request_id)

    def succeeded(self, event: pymongo.monitoring.CommandSucceededEvent) -> None:
        """The server has answered."""
        if event.request_id in self._due:
            self._calls.strike(AFTER)

    def failed(self, event: pymongo.monitoring.CommandFailedEvent) -> None:
        """A command that failed changed nothing."""


def _error(name: str, effect: Effect) -> Exception:
    """The error as the system or SQLite reports it."""
    if effect is Effect.SQLITE:
        return sqlite3.OperationalError("database or disk is full" if name == "ENOSPC" else "disk I/O error")
    code = getattr(errno, name)
    return OSError(code, os.strerror(code))


class Template:
    """The process from which others are forked."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.integration.durability.template"]
        self._process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def carry_out(self, order: Order) -> Done:
        """Let a child carry out an order, and wait for its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the template ended"
        return Done(**json.loads(answer))

    def end(self) -> None:
        """Let the template end."""
        self._process.communicate()


def _serve() -> None:
    exec(WARM, {})  # noqa: S102 (imports alone)
    gc.collect()
    gc.freeze()  # children do not search what was imported for garbage, which took a quarter of their time
    for line in sys.stdin:
        given = json.loads(line)
        fault = Fault(**given.pop("fault")) if given["fault"] else given.pop("fault")
        print(json.dumps(asdict(_in_a_child(Order(**given, fault=fault)))), flush=True)  # noqa: T201


def _in_a_child(order: Order) -> Done:
    report = Path(order.folder) / "report"
    for path in report.parent.glob("report*"):
        path.unlink()
    child = os.fork()
    if child == 0:
        _run_child(order, report)
    _, status, usage = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    codes, calls, output = (_text(report.with_suffix(suffix)) for suffix in (".codes", ".calls", ".output"))
    faults = int(report.with_suffix(".fault").exists())
    cpu = usage.ru_utime + usage.ru_stime
    return Done(code, [int(found) for found in codes.split()], output, calls.splitlines(), faults, cpu)


def _run_child(order: Order, report: Path) -> None:
    """Carry out the commands and end the process, whatever happens: it must not go on as a second template."""
    code = 99
    try:
        os.chdir(order.folder)
        os.environ.clear()
        os.environ.update(order.environment)
        handle = os.open(report.with_suffix(".output"), os.O_WRONLY | os.O_CREAT)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        _run_commands(order, report)
        code = 0
    except BaseException:  # noqa: BLE001 (the parent is told, and the process ends)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run_commands(order: Order, report: Path) -> None:
    from tests.integration.durability.disk import recorded
    from tests.integration.durability.shop import run_command

    calls = Calls(order.fault, report.with_suffix(".calls"))
    if order.environment["FILON_SERVING"].startswith("mongodb:"):
        pymongo.monitoring.register(MongoCalls(calls))
    with contextlib.ExitStack() as stack:
        observer: Observer = calls.observe
        if order.disk:
            observer = stack.enter_context(recorded(Path(order.folder), Path(order.disk), observer))
        stack.enter_context(observed(observer))
        for command in order.commands:
            code = run_command(command)
            with report.with_suffix(".codes").open("a") as stream:
                stream.write(f"{code}\n")


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    _serve()
