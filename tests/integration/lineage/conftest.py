"""Receivers of events: a file, and an HTTP server that answers as a test wants it to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Event = dict[str, Any]


@dataclass
class Receiver:
    """What was posted, and how; ``status`` is answered after ``delay_s``."""

    address: str = ""
    events: list[Event] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    status: int = 201
    delay_s: float = 0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that takes events."""
    seen = Receiver()
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            seen.events.append(json.loads(content))
            seen.paths.append(self.path)
            seen.keys.append(self.headers["Authorization"])
            over.wait(seen.delay_s)
            self.send_response(seen.status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    seen.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield seen
    over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def events_of(file: Path) -> list[Event]:
    """The events that a file holds."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def named(events: list[Event], job: str, kind: str = "COMPLETE") -> Event:
    """The one event of a kind of a job."""
    [event] = [event for event in events if event["job"]["name"] == job and event["eventType"] == kind]
    return event


def jobs(events: list[Event]) -> list[tuple[str, str]]:
    """Job and kind of each event."""
    return [(event["job"]["name"], event["eventType"]) for event in events]


def timed(start: float) -> float:
    """Seconds since then."""
    return time.monotonic() - start
