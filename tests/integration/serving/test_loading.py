"""From a release to a store: what readers see after each kind of change, and how much is written for it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from pymongo import MongoClient

from filon.lake import Lake
from filon.pipeline.rollback import serve_release
from filon.project import Column, ColumnType, Kind
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.cube import GROUPING_KEY
from filon.serving.feeds import compile_served
from filon.serving.protocol import Store
from filon.serving.query import Query
from filon.serving.served import ServedTable, served_tables
from filon.serving.sqlite.values import plain as plain_sql
from filon.serving.state import OPEN, ServedState
from filon.serving.stores import open_store
from filon.settings import read_settings
from tests.integration.conftest import ACHATS, Shop
from tests.integration.servers import Mongod

MORE = "20,3,2025-03-01,1.00,tapis\n"
TABLES = served_tables(load_project(retail.FOLDER))


@pytest.fixture
def served(shop: Shop, store_uri: str) -> Shop:
    """A shop that is served from an empty store of each kind."""
    return replace(shop, extra={"FILON_SERVING": store_uri})


@pytest.fixture
def store(store_uri: str) -> Iterator[Store]:
    found = open_store(store_uri)
    yield found
    asyncio.run(found.shut_readers())
    found.shut()


def everything(uri: str, tables: dict[str, ServedTable] = TABLES, load: int | None = None) -> dict[str, list[Any]]:
    """All rows that readers see of every table, cubes apart, sorted as by the key."""

    async def read() -> dict[str, list[Any]]:
        store = open_store(uri)
        state = next(state for state in await store.states() if load in (None, state.load))
        rows = {
            name: await store.find(state.id, item.stored, Query(item.stored.total_order(()), limit=100_000))
            for name, item in tables.items()
        }
        await store.shut_readers()
        store.shut()
        return {name: [tuple(row.values()) for row in found] for name, found in rows.items()}

    return asyncio.run(read())


def gold(shop: Shop) -> dict[str, list[Any]]:
    """The same, from the lake's files."""
    found = {}
    for name, item in TABLES.items():
        key = [item.stored.column_names.index(column) for column in item.stored.key]
        found[name] = sorted(shop.rows(name), key=lambda row, key=key: [row[index] for index in key])  # type: ignore[misc]
    return found


def test_a_run_serves_what_it_published(served: Shop, store_uri: str) -> None:
    report = served.run()
    assert report["serving"]["release"] == report["release"] == 1
    hidden = sum(table.rows for name, table in state_of(store_uri).tables.items() if name.startswith("_"))
    assert report["serving"]["inserted"] == sum(len(rows) for rows in everything(store_uri).values()) + hidden
    assert report["serving"]["closed"] == 0
    assert everything(store_uri) == gold(served)


def state_of(uri: str) -> ServedState:
    store = open_store(uri)
    state = store.state()
    store.shut()
    assert state is not None
    return state


def test_nothing_new_writes_nothing(served: Shop, store_uri: str) -> None:
    first = served.run()
    assert served.run()["serving"] | {"duration_s": 0} == first["serving"] | {"inserted": 0, "duration_s": 0}
    assert states(store_uri) == [1]


def states(uri: str) -> list[int]:
    async def read() -> list[int]:
        store = open_store(uri)
        found = [state.load for state in await store.states()]
        await store.shut_readers()
        store.shut()
        return found

    return asyncio.run(read())


def test_a_change_writes_the_rows_that_differ(served: Shop, store_uri: str) -> None:
    served.run()
    before = gold(served)
    served.put("achats_2.csv", ACHATS.splitlines()[0] + "\n" + MORE)
    report = served.run()
    after = gold(served)
    changed = sum(len(set(after[name]) - set(before[name])) for name in TABLES)
    gone = sum(len(set(before[name]) - set(after[name])) for name in TABLES)
    assert everything(store_uri) == after
    assert everything(store_uri, load=1) == before, "the release before can still be asked"
    assert changed <= report["serving"]["inserted"] <= changed + 20
    assert gone <= report["serving"]["closed"] <= gone + 20


def test_rows_that_left_gold_leave_the_store(served: Shop, store_uri: str) -> None:
    served.run()
    served.filon("retract", "--yes", "achats.csv")
    served.run()
    assert everything(store_uri) == gold(served)
    assert everything(store_uri)["fact_ventes"] == []


def test_a_rollback_is_served_at_once_and_the_next_release_as_well(served: Shop, store_uri: str) -> None:
    served.run()
    first = gold(served)
    served.put("achats_2.csv", ACHATS.splitlines()[0] + "\n" + MORE)
    served.run()
    served.filon("rollback", "1")
    assert everything(store_uri) == first
    served.put("achats_3.csv", ACHATS.splitlines()[0] + "\n" + MORE.replace("20,", "21,"))
    served.run()
    assert everything(store_uri) == gold(served) != first


def test_a_store_that_is_behind_is_brought_to_the_release(served: Shop, store_uri: str) -> None:
    served.run()
    for number in range(3):
        served.put(f"achats_{number}.csv", ACHATS.splitlines()[0] + "\n" + MORE.replace("20,", f"3{number},"))
        served.run("--until", "release")
    served.run()
    assert everything(store_uri) == gold(served)


def test_a_store_whose_lake_was_swept_is_loaded_anew(served: Shop, store_uri: str) -> None:
    served.run()
    served.put("achats_2.csv", ACHATS.splitlines()[0] + "\n" + MORE)
    served.run("--until", "release")
    served.filon("sweep", "--keep", "1", "--hours", "0")
    served.run()
    assert everything(store_uri) == gold(served)


def test_a_damaged_store_is_mended(served: Shop, store_uri: str) -> None:
    served.run()
    damage(store_uri, "fact_ventes")
    report = served.run()
    assert report["serving"]["inserted"] == 3
    assert everything(store_uri) == gold(served)
    drop(store_uri, "dim_clients")
    served.run()
    assert everything(store_uri) == gold(served)


def damage(uri: str, table: str) -> None:
    if uri.startswith("sqlite"):
        with sqlite3.connect(uri.removeprefix("sqlite:///")) as connection:
            connection.execute(f"DELETE FROM _rows_{table} WHERE id_achat = 10")
        connection.close()
    else:
        with MongoClient[dict[str, Any]](uri) as client:
            client.get_default_database()[f"_rows_{table}"].delete_one({"id_achat": 10})


def drop(uri: str, table: str) -> None:
    if uri.startswith("sqlite"):
        connection = sqlite3.connect(uri.removeprefix("sqlite:///"))
        connection.execute(f"DROP TABLE _rows_{table}")
        connection.commit()
        connection.close()
    else:
        with MongoClient[dict[str, Any]](uri) as client:
            client.get_default_database().drop_collection(f"_rows_{table}")


def test_force_writes_every_row_again(served: Shop, store_uri: str) -> None:
    first = served.run()
    again = served.run("--force")
    assert again["serving"]["inserted"] == first["serving"]["inserted"] == again["serving"]["closed"]
    assert everything(store_uri) == gold(served)


def plain(uri: str, table: str) -> list[dict[str, Any]]:
    """What somebody sees who opens the database with another tool."""
    if uri.startswith("sqlite"):
        connection = sqlite3.connect(uri.removeprefix("sqlite:///"))
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
        connection.close()
        return rows
    with MongoClient[dict[str, Any]](uri) as client:
        return list(client.get_default_database()[table].find())


def test_plain_readers_find_the_tables_by_name_with_current_rows_only(served: Shop, store_uri: str) -> None:
    served.run()
    served.put("achats.csv", "\n".join(ACHATS.splitlines()[:2]) + "\n")
    served.run()
    for name, rows in gold(served).items():
        assert len(plain(store_uri, name)) == len(rows), name
    [fact] = plain(store_uri, "fact_ventes")
    assert (fact["id_achat"], str(fact["montant"]), str(fact["date_achat"])[:10]) in [
        (10, "100.00", "2025-01-05"),
        (10, "100.0", "2025-01-05"),
    ]
    assert not {"_from", "_to"} & fact.keys()


def test_sync_metadata_tells_when_each_table_was_refreshed(served: Shop, store_uri: str) -> None:
    served.run()
    found = {document["collection_name"]: document for document in plain(store_uri, "_sync_metadata")}
    assert found.keys() == TABLES.keys()
    assert found["fact_ventes"]["row_count"] == 3
    assert found["fact_ventes"]["gold_object"] == "gold/fact_ventes"
    assert all(0 < document["refresh_time_seconds"] < 60 for document in found.values())


def test_the_cube_sums_every_choice_of_dimensions(served: Shop, store_uri: str, store: Store) -> None:
    served.run()
    cube = TABLES["fact_ventes"].cube
    assert cube is not None
    rows = asyncio.run(_all(store, cube.stored))
    by_key: dict[str, list[Any]] = {}
    for row in rows:
        by_key.setdefault(row[GROUPING_KEY], []).append((str(row["date_achat"]), str(row["ca"]), row["nb_ventes"]))
    assert by_key[""] == [("2025-01-05", "100.00", 1), ("2025-02-05", "200.50", 1), ("2025-02-06", "50.00", 1)]
    assert by_key["pays=France"] == [("2025-01-05", "100.00", 1), ("2025-02-05", "200.50", 1)]
    assert by_key["pays=UK\x1fproduit=Souris"] == [("2025-02-06", "50.00", 1)]
    assert all(sum(count for *_, count in found) <= 3 for found in by_key.values())


async def _all(store: Store, table: Any) -> list[Any]:
    [state] = await store.states()
    found = await store.find(state.id, table, Query(table.total_order(()), limit=10_000))
    await store.shut_readers()
    return found


def with_words(shop: Shop, word: str, change: Callable[[dict[str, Any]], None], *, table: str = "fact_ventes") -> Shop:
    """A copy of the retail project in which a word of a table is changed."""
    folder = shop.folder / "project"
    shutil.copytree(retail.FOLDER, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = folder / "gold" / f"{table}.yaml"
    document = yaml.safe_load(path.read_text())
    [words] = [item for item in document["schema"][0]["customProperties"] if item["property"] == word]
    change(words["value"])
    path.write_text(yaml.safe_dump(document))
    return replace(shop, project=folder)


def described(shop: Shop, **changes: Any) -> Shop:
    """The same, for the words on serving."""
    return with_words(shop, "serving", lambda words: words.update(changes))


def test_a_contract_may_serve_a_window(served: Shop, store_uri: str) -> None:
    shop = described(served, window={"column": "date_achat", "last": "11 months"})
    shop.run("--as-of", "2026-01-01")
    assert [row[0] for row in everything(store_uri)["fact_ventes"]] == [11, 12]
    shop.put("achats_2.csv", ACHATS.splitlines()[0] + "\n" + MORE)
    shop.run("--as-of", "2026-01-05")
    assert [row[0] for row in everything(store_uri)["fact_ventes"]] == [12, 20]
    assert shop.run("--as-of", "2026-01-06")["status"] == "unchanged"
    assert [row[0] for row in everything(store_uri)["fact_ventes"]] == [20], "the window moves on with the days"


def test_a_contract_may_serve_nothing_of_a_table(served: Shop, store_uri: str) -> None:
    served.run()
    shop = described(served, served=False)
    shop.run()
    tables = state_of(store_uri).tables
    assert "fact_ventes" not in tables
    assert len(tables) == 10


def test_a_dimension_must_come_from_a_table_that_is_served(served: Shop) -> None:
    shop = with_words(served, "serving", lambda words: words.update(served=False), table="dim_clients")
    output = shop.filon("check", exit_code=2)
    assert "the dimension `pays` comes from `dim_clients`, which is not served" in output


def test_another_project_is_refused(served: Shop, store_uri: str) -> None:
    served.run()
    shop = described(served)
    assert shop.project is not None
    (shop.project / "filon.yaml").write_text((shop.project / "filon.yaml").read_text().replace("retail", "other"))
    report = replace(shop, folder=shop.folder / "o", extra={**shop.extra, "FILON_SOURCES": str(shop.sources)})
    report.folder.mkdir()
    failed = report.run(exit_code=1)
    assert failed["release"] == 1
    assert "serves the project retail, not other" in failed["error"]


def test_a_collection_of_somebody_else_is_left_alone(shop: Shop, mongo_uri: str) -> None:
    uri = f"{mongo_uri}/foreign"
    with MongoClient[dict[str, Any]](uri) as client:
        client.drop_database("foreign")
        client.get_default_database()["dim_clients"].insert_one({"a": 1})
        report = replace(shop, extra={"FILON_SERVING": uri}).run(exit_code=1)
        assert "has a collection dim_clients that Filon did not write" in report["error"]
        assert client.get_default_database()["dim_clients"].count_documents({}) == 1
        client.drop_database("foreign")


@pytest.mark.parametrize("uri", ["sqlite://x", "mysql://h/db", "sqlite:///", "mongodb://u:secret@h:1:2/db"])
def test_an_address_that_is_none_is_refused_without_its_password(shop: Shop, uri: str) -> None:
    output = shop.filon_with("run", FILON_SERVING=uri)
    assert "error: " in output
    assert "secret" not in output


def test_serving_can_be_switched_off(shop: Shop) -> None:
    report = replace(shop, extra={"FILON_SERVING": "none"}).run()
    assert report["status"] == "published"
    assert report["serving"] is None
    assert not list(shop.folder.rglob("serving.db"))


def test_a_server_that_is_away_fails_the_run_after_the_release(shop: Shop, mongod: Mongod) -> None:
    away = replace(shop, extra={"FILON_SERVING": f"{mongod.uri}/analytics"})
    mongod.kill()
    report = away.run(exit_code=1)
    assert report["release"] == 1
    assert "Start it, or check FILON_SERVING" in report["error"]
    mongod.start()
    assert away.run()["serving"]["inserted"] > 0


def test_a_changed_window_is_loaded(served: Shop, store_uri: str) -> None:
    for last, ids in (("11 months", [11, 12]), ("12 months", [10, 11, 12]), ("1 days", [])):
        shop = described(served, window={"column": "date_achat", "last": last})
        shop.run("--as-of", "2026-01-01")
        assert [row[0] for row in everything(store_uri)["fact_ventes"]] == ids
    served.run("--as-of", "2026-01-01")
    assert [row[0] for row in everything(store_uri)["fact_ventes"]] == [10, 11, 12]


def test_a_changed_cube_is_loaded(served: Shop, store_uri: str) -> None:
    served.run()
    shop = with_words(served, "aggregations", lambda words: words["measures"].update(ca={"sum": "annee"}))
    shop.run()
    found = plain(store_uri, "_rows__cube_fact_ventes")
    assert sum(int(str(row["ca"])) for row in found if row[GROUPING_KEY] == "" and row["_to"] == OPEN) == 3 * 2025


def test_a_changed_sort_and_filter_get_their_marks_and_index(
    served: Shop, store_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filon.serving.marking.FEWEST_FOR_MARKS", 2)
    served.run()
    shop = described(served, sort=["-montant"], filters=["montant"], unindexed=[], aliases={})
    report = shop.run()
    assert report["serving"]["inserted"] == report["serving"]["closed"] == 0
    assert shop.project is not None
    table = served_tables(load_project(shop.project))["fact_ventes"].stored

    async def page_index() -> Any:
        store = open_store(store_uri)
        [newest, *_] = await store.states()
        found = await store.page_index(newest.id, table)
        await store.shut_readers()
        store.shut()
        assert found is not None
        return found.place(0, table)

    assert str(asyncio.run(page_index())[0]) == "200.50"


def reshaped(shop: Shop, old: str, new: str) -> Shop:
    """The retail project with another text in the contract and the SQL of ``dim_produits``."""
    folder = shop.folder / "project"
    shutil.copytree(retail.FOLDER, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for path in (folder / "gold" / "dim_produits.yaml", folder / "gold" / "dim_produits.sql"):
        path.write_text(path.read_text().replace(old, new))
    return replace(shop, project=folder)


def test_a_rollback_to_other_columns_is_refused_before_it_is_published(served: Shop) -> None:
    served.run()
    shop = reshaped(served, "prix_min", "prix_plancher")
    shop.run()
    message = " ".join(shop.filon("rollback", "1", exit_code=2).split())
    assert "release 3 has other columns or another key of dim_produits than its contract says today" in message
    assert served.release()["number"] == 2
    served.filon("rollback", "1")
    assert served.release()["number"] == 3


def test_a_column_of_another_type_leaves_no_older_load_to_misread(served: Shop, store_uri: str) -> None:
    served.run()
    shop = reshaped(served, "DECIMAL(38,2)", "DECIMAL(38,4)")
    shop.run()
    assert states(store_uri) == [2]
    assert shop.project is not None
    tables = served_tables(load_project(shop.project))
    assert [str(row[3]) for row in everything(store_uri, tables)["dim_produits"]] == ["200.5000", "150.0000"]


def test_a_late_load_does_not_take_readers_back(served: Shop, store_uri: str) -> None:
    served.run()
    settings = read_settings(project=retail.FOLDER)
    project = load_project(retail.FOLDER)
    lake = Lake(str(served.lake))
    first = lake.release(1)
    served.put("achats_2.csv", ACHATS.splitlines()[0] + "\n" + MORE)
    served.run()
    store = open_store(store_uri)
    assert first is not None
    assert serve_release(settings, project, lake, store, first, compile_served(project)).release == 2
    store.shut()
    assert everything(store_uri) == gold(served)


def test_moments_are_shown_to_plain_readers_to_the_last_digit() -> None:
    column = Column("at", ColumnType(Kind.TIMESTAMP))
    connection = sqlite3.connect(":memory:")
    for micros, shown in [
        (59_999_600, "1970-01-01T00:00:59.999600Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (0, "1970-01-01T00:00:00.000000Z"),
    ]:
        [found] = connection.execute(f"SELECT {plain_sql(column)} FROM (SELECT {micros} AS at)").fetchone()
        assert found == shown
    connection.close()
