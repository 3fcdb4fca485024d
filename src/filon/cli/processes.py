"""Servers as child processes: started, waited for, and stopped together with their descendants."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from filon.errors import ConfigError, ServerFailed

READY_S = 60
GRACE_S = 10
LOOK_S = 0.1
MOST_LOG_BYTES = 10_000_000
HOST = "127.0.0.1"
PR_SET_CHILD_SUBREAPER = 36
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Health = Callable[[], bool]
"""Whether a server is ready; called repeatedly until it returns true."""


def inherited_environment() -> dict[str, str]:
    """The environment for child processes: that of this process, with this machine exempt from proxies."""
    return {**os.environ, **no_proxy_variables(os.environ)}


def no_proxy_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables that exempt this machine from the proxies in ``variables``; empty when these name no proxy."""
    values = {name.lower(): value for name, value in variables.items() if value}
    if not values.keys() & {"http_proxy", "https_proxy", "all_proxy"}:
        return {}
    exempt = [name for name in values.get("no_proxy", "").split(",") if name not in ("", HOST)]
    return dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join([*exempt, HOST]))


@dataclass(frozen=True)
class Server:
    """How a server is started, and how to tell that it is ready.

    Its output is appended to the file ``log``. Without one, its standard output is discarded, and it writes to the
    standard error of this process.
    """

    name: str
    command: Sequence[str]
    health: Health
    environment: Mapping[str, str] = field(default_factory=inherited_environment)
    log: Path | None = None


def http_health(address: str, auth: tuple[str, str] | None = None) -> Health:
    """Whether an HTTP GET of an address succeeds.

    Args:
        address: the URL
        auth: user and password for basic authentication

    """

    def is_ready() -> bool:
        import httpx

        try:
            return httpx.get(address, auth=auth, timeout=1, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return is_ready


class Child:
    """A process in a session of its own, so that Ctrl-C does not reach it; ``stop`` ends its whole process group."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        with ExitStack() as stack:
            output = stack.enter_context(_open_log(log)) if log else None
            self._process = subprocess.Popen(  # noqa: S603 (commands are lists that this package writes)
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.DEVNULL,
                stderr=output,
                start_new_session=True,
                pass_fds=inherited,
            )

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Send SIGTERM, wait up to ``GRACE_S``, then kill what is left of the process group."""
        if self._process.poll() is None:
            self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        with suppress(ProcessLookupError, PermissionError):  # the group has no process left
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Group:
    """Servers that are stopped together. They inherit the file descriptors ``inherited``, such as locks."""

    def __init__(self, inherited: Sequence[int] = ()) -> None:
        self._inherited = inherited
        self._running: list[tuple[Server, Child]] = []

    def launch(self, server: Server) -> Child:
        """Start a server without waiting for it."""
        child = Child(server.command, server.environment, server.log, self._inherited)
        self._running.append((server, child))
        return child

    def start(self, server: Server) -> None:
        """Start a server, and wait until it is ready."""
        self.launch(server)
        self.wait(server)

    def wait(self, server: Server) -> None:
        """Wait until a started server is ready; ServerFailed when it ends, or is not ready after ``READY_S``."""
        child = next(child for started, child in self._running if started is server)
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            if child.exit_code is not None:
                raise ServerFailed(f"{server.name} ended with exit code {child.exit_code} before it was ready")
            if server.health():
                return
            time.sleep(LOOK_S)
        raise ServerFailed(f"{server.name} was not ready after {READY_S} s")

    def supervise(self) -> None:
        """Block until a server ends by itself, then raise ServerFailed; logs are rotated meanwhile."""
        while True:
            for server, child in self._running:
                if child.exit_code is not None:
                    raise ServerFailed(f"{server.name} ended with exit code {child.exit_code}")
                rotate_log(server.log)
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """Stop all servers, the last one started first."""
        while self._running:
            self._running.pop()[1].stop()


@contextmanager
def group(*inherited: int) -> Iterator[Group]:
    """A group whose servers, and all their descendants, are stopped when the block ends, however it ends."""
    servers = Group(inherited)
    with until_signal(), ending_orphans():
        try:
            yield servers
        finally:
            for number in ENDING:
                signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the stop
            servers.stop()


@contextmanager
def ending_orphans() -> Iterator[None]:
    """Kill, at the end of the block, every descendant that it left, also those outside their parent's process group.

    A descendant whose parent has ended is adopted by this process, which only Linux allows; elsewhere nothing is done.
    """
    before = _children()
    _adopt_orphans(enabled=True)
    try:
        yield
    finally:
        while orphans := _children() - before:
            for child in orphans:  # the children of a killed process are adopted in turn
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
        _adopt_orphans(enabled=False)


@contextmanager
def until_signal() -> Iterator[None]:
    """End the block without an error on Ctrl-C, SIGTERM or SIGHUP; under nohup, SIGHUP stays ignored."""
    signals = [number for number in ENDING if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    handlers = {number: signal.signal(number, _interrupt) for number in signals}
    try:
        yield
    except KeyboardInterrupt:
        pass  # how servers are stopped
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def rotate_log(log: Path | None, most_bytes: int = MOST_LOG_BYTES) -> None:
    """Move a log that has reached ``most_bytes`` to ``NAME.log.1``, which is replaced, and empty it."""
    if log is None or not log.exists() or log.stat().st_size < most_bytes:
        return
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)  # the server appends, so it goes on at the start of the emptied file


def _adopt_orphans(*, enabled: bool) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(enabled), 0, 0, 0)


def _children() -> set[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return {int(number) for text in lists for number in text.read_text().split()}


def _open_log(log: Path) -> IO[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("ab")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def require_free(name: str, host: str, port: int) -> None:
    """ConfigError when a port is in use."""
    if not is_free(host, port):
        raise ConfigError(f"{name}: {host}:{port} is in use. Give another port, or stop what listens there.")


def free_port(host: str, preferred: int) -> int:
    """The preferred port, or another one when that is in use."""
    [port] = free_ports([preferred], host)
    return port


def free_ports(preferred: Iterable[int], host: str = HOST) -> list[int]:
    """The preferred ports, each replaced by another one when it is in use; no port twice."""
    with ExitStack() as sockets:
        return [sockets.enter_context(_bind(host, port)).getsockname()[1] for port in preferred]


def _bind(host: str, preferred: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, preferred), family=family)
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
