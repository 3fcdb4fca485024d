"""Runs, quality, rejected rows, freshness and lineage, held against what the command line says of the same lake."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from httpx import Client

from filon import __version__
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.history import CheckedRecord
from filon.serving.stores import open_store
from tests.integration.api.conftest import ServedApi, until_release
from tests.integration.api.test_security import bearer, make
from tests.integration.conftest import ACHATS, Shop
from tests.integration.serving.test_history import IMPOSSIBLE, changed_project

ROOT = Path(__file__).parents[3]
BAD_FILE = "id_achat;id_client\n1;2\n"


@pytest.fixture
def own(shop: Shop, store_uri: str) -> ServedApi:
    """A small shop of the test's own, with a refused file, not loaded yet."""
    shop.put("achats_bad.csv", BAD_FILE)
    shop = replace(shop, extra={"FILON_SERVING": store_uri})
    return ServedApi(shop, store_uri, load_project(retail.FOLDER))


@pytest.fixture
def client(own: ServedApi) -> Iterator[Client]:
    with own.client() as client:
        yield client


def got(client: Client, path: str, **parameters: Any) -> Any:
    answer = client.get(f"/api/v1/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-cache"
    return answer.json()


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def test_before_the_first_load_there_are_a_project_its_lineage_and_failed_runs(own: ServedApi, client: Client) -> None:
    project = got(client, "project")
    assert project.pop("labels")["ca"] == {"fr": "Chiffre d'affaires", "en": "Revenue"}
    assert project.pop("api")["month"] == "mois"
    assert project == {
        "name": "retail",
        "title": "Ventes au détail",
        "locale": "fr",
        "currency": "EUR",
        "timezone": "Europe/Paris",
        "version": __version__,
        "sources": ["clients", "achats"],
        "logo": None,
    }
    assert got(client, "lineage")["tables"]
    assert got(client, "runs") == {"total": 0, "skip": 0, "limit": 20, "data": []}
    for path in ("quality", "quarantine/rows", "tables"):
        assert client.get(f"/api/v1/{path}").status_code == 503
    report = changed_project(own.shop, IMPOSSIBLE).run(exit_code=1)
    [failed] = got(client, "runs")["data"]
    assert (failed["status"], failed["error"], failed["release"]) == ("failed", report["error"], None)
    assert client.get("/api/v1/quality").status_code == 503


def test_a_run_is_what_its_report_says(own: ServedApi, client: Client) -> None:
    report = own.shop.run()
    [run] = got(client, "runs")["data"]
    assert run == got(client, f"runs/{report['run_id']}")
    for name in run.keys() - {"started_at", "files", "cut"}:
        assert run[name] == report[name], name
    assert run["files"]["counts"] == {"ingested": 2, "quarantined": 1}
    assert moment(run["started_at"]).tzinfo is not None


def test_runs_come_page_by_page(own: ServedApi, client: Client) -> None:
    ids: list[str] = []
    for number in range(3):
        own.shop.put("achats.csv", f"{ACHATS.splitlines()[0]}\n10,1,2025-01-05,{number + 1},souris\n")
        ids.insert(0, own.shop.run()["run_id"])
    found = got(client, "runs", skip=1, limit=1)
    assert (found["total"], found["skip"], found["limit"]) == (3, 1, 1)
    assert [run["run_id"] for run in found["data"]] == [ids[1]]
    assert [run["run_id"] for run in got(client, "runs")["data"]] == ids
    assert client.get("/api/v1/runs/nobody").status_code == 404
    for wrong in ({"limit": 0}, {"limit": 101}, {"skip": -1}, {"skip": "x"}, {"page": 1}):
        refused = client.get("/api/v1/runs", params=wrong)
        assert (refused.status_code, refused.headers["Content-Type"]) == (422, "application/problem+json"), wrong


def test_the_quality_is_that_of_the_served_release(own: ServedApi, client: Client) -> None:
    report = own.shop.run()
    answer = client.get("/api/v1/quality")
    assert answer.headers["X-Filon-Release"] == "1"
    quality = answer.json()
    assert (quality["release"], quality["run_id"]) == (1, report["run_id"])
    assert (quality["datasets"], quality["checks"]) == (report["datasets"], report["checks"])
    listed = own.shop.json("quarantine", "list")
    assert quality["files"]["total"] == len(quality["files"]["data"]) == len(listed["files"]) == 1
    assert quality["files"]["data"][0]["detail"] == listed["files"][0]["detail"]
    assert {line["dataset"]: line["reasons"] for line in quality["datasets"]} == listed["rows"]
    changed_project(own.shop, IMPOSSIBLE).run(exit_code=1)
    assert got(client, "quality") == quality, "a failed run changes nothing that is served"
    assert got(client, "runs")["data"][0]["status"] == "failed"
    assert own.shop.run()["status"] == "unchanged"
    later = got(client, "quality")
    assert later | {"checked_at": None} == quality | {"checked_at": None}
    assert moment(later["checked_at"]) > moment(quality["checked_at"])


def test_a_rollback_takes_the_quality_along(own: ServedApi, client: Client) -> None:
    own.shop.run()
    before = got(client, "quality")
    rows = got(client, "quarantine/rows")
    own.shop.put("achats.csv", ACHATS.splitlines()[0] + "\n10,1,2025-01-05,1.00,souris\n")
    own.shop.run()
    until_release(client, 2)
    assert got(client, "quality")["datasets"] != before["datasets"]
    assert got(client, "quarantine/rows")["total"] == 0
    own.shop.filon("rollback", "1")
    until_release(client, 3)
    after = got(client, "quality")
    assert (after["release"], after["datasets"], after["checks"]) == (3, before["datasets"], before["checks"])
    assert got(client, "quarantine/rows") == rows
    assert got(client, "runs")["data"][0]["status"] == "rolled_back"


def test_rejected_rows_are_those_of_the_quarantine(served: ServedApi, api: Client) -> None:
    for dataset in ("clients", "achats"):
        shown = served.shop.json("quarantine", "show", dataset, "--limit", "1000")["rows"]
        found = got(api, "quarantine/rows", dataset=dataset, limit=1000)
        assert [{**row, "cut": None} for row in found["data"]] == [{**row, "cut": None} for row in shown]
        assert found["total"] == found["rejected"] == len(shown) > 0
    everything = got(api, "quarantine/rows", limit=1000)
    assert {row["dataset"] for row in everything["data"]} == {"clients", "achats"}
    page = got(api, "quarantine/rows", skip=2, limit=3)
    assert page["data"] == everything["data"][2:5]
    assert (page["total"], page["skip"], page["limit"]) == (everything["total"], 2, 3)


def test_rejected_rows_are_chosen_by_reason_and_file(served: ServedApi, api: Client) -> None:
    for dataset, reasons in served.shop.json("quarantine", "list")["rows"].items():
        for reason, count in reasons.items():
            found = got(api, "quarantine/rows", dataset=dataset, reason=reason, limit=1000)
            assert (found["total"], found["rejected"]) == (count, count)
            assert all(reason in row["reasons"] for row in found["data"])
    [name] = {row["file"] for row in got(api, "quarantine/rows", dataset="achats")["data"]}
    assert got(api, "quarantine/rows", file=name)["total"] == got(api, "quarantine/rows", dataset="achats")["total"]
    assert got(api, "quarantine/rows", file="nobody.csv")["total"] == 0
    refused = api.get("/api/v1/quarantine/rows", params={"dataset": "achat"})
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"parameter": "dataset", "detail": "no dataset of this name", "fix": "did you mean achats?"}
    ]


def test_more_rows_are_counted_than_the_sample_shows(own: ServedApi, client: Client) -> None:
    lines = [f"{number},99,2025-01-05,1,souris" for number in range(250)]
    own.shop.put("achats.csv", ACHATS.splitlines()[0] + "\n" + "\n".join(lines) + "\n")
    own.shop.run()
    found = got(client, "quarantine/rows", dataset="achats", reason="id_client:reference", limit=1)
    assert (found["total"], found["rejected"], len(found["data"])) == (200, 250, 1)


def test_rejected_rows_need_the_scope_admin_where_keys_are_in_force(served: ServedApi, tmp_path: Path) -> None:
    extra = {"FILON_API_KEYS": str(tmp_path / "keys.json")}
    guarded = replace(served, shop=replace(served.shop, folder=tmp_path, extra=extra))
    with guarded.client(api_keys=tmp_path / "keys.json") as client:
        assert client.get("/api/v1/quarantine/rows").status_code == 200, "without keys, this machine only"
        reader, admin = make(guarded, "reader"), make(guarded, "operator", "--scope", "admin")
        assert client.get("/api/v1/quarantine/rows").status_code == 401
        refused = client.get("/api/v1/quarantine/rows", headers=bearer(reader))
        assert (refused.status_code, refused.headers["Content-Type"]) == (403, "application/problem+json")
        assert refused.json()["detail"] == "This needs an API key with the scope admin."
        assert client.get("/api/v1/quarantine/rows/", headers=bearer(reader)).status_code == 403
        assert client.get("/api/v1/quarantine/rows", headers=bearer(admin)).status_code == 200
        for path in ("quality", "runs", "lineage", "project"):
            assert client.get(f"/api/v1/{path}", headers=bearer(reader)).status_code == 200


def test_tables_say_how_they_are_drawn_and_whether_they_are_fresh(own: ServedApi, client: Client) -> None:
    own.shop.run()
    tables = {entry["name"]: entry for entry in got(client, "tables")["data"]}
    assert tables["kpi_top_clients"]["chart"] == {"kind": "bar", "x": "nom", "y": ["total_ca"], "color": "segment"}
    assert all(entry["latency_seconds"] == 86_400 and entry["fresh"] is True for entry in tables.values())
    own.shop.run()
    later = {entry["name"]: entry for entry in got(client, "tables")["data"]}
    for name, entry in later.items():
        assert moment(entry["checked_at"]) > moment(tables[name]["checked_at"])
        assert entry["synced_at"] == tables[name]["synced_at"]


def test_a_table_grows_stale_when_no_run_finds_it_up_to_date(own: ServedApi, client: Client) -> None:
    own.shop.run()
    store = open_store(own.uri)
    text = store.records.known("checked", "last")
    assert text is not None
    checked = CheckedRecord.model_validate_json(text)
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=1, minutes=1)

    def tables(**changes: Any) -> dict[str, Any]:
        record = checked.model_copy(update={"at": old, **changes})
        store.records.keep("checked", "last", old, record.model_dump_json())
        return {entry["name"]: entry for entry in got(client, "tables")["data"]}

    assert all(entry["fresh"] is False and moment(entry["checked_at"]) == old for entry in tables().values())
    content = {**checked.content, "dim_temps": "something else"}
    other = tables(release=7, content=content)
    assert other["dim_temps"]["checked_at"] == other["dim_temps"]["synced_at"]
    assert moment(other["fact_ventes"]["checked_at"]) == old, "the same content of another release was checked"
    store.shut()


def test_a_store_that_an_older_version_loaded_keeps_working(own: ServedApi, client: Client) -> None:
    own.shop.run()
    store = open_store(own.uri)
    for kind in ("run", "checked", "quality", "sample"):
        store.records.forget(kind, store.records.keys(kind))
    store.shut()
    assert got(client, "runs")["total"] == 0
    assert all(entry["checked_at"] == entry["synced_at"] for entry in got(client, "tables")["data"])
    for path in ("quality", "quarantine/rows"):
        answer = client.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:filon:problem:no-quality")
    own.shop.run()
    assert got(client, "quality")["release"] == 1
    assert got(client, "quarantine/rows")["total"] == 2


@pytest.mark.parametrize("folder", [retail.FOLDER, ROOT / "examples" / "completejourney"], ids=lambda path: path.name)
@pytest.mark.parametrize("served", ["sqlite"], indirect=True)
def test_the_lineage_is_that_of_the_project(served: ServedApi, folder: Path) -> None:
    project = load_project(folder)
    with replace(served, project=project).client() as client:
        answer = client.get("/api/v1/lineage")
        tables = {entry["name"]: entry for entry in answer.json()["tables"]}
    assert answer.headers["Content-Encoding"] == "gzip"
    histories = [dataset.history.name for dataset in project.datasets.values() if dataset.history is not None]
    assert len(tables) == 2 * len(project.datasets) + len(histories) + len(project.models)
    for name in histories:
        assert (tables[name]["layer"], tables[name]["served"]) == ("silver", False)
    seen = set[str]()
    for name, entry in tables.items():
        assert set(entry["inputs"]) <= seen, "every table stands after its inputs"
        seen.add(name)
    for dataset in project.datasets.values():
        source, silver = tables[dataset.pattern], tables[dataset.name]
        assert (source["layer"], source["inputs"], source["sql"]) == ("source", [], None)
        assert [column["name"] for column in source["columns"]] == [c.header for c in dataset.contract.columns]
        assert silver["inputs"][0] == dataset.pattern == silver["file_pattern"]
        assert (silver["layer"], silver["served"], silver["key"]) == ("silver", False, list(dataset.contract.key))
    for model in project.models.values():
        gold = tables[model.name]
        assert gold["sql"] == (folder / "gold" / f"{model.name}.sql").read_text().strip()
        assert (gold["layer"], gold["inputs"]) == ("gold", list(model.inputs))
        assert gold["served"] is model.serving.served
        assert gold["checks"] == [check.name for check in model.contract.checks]
        assert [column["name"] for column in gold["columns"]] == list(model.contract.column_names)


def test_records_hold_no_number_that_json_lacks(own: ServedApi, client: Client) -> None:
    own.shop.run()
    for path in ("runs", "quality", "quarantine/rows", "lineage", "tables", "project"):
        json.loads(client.get(f"/api/v1/{path}").content, parse_constant=pytest.fail)
