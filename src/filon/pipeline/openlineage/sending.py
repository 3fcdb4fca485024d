"""Events on their way: sent in the background by the client of OpenLineage, so that no receiver makes a run wait."""

from __future__ import annotations

import logging
import os
import queue
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import RunEvent
from openlineage.client.transport import Transport
from openlineage.client.transport.file import FileConfig, FileTransport
from openlineage.client.transport.http import HttpConfig, HttpTransport

STALLED_S, PATIENCE_S = 2.0, 10.0
"""Seconds that the end of a run waits for a receiver that takes no event meanwhile, and for one that takes some."""
TIMEOUT_S = 5.0
LONGEST = 300
SECRETS = re.compile(r"//[^/\s@]+@")
"""A user and password in an address."""


def without_secrets(text: str) -> str:
    """A text without users and passwords in addresses."""
    return SECRETS.sub("//***@", text)


class _Failure:
    """Keeps the error that ends its block, whatever it is: neither a receiver nor an event may end a run."""

    def __init__(self) -> None:
        self.text = ""

    def __enter__(self) -> _Failure:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> bool:
        if isinstance(error, Exception):
            words = " ".join(f"{type(error).__name__}: {error}".split())
            self.text = without_secrets(words)[:LONGEST]
        return isinstance(error, Exception)


class Sender:
    """Sends events in their order, by the client's own configuration or to the address of Filon's setting.

    A receiver that is away is tried for each event while the run goes on; what was not taken soon after is dropped.
    """

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._events: queue.SimpleQueue[RunEvent | None] = queue.SimpleQueue()
        self._given = self._taken = 0
        self._problem = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send_all, name="openlineage", daemon=True)
        # else warnings of the client would reach the console, one per event; the report has them once
        logging.getLogger("openlineage").addHandler(logging.NullHandler())
        self._thread.start()

    def send(self, event: RunEvent) -> None:
        """Let an event be sent; returns at once."""
        self._given += 1
        self._events.put(event)

    @contextmanager
    def harmless(self) -> Iterator[None]:
        """No error inside ends a run: it is noted as an event that was not taken."""
        with _Failure() as failure:
            yield
        if failure.text:
            self._given += 1
            self._problem = self._problem or failure.text

    def close(self) -> str | None:
        """Wait for the events; returns why some were not taken, None when all were."""
        self._events.put(None)
        start = progress = time.monotonic()
        taken = self._taken
        while self._thread.is_alive() and time.monotonic() < min(start + PATIENCE_S, progress + STALLED_S):
            self._thread.join(0.05)
            if self._taken != taken:
                taken, progress = self._taken, time.monotonic()
        self._over.set()
        lost = self._given - self._taken
        return f"{lost} of {self._given} events: {self._problem or 'the receiver does not answer'}" if lost else None

    def _send_all(self) -> None:
        with _Failure() as failure:
            client = _client(self._address)
            while (event := self._events.get()) is not None and not self._over.is_set():
                with _Failure() as refusal:
                    client.emit(event)
                    self._taken += 1
                self._problem = self._problem or refusal.text
        self._problem = self._problem or failure.text


def _client(address: str | None) -> OpenLineageClient:
    return OpenLineageClient() if address is None else OpenLineageClient(transport=_transport(address))


def _transport(address: str) -> Transport:
    """The transport for an address of the setting."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        file = Path(unquote(parts.path) if address.startswith("file://") else address.removeprefix("file:"))
        file.parent.mkdir(parents=True, exist_ok=True)
        return FileTransport(FileConfig(str(file), append=True))
    token = os.environ.get("OPENLINEAGE_API_KEY")
    endpoint = parts.path.strip("/") or os.environ.get("OPENLINEAGE_ENDPOINT", "api/v1/lineage")
    settings: dict[str, object] = {
        "url": f"{parts.scheme}://{parts.netloc}",
        "endpoint": endpoint,
        "timeout": TIMEOUT_S,
        "retry": {"total": 1},
        "auth": {"type": "api_key", "apiKey": token} if token else {},
    }
    return HttpTransport(HttpConfig.from_dict(settings))
