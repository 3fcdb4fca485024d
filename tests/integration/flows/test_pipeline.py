"""The pipeline as a flow: what it reports, what Prefect shows of it, and how it fails."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

from tests.integration.conftest import ACHATS
from tests.integration.flows.conftest import Opener
from tests.integration.polling import until
from tests.integration.servers.prefect import PrefectServer

CHANGING = {"run_id", "duration_s", "started_s"}


def lasting(report: Any) -> Any:
    """A report without what differs from run to run."""
    if isinstance(report, dict):
        return {name: lasting(value) for name, value in report.items() if name not in CHANGING}
    return [lasting(item) for item in report] if isinstance(report, list) else report


def test_a_flow_reports_what_a_run_reports_and_prefect_shows_it(shop_of: Opener, prefect_server: PrefectServer) -> None:
    shop, twin = shop_of("boutique"), shop_of("jumelle")
    report = shop.flow_report()
    assert report["status"] == "published"
    assert lasting(report) == lasting(twin.run())

    [run] = prefect_server.flow_runs("boutique")
    assert (run["state"]["name"], run["state"]["message"]) == ("Completed", "published, release 1")
    assert {"filon", "boutique"} <= set(run["tags"])
    assert run["parameters"] == {"until": "serving", "as_of": "2026-01-01", "force": False}
    layers = prefect_server.layers(run)
    assert list(layers) == ["bronze", "silver", "gold", "release", "serving"]
    assert {layer["state"]["name"] for layer in layers.values()} == {"Completed"}
    tasks = list(prefect_server.tasks(run))
    assert tasks[:7] == [
        "compile the project",
        "receive files",
        "bronze clients",
        "bronze achats",
        "silver clients",
        "silver clients_history",
        "silver achats",
    ]
    assert tasks.index("gold fact_ventes") < tasks.index("gold kpi_ca_par_jour") < tasks.index("checks")
    assert tasks[-3:] == ["publish", "describe quality", "load the store"]

    entries = prefect_server.ask("artifacts/filter", artifacts={"flow_run_id": {"any_": [run["id"]]}})
    artifacts = {artifact["key"]: artifact["data"] for artifact in entries}
    assert "| Status | published |" in artifacts["filon-boutique-run"]
    rows = {row["dataset"]: row for row in json.loads(artifacts["filon-boutique-quality"])}
    assert [rows["achats"][name] for name in ("read", "accepted", "superseded", "rejected")] == [6, 3, 1, 2]
    assert artifacts["filon-boutique-api"] == "[API](http://127.0.0.1:8000/docs)"
    assert artifacts["filon-boutique-dashboard"] == "[Dashboard](http://127.0.0.1:8501)"


def test_an_error_that_stays_fails_at_once_and_the_other_tables_are_built(
    shop_of: Opener, prefect_server: PrefectServer
) -> None:
    shop = shop_of("fautive", model="SELECT CAST(produit AS BIGINT) AS n FROM fact_ventes")
    output = shop.flows("run", exit_code=1).stdout
    assert "Traceback" not in output
    assert "failed: nothing is published" in output
    [run] = prefect_server.flow_runs("fautive")
    assert run["state"]["name"] == "Failed"
    assert run["state"]["message"].startswith("these tables could not be built; nothing was published: kpi_extra: ")
    states = {name: layer["state"]["name"] for name, layer in prefect_server.layers(run).items()}
    assert states == {"bronze": "Completed", "silver": "Completed", "gold": "Failed"}
    tasks = prefect_server.tasks(run)
    assert [name for name, task in tasks.items() if task["state"]["name"] == "Failed"] == ["gold kpi_extra"]
    assert tasks["gold kpi_extra"]["run_count"] == 1


def test_an_error_that_may_pass_is_tried_again(shop_of: Opener, prefect_server: PrefectServer) -> None:
    shop = shop_of("patiente")
    shop.run()
    shop.put("achats-2.csv", ACHATS.replace("\n1", "\n2"))
    with closing(sqlite3.connect(shop.folder / "serving.db", isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        process = shop.start("flows", "run", "--as-of", "2026-01-01")

        def is_waiting() -> bool:
            runs = prefect_server.flow_runs("patiente")
            tasks = prefect_server.tasks(runs[0]) if runs else {}
            return any(task["state_name"] == "AwaitingRetry" for task in tasks.values())

        try:
            until(is_waiting, "a task waits for another attempt", 90)
        finally:
            held.execute("ROLLBACK")
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, output
    [run] = prefect_server.flow_runs("patiente")
    assert prefect_server.tasks(run)["load the store"]["run_count"] == 2
    assert run["state"]["name"] == "Completed"


def test_a_backfill_runs_once_for_each_day_and_the_last_stays(shop_of: Opener, prefect_server: PrefectServer) -> None:
    shop = shop_of("passee")
    output = shop.flows("backfill", "2025-02-05", "2025-02-06", "--json").stdout
    reports = json.loads(output[output.index("[") :])
    assert [report["as_of"] for report in reports] == ["2025-02-05", "2025-02-06"]
    assert shop.release()["as_of"] == "2025-02-06"
    [parent] = prefect_server.flow_runs("passee", "backfill")
    assert parent["state"]["message"] == "2 days, published, release 2"
    runs = prefect_server.flow_runs("passee")
    assert [run["parameters"]["as_of"] for run in reversed(runs)] == ["2025-02-05", "2025-02-06"]


def test_without_prefect_installed_the_command_says_what_to_install(shop_of: Opener) -> None:
    shop = shop_of("nue")
    lines = _python(shop.environment(), "sys.modules['prefect'] = None", "flows", "run", exit_code=2)
    assert lines == ["error: Prefect is not installed: pip install 'filon[prefect]'. `filon run` needs none."]


def test_a_plain_run_imports_nothing_of_prefect(shop_of: Opener) -> None:
    shop = shop_of("seule")
    made = "import atexit; atexit.register(lambda: print('prefect' in sys.modules))"
    assert _python(shop.environment(), made, "run")[-1] == "False"


def _python(environment: dict[str, str], first: str, *arguments: str, exit_code: int = 0) -> list[str]:
    """The lines that the command line prints in a Python that was told something first."""
    code = f"import sys; {first}\nsys.argv = ['filon', *{list(arguments)!r}]\nfrom filon.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == exit_code, done.stdout + done.stderr
    return (done.stdout + done.stderr).splitlines()
