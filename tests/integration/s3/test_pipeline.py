"""The pipeline on S3: everything that it does on a disk, with the same rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from filon.engines.footers import read_footers
from filon.lake import Lake, Layer, open_s3
from tests.integration.conftest import Shop, surroundings
from tests.integration.s3.conftest import RemoteShop, remote
from tests.integration.servers import ObjectStore
from tests.integration.test_partitions import divided_project

LATE = (
    "id_achat,id_client,date_achat,montant,produit\n900001,1,2025-12-24,1234.56,Souris\n900002,x,2025-12-24,1,Souris\n"
)
TABLES = [("silver", "achats"), ("quarantine", "achats"), ("gold", "fact_ventes"), ("gold", "kpi_ca_par_mois")]


def facts(report: dict[str, object]) -> dict[str, object]:
    """What a report says of the data."""
    kept = {name: report[name] for name in ("status", "release", "datasets", "checks")}
    return {**kept, "tables": [(t["table"], t["layer"], t["status"], t["rows"]) for t in report["tables"]]}  # type: ignore[attr-defined]


def test_a_run_on_s3_says_and_writes_what_one_on_a_disk_does(remote_shop: RemoteShop, twin: Shop) -> None:
    assert facts(remote_shop.run()) == facts(twin.run())
    for layer, table in TABLES:
        there = remote_shop.rows(table, layer=layer)
        assert there == sorted(twin.rows(table, layer=layer), key=repr), table
        assert there
    assert remote_shop.run()["status"] == "unchanged"


def test_releases_rollback_retraction_and_sweep_work_on_s3(remote_shop: RemoteShop, twin: Shop) -> None:
    for shop in (remote_shop, twin):
        shop.run()
    remote_shop.put("achats_late.csv", LATE)
    for shop in (remote_shop, twin):
        assert shop.run()["release"] == 2
    assert len(remote_shop.rows("fact_ventes")) == len(twin.rows("fact_ventes"))
    assert remote_shop.json("explain", "fact_ventes", "900001") == twin.json("explain", "fact_ventes", "900001")
    assert remote_shop.json("status")["files"] == twin.json("status")["files"]
    for shop in (remote_shop, twin):
        shop.filon("retract", "--yes", "achats_late.csv")
        shop.run()
        shop.filon("rollback", "2")
    assert remote_shop.rows("fact_ventes") == sorted(twin.rows("fact_ventes"), key=repr)
    before = len(remote_shop.objects(Layer.GOLD))
    remote_shop.filon("sweep", "--keep", "1", "--hours", "0")
    assert len(remote_shop.objects(Layer.GOLD)) < before
    assert [release["number"] for release in remote_shop.json("releases")] == [4]
    assert remote_shop.rows("fact_ventes") == sorted(twin.rows("fact_ventes"), key=repr)
    assert remote_shop.run()["status"] == "published"


def test_files_on_s3_say_of_themselves_what_a_build_says(remote_shop: RemoteShop) -> None:
    remote_shop.run()
    files = remote_shop.release()["tables"]["silver/achats"]["files"]
    with surroundings(remote_shop.environment()):
        found = read_footers(Lake(remote_shop.root).table(Layer.SILVER, "achats"), [file["name"] for file in files])
    assert [(file.name, file.size, file.rows) for file in found] == [(f["name"], f["size"], f["rows"]) for f in files]
    assert all(file.stats["id_achat"].low for file in found)


def test_quarantined_files_and_rows_are_kept_on_s3(remote_shop: RemoteShop) -> None:
    remote_shop.put("achats_vides.csv", "id_achat,id_client\n1,2\n")
    report = remote_shop.run()
    assert [file["reason"] for file in report["files"] if file["status"] == "quarantined"] == ["missing_column"]
    assert len(remote_shop.objects(Layer.QUARANTINE, "files")) == 1
    assert "missing_column" in remote_shop.filon("quarantine", "list")
    assert "id_client:reference" in remote_shop.filon("quarantine", "show", "achats")
    remote_shop.put("achats_vides.csv", LATE)
    assert remote_shop.run()["status"] == "published"
    assert remote_shop.objects(Layer.METADATA, "probe") == []


def test_each_layer_may_have_a_bucket_of_its_own(tmp_path: Path, object_store: ObjectStore) -> None:
    shop = remote(tmp_path, object_store.environment, "s3://{layer}-of-a-shop")
    assert shop.run()["status"] == "published"
    assert {name.split("/")[0] for name in shop.objects(Layer.GOLD)} >= {"fact_ventes", "dim_clients"}
    assert {name.split("/")[0] for name in shop.objects(Layer.METADATA)} == {
        "builds",
        "heads",
        "ledger",
        "releases",
        "runs",
    }


def test_before_the_first_run_there_is_nothing_to_see_and_no_bucket_is_made(
    tmp_path: Path, object_store: ObjectStore
) -> None:
    shop = remote(tmp_path, object_store.environment, "s3://nobody-made-me/lake")
    assert shop.json("releases") == []
    assert "nobody-made-me" in shop.filon("status")


def test_sources_and_lake_may_both_be_on_s3(remote_shop: RemoteShop, object_store: ObjectStore) -> None:
    prefix = remote_shop.root.rsplit("/", 1)[1]
    for path in remote_shop.sources.iterdir():
        object_store.put("arrivals-of-shops", f"{prefix}/{path.name}", path.read_bytes())
    local = remote_shop.run()
    there = replace(remote_shop, extra={**remote_shop.extra, "FILON_SOURCES": f"s3://arrivals-of-shops/{prefix}"})
    assert there.run()["status"] == "unchanged", "the same bytes change nothing, wherever they lie"
    elsewhere = replace(there, extra={**there.extra, "FILON_LAKE": f"{remote_shop.root}-too"})
    assert facts(elsewhere.run()) == facts(local)


def test_a_store_is_served_from_s3(remote_shop: RemoteShop, store_uri: str) -> None:
    shop = replace(remote_shop, extra={**remote_shop.extra, "FILON_SERVING": store_uri})
    report = shop.run()
    assert report["serving"]["inserted"] > len(shop.rows("fact_ventes"))
    assert shop.run()["serving"]["inserted"] == 0


def test_sweep_forgets_uploads_that_never_ended(remote_shop: RemoteShop) -> None:
    remote_shop.run()
    with surroundings(remote_shop.environment()):
        s3 = open_s3().session.client("s3", endpoint_url=open_s3().endpoint)
        bucket, prefix = remote_shop.root.removeprefix("s3://").split("/")
        s3.create_multipart_upload(Bucket=bucket, Key=f"{prefix}/gold/fact_ventes/part-of-a-killed-run.parquet")
        assert len(s3.list_multipart_uploads(Bucket=bucket, Prefix=f"{prefix}/gold")["Uploads"]) == 1
        remote_shop.filon("sweep", "--hours", "1")
        assert len(s3.list_multipart_uploads(Bucket=bucket, Prefix=f"{prefix}/gold")["Uploads"]) == 1, "it is young"
        remote_shop.filon("sweep", "--hours", "0")
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket, Prefix=f"{prefix}/gold")


def test_files_of_an_object_store_are_quarantined_in_a_lake_on_another_or_on_a_disk(
    remote_shop: RemoteShop, twin: Shop, object_store: ObjectStore
) -> None:
    place = f"arrivals-{remote_shop.root.rsplit('/', 1)[1]}"
    object_store.put("lakes", f"{place}/achats.csv", LATE.encode())
    object_store.put("lakes", f"{place}/achats_vides.csv", b"id_achat,id_client\n1,2\n")
    for shop in (remote_shop, twin):
        there = replace(shop, extra={**remote_shop.extra, **shop.extra, "FILON_SOURCES": f"s3://lakes/{place}"})
        if shop is twin:
            there = replace(there, extra={**there.extra, "FILON_LAKE": str(twin.lake)})
        report = there.run("--until", "bronze")
        assert [file["reason"] for file in report["files"] if file["status"] == "quarantined"] == ["missing_column"]
    assert len(remote_shop.objects(Layer.QUARANTINE, "files")) == 1
    [kept] = (twin.lake / "quarantine" / "files").iterdir()
    assert kept.read_bytes() == b"id_achat,id_client\n1,2\n"


def test_tables_are_divided_extended_and_compacted_on_s3_as_on_a_disk(
    tmp_path: Path, remote_shop: RemoteShop, twin: Shop
) -> None:
    project = divided_project(tmp_path / "project")
    shops = [replace(shop, project=project) for shop in (remote_shop, twin)]
    for shop in shops:
        shop.run()
    remote_shop.put("achats_late.csv", LATE)
    columns = "id_achat, date_achat, montant"
    for shop in shops:
        report = shop.run()
        assert {table["keys"] for table in report["tables"] if table["table"] == "fact_ventes"} == {1}
        december = [file for file in shop.release()["tables"]["gold/fact_ventes"]["files"] if in_december(file)]
        assert len(december) > 1
        assert all(file["name"].startswith("_month=2025-12/") for file in december)
        assert "files became" in shop.filon("compact")
        files = shop.release()["tables"]["gold/fact_ventes"]["files"]
        assert len([file for file in files if in_december(file)]) == 1
        assert shop.run()["status"] == "unchanged"
        shop.filon("sweep", "--keep", "1", "--hours", "0")
    assert remote_shop.rows("fact_ventes", columns) == sorted(twin.rows("fact_ventes", columns), key=repr)


def in_december(file: dict[str, dict[str, str]]) -> bool:
    """Whether a file has sales of the last month."""
    return file["partition"]["_month"] == "2025-12"
