"""Connections that nobody can hold without using them.

uvicorn waits for the rest of a request, and for the reader of an answer, as long as they like, and takes connections
until the process has no descriptor left. Here each connection takes a place, of which there are fewer than descriptors
and of which a client may have only some; and it is closed when a request does not arrive whole in time, when it is
larger than any that is answered, and when nothing of an answer was read for a while.
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
"""Requests of one connection that arrived before the ones before them were answered."""
DESCRIPTORS_KEPT = 200
"""Descriptors for what is no connection of a client: files, and connections of the store."""
MOST_DESCRIPTORS = 65_536
SHARE = 4


@dataclass(frozen=True)
class Limits:
    """How much of a server its clients may hold.

    ``places``: open connections of a process; ``places_of_one``: of one client, a quarter of them if None.
    ``patience_s``: seconds for the head of a request, for its body, and between two looks whether an answer is read.
    A trusted proxy has many clients, so it may have all places.
    """

    places: int
    places_of_one: int | None
    patience_s: float
    trusted: tuple[Network, ...] = ()


def raise_descriptors() -> None:
    """Let this process, and those that it starts, open as many files and connections as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))


class Places:
    """The places of one process, and who has them."""

    def __init__(self, limits: Limits) -> None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = limits.places if soft == resource.RLIM_INFINITY else max(1, soft - DESCRIPTORS_KEPT)
        self._all = min(limits.places, free)
        self._of_one = min(limits.places_of_one or max(1, self._all // SHARE), self._all)
        self._trusted = limits.trusted
        self._taken: Counter[str] = Counter()
        self._total = 0

    def take(self, peer: str) -> str | None:
        """A place for a connection, under the name by which it is given back; None when there is none for it."""
        address = address_of(peer)
        name = peer if address is None else site_of(address)
        most = self._all if is_trusted(address, self._trusted) else self._of_one
        if self._total >= self._all or self._taken[name] >= most:
            return None
        self._taken[name] += 1
        self._total += 1
        return name

    def give_back(self, name: str) -> None:
        """A connection has ended."""
        self._total -= 1
        self._taken[name] -= 1
        if not self._taken[name]:
            del self._taken[name]


_PLACES: WeakKeyDictionary[ServerState, Places] = WeakKeyDictionary()


class _Stage(Enum):
    """What a connection waits for."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()


class _Refused(Exception):
    """Ends the parsing of a request that is not answered; the status says why."""

    def __init__(self, status: HTTPStatus) -> None:
        self.status = status
        super().__init__(status.phrase)


class LimitedProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, within limits."""

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
        if server_state not in _PLACES:
            _PLACES[server_state] = Places(limits)
        self._places = _PLACES[server_state]
        self._place: str | None = None
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
        """Take a place, or close the connection."""
        peer = transport.get_extra_info("peername")
        self._place = self._places.take(str(peer[0]) if isinstance(peer, (tuple, list)) else "")
        super().connection_made(transport)
        if self._place is None:
            self.connections.discard(self)
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._end_timers()
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        if self._place is not None:
            self._places.give_back(self._place)
            self._place = None

    def handle_websocket_upgrade(self) -> None:
        """Another protocol goes on with the connection, and still has its place."""
        self._end_timers()
        super().handle_websocket_upgrade()
        protocol: Any = self.transport.get_protocol()
        lost = protocol.connection_lost

        def connection_lost(exc: Exception | None) -> None:
            self._leave()
            lost(exc)

        protocol.connection_lost = connection_lost

    # requests

    def data_received(self, data: bytes) -> None:
        """Part of a request, or of several."""
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
            self._begin(_Stage.HEAD)  # blank lines, which begin no request
        self._wait()

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= MOST_WAITING:
            raise self._too_much(HTTPStatus.TOO_MANY_REQUESTS)
        if self._stage is _Stage.NOTHING:
            self._begin(_Stage.HEAD)
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of the request."""
        if len(self.headers) >= MOST_HEADERS:
            raise self._too_much(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._begin(_Stage.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Part of a body."""
        self._size += len(body)
        if self._size > LARGEST_BODY:
            raise self._too_much(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._begin(_Stage.NOTHING)
        super().on_message_complete()

    def _is_answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return not self.pipeline and (cycle is None or cycle.response_complete)

    def _begin(self, stage: _Stage) -> None:
        self._stage, self._size = stage, 0

    def _wait(self) -> None:
        """Let the time for what is awaited run; what arrives of it meanwhile gives it no more time."""
        if self._stage is self._timed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._stage is not _Stage.NOTHING:
            self._timer = self.loop.call_later(self._limits.patience_s, self._give_up)
        self._timed = self._stage

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    # refusals

    def _too_much(self, status: HTTPStatus) -> _Refused:
        self._refusal = status
        return _Refused(status)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn names it so)
        """Answer what cannot be parsed, or is no longer parsed."""
        self._refuse(self._refusal or HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        """Say why, unless an answer is under way, and close the connection."""
        if self._is_answered() or not self.cycle.response_started:
            text = f"{status.phrase}\n".encode()
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\nContent-Length: {len(text)}\r\n"
            kind = "Content-Type: text/plain; charset=utf-8\r\nRetry-After: 2\r\n\r\n"
            self.transport.write(head.encode() + kind.encode() + text)
        self.transport.close()
        self._follow_reader()

    # answers

    def pause_writing(self) -> None:
        """More of an answer waits than the transport wants to keep."""
        super().pause_writing()
        self._follow_reader()

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._is_read = True

    def on_response_complete(self) -> None:
        """All of an answer was written, though perhaps not read."""
        super().on_response_complete()
        self._follow_reader()

    def timeout_keep_alive_handler(self) -> None:
        """No other request came."""
        super().timeout_keep_alive_handler()
        self._follow_reader()

    def _left(self) -> int:
        return self.transport.get_write_buffer_size()

    def _follow_reader(self) -> None:
        """From now on, look whether what waits to be sent becomes less."""
        if self._reading is None and self._left():
            self._unread, self._is_read = self._left(), False
            self._reading = self.loop.call_later(self._limits.patience_s, self._look_at_reader)

    def _look_at_reader(self) -> None:
        self._reading = None
        if self._left() >= self._unread and not self._is_read:
            self.transport.abort()
        else:
            self._follow_reader()

    def _end_timers(self) -> None:
        for timer in (self._timer, self._reading):
            if timer is not None:
                timer.cancel()
        self._timer = self._reading = None


def server_options(settings: Settings) -> dict[str, Any]:
    """Options by which uvicorn keeps these limits, and believes only proxies that are named.

    Of its own it believes whoever asks from loopback.
    """
    trusted = networks_of(settings.trusted_proxies)
    limits = Limits(settings.connections, settings.connections_per_client, settings.request_timeout_s, trusted)
    proxies = {"proxy_headers": bool(trusted), "forwarded_allow_ips": [*map(str, trusted)]}
    return {"http": partial(LimitedProtocol, limits=limits), **proxies}


# _headers": bool(trusted), "forwarded_allow_ips": [*map(str, trusted)]}
