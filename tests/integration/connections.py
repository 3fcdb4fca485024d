"""Connections to servers of loopback, from any of its addresses, each of which is another client."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

HALF = b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n"
"""The half of a request."""
DEADLINE_S = 60.0
Connect = Callable[..., socket.socket]


@contextmanager
def connecting(port: int) -> Iterator[Connect]:
    """What connects to a port, from any address of loopback, and sends something; all is closed in the end."""
    with ExitStack() as opened:

        def connect(client: str = "127.0.0.1", data: bytes = b"") -> socket.socket:
            found = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S, source_address=(client, 0))
            opened.enter_context(found).sendall(data)
            return found

        yield connect


def status(connection: socket.socket) -> int:
    """The status that a connection gets; 0 when it is closed without a word."""
    try:
        found = connection.recv(65536)
    except ConnectionError:
        return 0
    return int(found.split()[1]) if found else 0


def asking(path: bytes) -> bytes:
    """A request after which the server closes the connection."""
    return b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def answer(connect: Connect, client: str, path: bytes = b"/live") -> int:
    """The status that a client gets on a connection of its own."""
    try:
        return status(connect(client, asking(path)))
    except ConnectionError:
        return 0


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side closes a connection, after whatever it still says."""
    with suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return True
