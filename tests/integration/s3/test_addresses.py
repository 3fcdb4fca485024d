"""Addresses of lakes and sources, as people write them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from filon.errors import ConfigError, LakeUnavailable
from filon.lake import Lake, Layer, locate, open_s3
from tests.integration.conftest import surroundings
from tests.integration.s3.conftest import RemoteShop
from tests.integration.servers import ObjectStore


@pytest.mark.parametrize(
    "address",
    [
        "s3://",
        "s3:///folder",
        "s3:/bucket",
        "s3:bucket",
        "s3://bucket/a//b",
        "s3://bucket/../b",
        "s3://a bucket",
        "s3://me:secret@host/a",
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_asked(address: str) -> None:
    with pytest.raises(ConfigError, match="s3://bucket/some/folder"):
        locate(address)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("s3a://bucket", "s3://bucket"),
        ("S3://bucket//", "s3://bucket"),
        ("s3://bucket/é t+=é/", "s3://bucket/é t+=é"),
        ("s3://bucket/a#b?c", "s3://bucket/a#b?c"),
    ],
)
def test_spellings_of_an_address(address: str, place: str) -> None:
    assert (locate(address).uri, locate(address).bucket) == (place, "bucket")


@pytest.mark.parametrize("character", ["%", "#", "?"])
def test_lakes_stand_only_where_every_client_finds_the_same_objects(character: str) -> None:
    with pytest.raises(ConfigError, match=f"misread {character}".replace("?", r"\?")):
        Lake(f"s3://lakes/a{character}b")


def test_a_lake_stands_in_a_folder_with_an_odd_name(remote_shop: RemoteShop) -> None:
    shop = replace(remote_shop, extra={**remote_shop.extra, "FILON_LAKE": "s3://{layer}-odd/é t=+[1]*/x"})
    assert shop.run()["status"] == "published"
    assert shop.run()["status"] == "unchanged"
    shop.filon("sweep", "--hours", "0")
    assert {name.split("/")[0] for name in shop.objects(Layer.METADATA)} >= {"builds", "ledger", "releases"}


def test_sources_may_have_any_key_but_hidden_ones(remote_shop: RemoteShop, object_store: ObjectStore) -> None:
    header = b"id_achat,id_client,date_achat,montant,produit\n"
    keys = ["in#1/achats a b+c#d%.csv", "in#1/\u00fc/achats=%20.csv", "in#1/achats[1]*.csv", "in#1/folder/"]
    for number, key in enumerate([*keys, "in#1/.hidden/achats.csv", "in#1/.achats.csv"]):
        row = f"{number + 1},1,2025-01-0{number + 1},10.00,Souris\n".encode()
        object_store.put("lakes", key, b"" if key.endswith("/") else header + row)
    report = remote_shop.run("--sources", "s3://lakes/in#1", "--until", "bronze")
    assert sorted(file["file"] for file in report["files"]) == sorted(key.removeprefix("in#1/") for key in keys[:-1])


def test_sweeping_where_there_is_nothing_or_no_answer_is_one_line(object_store: ObjectStore) -> None:
    before = dt.datetime.now(dt.UTC)
    with surroundings(object_store.environment):
        open_s3().drop_uploads("s3://nobody-made-it/lake", before)
    nobody = {**object_store.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    with surroundings(nobody), pytest.raises(LakeUnavailable, match="does not answer"):
        open_s3().drop_uploads("s3://nobody-made-it/lake", before)


def test_a_connection_that_fails_says_why(object_store: ObjectStore) -> None:
    nobody = {**object_store.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    with surroundings(nobody), pytest.raises(LakeUnavailable, match="no answer: Connection refused"):
        locate("s3://lakes/any").read("any")
