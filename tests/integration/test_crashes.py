"""Runs that race, and disks that are full: the published release stays readable, and nothing is lost or doubled.

Runs that are killed are in ``durability``.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

from tests.integration.conftest import ACHATS, AS_OF, Shop

GOLD = ("dim_clients", "dim_produits", "fact_ventes", "kpi_ca_par_mois", "kpi_stats_distribution")
LATER = ACHATS.splitlines()[0] + "".join(f"\n{100 + n},1,2025-03-{1 + n % 28:02},{n}.50,souris" for n in range(1, 2000))


def tables(shop: Shop) -> dict[str, list[tuple[object, ...]]]:
    return {name: shop.rows(name) for name in GOLD}


@pytest.fixture
def expected(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> dict[str, list[tuple[object, ...]]]:
    """What a run that nobody disturbs makes of all files."""
    other = Shop(tmp_path_factory.mktemp("undisturbed"))
    for path in sorted(shop.sources.iterdir()):
        other.put(path.name, path.read_bytes())
    other.run()
    other.put("achats-2.csv", LATER)
    other.run()
    return tables(other)


def test_of_two_runs_that_race_one_wins_and_nothing_is_lost(
    shop: Shop, expected: dict[str, list[tuple[object, ...]]]
) -> None:
    shop.run()
    shop.put("achats-2.csv", LATER)
    conflicts = []
    for _ in range(5):
        both = [shop.start("run", "--json", "--force", "--as-of", AS_OF) for _ in range(2)]
        outputs = [process.communicate()[0] for process in both]
        codes = [process.returncode for process in both]
        assert 0 in codes, outputs
        conflicts = [output for output, code in zip(outputs, codes, strict=True) if code]
        if conflicts:
            break
    assert conflicts, "two forced runs at once never met"
    assert "ReleaseConflict" in json.loads(conflicts[0])["error"]
    shop.run()
    assert tables(shop) == expected
    bronze = shop.rows("achats", "_file, _record", layer="bronze")
    assert len(bronze) == len(set(bronze)) == 6 + 1999


def test_lake_that_cannot_be_written_is_one_clear_line(shop: Shop) -> None:
    shop.lake.write_text("a file stands where the lake should")
    message = shop.filon("run", exit_code=1)
    assert "Check space, permissions and address" in message


def test_full_disk_fails_in_one_line_and_the_next_run_completes(shop: Shop) -> None:
    shop.run()
    shop.put("achats-2.csv", LATER)
    command = f"ulimit -f 8; exec {shlex.quote(sys.executable)} -m filon run --as-of {AS_OF}"
    done = subprocess.run(["bash", "-c", command], env=shop.environment(), capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert shop.release()["number"] == 1
    assert shop.run()["status"] == "published"
    assert len(shop.rows("fact_ventes")) == 3 + 1999


def test_stale_files_of_a_killed_run_are_swept(shop: Shop) -> None:
    shop.run()
    orphan = shop.lake / "gold" / "fact_ventes" / "part-left-behind.parquet"
    orphan.write_bytes(b"half a file")
    shop.filon("sweep", "--hours", "0")
    assert not orphan.exists()
    assert len(shop.rows("fact_ventes")) == 3
