"""A person is forgotten in a lake, and in sources, on an object store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from filon.lake import Lake, Layer, locate
from tests.integration.conftest import surroundings
from tests.integration.forgetting.person import ACHATS, CLIENTS, FILLING, KEY, MORE, REFUSED, VALUES, forget
from tests.integration.forgetting.scan import found
from tests.integration.s3.conftest import RemoteShop


def download(shop: RemoteShop, folder: Path) -> Path:
    """Copy every object of the lake and of the sources into a folder."""
    with surroundings(shop.environment()):
        places = {layer.value: Lake(shop.root).layer(layer) for layer in Layer}
        places["sources"] = locate(shop.extra["FILON_SOURCES"])
        for name, place in places.items():
            for entry in place.listing():
                path = folder / name / entry.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(place.read(entry.name))
    return folder


def test_lake_and_sources_on_an_object_store(remote_shop: RemoteShop, tmp_path: Path) -> None:
    given = {**remote_shop.extra, "FILON_SOURCES": f"{remote_shop.root}-sources"}
    shop = replace(remote_shop, extra=given)
    files = {"clients.csv": CLIENTS, "achats.csv": ACHATS, "achats-2.csv": MORE + FILLING, "clients-2.csv": REFUSED}
    with surroundings(shop.environment()):
        for name, content in files.items():
            locate(given["FILON_SOURCES"]).write(name, content.encode())
    shop.run()
    assert {place.partition("/")[0] for place in found(download(shop, tmp_path / "before"), VALUES)} >= {
        "sources",
        "bronze",
        "silver",
        "gold",
        "quarantine",
    }
    assert forget(shop, "--sources")["sources"] == 3
    # a file that was refused has no records that could be cut out of it
    left = {place.partition(":")[0] for place in found(download(shop, tmp_path / "after"), VALUES)}
    assert left == {"sources/clients-2.csv"}
    assert "is sound" in shop.filon("verify")
    shop.run()
    left = {place.partition(":")[0] for place in found(download(shop, tmp_path / "at last"), VALUES)}
    assert left == {"sources/clients-2.csv"}
    assert [row for row in shop.rows("fact_ventes", "id_client") if row == (int(KEY),)] == []
