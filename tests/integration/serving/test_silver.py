"""Silver tables that their contracts serve: the same rows, pages and filters as gold tables, on each kind of store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from httpx import Client

from filon.project.loader import load_project
from tests.integration.api.conftest import ServedApi
from tests.integration.conftest import Shop
from tests.integration.test_contracts import HEAD, ID, column, describe


def lab_of(folder: Path, store: str) -> Shop:
    """A project of two sources, one with a key and one without, and a model over one of them."""
    project = folder / "project"
    (project / "sources").mkdir(parents=True)
    (project / "gold").mkdir()
    (project / "filon.yaml").write_text("name: lab\n")
    lab = Shop(folder, project, {"FILON_SERVING": store})
    describe(lab, "people", [ID, column("name"), column("born", "date")], serving={"served": True, "filters": ["born"]})
    describe(lab, "visits", [column("person", "integer"), column("page")], serving={"filters": ["person"]})
    describe(lab, "hidden", [ID])
    (project / "gold" / "totals.sql").write_text("SELECT person AS id, count(*) AS n FROM visits GROUP BY person")
    table = {"name": "totals", "properties": [ID, column("n", "integer")]}
    (project / "gold" / "totals.yaml").write_text(yaml.safe_dump({**HEAD, "schema": [table]}))
    return lab


def rows_of(client: Client, table: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows that an endpoint gives."""
    answer = client.get(f"/api/v1/tables/{table}", params=parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_a_served_silver_table_is_read_like_a_gold_one(tmp_path: Path, store_uri: str) -> None:
    lab = lab_of(tmp_path, store_uri)
    lab.put("people.csv", "id,name,born\n2,Bob,1990-01-02\n1,Ada,1815-12-10\nx,Eve,1990-01-01\n")
    lab.put("visits.csv", "person,page\n1,/a\n1,/a\n2,/b\n")
    lab.put("hidden.csv", "id\n1\n")
    assert lab.run()["serving"]["inserted"] == 2 + 3 + 2
    assert lab.project is not None
    served = ServedApi(lab, store_uri, load_project(lab.project))
    with served.client() as client:
        assert [row["name"] for row in rows_of(client, "people")] == ["Ada", "Bob"]
        assert rows_of(client, "people", born_min="1900-01-01") == [{"id": 2, "name": "Bob", "born": "1990-01-02"}]
        assert rows_of(client, "visits", person=1) == [
            {"person": 1, "page": "/a", "_file": 3, "_record": 1},
            {"person": 1, "page": "/a", "_file": 3, "_record": 2},
        ]
        assert client.get("/api/v1/tables/hidden").status_code == 404
        tables = {table["name"]: table for table in client.get("/api/v1/tables").json()["data"]}
        assert {name: table["rows"] for name, table in tables.items()} == {"people": 2, "visits": 3, "totals": 2}
        assert tables["visits"]["key"] == ["_file", "_record"]
        lineage = {table["name"]: table for table in client.get("/api/v1/lineage").json()["tables"]}
        assert {name: lineage[name]["served"] for name in ("people", "hidden")} == {"people": True, "hidden": False}


def test_only_what_changed_of_a_silver_table_is_written_again(tmp_path: Path, store_uri: str) -> None:
    lab = lab_of(tmp_path, store_uri)
    lab.put("people.csv", "id,name,born\n" + "".join(f"{n},N{n},1990-01-02\n" for n in range(1, 50)))
    lab.put("visits.csv", "person,page\n1,/a\n")
    lab.run()
    lab.put("people_2.csv", "id,name,born\n7,Seven,1990-01-02\n99,New,\n")
    report = lab.run()
    assert (report["serving"]["inserted"], report["serving"]["closed"]) == (2, 1)
    assert lab.run()["serving"]["inserted"] == 0
    lab.filon("rollback", "1")
    assert lab.project is not None
    with ServedApi(lab, store_uri, load_project(lab.project)).client() as client:
        found = rows_of(client, "people", limit=100)
    assert [row["name"] for row in found if row["id"] in (7, 99)] == ["N7"]
