"""Events of OpenLineage: what they say of a run, held to the standard and to the lake."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filon.projects import retail
from tests.integration.conftest import Shop
from tests.integration.lineage.conftest import Event, Receiver, events_of, jobs, named
from tests.integration.lineage.standard import facet_classes, faults

UNKNOWN_CLIENT = (
    "id_achat,id_client,date_achat,montant,produit\n20,77,2025-03-05,10.00,souris\n21,1,2025-03-06,5.00,souris\n"
)


def told(shop: Shop, **more: str) -> tuple[Shop, Path]:
    """A shop whose events go to a file."""
    file = shop.folder / "events" / "filon.jsonl"
    return replace(shop, extra={**shop.extra, "FILON_OPENLINEAGE": f"file:{file}", **more}), file


def require_standard(events: list[Event]) -> None:
    for event in events:
        assert faults(event) == [], event["job"]["name"]


def columns_of(event: Event, output: int = 0) -> dict[str, set[tuple[str, str, str]]]:
    """By column the columns that it comes from: the last part of the dataset's name, the column, how."""
    lineage = event["outputs"][output]["facets"]["columnLineage"]["fields"]
    return {
        column: {
            (Path(source["name"]).name, source["field"], how["subtype"])
            for source in read["inputFields"]
            for how in source["transformations"]
        }
        for column, read in lineage.items()
    }


def test_events_of_a_run_are_as_the_standard_wants_them(shop: Shop) -> None:
    shop, file = told(shop)
    shop.run()
    shop.put("achats-2.csv", UNKNOWN_CLIENT)
    shop.run()
    shop.filon("rollback", "1")
    shop.filon("compact")
    shop.filon("forget", "clients", "--key", "2", "--reason", "asked to", "--yes")
    events = events_of(file)
    require_standard(events)
    assert len(events) > 100
    facets = {name for event in events for name in event["run"]["facets"] | event["job"]["facets"]}
    for event in events:
        for dataset in [*event["inputs"], *event["outputs"]]:
            facets |= dataset["facets"].keys() | dataset.get("inputFacets", {}).keys()
            facets |= dataset.get("outputFacets", {}).keys()
    assert facets == {
        *("parent", "processing_engine", "tags", "jobType", "documentation", "sql", "schema", "dataSource", "version"),
        *("storage", "columnLineage", "outputStatistics", "inputStatistics", "subset", "dataQualityAssertions"),
    }


WRONG: dict[str, Callable[[Any, Any], object]] = {
    "an id": lambda event, _: event["run"].update(runId="1"),
    "a day for a time": lambda event, _: event.update(eventTime="2026-01-01"),
    "no address": lambda event, _: event.update(producer="filon"),
    "no job": lambda event, _: event.pop("job") and event.update(job={"namespace": "x"}),
    "another type": lambda _, facets: facets["schema"].update(fields=[{"name": 5}]),
    "no list": lambda _, facets: facets["schema"].update(fields={"name": "x"}),
    "an unknown field": lambda _, facets: facets["schema"].update(colour="red"),
    "a missing field": lambda _, facets: facets["columnLineage"].pop("fields"),
    "a facet elsewhere": lambda event, facets: event["job"]["facets"].update(schema=facets["schema"]),
    "an unknown facet": lambda _, facets: facets["schema"].update(
        _schemaURL="https://openlineage.io/spec/facets/1-0-0/Mine.json"
    ),
}


def test_the_standard_finds_what_is_wrong_in_an_event(shop: Shop) -> None:
    shop, file = told(shop)
    shop.run()
    event = named(events_of(file), "retail.gold.dim_clients")
    assert faults(event) == []
    for what, change in WRONG.items():
        copy = deepcopy(event)
        change(copy, copy["outputs"][0]["facets"])
        assert faults(copy), what
    assert len(facet_classes()) > 30


def test_each_job_begins_and_ends_once_and_belongs_to_the_run(shop: Shop) -> None:
    shop, file = told(shop)
    shop.run()
    events = events_of(file)
    assert jobs(events)[0] == ("retail", "START")
    assert jobs(events)[-1] == ("retail", "COMPLETE")
    runs = Counter((event["run"]["runId"], event["eventType"]) for event in events)
    assert set(runs.values()) == {1}
    assert {run for run, kind in runs if kind == "START"} == {run for run, kind in runs if kind == "COMPLETE"}
    top = events[0]["run"]["runId"]
    for event in events[1:-1]:
        parent = event["run"]["facets"]["parent"]
        assert (parent["run"]["runId"], parent["job"]["name"]) == (top, "retail")
    layers = Counter(event["job"]["name"].split(".")[1] for event in events[1:-1])
    served = len([event for event in events if event["job"]["name"].startswith("retail.serving.")])
    assert layers == {"bronze": 4, "silver": 6, "gold": 26, "checks": 2, "serving": served}
    times = [event["eventTime"] for event in events]
    assert times == sorted(times)


def test_a_table_is_told_with_its_inputs_columns_and_numbers(shop: Shop) -> None:
    shop, file = told(shop)
    shop.run()
    event = named(events_of(file), "retail.gold.kpi_ca_par_mois")
    [written] = event["outputs"]
    build = shop.release()["tables"]["gold/kpi_ca_par_mois"]
    assert (written["namespace"], written["name"]) == ("file", str(shop.lake / "gold" / "kpi_ca_par_mois"))
    statistics = written["outputFacets"]["outputStatistics"]
    assert statistics["rowCount"] == build["rows"]
    assert statistics["size"] == sum(item["size"] for item in build["files"])
    assert statistics["fileCount"] == len(build["files"])
    assert written["facets"]["version"]["datasetVersion"] == str(build["version"])
    assert [field["name"] for field in written["facets"]["schema"]["fields"]] == [name for name, _ in build["columns"]]
    assert [Path(item["name"]).name for item in event["inputs"]] == ["int_ventes_par_mois"]
    assert columns_of(event)["panier_moyen"] == {
        ("int_ventes_par_mois", "ca_total", "TRANSFORMATION"),
        ("int_ventes_par_mois", "nb_transactions", "TRANSFORMATION"),
    }
    assert ("int_ventes_par_mois", "mois", "WINDOW") in columns_of(event)["taux_croissance"]
    assert event["job"]["facets"]["sql"]["query"].startswith("WITH avec_precedent")


def test_lineage_leads_from_a_served_column_to_a_file(shop: Shop) -> None:
    shop, file = told(shop)
    shop.run()
    events = events_of(file)
    produced = {
        (item["namespace"], item["name"], column): {
            (source["namespace"], source["name"], source["field"]) for source in read["inputFields"]
        }
        for event in events
        if event["eventType"] == "COMPLETE"
        for item in event["outputs"]
        for column, read in item["facets"].get("columnLineage", {"fields": {}})["fields"].items()
    }
    [start] = [
        key for key in produced if key[0] == "sqlite" and key[1].endswith("/kpi_ca_par_mois") and key[2] == "ca_total"
    ]
    seen, due = set(), {start}
    while due:
        key = due.pop()
        seen.add(key)
        due |= produced.get(key, set()) - seen
    ends = {(name, column) for _, name, column in seen - produced.keys()}
    assert (str(shop.sources / "**" / "achats*.csv"), "montant") in ends


def test_files_that_were_read_are_named_and_counted(shop: Shop) -> None:
    shop, file = told(shop)
    shop.run()
    shop.put("achats-2.csv", UNKNOWN_CLIENT)
    shop.run()
    first, second = [
        event
        for event in events_of(file)
        if event["job"]["name"] == "retail.bronze.achats" and event["eventType"] == "COMPLETE"
    ]
    [source] = first["inputs"]
    assert source["inputFacets"]["subset"]["inputCondition"]["locations"] == [str(shop.sources / "achats.csv")]
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == 6
    [source] = second["inputs"]
    assert source["inputFacets"]["subset"]["inputCondition"]["locations"] == [str(shop.sources / "achats-2.csv")]
    assert source["inputFacets"]["inputStatistics"]["size"] == len(UNKNOWN_CLIENT)
    silver = [
        event
        for event in events_of(file)
        if event["job"]["name"] == "retail.silver.achats" and event["eventType"] == "COMPLETE"
    ]
    assert [Path(item["name"]).parts[-2:] for item in silver[-1]["outputs"]] == [
        ("silver", "achats"),
        ("quarantine", "achats"),
    ]
    affecting = silver[-1]["outputs"][0]["facets"]["columnLineage"]["dataset"]
    assert {(Path(item["name"]).parts[-2:], item["field"]) for item in affecting} == {
        (("silver", "clients"), "id_client"),
        (("bronze", "achats"), "id_achat"),
    }


def test_checks_are_assertions_about_the_tables(shop: Shop) -> None:
    shop, file = told(shop)
    report = shop.run()
    event = named(events_of(file), "retail.checks")
    told_checks = {
        (Path(item["name"]).name, assertion["name"]): assertion
        for item in event["inputs"]
        for assertion in item["inputFacets"]["dataQualityAssertions"]["assertions"]
    }
    assert told_checks.keys() == {(check["table"], check["check"]) for check in report["checks"]}
    assert all(assertion["success"] for assertion in told_checks.values())
    unique = told_checks["dim_clients", "unique(id_client)"]
    assert (unique["assertion"], unique["column"], unique["severity"]) == ("unique", "id_client", "error")


def test_a_failed_check_fails_its_job_and_the_run(shop: Shop, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(retail.FOLDER, project)
    contract = project / "gold" / "kpi_ca_par_mois.yaml"
    check = "{name: many, type: sql, query: SELECT count(*) FROM kpi_ca_par_mois, mustBeGreaterThan: 1000}"
    contract.write_text(contract.read_text().replace("quality:\n", f"quality:\n      - {check}\n", 1))
    shop, file = told(replace(shop, project=project))
    shop.run(exit_code=1)
    events = events_of(file)
    require_standard(events)
    failed = named(events, "retail.checks", "FAIL")
    assert "kpi_ca_par_mois: many" in failed["run"]["facets"]["errorMessage"]["message"]
    checks = {
        assertion["name"]: assertion
        for item in failed["inputs"]
        for assertion in item["inputFacets"]["dataQualityAssertions"]["assertions"]
    }
    assert (checks["many"]["success"], checks["many"]["assertion"]) == (False, "custom_sql")
    assert "many" in named(events, "retail", "FAIL")["run"]["facets"]["errorMessage"]["message"]


def test_a_table_that_fails_is_told_and_those_that_need_it(shop: Shop, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(retail.FOLDER, project)
    model = project / "gold" / "int_ventes_par_mois.sql"
    model.write_text(model.read_text().replace("count(*)", "CAST('x' || count(*) AS BIGINT)"))
    shop, file = told(replace(shop, project=project))
    report = shop.run(exit_code=1)
    failed = {table["table"] for table in report["tables"] if table["status"] == "failed"}
    assert "int_ventes_par_mois" in failed
    events = events_of(file)
    require_standard(events)
    told_failed = {name.removeprefix("retail.gold.") for name, kind in jobs(events) if kind == "FAIL"}
    assert told_failed == failed | {"retail"}


def test_a_run_with_nothing_new_tells_of_itself_only(shop: Shop) -> None:
    shop, file = told(shop)
    shop.run()
    before = len(events_of(file))
    shop.run()
    assert jobs(events_of(file)[before:]) == [("retail", "START"), ("retail", "COMPLETE")]


def test_tables_that_a_plan_made_are_told_by_the_run_after_it(shop: Shop) -> None:
    shop, file = told(shop)
    shop.filon("plan", "--as-of", "2026-01-01")
    assert not file.exists()
    shop.run()
    made = {name for name, kind in jobs(events_of(file)) if kind == "COMPLETE"}
    assert {"retail.bronze.achats", "retail.silver.achats", "retail.gold.kpi_ca_par_mois"} <= made


def test_a_run_that_cannot_start_is_told(shop: Shop) -> None:
    shop, file = told(shop)
    shutil.rmtree(shop.sources)
    shop.filon("run", exit_code=2)
    events = events_of(file)
    assert jobs(events) == [("retail", "START"), ("retail", "FAIL")]
    assert str(shop.sources) in events[-1]["run"]["facets"]["errorMessage"]["message"]


def test_a_rollback_and_an_erasure_tell_which_tables_have_another_content(shop: Shop) -> None:
    shop, file = told(shop)
    shop.run()
    shop.put("achats-2.csv", UNKNOWN_CLIENT)
    shop.run()
    before = len(events_of(file))
    shop.filon("rollback", "1")
    rolled = events_of(file)[before:]
    tables = {"/".join(Path(item["name"]).parts[-2:]) for item in named(rolled, "retail.rollback")["outputs"]}
    assert {"bronze/achats", "silver/achats", "gold/fact_ventes"} <= tables
    assert "silver/clients" not in tables
    assert "retail.serving.fact_ventes" in {name for name, _ in jobs(rolled)}
    before = len(events_of(file))
    shop.filon("forget", "clients", "--key", "2", "--reason", "Robert asked to", "--yes")
    erased = events_of(file)[before:]
    tables = {"/".join(Path(item["name"]).parts[-2:]) for item in named(erased, "retail.forget")["outputs"]}
    assert {"silver/clients", "gold/dim_clients"} <= tables
    assert "Robert" not in str(erased)


def test_a_scheduler_says_which_of_its_runs_this_one_is_part_of(shop: Shop) -> None:
    parent = "01a21ddb-4aeb-71d3-ac89-676735d5ccab"
    root = "01a21ddb-4aeb-71d3-ac89-676735d5ccac"
    variables = {
        "OPENLINEAGE_PARENT_ID": f"http://airflow/nightly.load/{parent}",
        "OPENLINEAGE_ROOT_PARENT_ID": f"http://airflow/nightly/{root}",
        "OPENLINEAGE_NAMESPACE": "sales",
    }
    shop, file = told(shop, **variables)
    shop.run()
    first, second = events_of(file)[:2]
    require_standard([first, second])
    assert first["job"]["namespace"] == "sales"
    facet = first["run"]["facets"]["parent"]
    assert (facet["job"]["namespace"], facet["job"]["name"]) == ("http://airflow", "nightly.load")
    assert facet["run"]["runId"] == parent
    assert facet["root"]["run"]["runId"] == root
    inner = second["run"]["facets"]["parent"]
    assert (inner["run"]["runId"], inner["root"]["run"]["runId"]) == (first["run"]["runId"], root)


@pytest.mark.parametrize("parent", ["", "x", "a/b/c", "/", "a/b/01a21ddb", "//"])
def test_a_parent_that_is_no_run_does_not_count(shop: Shop, parent: str) -> None:
    shop, file = told(shop, OPENLINEAGE_PARENT_ID=parent)
    assert shop.run("--until", "bronze")["untraced"] is None
    assert "parent" not in events_of(file)[0]["run"]["facets"]


def test_events_of_mongodb_name_it_without_its_password(shop: Shop, mongo_database: str) -> None:
    shop, file = told(shop, FILON_SERVING=mongo_database)
    shop.run()
    event = named(events_of(file), "retail.serving.dim_clients")
    host, _, database = mongo_database.removeprefix("mongodb://").rpartition("/")
    [written] = event["outputs"]
    assert (written["namespace"], written["name"]) == (f"mongodb://{host}", f"{database}.dim_clients")


@pytest.mark.parametrize("where", ["setting", "variables", "file", "home"])
def test_events_reach_a_server_however_it_is_named(shop: Shop, receiver: Receiver, where: str, tmp_path: Path) -> None:
    config = f"transport: {{type: http, url: '{receiver.address}', auth: {{type: api_key, apiKey: abc}}}}\n"
    home = tmp_path / "home"
    variables = {"HOME": str(home)}
    if where == "setting":
        variables |= {"FILON_OPENLINEAGE": receiver.address, "OPENLINEAGE_API_KEY": "abc"}
    elif where == "variables":
        variables |= {"OPENLINEAGE_URL": receiver.address, "OPENLINEAGE_API_KEY": "abc"}
    else:
        file = shop.folder / "openlineage.yml" if where == "file" else home / ".openlineage" / "openlineage.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(config)
    report = replace(shop, extra=variables).run()
    assert report["untraced"] is None
    assert jobs(receiver.events)[-1] == ("retail", "COMPLETE")
    assert set(receiver.paths) == {"/api/v1/lineage"}
    assert set(receiver.keys) == {"Bearer abc"}
    require_standard(receiver.events)


def test_an_address_with_a_path_is_taken_as_it_is(shop: Shop, receiver: Receiver) -> None:
    replace(shop, extra={"FILON_OPENLINEAGE": f"{receiver.address}/lineage/of/us"}).run("--until", "bronze")
    assert set(receiver.paths) == {"/lineage/of/us"}


@pytest.mark.parametrize("switch", [{"FILON_OPENLINEAGE": "none"}, {"OPENLINEAGE_DISABLED": "true"}])
def test_events_can_be_switched_off(shop: Shop, receiver: Receiver, switch: dict[str, str]) -> None:
    replace(shop, extra={"OPENLINEAGE_URL": receiver.address, **switch}).run()
    assert receiver.events == []
