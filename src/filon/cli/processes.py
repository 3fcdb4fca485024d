"""Servers as processes of their own: started, waited for, and stopped together."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from filon.cli.orphans import ending_orphans
from filon.errors import ConfigError, ServerFailed

READY_S = 60
GRACE_S = 10
LOOK_S = 0.1
MOST_LOG_BYTES = 10_000_000
HOST = "127.0.0.1"
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Health = Callable[[], bool]
"""Whether a server is ready; asked again and again until it is."""


def surroundings() -> dict[str, str]:
    """The variables of this process, by which servers of this machine find each other."""
    return {**os.environ, **unproxied(os.environ)}


def unproxied(variables: Mapping[str, str]) -> dict[str, str]:
    """What keeps requests to this machine from the proxy that variables name; nothing where they name none."""
    given = {name.lower(): value for name, value in variables.items() if value}
    if not given.keys() & {"http_proxy", "https_proxy", "all_proxy"}:
        return {}
    others = [name for name in given.get("no_proxy", "").split(",") if name not in ("", HOST)]
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join([*others, HOST]))


@dataclass(frozen=True)
class Server:
    """A server: how it is started, and what says that it is ready.

    What it prints goes to the file ``log``; without one, its standard error goes where that of this process goes.
    """

    name: str
    command: Sequence[str]
    health: Health
    environment: Mapping[str, str] = field(default_factory=surroundings)
    log: Path | None = None


def answers(address: str, auth: tuple[str, str] | None = None) -> Health:
    """Whether an address answers with success."""

    def ask() -> bool:
        import httpx

        try:
            return httpx.get(address, auth=auth, timeout=1, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return ask


class Child:
    """A process in a session of its own: Ctrl-C does not reach it, and it ends with all that it started."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path | None = None, held: Sequence[int] = ()
    ) -> None:
        with ExitStack() as opened:
            written = opened.enter_context(_opened(log)) if log else None
            self._process = subprocess.Popen(  # noqa: S603 (commands are lists that this package writes)
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=written or subprocess.DEVNULL,
                stderr=written,
                start_new_session=True,
                pass_fds=held,
            )

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Ask it to end, wait a while, then kill what is left of it."""
        if self._process.poll() is None:
            self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        with suppress(ProcessLookupError, PermissionError):  # nothing is left of the group
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Group:
    """Servers that live and end together. All of them hold the open files ``held``, locks for instance, too."""

    def __init__(self, held: Sequence[int] = ()) -> None:
        self._held = held
        self._running: list[tuple[Server, Child]] = []

    def launch(self, server: Server) -> Child:
        """Start a server, and do not wait for it."""
        child = Child(server.command, server.environment, server.log, self._held)
        self._running.append((server, child))
        return child

    def start(self, server: Server) -> None:
        """Start a server, and wait until it is ready."""
        self.launch(server)
        self.wait(server)

    def wait(self, server: Server) -> None:
        """Wait until a server that was started is ready."""
        child = next(child for started, child in self._running if started is server)
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            if child.exit_code is not None:
                raise ServerFailed(f"{server.name} ended with exit code {child.exit_code} before it was ready")
            if server.health():
                return
            time.sleep(LOOK_S)
        raise ServerFailed(f"{server.name} was not ready after {READY_S} s")

    def watch(self) -> None:
        """Wait until one of them ends by itself: ServerFailed."""
        while True:
            for server, child in self._running:
                if child.exit_code is not None:
                    raise ServerFailed(f"{server.name} ended with exit code {child.exit_code}")
                shorten(server.log)
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """End them, the last one first."""
        while self._running:
            self._running.pop()[1].stop()


@contextmanager
def group(*held: int) -> Iterator[Group]:
    """Servers that end when the block does, however it ends, with all that they started."""
    found = Group(held)
    with quietly_stopped(), ending_orphans():
        try:
            yield found
        finally:
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them behind
            found.stop()


@contextmanager
def quietly_stopped() -> Iterator[None]:
    """A block that Ctrl-C, SIGTERM and SIGHUP end as if it had ended by itself; under nohup, SIGHUP does not."""
    heard = [number for number in ENDING if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in heard}
    try:
        yield
    except KeyboardInterrupt:
        pass  # the usual way to stop servers
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def shorten(log: Path | None) -> None:
    """Keep a log bounded: a full one becomes ``NAME.log.1``, in place of the one before it, and starts anew."""
    if log is None or not log.exists() or log.stat().st_size < MOST_LOG_BYTES:
        return
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)  # whoever writes it appends, so it goes on at the new end


def _opened(log: Path) -> IO[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("ab")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def require_free(name: str, host: str, port: int) -> None:
    """ConfigError when a port is in use."""
    if not is_free(host, port):
        raise ConfigError(f"{name}: {host}:{port} is in use. Give another port, or stop what listens there.")


def free_port(host: str, wanted: int) -> int:
    """The port that is wanted, or another one when it is in use."""
    [found] = free_ports([wanted], host)
    return found


def free_ports(wanted: Iterable[int], host: str = HOST) -> list[int]:
    """The ports that are wanted, each exchanged for another one when it is in use; no port twice."""
    with ExitStack() as held:
        return [held.enter_context(_bound(host, port)).getsockname()[1] for port in wanted]


def _bound(host: str, wanted: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, wanted), family=family)
    except OSError:
        return socket.create_server((host, 0), family=family)


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return True
    except OSError:
        return False
