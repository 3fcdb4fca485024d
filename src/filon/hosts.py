"""Refuse requests whose Host header names a host that is not allowed.

A page of another site can let its own name resolve to this machine (DNS rebinding). The browser then takes the server
for a part of that site, and lets the page read its responses. The Host header still holds the foreign name.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    import logging

    from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_NAME = "localhost"
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (addresses to listen on, not to connect to)
HOST_PATTERN = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::([0-9]{0,5}))?", re.ASCII)
ORIGIN = re.compile(r"(https?)://(.+)")
PORTS = {"http": 80, "https": 443}
HIGHEST_PORT = 65_535
LONGEST_SHOWN = 80
HEADERS = (
    (b"content-type", b"application/problem+json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
UNKNOWN = (
    "This server is not asked under the host that the request names. "
    "If it should be, whoever runs it can add the host to FILON_ALLOWED_HOSTS."
)


@dataclass(frozen=True)
class Host:
    """A host of a header: a name in lower case or an address in canonical form, and the port if there is one."""

    name: str
    port: int | None = None

    @cached_property
    def is_local(self) -> bool:
        """Whether it is a loopback address or a name of localhost."""
        if self.name == LOCAL_NAME or self.name.endswith(f".{LOCAL_NAME}"):
            return True
        address = _address(self.name)
        return address is not None and address.is_loopback


@dataclass(frozen=True)
class Refusal:
    """The status, problem type and detail of a refused request."""

    status: HTTPStatus
    kind: str
    detail: str


class AllowedHosts:
    """The allowed hosts: loopback, the local address that a request was received on, and the given names."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(names)

    def refusal(self, scope: MutableMapping[str, Any]) -> Refusal | None:
        """Why the host of a request, or the origin of a websocket, is refused; None when it is allowed."""
        values = _values(scope, b"host")
        if len(values) != 1:
            fault = "names no host" if not values else "names more than one host"
            return Refusal(
                HTTPStatus.BAD_REQUEST, "host-invalid", f"The request {fault}; it must have one Host header."
            )
        host = parsed_host(values[0].strip(" \t"))
        if host is None:
            return Refusal(HTTPStatus.BAD_REQUEST, "host-invalid", "The Host header is no host with or without a port.")
        if not (host.is_local or host.name in self._names or host.name == _own_address(scope)):
            return Refusal(HTTPStatus.MISDIRECTED_REQUEST, "host-unknown", UNKNOWN)
        if scope["type"] == "websocket" and not all(_is_same(origin, host) for origin in _values(scope, b"origin")):
            detail = "Only pages of this server may open a websocket; the Origin header names another one."
            return Refusal(HTTPStatus.FORBIDDEN, "origin-foreign", detail)
        return None


class HostCheck:
    """ASGI middleware that answers requests for hosts that are not allowed with a problem document."""

    def __init__(self, app: ASGIApp, hosts: AllowedHosts, logger: logging.Logger) -> None:
        self._app = app
        self._hosts = hosts
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        refusal = self._hosts.refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        self._logger.warning("refused, %s: %s", refusal.kind, _loggable_headers(scope))
        document = {
            "type": f"urn:filon:problem:{refusal.kind}",
            "title": refusal.status.phrase,
            "status": int(refusal.status),
            "detail": refusal.detail,
            "instance": quote(scope["path"]),
        }
        body = json.dumps(document).encode()
        prefix = "websocket." if scope["type"] == "websocket" else ""
        headers = [*HEADERS, (b"content-length", str(len(body)).encode())]
        await send({"type": f"{prefix}http.response.start", "status": int(refusal.status), "headers": headers})
        is_head = scope.get("method") == "HEAD"
        await send({"type": f"{prefix}http.response.body", "body": b"" if is_head else body})


@lru_cache(maxsize=256)
def parsed_host(text: str) -> Host | None:
    """Parse a Host header, or the part of an origin after the scheme; None when it is neither name nor address."""
    match = HOST_PATTERN.fullmatch(text.lower())
    if match is None:
        return None
    bracketed, name, port = match.groups()
    number = int(port) if port else None
    address = _address(bracketed or name)
    if number is not None and number > HIGHEST_PORT:
        return None
    if bracketed and (address is None or ":" not in bracketed):
        return None
    return Host(name if address is None else str(address), number)


def read_hosts(text: str) -> frozenset[str]:
    """Parse a comma-separated list of hosts without ports; ValueError names an invalid one."""
    texts = [part.strip() for part in text.split(",") if part.strip()]
    hosts = {part: parsed_host(f"[{part}]" if ":" in part else part) for part in texts}
    for part, host in hosts.items():
        if host is None or host.port is not None:
            raise ValueError(f"{part} is no host; write names and addresses alone, such as dashboard.example.com")
    return frozenset(host.name for host in hosts.values() if host is not None)


def names_of(listening: str, *addresses: str | None) -> frozenset[str]:
    """The host names of the address that a server listens on, and of its public URLs."""
    authorities = [urlsplit(address).netloc.rpartition("@")[2] for address in addresses if address]
    if listening not in EVERYWHERE:
        authorities.append(f"[{listening}]" if ":" in listening else listening)
    return frozenset(host.name for authority in authorities if (host := parsed_host(authority)) is not None)


def _is_same(origin: str, host: Host) -> bool:
    """Whether an origin is that of the server at this host."""
    match = ORIGIN.fullmatch(origin.lower())
    page = parsed_host(match[2]) if match else None
    if match is None or page is None:
        return False
    usual = PORTS[match[1]]
    return (page.name, page.port or usual) == (host.name, host.port or usual)


def _values(scope: MutableMapping[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1") for header, value in scope["headers"] if header == name]


def _own_address(scope: MutableMapping[str, Any]) -> str | None:
    """The local address that the request was received on; no page of another site has it as its name."""
    server = scope.get("server")
    address = _address(server[0]) if server else None
    return None if address is None else str(address)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _loggable_headers(scope: MutableMapping[str, Any]) -> str:
    """The Host and Origin headers in ASCII and shortened, for a log."""
    headers = {name: _values(scope, name.encode()) for name in ("host", "origin")}
    shortened = (f"{name} {value[:LONGEST_SHOWN]}" for name, values in headers.items() for value in values[:2])
    return ascii(", ".join(shortened))
