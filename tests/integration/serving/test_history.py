"""What the pipeline leaves in the store's records: after runs of every outcome, rollbacks, and in a busy store."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from filon.lake import Lake, Layer
from filon.pipeline.resources import sources_of
from filon.pipeline.run import run_pipeline
from filon.pipeline.run_history import keep_run
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving import quality
from filon.serving.history import RunRecord
from filon.serving.protocol import Store
from filon.serving.stores import open_store
from filon.settings import Settings
from filon.stages.context import Context
from tests.integration.api.conftest import ServedApi
from tests.integration.conftest import ACHATS, CLIENTS, Shop
from tests.integration.serving.test_stores import SALES

HEADER = ACHATS.splitlines()[0] + "\n"
BAD_FILE = "id_achat;id_client\n1;2\n"
AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def served(shop: Shop, store_uri: str) -> Shop:
    """A shop that is served from an empty store of each kind."""
    return replace(shop, extra={"FILON_SERVING": store_uri})


@pytest.fixture
def store(store_uri: str) -> Iterator[Store]:
    found = open_store(store_uri)
    yield found
    found.shut()


def runs(store: Store) -> list[dict[str, Any]]:
    """The records of runs, newest first."""
    return records(store, "run")


def records(store: Store, kind: str) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        texts = await store.records.newest(kind, 0, 1000)
        await store.shut_readers()
        return [json.loads(text) for text in texts]

    return asyncio.run(read())


def record(store: Store, kind: str, key: str) -> dict[str, Any]:
    text = store.records.known(kind, key)
    assert text is not None
    found: dict[str, Any] = json.loads(text)
    return found


def changed_project(shop: Shop, change: dict[str, Any], table: str = "fact_ventes") -> Shop:
    """A copy of the retail project with more in the schema of a gold contract."""
    folder = shop.folder / "project"
    shutil.copytree(retail.FOLDER, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = folder / "gold" / f"{table}.yaml"
    document = yaml.safe_load(path.read_text())
    document["schema"][0] |= change
    path.write_text(yaml.safe_dump(document))
    return replace(shop, project=folder)


IMPOSSIBLE = {"quality": [{"name": "too many", "metric": "rowCount", "mustBe": 7}]}


def test_a_run_leaves_its_report(served: Shop, store: Store) -> None:
    served.put("achats_bad.csv", BAD_FILE)
    report = served.run()
    [found] = runs(store)
    for name in ("run_id", "duration_s", "status", "release", "as_of", "engine", "error", "tables", "steps", "checks"):
        assert found[name] == report[name], name
    assert found["datasets"] == report["datasets"]
    assert found["files"]["counts"] == {"ingested": 2, "quarantined": 1}
    assert found["files"]["total"] == 1
    [refused] = found["files"]["data"]
    [shown] = served.json("quarantine", "list")["files"]
    assert refused == {
        "file": shown["path"],
        "version": shown["number"],
        "cut": False,
        **{name: shown[name] for name in ("dataset", "reason", "detail", "size", "arrived_at")},
    }
    assert found["cut"] is False
    assert report["unrecorded"] is None


def test_tables_and_steps_say_when_they_began(served: Shop) -> None:
    report = served.run()
    assert [step["name"] for step in report["steps"]] == ["checks", "publish", "serving"]
    parts = [*report["tables"], *report["steps"]]
    for part in parts:
        assert 0 <= part["started_s"] <= part["started_s"] + part["duration_s"] <= report["duration_s"] + 0.01, part
    begun = {(table["layer"], table["table"]): table["started_s"] for table in report["tables"]}
    assert begun["bronze", "achats"] <= begun["silver", "achats"] <= begun["gold", "fact_ventes"]
    assert begun["gold", "fact_ventes"] <= report["steps"][0]["started_s"] <= report["steps"][2]["started_s"]


def test_runs_with_nothing_new_only_renew_the_last_check(
    served: Shop, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = served.run()
    assert record(store, "checked", "last")["run_id"] == first["run_id"]
    kept = [records(store, kind) for kind in ("run", "quality", "sample")]
    monkeypatch.setattr(Context, "engine", property(lambda _: pytest.fail("the engine was started")))
    last: dict[str, Any] = {}
    for _ in range(3):
        last = served.run()
    assert [records(store, kind) for kind in ("run", "quality", "sample")] == kept
    found = record(store, "checked", "last")
    assert (found["run_id"], found["release"], found["status"]) == (last["run_id"], 1, "unchanged")
    assert found["at"] > kept[0][0]["started_at"]
    assert (found["as_of"], len(found["content"])) == ("2026-01-01", 16), "the silver and gold tables, and the history"


def test_a_file_that_is_refused_shows_although_nothing_is_published(served: Shop, store: Store) -> None:
    served.run()
    served.put("achats_bad.csv", BAD_FILE)
    assert served.run()["status"] == "unchanged"
    assert [run["status"] for run in runs(store)] == ["unchanged", "published"]
    assert record(store, "quality", "1")["files"]["total"] == 1
    served.run()
    assert len(runs(store)) == 2


def test_a_failed_run_leaves_its_error_and_the_quality_that_was(served: Shop, store: Store) -> None:
    served.run()
    before = record(store, "quality", "1"), record(store, "checked", "last")
    report = changed_project(served, IMPOSSIBLE).run(exit_code=1)
    failed, _ = runs(store)
    assert (failed["status"], failed["release"], failed["error"]) == ("failed", 1, report["error"])
    assert "fact_ventes: too many" in failed["error"]
    assert failed["checks"] == report["checks"]
    assert [check["check"] for check in failed["checks"] if check["status"] == "failed"] == ["too many"]
    assert [step["name"] for step in failed["steps"]] == ["checks"]
    assert (record(store, "quality", "1"), record(store, "checked", "last")) == before
    assert store.records.keys("quality") == {"1"}


def test_a_run_before_anything_is_published_leaves_its_error(served: Shop, store: Store) -> None:
    changed_project(served, IMPOSSIBLE).run(exit_code=1)
    [failed] = runs(store)
    assert (failed["status"], failed["release"]) == ("failed", None)
    assert store.records.keys("checked") == set()


def test_a_run_that_was_to_stop_early_is_remembered_as_such(served: Shop, store: Store) -> None:
    served.run("--until", "silver")
    [stopped] = runs(store)
    assert stopped["status"] == "stopped"
    assert stopped["steps"] == []
    assert [line["dataset"] for line in stopped["datasets"]] == ["clients", "achats"]
    assert store.records.keys("quality") == set()


def test_a_rollback_shows_the_quality_of_what_it_shows_again(served: Shop, store: Store) -> None:
    served.run()
    first = record(store, "quality", "1")
    served.put("achats.csv", HEADER + "10,1,2025-01-05,100.00,souris\n")
    served.run()
    assert record(store, "quality", "2")["datasets"] != first["datasets"]
    served.filon("rollback", "1")
    again = record(store, "quality", "3")
    for name in ("datasets", "checks", "samples"):
        assert again[name] == first[name]
    rolled_back = runs(store)[0]
    assert (rolled_back["status"], rolled_back["release"], rolled_back["run_id"]) == ("rolled_back", 3, again["run_id"])
    assert (rolled_back["datasets"], rolled_back["checks"]) == (first["datasets"], first["checks"])
    assert served.run()["status"] == "unchanged"
    assert record(store, "checked", "last")["release"] == 3


def test_rejected_rows_are_kept_for_the_loads_that_are_kept(served: Shop, store: Store) -> None:
    for number in range(5):
        served.put("achats.csv", f"{HEADER}10,1,2025-01-05,{number + 1},souris\n11,{90 + number},2025-01-05,1,souris\n")
        served.run()
    kept = {str(state.release) for state in store.kept()}
    assert kept == {"3", "4", "5"}
    assert store.records.keys("quality") == kept
    samples = {name for release in kept for name in record(store, "quality", release)["samples"].values()}
    assert store.records.keys("sample") == samples
    assert len(samples) == len(kept)
    for release in kept:
        [row] = record(store, "sample", record(store, "quality", release)["samples"]["achats"])["rows"]
        assert row["reasons"] == ["id_client:reference"]
        assert row["raw"].startswith(f"11,{89 + int(release)},")


def test_the_same_rejected_rows_are_written_once(served: Shop, store: Store) -> None:
    served.put("clients.csv", CLIENTS + "4,,no-name@exemple.fr,2024-01-01,France\n")
    served.run()
    before = record(store, "quality", "1")["samples"]
    store.records.keep("sample", before["clients"], AT, '{"rows": []}')  # what was written anew would show rows again
    served.put("achats_2.csv", HEADER + "20,3,2025-03-01,-1,tapis\n")
    served.run()
    after = record(store, "quality", "2")["samples"]
    assert after["clients"] == before["clients"]
    assert after["achats"] != before["achats"]
    assert record(store, "sample", after["clients"]) == {"rows": []}
    assert len(record(store, "sample", after["achats"])["rows"]) == 3


def test_a_sample_is_bounded_whatever_was_rejected(served: Shop, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "MOST_OF_A_REASON", 20)
    monkeypatch.setattr(quality, "MOST_ROWS", 30)
    lines = [f"{number},1,2025-01-05,-1,souris" for number in range(100, 150)]
    lines += [f"{number},99,2025-01-05,1,{'é' * 3000}" for number in range(200, 250)]
    served.put("achats.csv", HEADER + "\n".join(lines) + "\n")
    report = served.run()
    name = record(store, "quality", "1")["samples"]["achats"]
    rows = record(store, "sample", name)["rows"]
    assert [row["record"] for row in rows] == [*range(1, 21), *range(51, 61)]
    assert [row["cut"] for row in rows] == [False] * 20 + [True] * 10
    assert {len(row["raw"]) for row in rows if row["cut"]} == {2000}
    assert all(row["raw"].endswith("…") for row in rows if row["cut"])
    [line] = [line for line in report["datasets"] if line["dataset"] == "achats"]
    assert record(store, "quality", "1")["datasets"] == report["datasets"]
    assert line["rejected"] == 100
    shown = {
        (row["version"], row["record"]): row
        for row in served.json("quarantine", "show", "achats", "--limit", "999")["rows"]
    }
    for row in rows:
        whole = shown[row["version"], row["record"]]
        assert (row["file"], row["reasons"]) == (whole["file"], whole["reasons"])
        assert whole["raw"].startswith(row["raw"].removesuffix("…"))


def test_a_sample_never_grows_beyond_its_bytes(served: Shop, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "MOST_BYTES", 1000)
    lines = [f"{number},99,2025-01-05,1,{'x' * 200}" for number in range(20)]
    served.put("achats.csv", HEADER + "\n".join(lines) + "\n")
    served.run()
    name = record(store, "quality", "1")["samples"]["achats"]
    assert [row["record"] for row in record(store, "sample", name)["rows"]] == [1, 2]


def test_many_refused_files_are_counted_and_the_newest_shown(
    served: Shop, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filon.serving.quality.MOST_FILES", 3)
    for number in range(5):
        served.put(f"achats_{number}.csv", f"wrong{number}\n1\n")
    served.run()
    found = runs(store)[0]["files"]
    assert (found["total"], found["counts"]["quarantined"]) == (5, 5)
    assert [file["version"] for file in found["data"]] == sorted((f["version"] for f in found["data"]), reverse=True)
    assert len(found["data"]) == 3
    assert record(store, "quality", "1")["files"] == {"total": 5, "data": found["data"]}


def test_long_names_of_files_are_cut_and_say_so(served: Shop, store: Store) -> None:
    folder = "/".join("d" * 200 for _ in range(3))
    served.put(f"{folder}/achats.csv", BAD_FILE)
    served.run()
    [file] = record(store, "quality", "1")["files"]["data"]
    assert (len(file["file"]), file["file"][-1], file["cut"]) == (500, "…", True)
    assert runs(store)[0]["cut"] is True


def test_a_long_error_is_cut_and_says_so(served: Shop, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filon.pipeline.run_history.LONGEST_ERROR", 40)
    changed_project(served, IMPOSSIBLE).run(exit_code=1)
    [found] = runs(store)
    assert (len(found["error"]), found["error"][-1], found["cut"]) == (40, "…", True)


def test_the_newest_run_is_the_last_one_though_the_clock_was_moved_back(served: Shop, store: Store) -> None:
    now, ids, project = dt.datetime.now(dt.UTC), [], load_project(retail.FOLDER)
    settings = Settings(sources=str(served.sources), lake=str(served.lake))
    lake = Lake(str(served.lake))
    for days in (0, 2, 1):
        served.put("achats.csv", f"{HEADER}10,1,2025-01-05,{days + 1},souris\n")
        clock, today = now - dt.timedelta(days=days), dt.date(2026, 1, 1)
        report = run_pipeline(settings, project, lake, sources_of(settings, project), store, as_of=today, now=clock)
        ids.append(report.run_id)
    assert [run["run_id"] for run in runs(store)] == ids[::-1]
    assert record(store, "checked", "last")["run_id"] == ids[-1]
    with ServedApi(served, store.uri, project).client() as client:
        assert [run["run_id"] for run in client.get("/api/v1/runs").json()["data"]] == ids[::-1]
        assert client.get("/api/v1/quality").json()["run_id"] == ids[-1]
        assert all(time["refresh_time_seconds"] >= 0 for time in client.get("/api/v1/pipeline/refresh-times").json())


@pytest.mark.parametrize("store_uri", ["sqlite"], indirect=True)
def test_records_that_wait_keep_their_order_though_the_clock_was_moved_back(
    served: Shop, store: Store, tmp_path: Path
) -> None:
    served.run()
    [first] = [RunRecord.model_validate(found) for found in runs(store)]
    lake, nowhere = Lake(str(served.lake)), open_store(f"sqlite:///{tmp_path / 'clients.csv'}/serving.db")
    (tmp_path / "clients.csv").write_text("a file, no folder")
    older = first.model_copy(update={"run_id": "20260101T000000-00000000"})
    lake.layer(Layer.METADATA).write(f"unrecorded/{older.run_id}.json", older.model_dump_json().encode())
    names = ["30260101T000000-aaaaaaaa", "20250101T000000-bbbbbbbb", "20250601T000000-cccccccc"]
    for name in names:
        assert keep_run(nowhere, lake, first.model_copy(update={"run_id": name})) is not None
    assert keep_run(store, lake, first.model_copy(update={"run_id": "10000101T000000-dddddddd"})) is None
    expected = [first.run_id, older.run_id, *names, "10000101T000000-dddddddd"]
    assert [run["run_id"] for run in runs(store)] == expected[::-1]


def test_only_the_newest_runs_stay(served: Shop, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filon.pipeline.run_history.MOST_RUNS", 2)
    ids = []
    for number in range(4):
        served.put("achats.csv", f"{HEADER}10,1,2025-01-05,{number + 1},souris\n")
        ids.append(served.run()["run_id"])
    assert [run["run_id"] for run in runs(store)] == ids[:1:-1]


@pytest.mark.parametrize("store_uri", ["sqlite"], indirect=True)
def test_a_store_that_is_busy_gets_the_record_with_the_next_run(
    served: Shop, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filon.serving.sqlite.store.PATIENCE_S", 0.1)
    served.run()
    served.put("achats_2.csv", HEADER + "20,3,2025-03-01,1.00,tapis\n")
    with store.loading() as session:
        session.prepare(SALES)
        report = served.run("--until", "release")
        assert (report["status"], report["release"]) == ("published", 2), "what is published stays published"
        assert "another process is loading it" in report["unrecorded"]
        assert served.run("--until", "release")["status"] == "unchanged"
        assert "lack this run until the next one" in served.filon("run", "--until", "release", "--as-of", "2026-01-01")
    waiting = served.lake / "metadata" / "unrecorded"
    assert [path.stem.split("-", 2)[2] for path in waiting.iterdir()] == [report["run_id"]]
    last = served.run()
    assert last["unrecorded"] is None
    assert not list(waiting.iterdir())
    assert [run["run_id"] for run in runs(store)][1:] == [report["run_id"], runs(store)[-1]["run_id"]]
    assert record(store, "checked", "last")["run_id"] == last["run_id"]


@pytest.mark.parametrize("store_uri", ["sqlite"], indirect=True)
def test_a_busy_store_does_not_fail_a_run_that_has_nothing_to_load(
    served: Shop, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filon.serving.sqlite.store.PATIENCE_S", 0.1)
    served.run()
    served.put("achats_bad.csv", BAD_FILE)
    with store.loading() as session:
        session.prepare(SALES)
        report = served.run()
        assert (report["status"], report["error"]) == ("unchanged", None)
        assert "another process is loading it" in report["unrecorded"]
    served.run()
    assert record(store, "quality", "1")["files"]["total"] == 1
    assert runs(store)[0]["run_id"] == report["run_id"]


@pytest.mark.parametrize("store_uri", ["sqlite"], indirect=True)
def test_a_store_out_of_reach_learns_of_the_failed_run_later(served: Shop, store: Store, tmp_path: Path) -> None:
    nowhere = replace(served, extra={"FILON_SERVING": f"sqlite:///{tmp_path / 'clients.csv'}/serving.db"})
    (tmp_path / "clients.csv").write_text("a file, no folder")
    report = nowhere.run(exit_code=1)
    assert (report["status"], report["release"]) == ("failed", 1)
    assert report["unrecorded"]
    served.run()
    assert [run["status"] for run in runs(store)] == ["unchanged", "failed"]


def test_a_store_that_an_older_version_loaded_gets_the_quality_of_its_release(served: Shop, store: Store) -> None:
    served.run()
    kept = [record(store, "quality", "1"), records(store, "sample")]
    for kind in ("run", "checked", "quality", "sample"):
        store.records.forget(kind, store.records.keys(kind))
    assert served.run()["status"] == "unchanged"
    assert [record(store, "quality", "1"), records(store, "sample")] == kept


def test_a_chart_and_a_promise_rebuild_and_reload_nothing(
    served: Shop, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.run()
    shop = changed_project(served, {}, "kpi_ca_par_mois")
    assert shop.project is not None
    path = shop.project / "gold" / "kpi_ca_par_mois.yaml"
    text = path.read_text()
    document = yaml.safe_load(text)
    document["slaProperties"] = [{"property": "latency", "value": 3, "unit": "h"}]
    [chart] = [word for word in document["schema"][0]["customProperties"] if word["property"] == "chart"]
    chart["value"] = {"kind": "line", "x": "mois", "y": ["ca_total", "nb_transactions"]}
    path.write_text(yaml.safe_dump(document))
    monkeypatch.setattr(Context, "engine", property(lambda _: pytest.fail("the engine was started")))
    report = shop.run()
    assert (report["status"], report["serving"]["inserted"], report["serving"]["closed"]) == ("unchanged", 0, 0)
    assert {table["status"] for table in report["tables"]} == {"unchanged"}
