"""Files of the sources are written again without a person, where that is wanted."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from tests.integration.conftest import Shop
from tests.integration.forgetting.person import ACHATS, CLIENTS, FILLING, KEY, MORE, VALUES, forget
from tests.integration.forgetting.scan import found


@pytest.fixture
def fed(tmp_path: Path) -> Shop:
    """A shop whose sources name the person in plain and in compressed files."""
    shop = Shop(tmp_path, extra={"FILON_SERVING": "none"})
    shop.put("clients.csv", "\ufeff" + CLIENTS.replace("Ada", '"Ada,\nLady"'))
    shop.put("achats.csv.gz", gzip.compress(ACHATS.encode()))
    shop.put("achats-2.csv", (MORE + FILLING).replace("\n", "\r\n"))
    shop.run()
    return shop


def test_sources_lose_the_person_and_nothing_else(fed: Shop) -> None:
    before = fed.rows("fact_ventes")
    report = forget(fed, "--sources")
    assert report["sources"] == 3
    assert found(fed.sources, VALUES) == []
    assert gzip.decompress((fed.sources / "achats.csv.gz").read_bytes()).decode() == "".join(
        line for line in ACHATS.splitlines(keepends=True) if KEY not in line
    )
    assert (fed.sources / "clients.csv").read_bytes().decode() == "\ufeff" + "".join(
        line for line in CLIENTS.replace("Ada", '"Ada,\nLady"').splitlines(keepends=True) if KEY not in line
    )
    report = fed.run()
    assert found(fed.lake, VALUES) == []
    assert sum(file["rows_rejected"] for file in report["files"]) == 0
    assert [row for row in before if row[1] != int(KEY)] == fed.rows("fact_ventes")


def test_without_the_option_sources_stay_as_they_are(fed: Shop) -> None:
    before = {path.name: path.read_bytes() for path in fed.sources.iterdir()}
    forget(fed)
    assert {path.name: path.read_bytes() for path in fed.sources.iterdir()} == before


def test_what_cannot_be_cut_out_is_told_before_anything_is_erased(fed: Shop) -> None:
    archive = fed.folder / "more.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("achats-9.csv", MORE + FILLING)
    fed.put("achats-9.zip", archive.read_bytes())
    archive.unlink()
    fed.run()
    before = found(fed.lake, VALUES)
    said = fed.filon("forget", "clients", "--key", KEY, "--reason", "r", "--yes", "--sources", exit_code=2)
    assert "cannot take people out of achats-9.zip" in said
    assert found(fed.lake, VALUES) == before
    assert not list((fed.lake / "metadata").glob("erasures/*"))
