"""Objects of the lake that are deleted, cut, zeroed or changed: it is said, and never served."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import ACHATS, CLIENTS, Shop

TABLES = ("dim_clients", "fact_ventes", "kpi_ca_par_mois", "kpi_top_clients")
MORE = ACHATS.splitlines()[0] + "\n20,1,2025-03-05,10.00,écran\n21,3,2025-03-06,20.00,souris\n"


def delete(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


SEEN_BY_SIZE: list[Callable[[Path], None]] = [delete, cut, empty]
SEEN_BY_CONTENT: list[Callable[[Path], None]] = [zero, flip]


def tables(shop: Shop) -> dict[str, list[tuple[Any, ...]]]:
    return {name: shop.rows(name) for name in TABLES}


def one_file(shop: Shop, layer: str, table: str) -> Path:
    [*_, file] = shop.release()["tables"][f"{layer}/{table}"]["files"]
    return shop.lake / layer / table / str(file["name"])


def served(shop: Shop) -> list[tuple[Any, ...]]:
    with sqlite3.connect(shop.folder / ".filon" / "retail" / "serving.db") as database:
        return database.execute("SELECT * FROM fact_ventes ORDER BY 1").fetchall()


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with two releases, which nobody changes."""
    shop = Shop(tmp_path_factory.mktemp("two-releases"))
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    shop.run()
    shop.put("achats-2.csv", MORE)
    shop.run()
    return shop


@pytest.fixture
def published(two_releases: Shop, tmp_path: Path) -> Shop:
    """A copy of it."""
    return two_releases.copied(tmp_path / "shop")


@pytest.mark.parametrize("harm", SEEN_BY_SIZE)
@pytest.mark.parametrize(
    ("layer", "table"),
    [("bronze", "achats"), ("silver", "clients"), ("quarantine", "achats"), ("gold", "kpi_ca_par_mois")],
)
def test_files_that_are_gone_or_cut_are_named_and_built_again(
    published: Shop, layer: str, table: str, harm: Callable[[Path], None]
) -> None:
    before, path = tables(published), one_file(published, layer, table)
    harm(path)
    said = published.filon("status", exit_code=1)
    [line] = [line for line in said.splitlines() if "damaged: " in line]
    assert str(path) in line
    assert f"({layer}/{table} of release 2). Repair: `filon run`" in line
    assert published.json_of("status", exit_code=1)["damages"][0]["object"] == str(path)
    report = published.run()
    assert [damage["object"] for damage in report["damages"]] == [str(path)]
    assert (report["status"], report["release"]) == ("published", 3)
    assert tables(published) == before
    assert published.filon("status")
    assert published.run()["status"] == "unchanged"


@pytest.mark.parametrize("harm", SEEN_BY_CONTENT)
@pytest.mark.parametrize("table", ["fact_ventes", "kpi_ca_par_mois"])
def test_changed_files_are_never_loaded(published: Shop, table: str, harm: Callable[[Path], None]) -> None:
    before, rows = tables(published), served(published)
    path = one_file(published, "gold", table)
    harm(path)
    for file in (published.folder / ".filon" / "retail").glob("serving.db*"):
        file.unlink()
    report = published.run()
    assert [damage["object"] for damage in report["damages"]] == [str(path)]
    assert (report["release"], report["serving"]["release"]) == (3, 3)
    assert tables(published) == before
    assert served(published) == rows


@pytest.mark.parametrize("harm", SEEN_BY_CONTENT)
@pytest.mark.parametrize(("layer", "table"), [("bronze", "clients"), ("silver", "clients"), ("silver", "achats")])
def test_changed_files_are_never_built_upon(
    published: Shop, tmp_path: Path, layer: str, table: str, harm: Callable[[Path], None]
) -> None:
    twin = Shop(tmp_path / "twin")
    shutil.copytree(published.sources, twin.sources)
    twin.put("achats-3.csv", MORE.replace("\n2", "\n3"))
    twin.put("clients.csv", CLIENTS + "4,Dan,dan@exemple.fr,2024-05-01,Suisse\n")
    twin.run()
    path = one_file(published, layer, table)
    harm(path)
    for name in ("achats-3.csv", "clients.csv"):
        published.put(name, (twin.sources / name).read_bytes())
    report = published.run()
    assert report["status"] == "published"
    read = [damage["object"] for damage in report["damages"]]
    assert read == [str(path)], "a table that is extended is read, and of a replaced file its history"
    assert tables(published) == tables(twin)


def test_lost_records_whose_file_is_gone_end_the_run_and_name_it(published: Shop) -> None:
    kept, path = tables(published), one_file(published, "bronze", "achats")
    saved = (published.sources / "achats-2.csv").read_bytes()
    (published.sources / "achats-2.csv").unlink()
    flip(path)
    said = published.filon("run", "--force", exit_code=1)
    assert "records of achats-2.csv" in said
    assert "put it back, or restore the lake from a backup" in said
    assert tables(published) == kept
    published.put("achats-2.csv", saved)
    assert published.run("--force")["status"] == "published"
    assert tables(published) == kept


def test_records_that_count_no_more_hold_nobody_up(published: Shop) -> None:
    published.put("achats-2.csv", MORE.replace("10.00", "11.00"))
    old = one_file(published, "bronze", "achats")
    published.run()
    after = tables(published)
    old.unlink()
    assert published.run()["status"] == "published"
    assert tables(published) == after
    assert published.filon("status")


@pytest.mark.parametrize("harm", [*SEEN_BY_SIZE, *SEEN_BY_CONTENT])
def test_notes_of_builds_are_written_again(published: Shop, harm: Callable[[Path], None]) -> None:
    build = published.release()["tables"]["gold/dim_clients"]
    note = published.lake / "metadata/builds/gold/dim_clients" / f"{build['fingerprint']}.json"
    before = note.read_bytes()
    harm(note)
    if harm in SEEN_BY_SIZE:
        assert str(note) in published.filon("status", exit_code=1)
        assert published.run()["damages"][0]["object"] == str(note)
        assert note.read_bytes() == before
    published.put("achats-3.csv", MORE.replace("\n2", "\n3"))
    assert published.run()["status"] == "published"


@pytest.mark.parametrize("harm", [*SEEN_BY_SIZE, *SEEN_BY_CONTENT])
@pytest.mark.parametrize("version", [0, 1])
def test_damaged_delta_logs_are_written_anew(published: Shop, version: int, harm: Callable[[Path], None]) -> None:
    entry = published.lake / f"gold/fact_ventes/_delta_log/{version:020d}.json"
    harm(entry)
    if harm in SEEN_BY_SIZE:
        assert "_delta_log lacks entries up to version 1" in published.filon("status", exit_code=1)
        assert published.run()["status"] == "published"
        assert published.delta("gold", "fact_ventes") == published.rows("fact_ventes")
        assert published.filon("status")
    published.put("achats-3.csv", MORE.replace("\n2", "\n3"))
    assert published.run()["status"] == "published"
    assert published.delta("gold", "fact_ventes") == published.rows("fact_ventes")


@pytest.mark.parametrize("harm", [*SEEN_BY_SIZE, *SEEN_BY_CONTENT])
def test_the_newest_release_is_never_replaced_by_an_older_one(published: Shop, harm: Callable[[Path], None]) -> None:
    before = tables(published)
    newest = published.lake / "metadata/releases/0000000002.json"
    harm(newest)
    for command in (["status"], ["run"], ["releases"], ["explain", "dim_clients", "1"], ["sweep"], ["rollback", "1"]):
        said = published.filon(*command, exit_code=1)
        assert "damaged: " in said
        assert str(newest) in said
    report = published.run("--force")
    assert (report["status"], report["release"]) == ("published", 3)
    assert tables(published) == before
    assert published.filon("status")


@pytest.mark.parametrize("harm", [*SEEN_BY_SIZE, *SEEN_BY_CONTENT])
def test_retracted_rows_do_not_come_back_with_an_older_ledger(shop: Shop, harm: Callable[[Path], None]) -> None:
    shop.run()
    shop.filon("retract", "--yes", "achats.csv")
    newest = max((shop.lake / "metadata/ledger").iterdir())
    harm(newest)
    for command in (["status"], ["run"], ["quarantine", "list"], ["retract", "--yes", "clients.csv"]):
        said = shop.filon(*command, exit_code=1)
        assert str(newest) in said
        assert "what was retracted since then counts again" in said
    assert shop.run("--force")["status"] == "published"
    assert shop.run()["status"] == "unchanged"


@pytest.mark.parametrize("kind", ["ledger", "releases"])
@pytest.mark.parametrize("harm", [delete, flip])
def test_a_lost_head_is_noticed(published: Shop, kind: str, harm: Callable[[Path], None]) -> None:
    head = published.lake / f"metadata/heads/{kind}.json"
    harm(head)
    assert str(head) in published.filon("status", exit_code=1)
    assert str(head) in published.filon("run", exit_code=1)
    assert published.run("--force")["release"] == 3
    assert published.filon("status")


def test_a_document_in_the_middle_is_missed(published: Shop) -> None:
    published.put("achats-3.csv", MORE.replace("\n2", "\n3"))
    published.run()
    middle = published.lake / "metadata/releases/0000000002.json"
    middle.unlink()
    assert str(middle) in published.filon("status", exit_code=1)
    assert published.run()["status"] == "unchanged"


def test_a_release_that_was_written_by_somebody_else_is_not_rolled_back_to(published: Shop) -> None:
    first = published.lake / "metadata/releases/0000000001.json"
    forged = json.loads(first.read_text())
    del forged["sha256"], forged["format"], forged["previous"]
    first.write_text(json.dumps(forged))
    assert "was written by an older version of Filon" in published.filon("rollback", "1", exit_code=1)


def test_rollback_reads_what_it_publishes(published: Shop) -> None:
    first = json.loads((published.lake / "metadata/releases/0000000001.json").read_text())
    [file] = first["tables"]["gold/fact_ventes"]["files"]
    flip(published.lake / "gold/fact_ventes" / file["name"])
    before = tables(published)
    assert "gold/fact_ventes" in published.filon("rollback", "1", exit_code=1)
    assert published.release()["number"] == 2
    assert tables(published) == before


def test_explain_and_quarantine_read_no_damaged_file(published: Shop) -> None:
    flip(one_file(published, "silver", "achats"))
    assert "silver/achats of release 2" in published.filon("explain", "fact_ventes", "10", exit_code=1)
    flip(one_file(published, "quarantine", "achats"))
    assert "quarantine/achats of release 2" in published.filon("quarantine", "show", "achats", exit_code=1)
