"""Reports of a project, sent by its deployment on a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filon.cli.dashboard import api_server
from filon.cli.processes import Group
from filon.settings import read_settings
from tests.integration.conftest import AS_OF, free_ports, surroundings
from tests.integration.flows.conftest import FlowShop, Opener
from tests.integration.flows.test_server import running
from tests.integration.polling import until
from tests.integration.servers.prefect import PrefectServer

NAME = "envoyee"
REPORTS = {
    "daily": {"page": "apercu", "at": "00:00"},
    "weekly": {"page": "clients", "format": "xlsx", "every": "sunday", "at": "07:30"},
    "monthly": {"page": "clients", "every": "month", "at": "00:00"},
}


@pytest.fixture
def office(shop_of: Opener) -> Iterator[FlowShop]:
    """A shop with reports, whose API runs."""
    [port] = free_ports(1)
    shop = shop_of(NAME, FILON_API_URL=f"http://127.0.0.1:{port}")
    file = shop.folder / "project" / "filon.yaml"
    file.write_text(file.read_text("utf-8") + f"reports: {json.dumps(REPORTS)}\n", "utf-8")
    shop.filon("run", "--as-of", AS_OF)
    api = Group()
    with surroundings(shop.environment()):
        api.start(api_server(read_settings(api_port=port), port))
        try:
            yield shop
        finally:
            api.stop()


def _deployment(server: PrefectServer, flow: str) -> dict[str, Any]:
    [found] = server.ask("deployments/filter", deployments={"name": {"any_": [NAME]}}, flows={"name": {"any_": [flow]}})
    return dict(found)


def _begin(server: PrefectServer, flow: str) -> None:
    server.ask(f"deployments/{_deployment(server, flow)['id']}/create_flow_run", state={"type": "SCHEDULED"})


def _states(server: PrefectServer, flow: str) -> list[str]:
    return [run["state"]["name"] for run in server.flow_runs(NAME, flow) if not run["auto_scheduled"]]


def test_due_reports_are_sent_by_their_deployment_and_a_dead_receiver_fails_no_run(
    office: FlowShop, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    out, dead = tmp_path / "out", free_ports(1)[0]
    receivers = f"folder:{out} mailto://127.0.0.1:{dead}?from=a@example.com&to=b@example.com&mode=insecure"
    with running(office, "flows", "serve") as silent:
        assert silent.stdout is not None
        said = [next(silent.stdout) for _ in range(3)]
    assert said[2].startswith("FILON_REPORTS is not set: nobody is sent the reports"), said
    assert not _answers(prefect_server, "reports"), "no schedule of runs that could only fail"
    with running(replace(office, extra={**office.extra, "FILON_REPORTS": receivers}), "flows", "serve") as serving:
        until(lambda: _answers(prefect_server, "reports"), "the deployment", 90)
        schedules = {each["schedule"]["cron"] for each in _deployment(prefect_server, "reports")["schedules"]}
        assert schedules == {"0 0 * * *", "30 7 * * 0", "0 0 1 * *"}
        _begin(prefect_server, "reports")
        _begin(prefect_server, "pipeline")
        until(lambda: _states(prefect_server, "reports") == ["AwaitingRetry"], "a try, and another one later", 120)
        until(lambda: _states(prefect_server, "pipeline") == ["Completed"], "a run", 120)
        serving.terminate()  # takes along what waits to try again
        serving.communicate(timeout=60)
    assert sorted(file.name for file in out.iterdir()) == ["apercu-1.pdf", "clients-1.pdf", "clients-1.xlsx"]
    listed = office.filon("reports", "list")
    assert listed.count("after 1 attempts: mailto://…") == len(REPORTS)
    for file in out.iterdir():
        file.unlink()
    alive = {**office.extra, "FILON_REPORTS": f"folder:{out}"}
    assert replace(office, extra=alive).filon("reports", "send").count("sent, release 1") == len(REPORTS)
    assert list(out.iterdir()) == [], "who has a report is not sent it again"


def _answers(server: PrefectServer, flow: str) -> bool:
    return bool(
        server.ask("deployments/filter", deployments={"name": {"any_": [NAME]}}, flows={"name": {"any_": [flow]}})
    )
