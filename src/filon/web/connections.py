"""Limits of connections, so that clients cannot exhaust a server.

uvicorn waits without limit for the rest of a request and for a client to read a response, and accepts connections
until the process has no file descriptor left. Here each connection takes a slot, of which there are fewer than
descriptors and of which a client may have only some. A connection is closed when a request does not arrive in time or
is too large, and when a client does not read a response.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from filon.settings import Settings
from filon.web.clients import Network, address_of, is_trusted, networks_of, site_of

LARGEST_HEAD, MOST_HEADERS = 65_536, 200
LARGEST_BODY = 1_048_576
MOST_WAITING = 16
"""The most pipelined requests of a connection."""
DESCRIPTORS_KEPT = 200
"""Descriptors that are not used for clients, but for files and connections to the store."""
MOST_DESCRIPTORS = 65_536
SHARE = 4


@dataclass(frozen=True)
class Limits:
    """Limits of the connections of a process.

    Attributes:
        slots: the most open connections
        slots_per_client: the most of one client; a quarter of all if None
        timeout_s: seconds for the head of a request, for its body, and for a client to read part of a response
        trusted: proxies, which may have all slots, since each has many clients

    """

    slots: int
    slots_per_client: int | None
    timeout_s: float
    trusted: tuple[Network, ...] = ()


def raise_descriptors() -> None:
    """Raise the limit of open files of this process to the hard limit, at most ``MOST_DESCRIPTORS``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))


class Slots:
    """The connection slots of a process, counted per client."""

    def __init__(self, limits: Limits) -> None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = limits.slots if soft == resource.RLIM_INFINITY else max(1, soft - DESCRIPTORS_KEPT)
        self._all = min(limits.slots, free)
        self._per_client = min(limits.slots_per_client or max(1, self._all // SHARE), self._all)
        self._trusted = limits.trusted
        self._taken: Counter[str] = Counter()
        self._total = 0

    def take(self, peer: str) -> str | None:
        """Take a slot for the peer address of a connection.

        Returns:
            The key by which the slot is released; None when no slot is free for this client.

        """
        address = address_of(peer)
        name = peer if address is None else site_of(address)
        most = self._all if is_trusted(address, self._trusted) else self._per_client
        if self._total >= self._all or self._taken[name] >= most:
            return None
        self._taken[name] += 1
        self._total += 1
        return name

    def release(self, name: str) -> None:
        """Release a slot, by the key that ``take`` returned."""
        self._total -= 1
        self._taken[name] -= 1
        if not self._taken[name]:
            del self._taken[name]


_SLOTS: WeakKeyDictionary[ServerState, Slots] = WeakKeyDictionary()


class _Stage(Enum):
    """The part of a request that a connection waits for."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()


class _Refused(Exception):
    """Ends the parsing of a refused request, with the status of the response."""

    def __init__(self, status: HTTPStatus) -> None:
        self.status = status
        super().__init__(status.phrase)


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with limits of connections, sizes and times."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        if server_state not in _SLOTS:
            _SLOTS[server_state] = Slots(limits)
        self._slots = _SLOTS[server_state]
        self._slot: str | None = None
        self._stage = _Stage.HEAD
        self._timer: asyncio.TimerHandle | None = None
        self._timed: _Stage | None = None
        self._size = 0
        self._refusal: HTTPStatus | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._unread = 0
        self._is_read = False

    # connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a slot, or refuse the connection with 503."""
        peer = transport.get_extra_info("peername")
        self._slot = self._slots.take(str(peer[0]) if isinstance(peer, (tuple, list)) else "")
        super().connection_made(transport)
        if self._slot is None:
            self.connections.discard(self)
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._start_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the slot."""
        self._end_timers()
        self._release_slot()
        super().connection_lost(exc)

    def _release_slot(self) -> None:
        if self._slot is not None:
            self._slots.release(self._slot)
            self._slot = None

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection to the websocket protocol; the slot is released when it closes."""
        self._end_timers()
        super().handle_websocket_upgrade()
        protocol: Any = self.transport.get_protocol()
        original = protocol.connection_lost

        def connection_lost(exc: Exception | None) -> None:
            self._release_slot()
            original(exc)

        protocol.connection_lost = connection_lost

    # requests

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, which may hold part of a request or several, within the limit of the head."""
        if self.transport.is_closing():
            return
        if self._stage is _Stage.HEAD:
            self._size += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self._stage is _Stage.HEAD and self._size > LARGEST_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._stage is _Stage.NOTHING and self.timeout_keep_alive_task is None and self._is_answered():
            self._begin(_Stage.HEAD)  # only blank lines, which begin no request
        self._start_timeout()

    def on_message_begin(self) -> None:
        """Count pipelined requests when a request begins."""
        if len(self.pipeline) >= MOST_WAITING:
            raise self._refusal_of(HTTPStatus.TOO_MANY_REQUESTS)
        if self._stage is _Stage.NOTHING:
            self._begin(_Stage.HEAD)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the headers of a request."""
        if len(self.headers) >= MOST_HEADERS:
            raise self._refusal_of(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Expect the body once the head is complete."""
        self._begin(_Stage.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count the bytes of a body."""
        self._size += len(body)
        if self._size > LARGEST_BODY:
            raise self._refusal_of(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect nothing once the request is complete."""
        self._begin(_Stage.NOTHING)
        super().on_message_complete()

    def _is_answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return not self.pipeline and (cycle is None or cycle.response_complete)

    def _begin(self, stage: _Stage) -> None:
        self._stage, self._size = stage, 0

    def _start_timeout(self) -> None:
        """Start the timeout of the awaited part; data that arrives does not extend it."""
        if self._stage is self._timed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._stage is not _Stage.NOTHING:
            self._timer = self.loop.call_later(self._limits.timeout_s, self._time_out)
        self._timed = self._stage

    def _time_out(self) -> None:
        if not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    # refusals

    def _refusal_of(self, status: HTTPStatus) -> _Refused:
        self._refusal = status
        return _Refused(status)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn names it so)
        """Refuse a request that cannot be parsed, or whose parsing was ended by a limit."""
        self._refuse(self._refusal or HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        """Send the status, unless a response has begun, and close the connection."""
        if self._is_answered() or not self.cycle.response_started:
            text = f"{status.phrase}\n".encode()
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Length: {len(text)}\r\n"
            kind = "Content-Type: text/plain; charset=utf-8\r\nRetry-After: 2\r\n\r\n"
            self.transport.write(head.encode() + kind.encode() + text)
        self.transport.close()
        self._watch_reader()

    # answers

    def pause_writing(self) -> None:
        """Watch the reader once the transport's buffer is full."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Note that the client has read."""
        super().resume_writing()
        self._is_read = True

    def on_response_complete(self) -> None:
        """Watch the reader of a response that is written, but may not be read yet."""
        super().on_response_complete()
        self._watch_reader()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, and watch the reader of what is still unsent."""
        super().timeout_keep_alive_handler()
        self._watch_reader()

    def _unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def _watch_reader(self) -> None:
        """Check, after the timeout, that the client has read part of the unsent bytes."""
        if self._reading is None and self._unsent():
            self._unread, self._is_read = self._unsent(), False
            self._reading = self.loop.call_later(self._limits.timeout_s, self._check_reader)

    def _check_reader(self) -> None:
        self._reading = None
        if self._unsent() >= self._unread and not self._is_read:
            self.transport.abort()
        else:
            self._watch_reader()

    def _end_timers(self) -> None:
        for timer in (self._timer, self._reading):
            if timer is not None:
                timer.cancel()
        self._timer = self._reading = None


def server_options(settings: Settings) -> dict[str, Any]:
    """Options of uvicorn that the servers of Filon share.

    They keep the limits above, believe only proxies that are named (of its own, uvicorn believes whoever asks from
    loopback), and tell clients nothing of the server. Requests are logged by the applications.
    """
    trusted = networks_of(settings.trusted_proxies)
    limits = Limits(settings.connections, settings.connections_per_client, settings.request_timeout_s, trusted)
    proxies = {"proxy_headers": bool(trusted), "forwarded_allow_ips": [*map(str, trusted)]}
    quiet = {"access_log": False, "server_header": False}
    return {"http": partial(LimitedProtocol, limits=limits), **proxies, **quiet}
