"""Servers as processes of their own: started, waited for, and stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from filon.errors import ConfigError, ServerFailed

READY_S = 60
GRACE_S = 10
LOOK_S = 0.1


@dataclass(frozen=True)
class Server:
    """A server: how it is started, and the address that answers once it is ready.

    Its standard error is its log; it goes to the file ``log``, or where that of this process goes.
    """

    name: str
    command: Sequence[str]
    health: str
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    log: Path | None = None


class Group:
    """Servers that live and end together."""

    def __init__(self) -> None:
        self._running: list[tuple[Server, subprocess.Popen[bytes]]] = []

    def start(self, server: Server) -> None:
        """Start a server, and wait until it answers."""
        with ExitStack() as opened:
            log = opened.enter_context(_opened(server.log)) if server.log else None
            process = self._popen(server, log)
        self._running.append((server, process))
        self._wait(server, process)

    @staticmethod
    def _popen(server: Server, log: IO[bytes] | None) -> subprocess.Popen[bytes]:
        # a session of its own: Ctrl-C reaches only this process, which then stops them in order
        return subprocess.Popen(  # noqa: S603 (commands are lists that this package writes)
            server.command,
            env=dict(server.environment),
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )

    def watch(self) -> None:
        """Wait until one of them ends by itself: ServerFailed."""
        while True:
            for server, process in self._running:
                if process.poll() is not None:
                    raise ServerFailed(f"{server.name} ended with exit code {process.returncode}")
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """End them, the last one first; what does not end in time is killed."""
        for _, process in reversed(self._running):
            if process.poll() is None:
                process.terminate()
        for _, process in reversed(self._running):
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    @staticmethod
    def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
        import httpx

        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            if process.poll() is not None:
                raise ServerFailed(f"{server.name} ended with exit code {process.returncode} before it was ready")
            try:
                if httpx.get(server.health, timeout=1).is_success:
                    return
            except httpx.TransportError:
                pass  # not yet
            time.sleep(LOOK_S)
        raise ServerFailed(f"{server.name} was not ready after {READY_S} s: {server.health}")


@contextmanager
def group() -> Iterator[Group]:
    """Servers that end when the block does, also by Ctrl-C or SIGTERM, which end the block quietly."""
    found = Group()
    with quietly_stopped():
        try:
            yield found
        finally:
            found.stop()


@contextmanager
def quietly_stopped() -> Iterator[None]:
    """A block that Ctrl-C and SIGTERM end as if it had ended by itself."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        pass  # the usual way to stop servers
    finally:
        signal.signal(signal.SIGTERM, before)


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
    if is_free(host, wanted):
        return wanted
    with socket.create_server((host, 0)) as found:
        return int(found.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            return True
    except OSError:
        return False
