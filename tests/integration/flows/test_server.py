"""Schedules, triggers, workers, crashes: what happens around a run, on a real server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from filon.flows.deployments import SILENT_S
from filon.flows.lock import RELEASED_S
from tests.integration.conftest import ACHATS, AS_OF, Shop, free_ports
from tests.integration.flows.conftest import ENDLESS, FlowShop, Opener, open_shop
from tests.integration.prefect_server import PrefectServer, until

SLACK_S = 60
"""What a busy machine may add."""
DIM_TEMPS_TWICE = "SELECT count(*) AS n FROM dim_temps AS a CROSS JOIN dim_temps AS b CROSS JOIN dim_temps AS c"


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
    """The runs of a shop's line that completed."""
    return [run for run in server.flow_runs(shop.name) if run["state_type"] == "COMPLETED"]


def is_in_gold(server: PrefectServer, shop: FlowShop) -> bool:
    """Whether a run of the shop builds its gold tables."""
    runs = server.flow_runs(shop.name)
    return bool(runs) and "gold" in server.layers(runs[0])


@pytest.fixture(scope="module")
def killed(prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[FlowShop, float]:
    """A shop whose run was killed, and when; the last tests look what became of it while others ran."""
    shop = open_shop(tmp_path_factory.mktemp("killed") / "shop", "abattue", prefect_server, model=ENDLESS)
    with running(shop, "flows", "run", "--as-of", AS_OF) as process:
        until(lambda: is_in_gold(prefect_server, shop), 90, "gold is being built")
        assert prefect_server.limit("filon-abattue")["active_slots"] == 1
        process.kill()
        return shop, time.monotonic()


@pytest.mark.usefixtures("killed")
def test_a_schedule_and_new_files_cause_runs(shop_of: Opener, prefect_server: PrefectServer) -> None:
    shop = shop_of("servie", FILON_FLOWS_LOOK_S="1")
    shop.flows("serve", "--schedule", "never", exit_code=2)
    with running(shop, "flows", "serve", "--schedule", "* * * * *") as process:
        until(lambda: ended(prefect_server, shop), 90 + SLACK_S, "a run of new files")
        assert shop.release()["number"] == 1
        shop.put("achats-2.csv", ACHATS.replace("\n1", "\n2"))
        until(lambda: shop.release()["number"] == 2, 60 + SLACK_S, "the release with the second file")
        until(
            lambda: any(run["auto_scheduled"] for run in ended(prefect_server, shop)),
            70 + SLACK_S,
            "a run of the schedule",
        )
        asked = [run for run in ended(prefect_server, shop) if not run["auto_scheduled"]]
        assert {run["created_by"]["type"] for run in asked} == {"AUTOMATION"}
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "Traceback" not in output


@pytest.mark.usefixtures("killed")
def test_workers_run_what_is_deployed_and_learn_no_password(shop_of: Opener, prefect_server: PrefectServer) -> None:
    address = "mongodb://someone:hush@127.0.0.1:9/analytics"
    shop = shop_of("deployee")
    output = shop.flows("deploy", "--pool", "chantier", "--serving", address).stdout
    assert "line/deployee and backfill/deployee are deployed to the work pool chantier" in output
    deployment = next(
        found
        for found in prefect_server.ask("deployments/filter", deployments={"name": {"any_": ["deployee"]}})
        if "line" in found["entrypoint"].split(".")[-1]
    )
    assert "hush" not in json.dumps(deployment)
    prefect_server.ask(f"deployments/{deployment['id']}/create_flow_run", parameters={"as_of": AS_OF})
    command = ["worker", "start", "--pool", "chantier", "--run-once"]
    worker = subprocess.Popen(
        [sys.executable, "-m", "prefect", *command],
        cwd=shop.folder.parent,
        env=shop.environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    log, _ = worker.communicate(timeout=150)
    [run] = prefect_server.flow_runs("deployee")
    assert run["state"]["name"] == "Completed", log
    assert shop.release()["number"] == 1


@pytest.mark.usefixtures("killed")
def test_a_server_killed_during_a_run_is_one_line_and_a_rerun_completes(
    shop_of: Opener, prefect_server: PrefectServer
) -> None:
    shop = shop_of("orpheline", model=DIM_TEMPS_TWICE)
    lost = PrefectServer(shop.folder / "prefect", free_ports(1)[0])
    lost.begin()
    try:
        lost.wait()
        elsewhere = FlowShop(
            shop.folder,
            shop.project,
            {**shop.extra, **lost.environment, "PREFECT_CLIENT_MAX_RETRIES": "1"},
            shop.name,
        )
        with running(elsewhere, "flows", "run", "--as-of", AS_OF) as process:
            until(lambda: is_in_gold(lost, shop), 90, "gold is being built")
            lost.kill()
            output, _ = process.communicate(timeout=120)
    finally:
        lost.kill()
    assert process.returncode == 1
    [message] = [line for line in output.splitlines() if "error" in line.lower()]
    assert message.startswith(f"error: Prefect's server at {lost.url} does not answer")
    assert "Traceback" not in output
    again = shop.flow_report()
    assert again["status"] == "published"
    assert len(shop.rows("fact_ventes")) == 3


def test_runs_of_a_project_wait_for_each_other(shop_of: Opener, prefect_server: PrefectServer) -> None:
    shop = shop_of("attente")
    with running(shop, "flows", "run", "--as-of", AS_OF) as one, running(shop, "flows", "run", "--as-of", AS_OF) as two:
        outputs = [process.communicate(timeout=150)[0] for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0), outputs
    spans = []
    for run in prefect_server.flow_runs("attente"):
        layers = list(prefect_server.layers(run).values())
        spans.append((layers[0]["start_time"], layers[-1]["end_time"]))
    first, second = sorted(spans)
    assert first[1] <= second[0]
    assert sorted("nothing new" in output for output in outputs) == [False, True]


def test_a_killed_run_is_seen_as_crashed_and_its_place_is_free(
    killed: tuple[FlowShop, float], prefect_server: PrefectServer
) -> None:
    shop, at = killed
    left = at + RELEASED_S + SLACK_S - time.monotonic()
    until(lambda: prefect_server.limit("filon-abattue")["active_slots"] == 0, max(left, 1), "the place is free")
    [run] = prefect_server.flow_runs(shop.name)
    left = at + SILENT_S + SLACK_S - time.monotonic()

    def states() -> set[str]:
        [run] = prefect_server.flow_runs(shop.name)
        return {run["state"]["name"], prefect_server.layers(run)["gold"]["state"]["name"]}

    until(lambda: states() == {"Crashed"}, max(left, 1), "the run and the layer in it are taken for crashed")
    assert prefect_server.layers(run)["silver"]["state"]["name"] == "Completed"
    (shop.folder / "project" / "gold" / "kpi_extra.sql").write_text("SELECT count(*) AS n FROM achats")
    assert shop.flow_report()["status"] == "published"
