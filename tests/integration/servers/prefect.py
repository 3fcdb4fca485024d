"""A real Prefect server on loopback, and what it knows of runs, asked over its REST API."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.integration.servers.process import ServerProcess

READY_S = 90
BUSY_S = 30
LOOK_S = 0.3


@dataclass
class PrefectServer(ServerProcess):
    """A server with a home of its own; ``environment`` is what its clients must be told."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def environment(self) -> Mapping[str, str]:
        """What clients must be told."""
        return {"PREFECT_HOME": str(self.home / "client"), "PREFECT_API_URL": self.url, "DO_NOT_TRACK": "1"}

    def begin(self) -> None:
        """Start it, without waiting until it answers."""
        told = {
            "PREFECT_HOME": str(self.home),
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
            "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
        }
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--no-ui"]
        self.launch([*command, "--port", str(self.port)], self.home / "log", {**os.environ, **told})

    def wait(self) -> None:
        """Wait until it answers."""
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            assert self.is_running, (self.home / "log").read_text()
            try:
                if httpx.get(f"{self.url}/health", timeout=5).is_success:
                    return
            except httpx.TransportError:
                pass  # not yet
            time.sleep(LOOK_S)
        raise TimeoutError("Prefect's server did not come up in time")

    def ask(self, path: str, **body: object) -> Any:
        """What it answers to a POST; with SQLite it is busy (503) while others write."""
        end = time.monotonic() + BUSY_S
        while True:
            answer = httpx.post(f"{self.url}/{path}", json=body, timeout=30)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > end:
                break
            time.sleep(LOOK_S)
        answer.raise_for_status()
        return answer.json()

    def flow_runs(self, project: str, flow: str = "pipeline") -> list[dict[str, Any]]:
        """The runs of a flow of a project, the newest first."""
        found: list[dict[str, Any]] = self.ask(
            "flow_runs/filter",
            sort="EXPECTED_START_TIME_DESC",
            flows={"name": {"any_": [flow]}},
            flow_runs={"tags": {"all_": [project]}},
        )
        return found

    def layers(self, run: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The flows inside a run, by their layer."""
        found = self.ask(
            "flow_runs/filter", sort="START_TIME_ASC", flow_runs={"parent_flow_run_id": {"any_": [run["id"]]}}
        )
        return {inner["name"].split()[0]: inner for inner in found}

    def tasks(self, run: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The tasks of all layers of a run, by name, in the order in which they began."""
        inside = [inner["id"] for inner in self.layers(run).values()]
        found = self.ask(
            "task_runs/filter",
            sort="EXPECTED_START_TIME_ASC",
            task_runs={"flow_run_id": {"any_": inside}},
        )
        return {each["name"]: each for each in found}

    def limit(self, name: str) -> dict[str, Any]:
        """A global concurrency limit."""
        answer = httpx.get(f"{self.url}/v2/concurrency_limits/{name}", timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
