"""Names of datasets, by the rules of the standard."""

from __future__ import annotations

from pathlib import Path

import pytest

from filon.lake.location import Location
from filon.pipeline.openlineage.naming import place_named, stored_named


@pytest.mark.parametrize(
    ("uri", "below", "expected"),
    [
        ("file:///data/lake/gold/ventes", "", ("file", "/data/lake/gold/ventes")),
        ("file:///data/my%20lake", "**/a*.csv", ("file", "/data/my lake/**/a*.csv")),
        ("s3://bucket/lake/gold/ventes", "", ("s3://bucket", "lake/gold/ventes")),
        ("s3://bucket", "achats*.csv", ("s3://bucket", "achats*.csv")),
        ("s3://bucket", "", ("s3://bucket", "/")),
    ],
)
def test_places_are_named_by_bucket_and_path(uri: str, below: str, expected: tuple[str, str]) -> None:
    assert place_named(Location(uri), below) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mongodb://host/sales", ("mongodb://host:27017", "sales.t")),
        ("mongodb://host:1234", ("mongodb://host:1234", "analytics.t")),
        ("mongodb://ada:***@host/sales?replicaSet=rs", ("mongodb://host:27017", "sales.t")),
        ("mongodb://a:1,b,[::1]:2,[::2]/sales", ("mongodb://a:1,b:27017,[::1]:2,[::2]:27017", "sales.t")),
        ("mongodb+srv://cluster.example/sales", ("mongodb://cluster.example", "sales.t")),
        ("sqlite:////srv/store.db", ("sqlite", "/srv/store.db/t")),
    ],
)
def test_tables_of_stores_are_named_by_host_and_database(uri: str, expected: tuple[str, str]) -> None:
    assert stored_named(uri, "t") == expected


def test_the_file_of_a_store_is_named_in_full() -> None:
    assert stored_named("sqlite:///store.db", "t") == ("sqlite", str(Path.cwd() / "store.db" / "t"))
