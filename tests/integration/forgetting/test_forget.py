"""A person is forgotten: no byte is left, other rows stay, and runs go on as if the records had never said anything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from filon.api.app import create_app
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.integration.api.conftest import answering
from tests.integration.conftest import Shop
from tests.integration.forgetting.person import KEY, MAIL, NAME, VALUES, forget, live
from tests.integration.forgetting.scan import found, found_in_database


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop in which the person stands everywhere, served from SQLite."""
    shop = Shop(
        tmp_path_factory.mktemp("lived"),
        extra={"FILON_SERVING": "sqlite:///serving.db", "FILON_WORKSPACE": "workspace"},
    )
    (shop.folder / "workspace").mkdir()
    live(shop)
    return shop


@pytest.fixture
def life(lived: Shop, tmp_path: Path) -> Shop:
    """A copy of that shop."""
    return lived.copied(tmp_path / "life")


def held(shop: Shop) -> list[str]:
    """Where values of the person stand in what Filon holds, the sources apart."""
    places = []
    for path in shop.folder.iterdir():
        if path.name != "sources" and path.is_dir():
            places += found(path, VALUES)
    copy = shop.folder / "databases"
    copy.mkdir()
    for path in shop.folder.glob("serving.db*"):
        shutil.copy(path, copy)
    places += found(copy, VALUES)
    shutil.rmtree(copy)
    return places


def tables(shop: Shop) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of all tables of the published release."""
    names = [name.partition("/") for name in shop.release()["tables"]]
    columns = {"bronze": "* EXCLUDE (_extra)"}
    return {f"{layer}/{table}": shop.rows(table, columns.get(layer, "*"), layer) for layer, _, table in names}


@pytest.mark.parametrize("options", [[], ["--recompute"]])
def test_no_byte_of_the_person_is_left(life: Shop, options: list[str]) -> None:
    assert {place.partition("/")[0] for place in held(life)} >= {"bronze", "silver", "gold", "quarantine"}
    report = forget(life, *options)
    assert (report["people"], report["dropped"]) == (1, {})
    assert held(life) == []
    assert "is sound" in life.filon("verify", "--full")
    life.run()
    assert held(life) == []
    assert "is sound" in life.filon("verify", "--full")


def test_every_kept_release_keeps_its_other_rows(life: Shop) -> None:
    releases = [each["number"] for each in life.json("releases")]
    clients = {number: _shown(life, "dim_clients", number) for number in releases}
    forget(life)
    for number in releases:
        kept = [row for row in clients[number] if row["id_client"] != int(KEY)]
        assert len(kept) < len(clients[number])
        assert _shown(life, "dim_clients", number) == kept
        assert "is sound" in life.filon("verify", "--release", str(number))


def _shown(shop: Shop, table: str, release: int) -> list[dict[str, Any]]:
    options = ("--release", str(release), "--format", "json", "--limit", "100")
    rows: list[dict[str, Any]] = json.loads(shop.filon("show", table, *options))
    return rows


def test_published_figures_stay_and_say_that_they_count_the_person(life: Shop) -> None:
    before = life.rows("kpi_ca_par_mois")
    forget(life)
    assert life.rows("kpi_ca_par_mois") != []
    kept = {row[0]: row for row in life.rows("kpi_ca_par_mois")}
    assert all(kept[row[0]] == row for row in before if row[0] in kept)
    status = life.json("status")
    assert status["release"]["counts_forgotten"]["kpi_ca_par_mois"] > 0
    assert "count people who were forgotten" in life.filon("status")
    assert served_counts(life)["kpi_ca_par_mois"] > 0
    life.run()
    assert life.json("status")["release"]["counts_forgotten"] == {}
    assert set(served_counts(life).values()) == {0}
    assert life.rows("kpi_ca_par_mois") != before


def served_counts(shop: Shop) -> dict[str, int]:
    """What the API says of each table: how many rows behind it count the person."""
    project, settings = load_project(retail.FOLDER), Settings(api_keys=shop.folder / "apikeys.json")
    app = create_app(project, open_store(f"sqlite:///{shop.folder / 'serving.db'}"), settings)
    with answering(app, settings) as address:
        listed = httpx.get(f"{address}/api/v1/tables", timeout=30).json()["data"]
    return {table["name"]: table["counts_forgotten"] for table in listed}


def test_recompute_publishes_what_the_next_run_would(life: Shop) -> None:
    forget(life, "--recompute")
    assert life.json("status")["release"]["counts_forgotten"] == {}
    recomputed = {name: rows for name, rows in tables(life).items() if name.startswith("gold/")}
    life.run()
    assert {name: rows for name, rows in tables(life).items() if name.startswith("gold/")} == recomputed


def test_runs_after_it_equal_a_build_from_the_ledger(life: Shop) -> None:
    forget(life)
    life.put(
        "achats-5.csv",
        f"id_achat,id_client,date_achat,montant,produit\n50,1,2025-04-01,5.00,souris\n51,{KEY},2025-04-01,6.00,souris\n",
    )
    life.put(
        "clients-5.csv",
        f"id_client,nom,email,date_inscription,pays\n{KEY},{NAME},{MAIL},2024-01-01,France\n3,Cléo,c@exemple.fr,,Brésil\n",
    )
    report = life.run()
    assert held(life) == []
    counts = {file["file"]: file["rows_rejected"] for file in report["files"]}
    assert (counts["achats-5.csv"], counts["clients-5.csv"]) == (1, 1)
    extended = tables(life)
    life.run("--force")
    assert tables(life) == extended
    assert held(life) == []


def test_records_of_the_person_are_rejected_with_the_reason_alone(life: Shop) -> None:
    forget(life)
    life.run()
    shown = life.json("quarantine", "show", "achats", "--reason", "forgotten")
    assert [row["raw"] for row in shown["rows"]] == [""] * len(shown["rows"])
    assert len(shown["rows"]) == 5
    for dataset in ("clients", "achats"):
        [table] = [t for t in life.json("quarantine", "list")["rows"] if t == dataset]
        assert life.json("quarantine", "list")["rows"][table]["forgotten"] > 0


def test_a_store_of_mongodb_holds_nothing_either(tmp_path: Path, mongo_database: str) -> None:
    shop = Shop(tmp_path, extra={"FILON_SERVING": mongo_database})
    live(shop)
    assert found_in_database(mongo_database, VALUES)
    forget(shop)
    assert found_in_database(mongo_database, VALUES) == []
    assert "is sound" in shop.filon("verify", "--full")


def test_what_is_erased_is_shown_before(life: Shop) -> None:
    before = held(life)
    plan = life.json("forget", "clients", "--key", KEY, "--plan")
    assert held(life) == before
    done = forget(life)
    assert {name: plan[name] for name in ("people", "records", "rows", "counting", "copies", "dropped")} == {
        name: done[name] for name in ("people", "records", "rows", "counting", "copies", "dropped")
    }


def test_the_record_of_it_says_who_and_why_without_the_key(life: Shop) -> None:
    forget(life, "--by", "dpo")
    documents = "".join(path.read_text() for path in sorted((life.lake / "metadata" / "erasures").glob("*.json")))
    assert all(word in documents for word in ("dpo", "asked to", '"people":1'.replace(":", ": ")))
    assert not any(value in documents for value in VALUES)
    again = forget(life)
    assert (again["people"], again["known"]) == (0, 1)


@pytest.mark.parametrize(
    ("key", "message", "code"),
    [
        ("4242425", "nothing that Filon holds has the key of clients (id_client) 4242425", 1),
        ("x'; DROP TABLE clients; --", "is no value of the key of clients", 2),
        ("", "is no value of the key of clients", 2),
    ],
)
def test_a_key_that_nobody_has_erases_nothing(life: Shop, key: str, message: str, code: int) -> None:
    before = held(life)
    said = life.filon("forget", "clients", "--key", key, "--reason", "asked", "--yes", exit_code=code)
    assert message in said
    assert held(life) == before


def test_many_keys_come_from_a_file(life: Shop) -> None:
    keys = life.folder / "keys.txt"
    keys.write_text(f"{KEY}\n\n 2 \n")
    report = life.json("forget", "clients", "--keys-from", str(keys), "--reason", "asked", "--yes")
    keys.unlink()
    assert (report["people"], held(life)) == (2, [])
    assert life.rows("dim_clients", "id_client") == [(1,)]


def test_it_has_to_be_confirmed_and_needs_a_reason(life: Shop) -> None:
    assert "--reason" in life.filon("forget", "clients", "--key", KEY, "--yes", exit_code=2)
    assert "--yes" in life.filon("forget", "clients", "--key", KEY, "--reason", "x", exit_code=2)
    assert "is no dataset with a key" in life.filon("forget", "nobody", "--key", "1", "--plan", exit_code=2)
