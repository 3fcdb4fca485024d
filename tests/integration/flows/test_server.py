"""Schedules, triggers, workers, crashes: what happens around a run, on a real server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from filon.flows.deployments import SILENT_S
from filon.flows.lock import RELEASED_S
from tests.integration.conftest import ACHATS, AS_OF, Shop, free_ports
from tests.integration.flows.conftest import ENDLESS, SLOW, FlowShop, Opener, open_shop
from tests.integration.polling import until
from tests.integration.servers.prefect import PrefectServer

SLACK_S = 60
"""What a busy machine may add."""


@contextmanager
def running(shop: Shop, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that is gone afterwards."""
    process = shop.start(*arguments)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(server: PrefectServer, shop: FlowShop) -> list[dict[str, Any]]:
    """The completed runs of a shop's pipeline."""
    return [run for run in server.flow_runs(shop.name) if run["state_type"] == "COMPLETED"]


def is_in_gold(server: PrefectServer, shop: FlowShop) -> bool:
    """Whether a run of the shop builds its gold tables."""
    runs = server.flow_runs(shop.name)
    layers = server.layers(runs[0]) if runs else {}
    return "gold" in layers and layers["gold"]["state"]["name"] == "Running"


@dataclass(frozen=True)
class Stage:
    """What takes its time, begun before the first test: a run that was killed, a project that is served, a server."""

    killed: FlowShop
    killed_at: float
    served: FlowShop
    serving: subprocess.Popen[str]
    other_server: PrefectServer


@pytest.fixture(scope="module", autouse=True)
def stage(prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Begin what takes its time."""
    folder = tmp_path_factory.mktemp("stage")
    served = open_shop(folder / "served", "servie", prefect_server, FILON_FLOWS_LOOK_S="1")
    killed = open_shop(folder / "killed", "abattue", prefect_server, model=ENDLESS)
    other = PrefectServer(folder / "prefect", free_ports(1)[0])
    with (
        running(killed, "flows", "run", "--as-of", AS_OF) as process,
        running(served, "flows", "serve", "--schedule", "* * * * *") as serving,
    ):
        until(lambda: is_in_gold(prefect_server, killed), "gold is being built", 90)
        assert prefect_server.limit("filon-abattue")["active_slots"] == 1
        process.kill()
        at = time.monotonic()
        other.begin()
        try:
            yield Stage(killed, at, served, serving, other)
        finally:
            other.kill()


def test_workers_run_the_pipeline_on_new_files_and_get_no_password(
    shop_of: Opener, prefect_server: PrefectServer
) -> None:
    address = "mongodb://someone:hush@127.0.0.1:9/analytics"
    shop = shop_of("deployee", FILON_FLOWS_LOOK_S="1")
    output = shop.flows("deploy", "--pool", "chantier", "--serving", address).stdout
    assert "pipeline/deployee and backfill/deployee are deployed to the work pool chantier" in output
    deployments = prefect_server.ask("deployments/filter", deployments={"name": {"any_": ["deployee"]}})
    assert "hush" not in json.dumps(deployments)
    with running(shop, "flows", "watch"):
        until(lambda: prefect_server.flow_runs("deployee"), "a run that waits for a worker", 60 + SLACK_S)
    worker = subprocess.run(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", "chantier", "--run-once"],
        cwd=shop.folder.parent,
        env=shop.environment(),
        capture_output=True,
        text=True,
        timeout=150,
    )
    [run] = prefect_server.flow_runs("deployee")
    assert run["state"]["name"] == "Completed", worker.stdout + worker.stderr
    assert shop.release()["number"] == 1


def test_runs_of_a_project_wait_for_each_other(shop_of: Opener, prefect_server: PrefectServer) -> None:
    shop = shop_of("attente")
    whole, part = ("flows", "run", "--as-of", AS_OF), ("flows", "run", "--as-of", AS_OF, "--until", "silver")
    with running(shop, *whole) as one, running(shop, *part) as two:
        outputs = [process.communicate(timeout=150)[0] for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0), outputs
    assert "published release 1" in outputs[0]
    assert "stopped before a release, as asked" in outputs[1]
    inside = [prefect_server.layers(run) for run in prefect_server.flow_runs("attente")]
    assert sorted(len(layers) for layers in inside) == [2, 5]
    spans = [
        [time for layer in layers.values() for time in (layer["start_time"], layer["end_time"])] for layers in inside
    ]
    first, second = sorted(spans)
    assert max(first) <= min(second)


def test_a_server_killed_during_a_run_is_one_line_and_a_rerun_completes(stage: Stage, shop_of: Opener) -> None:
    shop, server = shop_of("orpheline", model=SLOW), stage.other_server
    server.wait()
    variables = {**shop.extra, **server.environment, "PREFECT_CLIENT_MAX_RETRIES": "1"}
    with running(replace(shop, extra=variables), "flows", "run", "--as-of", AS_OF) as process:
        until(lambda: is_in_gold(server, shop), "gold is being built", 90)
        server.kill()
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    [message] = [line for line in output.splitlines() if "error" in line.lower()]
    assert message.startswith(f"error: Prefect's server at {server.url} does not answer")
    assert "Traceback" not in output
    assert shop.flow_report()["status"] == "published"
    assert len(shop.rows("fact_ventes")) == 3


def test_a_schedule_and_new_files_cause_runs(stage: Stage, prefect_server: PrefectServer) -> None:
    shop = stage.served
    until(lambda: ended(prefect_server, shop), "a run", 60 + SLACK_S)
    shop.put("achats-2.csv", ACHATS.replace("\n1", "\n2"))
    until(lambda: len(shop.rows("fact_ventes")) == 6, "a run with the second file", 60 + SLACK_S)

    def causes() -> set[str]:
        return {
            "SCHEDULE" if run["auto_scheduled"] else run["created_by"]["type"] for run in ended(prefect_server, shop)
        }

    until(lambda: causes() == {"SCHEDULE", "AUTOMATION"}, "runs of the schedule and of the new files", 70 + SLACK_S)
    stage.serving.send_signal(signal.SIGTERM)
    output, _ = stage.serving.communicate(timeout=60)
    assert stage.serving.returncode == 0, output
    assert "Traceback" not in output


def test_a_killed_run_is_seen_as_crashed_and_its_place_is_free(stage: Stage, prefect_server: PrefectServer) -> None:
    shop = stage.killed

    def left(seconds: float) -> float:
        return max(stage.killed_at + seconds + SLACK_S - time.monotonic(), 1)

    def states() -> list[str]:
        [run] = prefect_server.flow_runs(shop.name)
        return [run["state"]["name"], *(layer["state"]["name"] for layer in prefect_server.layers(run).values())]

    until(lambda: prefect_server.limit("filon-abattue")["active_slots"] == 0, "the place is free", left(RELEASED_S))
    crashed = ["Crashed", "Completed", "Completed", "Crashed"]
    until(lambda: states() == crashed, "the run and the layer in it are taken for crashed", left(SILENT_S))
    (shop.folder / "project" / "gold" / "kpi_extra.sql").write_text("SELECT count(*) AS n FROM achats")
    assert shop.flow_report()["status"] == "published"
