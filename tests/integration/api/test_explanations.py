"""Why a figure is what it is, over HTTP: held against the files, the tables of the lake, and the analyses."""

from __future__ import annotations

import asyncio
import csv
import os
import random
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from httpx import Client

from filon.api.explainer import ExplainerProcess
from filon.api.problems import HttpProblem
from filon.explain.question import Question
from filon.project.loader import load_project
from filon.projects import retail
from filon.settings import Settings
from tests.integration.api.conftest import LATE, ServedApi, exact, plain
from tests.integration.conftest import ACHATS, CLIENTS, Shop, empty_database
from tests.integration.servers import ObjectStore

EXPLAIN = "/api/v1/explain"
one_store = pytest.mark.parametrize("served", ["sqlite"], indirect=True)
"""For what does not depend on the kind of store."""


def explained(client: Client, path: str, **parameters: Any) -> dict[str, Any]:
    """An explanation."""
    found: dict[str, Any] = exact(client.get(f"{EXPLAIN}/{path}", params=parameters))
    return found


def part(explanation: dict[str, Any], table: str) -> dict[str, Any]:
    """What an explanation says of a table."""
    [found] = [item for item in explanation["contributions"] if item["table"] == table]
    return dict(found)


def lines(served: ServedApi, file: str) -> list[str]:
    """The records of a source."""
    return (served.shop.sources / file).read_text(encoding="utf-8").splitlines()[1:]


def keys_of(served: ServedApi, table: str, column: str, layer: str = "gold") -> list[Any]:
    """The keys of a table of the newest release."""
    return [key for (key,) in served.shop.rows(table, column, layer)]


def test_a_fact_is_explained_down_to_the_line_of_its_file(api: Client, served: ServedApi) -> None:
    records = lines(served, "achats.csv")
    facts = {row["id_achat"]: plain(row) for row in served.gold("fact_ventes")}
    for key in random.Random(1).sample(sorted(set(facts) - {900001}), 12):  # noqa: S311 - no secret
        found = explained(api, f"fact_ventes/{key}")
        assert (found["release"], found["state"], found["row"]) == (2, "found", facts[key])
        assert found["sql"].startswith("SELECT")
        assert found["inputs"] == ["achats", "dim_clients", "dim_produits"]
        achats = part(found, "achats")
        assert (achats["rows"], achats["exact"]) == (1, True)
        [record] = achats["records"]
        assert record["text"] == records[record["record"] - 1]
        assert record["fields"]["id_achat"].strip() == str(key)
        assert part(found, "clients")["data"][0]["id_client"] == facts[key]["id_client"]


def test_a_sum_is_explained_by_all_of_its_facts_page_by_page(api: Client, served: ServedApi) -> None:
    facts = served.gold("fact_ventes")
    day = facts[0]["date"]
    expected = sorted(row["id_achat"] for row in facts if row["date"] == day)
    seen: list[int] = []
    found: dict[str, Any] = {}
    while len(seen) < len(expected):
        found = explained(api, f"kpi_ca_par_jour/{day}", skip=len(seen), limit=3)
        page = part(found, "fact_ventes")
        assert (page["rows"], page["exact"], page["skip"]) == (len(expected), True, len(seen))
        keys = [row["id_achat"] for row in page["data"]]
        assert keys
        records = part(found, "achats")["records"]
        assert [int(record["fields"]["id_achat"]) for record in records] == keys, "the records of what is shown"
        assert part(found, "achats")["of_shown"] is (len(expected) > len(keys))
        seen += keys
    assert seen == expected
    assert found["row"]["nb_transactions"] == len(expected)


def test_the_rows_of_any_table_behind_a_figure_can_be_paged(api: Client) -> None:
    whole = part(explained(api, "kpi_ca_par_pays/France"), "achats")
    paged = part(explained(api, "kpi_ca_par_pays/France", of="achats", skip=2, limit=1), "achats")
    assert paged["data"] == whole["data"][2:3]
    assert paged["records"][0]["record"] == whole["records"][2]["record"]
    beyond = part(explained(api, "kpi_ca_par_pays/France", skip=10_000), "dim_clients")
    assert (beyond["data"], beyond["rows"] > 0) == ([], True)


def test_cells_are_what_analyses_say(api: Client, served: ServedApi) -> None:
    chance, facts = random.Random(2), served.gold("fact_ventes")  # noqa: S311 - no secret
    clients = {row["id_client"]: row["pays"] for row in served.gold("dim_clients")}
    countries, products = sorted(set(clients.values()) - {None}), sorted({row["produit"] for row in facts})
    for _ in range(15):
        chosen: dict[str, Any] = {}
        if chance.random() < 0.6:
            chosen["pays"] = chance.sample(countries, chance.randint(1, 3))
        if chance.random() < 0.6:
            chosen["produit"] = chance.sample(products, chance.randint(1, 3))
        if chance.random() < 0.4:
            chosen["segment"] = chance.choice(["Bronze", "Silver", "Gold", "Platinum"])
        month = f"{chance.choice(facts)['date']:%Y-%m}"
        [cell] = [
            row
            for row in exact(api.get("/api/v1/aggregations/analyse", params={**chosen, "by": "mois"}))["data"]
            if row["mois"] == month
        ] or [{"ca": None, "nb_ventes": 0, "nb_clients": 0, "nb_produits": 0}]
        for measure in ("ca", "nb_clients", "nb_produits"):
            asked = explained(api, "fact_ventes", measure=measure, mois=month, **chosen)
            assert asked["row"] == {measure: cell[measure]}
        found = explained(api, "fact_ventes", measure="nb_ventes", mois=month, **chosen)
        assert found["row"] == {"nb_ventes": cell["nb_ventes"]}
        behind = part(found, "fact_ventes")
        assert (behind["rows"], behind["exact"]) == (cell["nb_ventes"], True)
        assert len(part(found, "achats")["records"] if cell["nb_ventes"] else []) == min(5, cell["nb_ventes"])


def test_the_facts_of_a_cell_meet_what_is_chosen(api: Client, served: ServedApi) -> None:
    clients = {row["id_client"]: row["pays"] for row in served.gold("dim_clients")}
    expected = [
        row["id_achat"]
        for row in served.gold("fact_ventes")
        if clients[row["id_client"]] == "France" and row["annee"] == 2025 and row["produit"] in ("Souris", "Clavier")
    ]
    chosen = {"pays": "France", "produit": ["Souris", "Clavier"], "annee": "2025", "limit": 100}
    found = part(explained(api, "fact_ventes", **chosen), "fact_ventes")
    assert [row["id_achat"] for row in found["data"]] == sorted(expected)[:100]
    assert found["rows"] == len(expected)
    days = explained(api, "fact_ventes", **chosen, date_debut="2025-03-05", date_fin="2025-03-20")
    assert {row["date"][:7] for row in part(days, "fact_ventes")["data"]} <= {"2025-03"}
    one = min(clients)
    by_client = part(explained(api, "fact_ventes", id_client=one), "fact_ventes")
    assert {row["id_client"] for row in by_client["data"]} <= {one}
    nobody = explained(api, "fact_ventes", empty="pays")
    assert part(nobody, "fact_ventes")["rows"] == sum(
        1 for row in served.gold("fact_ventes") if not clients[row["id_client"]]
    )


def test_an_older_release_is_explained_by_its_own_tables(api: Client, served: ServedApi) -> None:
    late = LATE.splitlines()[1].split(",")
    assert explained(api, f"fact_ventes/{late[0]}")["state"] == "found"
    missing = api.get(f"{EXPLAIN}/fact_ventes/{late[0]}", params={"release": 1})
    assert missing.status_code == 404
    assert "release 1" in missing.json()["detail"]
    day = late[2]
    for release in (1, 2):
        response = api.get(f"{EXPLAIN}/kpi_ca_par_jour/{day}", params={"release": release})
        [row] = [plain(row) for row in served.gold("kpi_ca_par_jour", release) if row["date"].isoformat() == day]
        assert exact(response)["row"] == row
        assert response.headers["X-Filon-Release"] == str(release)


def test_a_rejected_record_says_why_there_is_no_row(api: Client, served: ServedApi) -> None:
    rejected = exact(api.get("/api/v1/quarantine/rows", params={"dataset": "achats", "limit": 1000}))["data"]
    silver = set(keys_of(served, "achats", "id_achat", "silver"))
    tried = 0
    for row in rejected:
        key = next(csv.reader([row["raw"]]))[0].strip()
        if not key.isdigit() or int(key) in silver or row["reasons"][0].startswith("record:"):
            continue
        for table in ("achats", "fact_ventes"):
            found = explained(api, f"{table}/{key}")
            assert (found["state"], found["row"]) == ("rejected", None)
            others = {(o["record"]["file"], o["record"]["record"]): o for o in found["others"]}
            other = others[row["file"], row["record"]]
            assert (other["table"], list(other["reasons"])) == ("achats", row["reasons"])
            assert other["record"]["text"] == row["raw"]
        tried += 1
    assert tried > 5


def test_a_superseded_record_stands_beside_the_row_that_won(api: Client, served: ServedApi) -> None:
    files = [
        str(path) for path in (served.shop.lake / "quarantine" / "superseded-records" / "achats").glob("*.parquet")
    ]
    [(key, file, record), *_] = duckdb.sql(f"SELECT id_achat, _file, _record FROM read_parquet({files})").fetchall()
    found = explained(api, f"fact_ventes/{key}")
    assert found["state"] == "found"
    superseded = [other["record"] for other in found["others"] if other["state"] == "superseded"]
    assert (file, record) in {(other["version"], other["record"]) for other in superseded}
    assert all(int(other["fields"]["id_achat"]) == key for other in superseded)


@one_store
def test_a_row_that_the_model_leaves_out_is_shown_in_its_source(api: Client, served: ServedApi) -> None:
    top = set(keys_of(served, "kpi_top_clients", "id_client"))
    other = next(key for key in keys_of(served, "clients", "id_client", "silver") if key not in top)
    found = explained(api, f"kpi_top_clients/{other}")
    assert (found["state"], part(found, "clients")["data"][0]["id_client"]) == ("left_out", other)


@pytest.mark.parametrize(
    ("path", "status", "kind", "says"),
    [
        ("fact_ventes/999999", 404, "no-such-row", "has no row 999999 in release 2"),
        ("fact_ventes/1.5", 404, "no-such-row", "numbers with a point"),
        ("fact_ventes/x%00y", 404, "no-such-row", "has no row"),
        ("fact_ventes/1/2", 404, "no-such-row", "The key of fact_ventes is id_achat"),
        ("fact_vente/1", 404, "unknown-table", "did you mean fact_ventes"),
        ("achats", 404, "unknown-path", "achats has no analysis"),
        ("kpi_ca_par_pays/At%2Flantis", 404, "no-such-row", "has no row At/lantis"),
        ("fact_ventes/1?release=7", 404, "unknown-release", "1"),
        ("fact_ventes/1?of=achat", 422, "invalid-parameter", "of"),
        ("fact_ventes/1?skip=10001", 422, "invalid-parameter", "skip"),
        ("fact_ventes/1?limit=101", 422, "invalid-parameter", "limit"),
        ("fact_ventes/1?page=2", 422, "invalid-parameter", "page"),
        ("fact_ventes?mois=2025-13", 422, "invalid-parameter", "mois"),
        ("fact_ventes?mois=2025", 422, "invalid-parameter", "mois"),
        ("fact_ventes?measure=chiffre", 422, "invalid-parameter", "measure"),
        ("fact_ventes?empty=montant", 422, "invalid-parameter", "empty"),
        ("fact_ventes?couleur=rouge", 422, "invalid-parameter", "couleur"),
    ],
)
@one_store
def test_what_cannot_be_explained_is_a_problem_with_a_hint(
    api: Client, path: str, status: int, kind: str, says: str
) -> None:
    response = api.get(f"{EXPLAIN}/{path}")
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    document = response.json()
    assert document["type"] == f"urn:filon:problem:{kind}"
    assert says in document["detail"]


@one_store
def test_only_the_scope_admin_sees_raw_records_and_tables_that_are_not_served(
    served: ServedApi, tmp_path: Path
) -> None:
    shop = replace(served.shop, folder=tmp_path, extra={"FILON_API_KEYS": str(tmp_path / "keys.json")})
    keys = {scope: shop.json("apikey", "create", scope, "--scope", scope)["key"] for scope in ("read", "admin")}
    with served.client(api_keys=tmp_path / "keys.json") as client:

        def ask(path: str, scope: str) -> Any:
            return client.get(f"{EXPLAIN}/{path}", headers={"X-API-Key": keys[scope]})

        assert client.get(f"{EXPLAIN}/fact_ventes/1").status_code == 401
        key = keys_of(served, "fact_ventes", "id_achat")[0]
        whole, cut = exact(ask(f"fact_ventes/{key}", "admin")), exact(ask(f"fact_ventes/{key}", "read"))
        assert (whole["withheld"], cut["withheld"]) == (False, True)
        assert (whole["row"], whole["sql"]) == (cut["row"], cut["sql"])
        [full], [place] = part(whole, "achats")["records"], part(cut, "achats")["records"]
        assert full["text"]
        assert place == {**full, "fields": None, "text": None}
        assert part(cut, "achats") == {**part(whole, "achats"), "condition": None, "data": [], "records": [place]}
        assert part(cut, "dim_clients") == part(whole, "dim_clients"), "it is served"
        email = part(whole, "clients")["data"][0]["email"]
        assert part(cut, "clients")["data"] == []
        refused = ask(f"achats/{key}", "read")
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:filon:problem:scope-missing")
        assert exact(ask(f"achats/{key}", "admin"))["row"]["id_achat"] == key
        assert email


@pytest.fixture
def alone(tmp_path: Path) -> ServedApi:
    """A small shop of its own, with two releases."""
    uri = f"sqlite:///{tmp_path / 'serving.db'}"
    shop = Shop(tmp_path, extra={"FILON_SERVING": uri})
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    shop.run()
    shop.put("achats_late.csv", LATE)
    shop.run()
    return ServedApi(shop, uri, load_project(retail.FOLDER))


def test_a_release_that_the_lake_swept_away_is_gone(alone: ServedApi) -> None:
    with alone.client() as client:
        assert explained(client, "fact_ventes/10", release=1)["release"] == 1
    alone.shop.filon("sweep", "--keep", "1", "--hours", "0")
    with alone.client() as client:
        assert exact(client.get("/api/v1/ventes/10", params={"release": 1}))["id_achat"] == 10, "the store has it still"
        swept = client.get(f"{EXPLAIN}/fact_ventes/10", params={"release": 1})
        assert (swept.status_code, swept.json()["type"]) == (410, "urn:filon:problem:release-swept")
        assert explained(client, "fact_ventes/10")["release"] == 2


def test_a_release_that_is_swept_away_while_it_is_explained_is_gone_too(alone: ServedApi) -> None:
    alone.shop.put("achats.csv", ACHATS.replace("100.00", "101.00"))
    alone.shop.run()
    with alone.client() as client:
        assert explained(client, "kpi_ca_par_jour/2025-01-05", release=2)["row"]["ca_total"] == 100
        alone.shop.filon("sweep", "--keep", "1", "--hours", "0")
        response = client.get(f"{EXPLAIN}/kpi_ca_par_mois/2025-01", params={"release": 2})
        assert response.status_code in (200, 410), response.text
        if response.status_code == 200:
            assert exact(response)["row"]["ca_total"] == 100, "of that release, by what the process had read of it"


def test_without_a_lake_nothing_is_explained(alone: ServedApi, tmp_path: Path) -> None:
    with alone.client(lake=str(tmp_path / "nothing")) as client:
        response = client.get(f"{EXPLAIN}/fact_ventes/10")
        assert (response.status_code, response.json()["type"]) == (404, "urn:filon:problem:no-lake")
        assert "FILON_LAKE" in response.json()["detail"]
        assert client.get("/api/v1/ventes/10").status_code == 200


def test_a_lake_of_another_store_is_refused(alone: ServedApi, tmp_path: Path) -> None:
    other = Shop(tmp_path / "other")
    other.put("clients.csv", CLIENTS)
    other.put("achats.csv", ACHATS.replace("100.00", "99.00"))
    other.run("--until", "release")
    other.put("achats_late.csv", LATE)
    other.run("--until", "release")
    with alone.client(lake=str(other.lake)) as client:
        response = client.get(f"{EXPLAIN}/fact_ventes/10")
        assert (response.status_code, response.json()["type"]) == (409, "urn:filon:problem:other-lake")


def test_a_model_that_is_another_one_today_is_not_followed(alone: ServedApi, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(retail.FOLDER, project)
    model = project / "gold" / "kpi_ca_par_jour.sql"
    model.write_text(model.read_text().replace("sum(montant)", "sum(montant + 0)"))
    with replace(alone, project=load_project(project)).client(project=project) as client:
        found = explained(client, "kpi_ca_par_jour/2025-01-05")
        assert found["contributions"] == []
        [unfollowed] = found["not_followed"]
        assert "is another one today than in release 2" in unfollowed["reason"]
        assert explained(client, "fact_ventes/10")["contributions"]


def test_mongodb_and_an_object_store_explain_the_same(
    tmp_path: Path, object_store: ObjectStore, mongo_uri: str, api: Client
) -> None:
    for uri in empty_database(mongo_uri):
        bucket = f"s3://explained-{os.getpid()}"
        extra = {**object_store.environment, "FILON_SERVING": uri, "FILON_LAKE": bucket}
        shop = Shop(tmp_path, extra=extra)
        shop.put("clients.csv", CLIENTS)
        shop.put("achats.csv", ACHATS)
        shop.run()
        remote = ServedApi(shop, uri, load_project(retail.FOLDER))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in object_store.environment.items():
                patch.setenv(name, value)
            with remote.client(lake=bucket) as client:
                found = explained(client, "fact_ventes/11")
                assert part(found, "achats")["records"][0]["text"] == "11,1,2025-02-05,200.50,CLAVIER"
                assert explained(client, "fact_ventes/14")["state"] == "rejected"
                assert explained(client, "fact_ventes", measure="ca", pays="France")["row"] == {"ca": 300.50}


# the process


@pytest.fixture
def question(alone: ServedApi) -> Question:
    return Question(release=2, builds={}, table="fact_ventes", key=("10",))


@pytest.fixture
def settings(alone: ServedApi) -> Settings:
    return alone.settings()


def test_an_answer_that_takes_too_long_is_given_up_and_the_next_one_is_made(
    settings: Settings, question: Question
) -> None:
    async def asked() -> None:
        process = ExplainerProcess(settings, longest_first_s=0.01)
        with pytest.raises(HttpProblem) as refused:
            await process.ask(question, "a")
        assert (refused.value.status, refused.value.kind) == (503, "explanation-too-long")
        process = ExplainerProcess(settings, longest_s=0.0)
        assert (await process.ask(question, "a"))["row"]["id_achat"] == 10, "the first of a release has more time"
        with pytest.raises(HttpProblem):
            await process.ask(question, "a")
        assert (await process.ask(question, "a"))["row"]["id_achat"] == 10, "by another process"
        await process.shut()

    asyncio.run(asked())


def test_a_client_waits_for_two_explanations_at_most_and_all_together_for_eight(
    settings: Settings, question: Question
) -> None:
    async def asked() -> None:
        process = ExplainerProcess(settings)
        clients = ["a", "a", "a", "b", "b", "c", "c", "d", "d", "e"]
        results = await asyncio.gather(*(process.ask(question, client) for client in clients), return_exceptions=True)
        refused = [(n, result.status) for n, result in enumerate(results) if isinstance(result, HttpProblem)]
        assert refused == [(2, 429), (9, 503)]
        assert (await process.ask(question, "e"))["row"]["id_achat"] == 10, "there is room again"
        await process.shut()

    asyncio.run(asked())


def test_a_process_that_was_killed_or_was_idle_is_started_again(settings: Settings, question: Question) -> None:
    async def asked() -> None:
        process = ExplainerProcess(settings)
        await process.ask(question, "a")
        first = process._process
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        await first.wait()
        assert (await process.ask(question, "a"))["row"]["id_achat"] == 10
        process._idle_s = 0.0
        await process.ask(question, "a")
        second = process._process
        assert second is not None
        assert await second.wait() == 0, "it ends with its input"
        assert (await process.ask(question, "a"))["row"]["id_achat"] == 10
        await process.shut()

    asyncio.run(asked())


def test_the_process_is_told_no_secret_of_the_api(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILON_API_SECRET", "sixteen letters or more")
    monkeypatch.setenv("FILON_SERVING", "mongodb://loader:secret@host/analytics")
    environment = ExplainerProcess(settings)._environment
    assert {name for name in environment if name.startswith("FILON_")} == {"FILON_LAKE", "FILON_MEMORY_LIMIT"}
