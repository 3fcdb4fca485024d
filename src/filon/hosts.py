"""Under which hosts a server is asked; a request for any other host is refused before anything else looks at it.

A page of another site can let its own name resolve to this machine (DNS rebinding). A browser then takes the server for
a part of that site, and shows the page what it answers. The Host header still has the foreign name, so it tells.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_NAME = "localhost"
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (addresses to listen on, which no client names)
SPELLED = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::([0-9]{0,5}))?", re.ASCII)
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
    """A host as headers name it: a name in lower case or an address as it is usually spelled, and perhaps a port."""

    name: str
    port: int | None = None

    @property
    def is_local(self) -> bool:
        """Whether every machine means itself by it."""
        if self.name == LOCAL_NAME or self.name.endswith(f".{LOCAL_NAME}"):
            return True
        address = _address(self.name)
        return address is not None and address.is_loopback


@dataclass(frozen=True)
class Unwelcome:
    """Why a request is refused."""

    status: HTTPStatus
    kind: str
    detail: str


class AllowedHosts:
    """Loopback under all its names and addresses, the address that a request came in on, and names that were given."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(names)

    def refusal(self, scope: MutableMapping[str, Any]) -> Unwelcome | None:
        """What is wrong with the host of a request, or with the origin of a websocket; None when it may go on."""
        values = _values(scope, b"host")
        if len(values) != 1:
            fault = "names no host" if not values else "names more than one host"
            return Unwelcome(
                HTTPStatus.BAD_REQUEST, "host-invalid", f"The request {fault}; it must have one Host header."
            )
        host = parsed_host(values[0].strip(" \t"))
        if host is None:
            return Unwelcome(
                HTTPStatus.BAD_REQUEST, "host-invalid", "The Host header is no host with or without a port."
            )
        if not (host.is_local or host.name in self._names or host.name == _own_address(scope)):
            return Unwelcome(HTTPStatus.MISDIRECTED_REQUEST, "host-unknown", UNKNOWN)
        if scope["type"] == "websocket" and not all(_is_same(origin, host) for origin in _values(scope, b"origin")):
            detail = "Only pages of this server may open a websocket; the Origin header names another one."
            return Unwelcome(HTTPStatus.FORBIDDEN, "origin-foreign", detail)
        return None


class HostCheck:
    """The outermost middleware: answers requests for unknown hosts with a problem document."""

    def __init__(self, app: ASGIApp, hosts: AllowedHosts, logger: logging.Logger) -> None:
        self._app = app
        self._hosts = hosts
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        refusal = self._hosts.refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        self._logger.warning("refused, %s: %s", refusal.kind, _shown(scope))
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


def parsed_host(text: str) -> Host | None:
    """A Host header, or the part of an origin behind its scheme; None when it is neither name nor address."""
    match = SPELLED.fullmatch(text.lower())
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
    """The names of a setting, comma between; ValueError names one that no Host header could have."""
    texts = [part.strip() for part in text.split(",") if part.strip()]
    hosts = {part: parsed_host(f"[{part}]" if ":" in part else part) for part in texts}
    for part, host in hosts.items():
        if host is None or host.port is not None:
            raise ValueError(f"{part} is no host; write names and addresses alone, such as dashboard.example.com")
    return frozenset(host.name for host in hosts.values() if host is not None)


def names_of(listening: str, *addresses: str | None) -> frozenset[str]:
    """The hosts of the address that a server listens on and of the URLs that it is found at."""
    authorities = [urlsplit(address).netloc.rpartition("@")[2] for address in addresses if address]
    if listening not in EVERYWHERE:
        authorities.append(f"[{listening}]" if ":" in listening else listening)
    return frozenset(host.name for authority in authorities if (host := parsed_host(authority)) is not None)


def _is_same(origin: str, host: Host) -> bool:
    """Whether a page of this origin belongs to the server that is asked as this host."""
    match = ORIGIN.fullmatch(origin.lower())
    page = parsed_host(match[2]) if match else None
    if match is None or page is None:
        return False
    usual = PORTS[match[1]]
    return (page.name, page.port or usual) == (host.name, host.port or usual)


def _values(scope: MutableMapping[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1") for header, value in scope["headers"] if header == name]


def _own_address(scope: MutableMapping[str, Any]) -> str | None:
    """The address of this machine at which the request arrived: no page of another site has it for a name."""
    server = scope.get("server")
    address = _address(server[0]) if server else None
    return None if address is None else str(address)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _shown(scope: MutableMapping[str, Any]) -> str:
    """The headers that decided, safe to stand in a log."""
    headers = {name: _values(scope, name.encode()) for name in ("host", "origin")}
    shortened = (f"{name} {value[:LONGEST_SHOWN]}" for name, values in headers.items() for value in values[:2])
    return ascii(", ".join(shortened))
