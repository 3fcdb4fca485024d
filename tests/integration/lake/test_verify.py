"""``filon verify``: planted damage is found and named, and nothing else; what needs no guess is repaired."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from filon.lake import Lake
from filon.lake.documents import Release
from filon.serving.columns.chunks import digest_of
from tests.integration.conftest import Shop
from tests.integration.lake.test_damage import cut, delete, empty, flip, one_file, published, two_releases, zero

__all__ = ["published", "two_releases"]


def found(shop: Shop, *options: str, exit_code: int = 1) -> list[dict[str, str]]:
    report: dict[str, Any] = json.loads(shop.filon("verify", "--json", *options, exit_code=exit_code))
    damages: list[dict[str, str]] = report["damages"]
    return damages


def newest(shop: Shop, folder: str) -> Path:
    return max((shop.lake / "metadata" / folder).glob("*.json*"))


def oldest(shop: Shop, folder: str) -> Path:
    return min((shop.lake / "metadata" / folder).glob("*.json*"))


def log_of(shop: Shop, table: str) -> Path:
    version = shop.release()["tables"][f"gold/{table}"]["version"]
    return shop.lake / "gold" / table / "_delta_log" / f"{version:020d}.json"


def note_of(shop: Shop, table: str) -> Path:
    fingerprint = shop.release()["tables"][f"gold/{table}"]["fingerprint"]
    return shop.lake / "metadata" / "builds" / "gold" / table / f"{fingerprint}.json"


def exchange(shop: Shop) -> str:
    """A file holds the rows of another table, whole and readable."""
    file = one_file(shop, "gold", "kpi_ca_par_mois")
    file.write_bytes(one_file(shop, "gold", "kpi_ca_par_jour").read_bytes())
    return str(file)


def other_names_in_log(shop: Shop) -> str:
    """The Delta log names another file, in an entry of the same size."""
    log = log_of(shop, "fact_ventes")
    name = one_file(shop, "gold", "fact_ventes").name
    log.write_text(log.read_text().replace(name, f"{'0' * (len(name) - 8)}.parquet"))
    return str(log.parent)


def other_bounds_in_log(shop: Shop) -> str:
    """The Delta log says that the smallest purchase has another number."""
    log = log_of(shop, "fact_ventes")
    text = log.read_text()
    bound = text.index('id_achat\\":', text.index("minValues")) + len('id_achat\\":')
    log.write_text(f"{text[:bound]}9{text[bound + 1 :]}")
    return str(one_file(shop, "gold", "fact_ventes"))


def republish(shop: Shop, change: Callable[[dict[str, Any]], None]) -> None:
    """Publish the release again with something that is not true, as a faulty program might."""
    lake = Lake(str(shop.lake))
    release = lake.release()
    assert release is not None
    facts = release.model_dump(mode="json")
    facts["number"] += 1
    change(facts)
    lake.publish(Release.model_validate(facts))


def other_rows(shop: Shop) -> str:
    def change(facts: dict[str, Any]) -> None:
        facts["tables"]["gold/kpi_ca_par_mois"]["files"][0]["rows"] += 1

    republish(shop, change)
    return str(one_file(shop, "gold", "kpi_ca_par_mois"))


def other_counts(shop: Shop) -> str:
    def change(facts: dict[str, Any]) -> None:
        counts = next(iter(facts["tables"]["silver/achats"]["quality"]["files"].values()))
        counts["accepted"] += 1
        counts["rejected"] -= 1

    republish(shop, change)
    return str(shop.lake)


def other_ledger(shop: Shop) -> str:
    def change(facts: dict[str, Any]) -> None:
        facts["ledger"] -= 1

    republish(shop, change)
    return str(shop.lake)


def harmed(harm: Callable[[Path], None], choose: Callable[[Shop], Path]) -> Callable[[Shop], str]:
    def plant(shop: Shop) -> str:
        path = choose(shop)
        harm(path)
        return str(path)

    return plant


def in_log(harm: Callable[[Path], None]) -> Callable[[Shop], str]:
    def plant(shop: Shop) -> str:
        harm(log_of(shop, "fact_ventes"))
        return str(log_of(shop, "fact_ventes").parent)

    return plant


def superseded(shop: Shop) -> Path:
    [*_, entry] = shop.release()["tables"]["superseded/achats"]["files"]
    return shop.lake / "quarantine" / "superseded-records" / "achats" / str(entry["name"])


def file(layer: str, table: str) -> Callable[[Shop], Path]:
    return lambda shop: one_file(shop, layer, table)


DAMAGE: dict[str, Callable[[Shop], str]] = {
    "a gold file is gone": harmed(delete, file("gold", "fact_ventes")),
    "a gold file is cut": harmed(cut, file("gold", "fact_ventes")),
    "a gold file is empty": harmed(empty, file("gold", "kpi_top_clients")),
    "a gold file is zeroed": harmed(zero, file("gold", "kpi_ca_par_mois")),
    "a bit of gold": harmed(flip, file("gold", "dim_clients")),
    "a bit of silver": harmed(flip, file("silver", "achats")),
    "a bit of bronze": harmed(flip, file("bronze", "achats")),
    "a bit of rejected rows": harmed(flip, file("quarantine", "achats")),
    "a bit of superseded rows": harmed(flip, superseded),
    "rows of another table": exchange,
    "a Delta entry is gone": in_log(delete),
    "a Delta entry is cut": in_log(cut),
    "a Delta entry names another file": other_names_in_log,
    "a Delta entry has other bounds": other_bounds_in_log,
    "a note is gone": harmed(delete, lambda shop: note_of(shop, "fact_ventes")),
    "a note is cut": harmed(cut, lambda shop: note_of(shop, "fact_ventes")),
    "the newest ledger": harmed(flip, lambda shop: newest(shop, "ledger")),
    "the newest release is gone": harmed(delete, lambda shop: newest(shop, "releases")),
    "an older release": harmed(flip, lambda shop: oldest(shop, "releases")),
    "an older report": harmed(flip, lambda shop: oldest(shop, "runs")),
    "a head is gone": harmed(delete, lambda shop: shop.lake / "metadata" / "heads" / "releases.json"),
    "other rows than recorded": other_rows,
    "counts that do not add up with rows": other_counts,
    "another ledger": other_ledger,
}
OF_DOCUMENTS = (
    "the newest ledger",
    "the newest release is gone",
    "an older release",
    "an older report",
    "a head is gone",
)
REPUBLISHED = ("other rows than recorded", "counts that do not add up with rows", "another ledger")


def test_a_sound_lake_and_its_store_are_sound(published: Shop) -> None:
    assert found(published, exit_code=0) == []
    assert found(published, "--full", exit_code=0) == []
    assert found(published, "--release", "1", exit_code=0) == []
    assert "release 2 is sound: 23 tables" in published.filon("verify")


def test_an_empty_lake_has_nothing_to_verify(shop: Shop) -> None:
    assert "nothing is published" in shop.filon("verify")


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_and_nothing_else(published: Shop, kind: str) -> None:
    place = DAMAGE[kind](published)
    options = ("--serving", "none")
    damages = found(published, *options)
    assert damages
    assert all(place in damage["object"] for damage in damages), damages
    assert all(damage["repair"] and damage["part"] for damage in damages)
    if kind not in OF_DOCUMENTS:
        left = found(published, "--repair", "--serving", "none", exit_code=0)
        assert left == []


@pytest.mark.parametrize("kind", OF_DOCUMENTS)
def test_no_document_is_repaired_without_a_person(published: Shop, kind: str) -> None:
    place = DAMAGE[kind](published)
    damages = found(published, "--repair", "--serving", "none")
    assert place in damages[0]["object"]
    assert "backup" in damages[0]["repair"]


def store_of(shop: Shop) -> Path:
    return shop.folder / ".filon" / "retail" / "serving.db"


def change_rows(shop: Shop, statement: str, *, unnoticed: bool) -> None:
    """Write to the store as another program would, or so that its triggers do not see it."""
    with closing(sqlite3.connect(store_of(shop))) as database, database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers if unnoticed else []:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute(statement)
        for _, sql in triggers if unnoticed else []:
            database.execute(sql)


@pytest.mark.parametrize("unnoticed", [False, True])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE _rows_fact_ventes SET montant = montant + 1",
        "UPDATE _rows_dim_clients SET nom = nom || '?'",
        "UPDATE _rows_fact_ventes SET _to = 1 WHERE id_achat = 10",
    ],
)
def test_rows_of_the_store_are_compared(published: Shop, statement: str, unnoticed: bool) -> None:
    change_rows(published, statement, unnoticed=unnoticed)
    table = statement.split()[1].removeprefix("_rows_")
    [damage] = found(published, "--full")
    assert damage["object"].endswith(f"serving.db {table}")
    assert found(published)[0]["object"] == damage["object"]  # so few rows are all looked up
    assert found(published, "--repair", "--full", exit_code=0) == []
    assert published.release()["number"] == 2


def test_sums_of_the_store_are_compared_in_full(published: Shop) -> None:
    change_rows(published, 'UPDATE "_rows__cube_fact_ventes" SET ca = ca + 1', unnoticed=True)
    [damage] = found(published, "--full")
    assert damage["object"].endswith("the sums of fact_ventes")


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE _rows__columns_fact_ventes SET data = data || 'AAAA'", "has other bytes"),
        ("DELETE FROM _rows__columns_fact_ventes WHERE month = '2025-02'", "lacks 2025-02"),
    ],
)
def test_columns_of_facts_are_compared_in_full(published: Shop, statement: str, what: str) -> None:
    change_rows(published, statement, unnoticed=True)
    [damage] = found(published, "--full")
    assert (damage["object"].rpartition("the ")[2], damage["what"][: len(what)]) == ("columns of fact_ventes", what)
    assert found(published, "--repair", "--full", exit_code=0) == []


def test_columns_with_another_value_are_found(published: Shop) -> None:
    """A chunk that is whole, but of other facts: that of another month under this one's name."""
    with closing(sqlite3.connect(store_of(published))) as database:
        [(data,)] = database.execute("SELECT data FROM _rows__columns_fact_ventes WHERE month = '2025-01'").fetchall()
    digest = digest_of("2025-02", data.encode())
    change_rows(
        published,
        f"UPDATE _rows__columns_fact_ventes SET data = '{data}', digest = '{digest}' WHERE month = '2025-02'",
        unnoticed=True,
    )
    [damage] = found(published, "--full")
    assert damage["what"] == "differs in 2025-02"


def test_rows_of_mongodb_are_compared(published: Shop, mongo_database: str) -> None:
    served = replace(published, extra={"FILON_SERVING": mongo_database})
    served.run()
    assert found(served, "--full", exit_code=0) == []
    with MongoClient[dict[str, Any]](mongo_database) as client:
        client.get_default_database()["_rows_fact_ventes"].update_one({}, {"$set": {"produit": "autre"}})
    [damage] = found(served, "--full")
    assert "fact_ventes differs at id_achat" in f"{damage['object'].rpartition(' ')[2]} {damage['what']}"
    assert found(served, "--repair", "--full", exit_code=0) == []


def test_a_store_that_is_behind_or_gone_is_named(published: Shop) -> None:
    published.put("achats-3.csv", "id_achat,id_client,date_achat,montant,produit\n40,1,2025-03-05,10.00,écran\n")
    published.run("--serving", "none")
    [damage] = found(published)
    assert (damage["what"], damage["part"]) == ("serves release 2", "release 3")
    assert found(published, "--repair", exit_code=0) == []
    store_of(published).unlink()
    [damage] = found(published)
    assert damage["what"] == "serves nothing"


def test_an_older_release_is_read_too(published: Shop) -> None:
    lake = Lake(str(published.lake))
    first = lake.release(1)
    assert first is not None
    build = first.tables["gold/kpi_top_clients"]
    path = published.lake / "gold" / "kpi_top_clients" / build.files[0].name
    flip(path)
    assert found(published, exit_code=0) == []
    [damage] = found(published, "--release", "1")
    assert damage["object"] == str(path)
    assert "--release" in published.filon("verify", "--repair", "--release", "1", exit_code=2)
