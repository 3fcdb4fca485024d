"""A sweep beside runs, and a sweep that is killed: nothing that is needed goes, and the next run works."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filon.lake import Build, Lake, Layer, Location
from filon.lake.deltalog import CHECKPOINT_INTERVAL, LOG
from filon.lake.sweep import sweep_lake
from tests.integration.conftest import ACHATS, CLIENTS, Shop

TABLES = ("dim_clients", "fact_ventes", "kpi_ca_par_mois")
LATER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
OTHER = ACHATS.replace("100.00", "101.00").replace("50.00", "51.00")


class Killed(Exception):
    """The process ends here."""


@dataclass
class Deletions:
    """How many deletions are allowed, and what was deleted."""

    allowed: int
    done: list[str] = field(default_factory=list)


class LimitedLake(Lake):
    """A lake whose process is killed before one of its deletions."""

    def __init__(self, root: str, deletions: Deletions) -> None:
        self.deletions = deletions
        super().__init__(root)

    def layer(self, layer: Layer) -> Location:
        """A place that counts deletions."""
        place = super().layer(layer)
        deletions = self.deletions

        class Counting(Location):
            def delete(self, names: Sequence[str], *, sync: bool = True) -> None:
                for name in names:
                    if len(deletions.done) == deletions.allowed:
                        raise Killed
                    super().delete([name], sync=sync)
                    deletions.done.append(name)

        return Counting(place.uri)


def tables(shop: Shop) -> dict[str, list[tuple[Any, ...]]]:
    return {name: shop.rows(name) for name in TABLES}


@pytest.fixture(scope="module")
def three_releases(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop whose third release has other purchases than its first two, which nobody changes."""
    shop = Shop(tmp_path_factory.mktemp("three-releases"), extra={"FILON_SERVING": "none"})
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    shop.run()
    shop.put("clients.csv", CLIENTS + "4,Dan,dan@exemple.fr,2024-05-01,Suisse\n")
    shop.run()
    shop.put("achats.csv", OTHER)
    shop.run()
    return shop


@pytest.fixture
def copied(three_releases: Shop, tmp_path: Path) -> Shop:
    """A copy of it."""
    return three_releases.copied(tmp_path / "shop")


def test_a_sweep_may_be_killed_before_any_deletion(copied: Shop) -> None:
    expected = tables(copied)
    counted = Deletions(10_000)
    spare = copied.folder / "spare"
    shutil.copytree(copied.lake, spare)
    sweep_lake(LimitedLake(str(spare), counted), keep=1, before=LATER)
    assert any(name.endswith(".parquet") for name in counted.done)
    points = {*range(0, len(counted.done), 3), len(counted.done) - 1}
    for allowed in sorted(points):
        lake = copied.folder / f"lake-{allowed}"
        shutil.copytree(copied.lake, lake)
        with pytest.raises(Killed):
            sweep_lake(LimitedLake(str(lake), Deletions(allowed)), keep=1, before=LATER)
        moved = Shop(copied.folder, extra={**copied.extra, "FILON_LAKE": str(lake)})
        report = moved.run()
        assert (report["status"], report["damages"]) == ("unchanged", [])
        moved.filon("sweep", "--keep", "1", "--hours", "0")
        copied.put("achats.csv", ACHATS)
        assert moved.run()["status"] == "published"
        copied.put("achats.csv", OTHER)
        assert moved.run()["status"] == "published"
        shutil.rmtree(lake)
    assert tables(copied) == expected


def old_build(shop: Shop) -> Build:
    """A table of the first release that the newest one does not have."""
    release = Lake(str(shop.lake)).release(1)
    assert release is not None
    build = release.build(Layer.GOLD, "fact_ventes")
    assert build is not None
    return build


def test_a_sweep_leaves_what_a_run_has_found(copied: Shop) -> None:
    build, lake = old_build(copied), Lake(str(copied.lake))
    with lake.leased("run", lake.release()):
        assert lake.find_build(build.layer, build.table, build.fingerprint) == build
        swept = sweep_lake(Lake(str(copied.lake)), keep=1, before=LATER)
        assert swept.running == ("run",)
        assert lake.is_complete(build)
        assert lake.paths(build)
    assert sweep_lake(Lake(str(copied.lake)), keep=1, before=LATER).files > 0
    assert not Lake(str(copied.lake)).is_complete(build)


def test_a_run_finds_nothing_that_a_sweep_has_taken(copied: Shop) -> None:
    build = old_build(copied)
    sweep_lake(Lake(str(copied.lake)), keep=1, before=LATER)
    lake = Lake(str(copied.lake))
    with lake.leased("run", lake.release()):
        assert lake.find_build(build.layer, build.table, build.fingerprint) is None
    copied.put("achats.csv", ACHATS)
    assert copied.run()["status"] == "published"


def test_a_sweep_leaves_what_a_run_has_written_but_not_yet_named(copied: Shop) -> None:
    written = copied.lake / "gold/fact_ventes/part-of-a-run-in-progress.parquet"
    lake = Lake(str(copied.lake))
    with lake.leased("run", lake.release()):
        written.write_bytes(b"rows")
        sweep_lake(Lake(str(copied.lake)), keep=1, before=LATER)
        assert written.exists()
    sweep_lake(Lake(str(copied.lake)), keep=1, before=LATER)
    assert not written.exists()


def test_a_sweep_keeps_the_release_that_a_run_began_with(copied: Shop) -> None:
    lake = Lake(str(copied.lake))
    with lake.leased("run", lake.release(2)):
        sweep_lake(Lake(str(copied.lake)), keep=1, before=LATER)
        assert lake.releases.numbers() == [2, 3]
    sweep_lake(Lake(str(copied.lake)), keep=1, before=LATER)
    assert lake.releases.numbers() == [3]


def test_old_reports_become_lines(copied: Shop) -> None:
    from filon.lake.runs import summaries, summarise

    lake = Lake(str(copied.lake))
    summarise(lake, keep=1)
    assert lake.runs.numbers() == [3]
    assert [(line.number, line.status, line.release) for line in summaries(lake)] == [
        (1, "published", 1),
        (2, "published", 2),
    ]
    assert copied.json("status")["last_run"]["release"] == 3


def test_a_sweep_shortens_the_log_of_a_table_to_what_kept_releases_are_read_by(copied: Shop) -> None:
    log, lake = copied.lake / "gold/fact_ventes" / LOG, Lake(str(copied.lake))
    build = old_build(copied)
    for _ in range(CHECKPOINT_INTERVAL):
        lake.keep_build(build, ())
        lake.keep_build(build, build.files)
    sweep_lake(lake, keep=3, before=LATER)
    assert (log / f"{0:020d}.json").exists(), "the oldest release is read from the beginning"
    copied.put("achats.csv", OTHER.replace("101.00", "102.00"))
    assert copied.run()["status"] == "published"
    sweep_lake(Lake(str(copied.lake)), keep=1, before=LATER)
    assert len(list(log.glob("*.json"))) <= CHECKPOINT_INTERVAL
    report = copied.run()
    assert (report["status"], report["damages"]) == ("unchanged", [])
