"""Builds: what a release knows of the content of a table."""

from __future__ import annotations

import duckdb

from filon.lake import ColumnStats, Lake, Layer
from tests.integration.conftest import Shop


def test_the_files_of_a_build_know_their_bounds_when_asked(shop: Shop) -> None:
    shop.run()
    lake = Lake(str(shop.lake))
    release = lake.release()
    assert release is not None
    build = release.build(Layer.GOLD, "fact_ventes")
    assert build is not None
    assert all(not file.stats for file in build.files)
    for file in lake.with_stats(build).files:
        assert file.stats.keys() <= {name for name, _ in build.columns}
        for column in ("id_achat", "date_achat", "montant"):
            path = shop.lake / "gold" / "fact_ventes" / file.name
            row = f"min({column})::VARCHAR, max({column})::VARCHAR, count(*) - count({column})"
            assert file.stats[column] == ColumnStats(*duckdb.sql(f"SELECT {row} FROM '{path}'").fetchall()[0])


def test_a_build_is_whole_and_found_again_as_it_was_kept(shop: Shop) -> None:
    shop.run()
    lake = Lake(str(shop.lake))
    release = lake.release()
    assert release is not None
    for build in release.tables.values():
        assert build.rows == sum(file.rows for file in build.files)
        assert build.version >= 0
        if build.layer is not Layer.BRONZE:
            assert lake.find_build(build.layer, build.table, build.fingerprint) == build


def test_bounds_are_lost_with_a_log_and_nothing_else_is(shop: Shop) -> None:
    shop.run()
    log = shop.lake / "gold" / "fact_ventes" / "_delta_log"
    for path in log.iterdir():
        path.unlink()
    before = shop.rows("fact_ventes")
    assert shop.run()["damages"]
    assert shop.rows("fact_ventes") == before
    lake = Lake(str(shop.lake))
    release = lake.release()
    assert release is not None
    build = release.build(Layer.GOLD, "fact_ventes")
    assert build is not None
    assert [file.stats for file in lake.with_stats(build).files] == [{} for _ in build.files]
