"""Files of the sources are written again without a person, where that is wanted."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
import zstandard

from filon.projects import retail
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


RECORDS = [
    {"id_achat": 10, "id_client": 1, "date_achat": "2025-01-05", "montant": "100.00", "produit": "souris"},
    {"id_achat": 13, "id_client": int(KEY), "date_achat": "2025-02-07", "montant": "70.00", "produit": "souris"},
    {"id_achat": 14, "id_client": int(KEY), "date_achat": "2025-03-09", "montant": "30.00", "produit": "webcam"},
    {"id_achat": 15, "id_client": 2, "date_achat": "2025-03-09", "montant": "31.00", "produit": "webcam"},
]


def json_lines(records: Sequence[dict[str, object]]) -> bytes:
    """Lines, among them an empty one, one that is no JSON, and different ends."""
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    filling = [json.dumps({**RECORDS[0], "id_achat": number}) for number in range(100, 200)]
    return ("\ufeff" + lines[0] + "\r\n\n{broken\n" + "\n".join([*filling, *lines[1:]])).encode()


def parquet(records: Sequence[dict[str, object]], compression: str) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(records)), out, row_group_size=2, compression=compression)
    return out.getvalue()


def workbook(records: Sequence[dict[str, object]]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    for row in [list(records[0]), *(list(record.values()) for record in records)]:
        sheet.append(row)
    book.save(out)
    return out.getvalue()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return out.getvalue()


def fed_with(folder: Path, name: str, content: bytes) -> Shop:
    """A shop whose purchases come in one file of some format."""
    project = folder / "project"
    shutil.copytree(retail.FOLDER, project)
    contract = project / "sources" / "achats.yaml"
    ending = name.partition(".")[2]
    contract.write_text(contract.read_text().replace("achats*.csv", f"achats*.{ending.removesuffix('.zip')}"))
    shop = Shop(folder, project, {"FILON_SERVING": "none"})
    shop.put("clients.csv", CLIENTS)
    shop.put(name, content)
    shop.run()
    return shop


def unpacked(content: bytes) -> bytes:
    if content.startswith(b"\x1f\x8b"):
        return gzip.decompress(content)
    return zstandard.ZstdDecompressor().decompressobj().decompress(content) if content[:2] == b"\x28\xb5" else content


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstandard"])
def test_lines_of_json_are_cut_out(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    ending = {bytes: "jsonl", gzip.compress: "jsonl.gz", zstandard.compress: "jsonl.zst"}[pack]
    shop = fed_with(tmp_path, f"achats.{ending}", pack(json_lines(RECORDS)))
    assert forget(shop, "--sources")["sources"] == 2
    text = unpacked((shop.sources / f"achats.{ending}").read_bytes()).decode()
    lines = json_lines(RECORDS).decode().splitlines(keepends=True)
    assert text == "".join(line for line in lines if KEY not in line)
    require_erased(shop)


@pytest.mark.parametrize("compression", ["ZSTD", "NONE"])
def test_rows_of_parquet_are_cut_out(tmp_path: Path, compression: str) -> None:
    shop = fed_with(tmp_path, "achats.parquet", parquet(RECORDS, compression))
    assert forget(shop, "--sources")["sources"] == 2
    with pq.ParquetFile(shop.sources / "achats.parquet") as file:
        assert file.read().to_pylist() == [RECORDS[0], RECORDS[3]]
        assert file.schema_arrow == pa.Table.from_pylist(RECORDS).schema
        assert file.metadata.row_group(0).column(0).compression.removeprefix("UNCOMPRESSED") in compression
    assert int(KEY).to_bytes(8, "little") not in (shop.sources / "achats.parquet").read_bytes()
    require_erased(shop)


def test_members_of_archives_are_cut_out_and_others_stay(tmp_path: Path) -> None:
    other = b"id_achat,id_client,date_achat,montant,produit\n50,1,2025-01-05,1.00,souris\n"
    content = zipped(achats__csv=ACHATS.encode(), **{"sub/achats-2__csv": other}, readme__txt=b"as sent")
    shop = fed_with(tmp_path, "achats.csv.zip", content)
    assert forget(shop, "--sources")["sources"] == 2
    with zipfile.ZipFile(shop.sources / "achats.csv.zip") as archive:
        assert archive.namelist() == ["achats.csv", "sub/achats-2.csv", "readme.txt"]
        assert KEY not in archive.read("achats.csv").decode()
        assert archive.read("achats.csv").decode().count("\n") == 4
        assert (archive.read("sub/achats-2.csv"), archive.read("readme.txt")) == (other, b"as sent")
        assert archive.infolist()[0].compress_type == zipfile.ZIP_DEFLATED
    require_erased(shop)


def test_a_member_that_held_nobody_else_is_left_empty(tmp_path: Path) -> None:
    content = zipped(
        achats__jsonl=json_lines(RECORDS), **{"achats-2__jsonl": json.dumps(RECORDS[1] | {"id_achat": 70}).encode()}
    )
    shop = fed_with(tmp_path, "achats.jsonl.zip", content)
    forget(shop, "--sources")
    with zipfile.ZipFile(shop.sources / "achats.jsonl.zip") as archive:
        assert archive.read("achats-2.jsonl") == b""
        assert KEY not in archive.read("achats.jsonl").decode()


def require_erased(shop: Shop) -> None:
    """The next run finds nothing of the person, keeps everybody else, and all is sound."""
    assert found(shop.sources, VALUES) == []
    before = shop.rows("fact_ventes")
    shop.run()
    assert shop.rows("fact_ventes") == before
    assert found(shop.lake, VALUES) == []
    assert shop.json("verify")["damages"] == []


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("achats.xlsx", lambda: workbook(RECORDS)),
        ("achats.xlsx.zip", lambda: zipped(achats__xlsx=workbook(RECORDS))),
    ],
)
def test_a_spreadsheet_is_named_before_anything_is_erased(tmp_path: Path, name: str, make: Callable[[], bytes]) -> None:
    shop = fed_with(tmp_path, name, make())
    before = found(shop.lake, VALUES), (shop.sources / name).read_bytes()
    said = shop.filon("forget", "clients", "--key", KEY, "--reason", "r", "--yes", "--sources", exit_code=2)
    assert f"cannot take people out of {name}: it is a spreadsheet" in said
    assert "by hand" in said
    assert (found(shop.lake, VALUES), (shop.sources / name).read_bytes()) == before
    assert not list((shop.lake / "metadata").glob("erasures/*"))


def test_lines_that_are_no_records_are_named_before_anything_is_erased(tmp_path: Path) -> None:
    shop = fed_with(tmp_path, "achats.csv", ACHATS.encode())
    contract = shop.folder / "project" / "sources" / "achats.yaml"
    words = "    customProperties:\n      - {property: dialect, value: {skipLines: 1}}\n"
    contract.write_text(contract.read_text().replace("    customProperties:\n", words, 1))
    shop.put("achats.csv", "export of 3 March\n" + ACHATS)
    shop.run()
    said = shop.filon("forget", "clients", "--key", KEY, "--reason", "r", "--yes", "--sources", exit_code=2)
    assert "achats.csv: it has lines that are no records" in said
