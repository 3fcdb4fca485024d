"""Numbers for Prometheus: requests and latencies of this process (or all workers), and what is served."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from filon.api.clock import now
from filon.serving.state import ServedState

WORKERS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}  # clients may make up others without end
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "filon_api_requests", "Requests answered", ("route", "method", "status"), registry=self._registry
        )
        self._latencies = Histogram(
            "filon_api_request_seconds", "Time to answer", ("route",), buckets=BUCKETS, registry=self._registry
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer."""
        key = (route, method if method in METHODS else "other", status)
        if key not in self._children:
            requests = self._requests.labels(route, key[1], str(status))
            self._children[key] = (requests, self._latencies.labels(route))
        requests, latencies = self._children[key]
        requests.inc()
        latencies.observe(seconds)

    def text(self, state: ServedState | None) -> bytes:
        """Everything, in the text format."""
        registry = self._registry
        if os.environ.get(WORKERS_FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry) + "".join(_gauges(state)).encode()


def _gauges(state: ServedState | None) -> Iterator[str]:
    if state is None:
        return
    yield from _gauge("filon_release", "Release that is served", [("", state.release)])
    age = max(0.0, (now() - state.published_at).total_seconds())
    yield from _gauge("filon_release_age_seconds", "Seconds since the release was published", [("", round(age, 3))])
    tables = [(name, table) for name, table in state.tables.items() if not name.startswith("_")]
    rows = [(f'{{table="{name}"}}', table.rows) for name, table in tables]
    yield from _gauge("filon_table_rows", "Rows of a table that is served", rows)
    warned = [(f'{{table="{name}"}}', table.warned) for name, table in tables]
    yield from _gauge("filon_table_warnings", "Checks of a table that warned", warned)


def _gauge(name: str, about: str, samples: Sequence[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP {name} {about}\n# TYPE {name} gauge\n"
    for labels, value in samples:
        yield f"{name}{labels} {value}\n"
