"""Many small files become few: the same rows, for every reader, while older releases keep theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from filon.lake import Lake
from tests.integration.conftest import Shop
from tests.integration.test_extending import HEADER
from tests.integration.test_partitions import files
from tests.integration.test_partitions import sold_monthly as sold_monthly

DAYS = [f"{HEADER}{2000 + day},{day % 2 + 1},2025-12-{day:02d},1{day}.00,souris\n" for day in range(1, 5)]


@pytest.fixture(scope="module")
def four_days(sold_monthly: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with a file in its tables for each of four days, which nobody changes."""
    shop = sold_monthly.copied(tmp_path_factory.mktemp("four-days") / "shop")
    for number, text in enumerate(DAYS):
        shop.put(f"achats-day{number}.csv", text)
        assert shop.run()["status"] == "published"
    return shop


@pytest.fixture
def scattered(four_days: Shop, tmp_path: Path) -> Shop:
    """A copy of it."""
    return four_days.copied(tmp_path / "shop")


def all_files(shop: Shop) -> dict[str, list[str]]:
    tables = shop.release()["tables"]
    return {name: sorted(file["name"] for file in build.get("files", ())) for name, build in tables.items()}


def test_small_files_of_a_partition_become_one_and_rows_stay(scattered: Shop) -> None:
    columns = "id_achat, date_achat, montant"
    before, rows = files(scattered, "gold/fact_ventes"), scattered.rows("fact_ventes", columns)
    assert len(before["2025-12"]) > 1
    said = scattered.filon("compact")
    after = files(scattered, "gold/fact_ventes")
    assert f"gold fact_ventes: {sum(map(len, before.values()))} files became 12" in said
    assert {month for month in before if before[month] != after[month]} == {"2025-12"}
    assert all(len(names) == 1 for names in after.values())
    assert scattered.rows("fact_ventes", columns) == rows


def test_what_is_compact_stays_and_runs_go_on_from_it(scattered: Shop) -> None:
    scattered.filon("compact")
    compact = all_files(scattered)
    assert "no table has small files" in scattered.filon("compact")
    assert scattered.run()["status"] == "unchanged"
    scattered.put("achats-late.csv", f"{HEADER}3001,1,2025-03-15,5.00,souris\n")
    report = scattered.run()
    [facts] = [table for table in report["tables"] if table["table"] == "fact_ventes"]
    assert facts["keys"] == 1
    kept = set(compact["gold/fact_ventes"]) & set(all_files(scattered)["gold/fact_ventes"])
    assert len(kept) >= 11


def test_an_older_release_can_be_published_again_and_a_sweep_takes_the_small_files(scattered: Shop) -> None:
    small = {name for names in files(scattered, "gold/fact_ventes").values() for name in names}
    rows = scattered.rows("fact_ventes", "id_achat, montant")
    scattered.filon("compact")
    lake = Lake(str(scattered.lake))
    for number in lake.releases.numbers():
        release = lake.release(number)
        assert release is not None
        lake.require_sound(release)
    scattered.filon("rollback", "3")
    assert len(scattered.rows("fact_ventes", "id_achat")) == len(rows) - 2
    scattered.filon("rollback", "6")
    scattered.filon("sweep", "--keep", "1", "--hours", "0")
    left = {str(path.relative_to(scattered.lake / "gold/fact_ventes")) for path in _parquet(scattered)}
    assert left == {name for names in files(scattered, "gold/fact_ventes").values() for name in names}
    assert not small <= left
    assert scattered.rows("fact_ventes", "id_achat, montant") == rows
    assert scattered.run()["damages"] == []


def _parquet(shop: Shop) -> list[Path]:
    return list((shop.lake / "gold" / "fact_ventes").rglob("part-*.parquet"))


def test_nothing_published_cannot_be_compacted(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    assert "nothing was published yet" in shop.filon("compact", exit_code=1)


def bronze_files(shop: Shop) -> set[str]:
    return {file["name"] for file in shop.release()["tables"]["bronze/achats"]["files"]}


def sold(shop: Shop) -> list[tuple[object, ...]]:
    return shop.rows("fact_ventes", "id_achat, id_client, date_achat, montant")


def test_bronze_files_become_one_and_each_record_is_found_in_it(scattered: Shop) -> None:
    files_before, rows = bronze_files(scattered), sold(scattered)
    asked = [("fact_ventes", "2003"), ("achats", "2003")]
    before = [scattered.json("explain", *words) for words in asked]
    said = scattered.filon("compact")
    assert f"bronze achats: {len(files_before)} files became 1" in said
    assert len(bronze_files(scattered)) == 1
    assert sold(scattered) == rows
    after = [scattered.json("explain", *words) for words in asked]
    assert [answer | {"release": None} for answer in after] == [answer | {"release": None} for answer in before]
    assert scattered.run()["status"] == "unchanged"
    scattered.filon("sweep", "--keep", "1", "--hours", "0")
    left = {path.name for path in (scattered.lake / "bronze" / "achats").glob("part-*.parquet")}
    assert left == bronze_files(scattered)
    assert "is sound" in scattered.filon("verify", "--full")


def test_files_come_go_and_come_back_after_bronze_was_compacted(scattered: Shop) -> None:
    scattered.filon("compact")
    everything = sold(scattered)
    [joined] = bronze_files(scattered)
    scattered.filon("retract", "achats-day1.csv", "--yes")
    assert scattered.run()["status"] == "published"
    assert sold(scattered) == [row for row in everything if row[0] != 2002]
    scattered.filon("retract", "achats-day1.csv", "--undo")
    scattered.put("achats-day3.csv", DAYS[3].replace("14.00", "99.00"))
    assert scattered.run()["status"] == "published"
    changed = [row for row in sold(scattered) if row not in everything]
    assert [(row[0], str(row[3])) for row in changed] == [(2004, "99.00")]
    assert joined in bronze_files(scattered)
    assert f"{len(bronze_files(scattered))} files became 1" in scattered.filon("compact")
    assert scattered.run()["status"] == "unchanged"
    assert "is sound" in scattered.filon("verify", "--full")


def test_bronze_stays_while_the_ledger_is_newer_than_the_release(scattered: Shop) -> None:
    files_before = bronze_files(scattered)
    scattered.filon("retract", "achats-day1.csv", "--yes")
    assert "bronze" not in scattered.filon("compact")
    assert bronze_files(scattered) == files_before
    assert scattered.run()["status"] == "published"
    assert "bronze achats" in scattered.filon("compact")


def test_an_older_release_has_its_bronze_after_a_rollback(scattered: Shop) -> None:
    rows = sold(scattered)
    scattered.filon("compact")
    scattered.filon("rollback", "4")
    assert sold(scattered) == [row for row in rows if row[0] != 2004]
    assert "is sound" in scattered.filon("verify", "--full")
    assert scattered.run()["status"] in ("published", "unchanged")
    assert "is sound" in scattered.filon("verify", "--full")
