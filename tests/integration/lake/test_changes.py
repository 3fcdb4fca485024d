"""What changed in a table is read off the files that two of its builds do not share."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from filon.engines import Engine
from filon.engines.changes import ChangeLog
from filon.lake import Build, Lake, Layer
from filon.pipeline.engine import open_engine
from filon.project.loader import load_project
from filon.projects import retail
from filon.settings import Settings
from filon.sql import identifier, identifiers
from tests.integration.conftest import ACHATS, Shop

MORE = "id_achat,id_client,date_achat,montant,produit\n10,2,2025-03-05,40.00,clavier\n70,1,2025-03-06,41.00,souris\n"


@contextmanager
def engine_of(lake: Lake) -> Iterator[Engine]:
    with open_engine(Settings(threads=1), load_project(retail.FOLDER), dt.date(2026, 1, 1), lake.places) as engine:
        yield engine


def rows(engine: Engine, build: Build, table: str) -> Counter[str]:
    names = identifiers(column.name for column in build.columns)
    return Counter(map(repr, engine.rows(f"SELECT {names} FROM {identifier(table)}")))


def rows_of(engine: Engine, lake: Lake, build: Build) -> Counter[str]:
    engine.bind("t", lake.paths(build), build.columns)
    return rows(engine, build, "t")


@pytest.mark.parametrize(
    ("layer", "table"), [(Layer.SILVER, "achats"), (Layer.QUARANTINE, "achats"), (Layer.GOLD, "fact_ventes")]
)
def test_changes_between_releases_are_those_of_their_rows(shop: Shop, layer: Layer, table: str) -> None:
    first_day = ACHATS.splitlines(keepends=True)
    shop.put("achats-0.csv", first_day[0] + "".join(f"{n},1,2025-02-01,5.00,souris\n" for n in range(100, 150)))
    shop.run()
    shop.put("achats-2.csv", MORE)
    shop.run()
    lake = Lake(str(shop.lake))
    before, now = (lake.release(number).build(layer, table) for number in (1, 2))  # type: ignore[union-attr]
    assert before is not None
    assert now is not None
    with engine_of(lake) as engine:
        old, new = rows_of(engine, lake, before), rows_of(engine, lake, now)
        for one, other, left, came in ((before, now, old - new, new - old), (now, before, new - old, old - new)):
            changes = ChangeLog(lake, lambda: engine).since(one.fingerprint, other)
            assert changes is not None
            found = [rows(engine, now, side) for side in (changes.old, changes.new)]
            assert found == [left, came]


def test_equal_builds_have_no_changes_and_unknown_ones_none_that_are_known(shop: Shop) -> None:
    shop.run()
    lake = Lake(str(shop.lake))
    release = lake.release()
    build = release.build(Layer.GOLD, "dim_clients") if release else None
    assert build is not None
    with engine_of(lake) as engine:
        log = ChangeLog(lake, lambda: engine)
        equal = log.since(build.fingerprint, build)
        assert equal is not None
        assert not equal
        assert log.since("another", build) is None
