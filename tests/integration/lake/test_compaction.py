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
