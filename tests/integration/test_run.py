"""A run as a user sees it: what it publishes, what it leaves alone, and how it ends."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

from deltalake import DeltaTable

from filon.projects import retail
from tests.integration.conftest import ACHATS, AS_OF, CLIENTS, Shop


def statuses(report: dict[str, object], layer: str) -> set[str]:
    tables = report["tables"]
    assert isinstance(tables, list)
    return {table["status"] for table in tables if table["layer"] == layer}


def test_report_has_the_documented_shape(shop: Shop) -> None:
    report = shop.run()
    assert report["status"] == "published"
    assert report["release"] == 1
    assert report["engine"] == "duckdb"
    assert {"run_id", "as_of", "duration_s", "tables", "files", "checks", "serving"} <= report.keys()
    assert {"table", "layer", "status", "rows", "duration_s"} <= report["tables"][0].keys()
    assert {"table", "check", "status", "failed_rows"} <= report["checks"][0].keys()
    by_file = {file["file"]: file for file in report["files"]}
    assert (
        by_file["achats.csv"]
        | {
            "status": "ingested",
            "reason": None,
            "rows_read": 6,
            "rows_accepted": 3,
            "rows_superseded": 1,
            "rows_rejected": 2,
        }
        == by_file["achats.csv"]
    )


def test_second_run_finds_nothing_new_at_any_layer(shop: Shop) -> None:
    shop.run()
    report = shop.run()
    assert report["status"] == "unchanged"
    assert report["release"] == 1
    assert {table["status"] for table in report["tables"]} == {"unchanged"}
    assert {file["status"] for file in report["files"]} == {"unchanged"}
    assert [file["rows_read"] for file in report["files"]] == [6, 3]


def test_touching_a_file_changes_nothing(shop: Shop) -> None:
    shop.run()
    shop.put("achats.csv", ACHATS)
    assert shop.run()["status"] == "unchanged"


def test_values_are_normalised_as_the_contract_says(shop: Shop) -> None:
    shop.run()
    assert shop.rows("clients", "nom, pays", layer="silver") == [("Ada", "France"), ("Bob", "UK"), ("Cléo", "Brésil")]
    assert shop.rows("dim_produits", "produit, nb_ventes") == [("Clavier", 1), ("Souris", 2)]


def test_replaced_file_removes_its_old_rows(shop: Shop) -> None:
    shop.run()
    shop.put("achats.csv", "\n".join(ACHATS.splitlines()[:2]) + "\n")
    assert shop.run()["status"] == "published"
    assert shop.rows("fact_ventes", "id_achat") == [(10,)]


def test_header_alone_empties_what_the_file_brought(shop: Shop) -> None:
    shop.run()
    shop.put("achats.csv", ACHATS.splitlines()[0] + "\n")
    shop.run()
    assert shop.rows("fact_ventes") == []
    assert shop.rows("dim_clients", "id_client, total_ca, segment") == [
        (1, 0, "Bronze"),
        (2, 0, "Bronze"),
        (3, 0, "Bronze"),
    ]


def test_same_bytes_under_another_name_change_nothing(shop: Shop) -> None:
    shop.run()
    shop.put("achats-copie.csv", ACHATS)
    report = shop.run()
    assert report["status"] == "unchanged"
    copy = next(file for file in report["files"] if file["file"] == "achats-copie.csv")
    assert copy["notes"] == ["same content as achats.csv"]


def test_file_that_left_the_sources_keeps_its_rows_until_it_is_retracted(shop: Shop) -> None:
    shop.run()
    (shop.sources / "achats.csv").unlink()
    assert shop.run()["status"] == "unchanged"
    shop.filon("retract", "--yes", "achats.csv")
    assert shop.run()["status"] == "published"
    assert shop.rows("fact_ventes") == []
    shop.put("achats.csv", ACHATS)
    assert shop.run()["status"] == "unchanged", "retracted content stays out"
    shop.put("achats.csv", ACHATS + "15,1,2025-03-01,5.00,souris\n")
    shop.run()
    assert [row[0] for row in shop.rows("fact_ventes", "id_achat")] == [10, 11, 12, 15]


def test_retracted_content_stays_out_wherever_it_turns_up_again(shop: Shop) -> None:
    other = ACHATS.splitlines()[0] + "\n70,1,2025-03-01,7.00,souris\n"
    shop.run()
    shop.filon("retract", "--yes", "achats.csv")
    shop.put("achats.csv", other)
    shop.put("achats_2.csv", ACHATS)
    shop.run()
    assert shop.rows("fact_ventes", "id_achat") == [(70,)]
    (shop.sources / "achats_2.csv").unlink()
    shop.put("achats.csv", ACHATS)
    shop.run()
    assert shop.rows("fact_ventes", "id_achat") == []
    shop.put("achats.csv", other)
    shop.run()
    assert shop.rows("fact_ventes", "id_achat") == [(70,)]


def test_newest_file_wins_a_key_and_the_first_record_inside_it(shop: Shop) -> None:
    shop.run()
    shop.put("achats-2.csv", ACHATS.splitlines()[0] + "\n10,1,2025-01-05,1.00,souris\n10,1,2025-01-05,2.00,souris\n")
    report = shop.run()
    assert [str(row[0]) for row in shop.rows("fact_ventes", "montant")] == ["1.00", "50.00", "200.50"]
    by_file = {file["file"]: file for file in report["files"]}
    assert by_file["achats-2.csv"]["rows_superseded"] == 1
    assert by_file["achats.csv"]["rows_superseded"] == 2


def test_rejected_row_never_hides_a_good_one(shop: Shop) -> None:
    shop.put("achats-2.csv", ACHATS.splitlines()[0] + "\n10,1,2025-01-05,rien,souris\n")
    shop.run()
    assert (10,) in shop.rows("fact_ventes", "id_achat")


def test_orphan_is_accepted_when_its_client_arrives(shop: Shop) -> None:
    shop.run()
    assert (13,) not in shop.rows("fact_ventes", "id_achat")
    shop.put("clients-2.csv", CLIENTS.splitlines()[0] + "\n9,Zoé,zoe@exemple.fr,,France\n")
    shop.run()
    assert (13,) in shop.rows("fact_ventes", "id_achat")


def test_future_row_is_judged_again_at_a_later_date_and_nothing_else_is(shop: Shop) -> None:
    shop.put("achats-2.csv", ACHATS.splitlines()[0] + "\n20,1,2026-06-01,1.00,souris\n")
    shop.run()
    report = shop.run("--as-of", "2026-05-31")
    assert report["status"] == "unchanged", "no row is judged otherwise yet"
    report = shop.run("--as-of", "2026-06-01")
    assert report["status"] == "published"
    assert (20,) in shop.rows("fact_ventes", "id_achat")
    report = shop.run("--as-of", "2025-02-05")
    assert shop.rows("fact_ventes", "id_achat") == [(10,), (11,)], "an earlier date takes rows away again"


def test_until_keeps_what_was_done_and_publishes_nothing(shop: Shop) -> None:
    for until in ("bronze", "silver", "gold"):
        report = shop.run("--until", until)
        assert report["status"] == "stopped"
        assert report["release"] is None
    report = shop.run()
    assert report["status"] == "published"
    assert {table["status"] for table in report["tables"]} == {"reused"}


def test_force_builds_everything_anew(shop: Shop) -> None:
    shop.run()
    before = shop.rows("fact_ventes")
    report = shop.run("--force")
    assert report["status"] == "published"
    assert statuses(report, "silver") == {"built"}
    assert statuses(report, "gold") == {"built"}
    assert shop.rows("fact_ventes") == before


def test_releases_name_delta_versions_that_any_reader_sees(shop: Shop) -> None:
    shop.run()
    first = shop.release()["tables"]["gold/fact_ventes"]["version"]
    shop.put("achats.csv", "\n".join(ACHATS.splitlines()[:2]) + "\n")
    shop.run()
    path = str(shop.lake / "gold" / "fact_ventes")
    second = shop.release()["tables"]["gold/fact_ventes"]["version"]
    assert DeltaTable(path, version=first).count() == 3
    assert DeltaTable(path, version=second).count() == 1
    assert DeltaTable(path).protocol().min_reader_version == 1
    assert DeltaTable(str(shop.lake / "bronze" / "achats")).count() == 7, "bronze keeps every record that ever came"


def test_rollback_stays_until_something_changes(shop: Shop) -> None:
    shop.run()
    shop.put("achats.csv", "\n".join(ACHATS.splitlines()[:2]) + "\n")
    shop.run()
    shop.filon("rollback", "1")
    assert len(shop.rows("fact_ventes")) == 3
    assert shop.run()["status"] == "unchanged"
    assert shop.run()["rollback_of"] == 1
    assert "a rollback holds: it shows release 1" in shop.filon("run", "--as-of", AS_OF)
    assert [release["rollback_of"] for release in shop.json("releases")] == [1, None, None]
    shop.filon("rollback", "2")
    assert shop.run()["status"] == "unchanged", "a rollback of a rollback stays as well"
    shop.put("achats-2.csv", ACHATS.splitlines()[0] + "\n30,1,2025-01-05,1.00,souris\n")
    assert shop.run()["status"] == "published"
    assert shop.rows("fact_ventes", "id_achat") == [(10,), (30,)]
    assert "there is no release 99" in shop.filon("rollback", "99", exit_code=1)


def test_failed_check_leaves_the_published_release(shop: Shop) -> None:
    project = shop.folder / "project"
    shop.filon("init", str(project), str(shop.sources / "achats.csv"), "--name", "boutique")
    contract = project / "gold" / "achats_rows.yaml"
    contract.write_text(
        contract.read_text().replace(
            "  properties:",
            "  quality:\n  - name: few rows\n    metric: rowCount\n    mustBeLessThan: 1\n  properties:",
        )
    )
    other = Shop(shop.folder / "other", project)
    other.put("achats.csv", ACHATS)
    report = other.run(exit_code=1)
    assert report["status"] == "failed"
    assert "achats_rows: few rows" in report["error"]
    assert report["release"] is None
    assert "nothing is published" in other.filon("status")


def test_strict_ends_with_three_when_something_is_in_quarantine(shop: Shop) -> None:
    shop.run("--strict", exit_code=3)
    shop.put("achats.csv", "\n".join(ACHATS.splitlines()[:3]) + "\n")
    shop.run("--strict")


def test_bad_usage_ends_with_two_and_one_clear_line(shop: Shop) -> None:
    assert "--as-of demain is no date" in shop.filon("run", "--as-of", "demain", exit_code=2)
    assert "there is no folder" in shop.filon("run", "--sources", "nulle-part", exit_code=2)
    assert "write a size, such as 2GB" in shop.filon_with("run", FILON_MEMORY_LIMIT="beaucoup")
    assert "did you mean `FILON_SOURCES`?" in shop.filon_with("run", FILON_SOURCE="data")
    assert "no model dim_client; did you mean `dim_clients`?" in shop.filon("test", "dim_client", exit_code=1)
    assert "AWS_ENDPOINT_URL" in shop.filon_with(
        "run",
        exit_code=1,
        FILON_SOURCES="s3://bucket/prefix",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_ALLOW_HTTP="true",
        AWS_ACCESS_KEY_ID="a",
        AWS_SECRET_ACCESS_KEY="b",
    )
    assert "is no project folder" in shop.filon("run", "--project", str(shop.sources), exit_code=2)


def test_sources_without_a_matching_file_are_an_error(shop: Shop) -> None:
    for path in shop.sources.iterdir():
        path.unlink()
    shop.put("autre.csv", "a,b\n1,2\n")
    assert "no file under" in shop.filon("run", exit_code=2)


def test_lake_of_another_project_is_refused(shop: Shop) -> None:
    shop.run()
    project = shop.folder / "project"
    shop.filon("init", str(project), str(shop.sources / "achats.csv"), "--name", "boutique")
    assert "belongs to the project retail" in shop.filon("run", "--project", str(project), exit_code=2)


def test_plain_lines_are_printed_where_there_is_no_terminal(shop: Shop) -> None:
    text = shop.filon("run", "--as-of", "2026-01-01")
    assert "\x1b[" not in text
    assert "published release 1" in text
    assert "montant:exclusiveMinimum 1" in text
    assert "nothing new: release 1 stays" in shop.filon("run", "--as-of", "2026-01-01")


def test_status_shows_release_and_last_run(shop: Shop) -> None:
    assert "nothing is published yet" in shop.filon("status")
    shop.run()
    status = shop.json("status")
    assert status["release"]["number"] == 1
    assert status["last_run"]["status"] == "published"
    assert status["files"]["live"] == 2


def test_explain_leads_from_a_kpi_to_records(shop: Shop) -> None:
    shop.run()
    explanation = shop.json("explain", "kpi_ca_par_mois", "2025-02")
    purchases = next(part for part in explanation["contributions"] if part["table"] == "achats")
    assert purchases["rows"] == 2
    assert [(record["file"], record["record"]) for record in purchases["records"]] == [
        ("achats.csv", 2),
        ("achats.csv", 3),
    ]
    assert purchases["records"][0]["fields"]["produit"] == "CLAVIER"
    assert "has no row" in shop.filon("explain", "kpi_ca_par_mois", "1999-01", exit_code=1)


def test_sweep_deletes_what_no_kept_release_needs(shop: Shop) -> None:
    shop.run()
    for amount in ("1.00", "2.00"):
        shop.put("achats.csv", ACHATS.splitlines()[0] + f"\n10,1,2025-01-05,{amount},souris\n")
        shop.run()
    before = len(list(shop.lake.rglob("*.parquet")))
    assert "deleted 2 releases" in shop.filon("sweep", "--keep", "1", "--hours", "0")
    assert len(list(shop.lake.rglob("*.parquet"))) < before
    assert [str(row[0]) for row in shop.rows("fact_ventes", "montant")] == ["2.00"]
    assert shop.run()["status"] == "unchanged"
    assert shop.run("--force")["status"] == "published"


def test_rows_in_quarantine_are_listed_with_place_reasons_and_text(shop: Shop) -> None:
    shop.run()
    assert shop.json("quarantine", "list")["rows"]["achats"] == {
        "id_client:reference": 1,
        "montant:exclusiveMinimum": 1,
    }
    rows = shop.json("quarantine", "show", "achats")["rows"]
    assert [(row["file"], row["record"], row["reasons"], row["raw"]) for row in rows] == [
        ("achats.csv", 4, ["id_client:reference"], "13,9,2025-02-07,10.00,souris"),
        ("achats.csv", 5, ["montant:exclusiveMinimum"], "14,2,2025-02-08,-1,souris"),
    ]
    assert "neither a dataset" in shop.filon("quarantine", "show", "rien", exit_code=1)


def test_the_quarantine_says_how_much_there_is_and_what_the_contract_demands(shop: Shop) -> None:
    shop.run()
    shown = shop.filon("quarantine", "show", "achats", "--limit", "1")
    assert "1 of 2 rejected rows: --limit shows more" in shown
    assert "id_client:reference  must be: a value of clients.id_client" in shown
    found = shop.json("quarantine", "show", "achats")
    assert (found["total"], found["demands"]) == (
        2,
        {"id_client:reference": "a value of clients.id_client", "montant:exclusiveMinimum": "greater than 0"},
    )


def test_retracting_is_confirmed(shop: Shop) -> None:
    shop.run()
    assert "retracting achats.csv removes 6 records; confirm it with --yes" in shop.filon(
        "retract", "achats.csv", exit_code=2
    )
    assert shop.run()["status"] == "unchanged"


def test_quarantined_file_is_kept_and_tried_again_when_asked(shop: Shop) -> None:
    shop.run()
    shop.put("achats-3.csv", "id_achat,id_client\n1,1\n")
    report = shop.run()
    assert report["status"] == "unchanged"
    listed = shop.json("quarantine", "list")["files"]
    assert [(file["path"], file["reason"]) for file in listed] == [("achats-3.csv", "missing_column")]
    assert (shop.lake / "quarantine" / "files").is_dir()
    replayed = json.loads(shop.filon("quarantine", "replay", "--json"))
    again = next(file for file in replayed["files"] if file["file"] == "achats-3.csv")
    assert again["status"] == "quarantined"
    assert len(shop.json("quarantine", "list")["files"]) == 1
    shop.put("achats-3.csv", ACHATS.splitlines()[0] + "\n40,1,2025-01-05,1.00,souris\n")
    shop.run()
    assert shop.json("quarantine", "list")["files"] == []
    assert (40,) in shop.rows("fact_ventes", "id_achat")


def test_row_rule_may_compare_with_the_as_of_date(shop: Shop) -> None:
    project = shop.folder / "project"
    shop.filon("init", str(project), str(shop.sources / "achats.csv"), "--name", "boutique")
    contract = project / "sources" / "achats.yaml"
    rule = "  - property: rules\n    value: [{name: recent, expression: date_achat <= as_of()}]\n  properties:"
    contract.write_text(contract.read_text().replace("  properties:", rule))
    other = Shop(shop.folder / "other", project)
    other.put("achats.csv", ACHATS)
    assert other.run("--as-of", "2025-02-05")["datasets"][0]["reasons"] == {"recent": 4}
    assert other.run("--as-of", "2025-02-06")["datasets"][0]["reasons"] == {"recent": 2}


def test_demo_writes_where_the_settings_say(shop: Shop) -> None:
    place = shop.folder / "ailleurs"
    shop.filon_with("demo", "--no-serve", "--purchases", "500", exit_code=0, FILON_SOURCES=place.as_uri())
    assert (place / "achats.csv").is_file()
    assert shop.release()["number"] == 1


def test_init_describes_french_files_so_that_a_run_accepts_them(shop: Shop) -> None:
    lines = [f"{n};{n},50;{1 + n % 28:02}/03/2025;{'oui' if n % 2 else 'non'};2025-03-01T10:{n:02}" for n in range(40)]
    text = "code;prix payé;jour;fidèle;moment\n" + "\n".join(lines) + "\n"
    shop.put("export/ventes_2025-03.csv", text.encode("cp1252"))
    project = shop.folder / "project"
    shop.filon("init", str(project), str(shop.sources / "export" / "ventes_2025-03.csv"), "--name", "Épicerie")
    other = Shop(shop.folder / "other", project)
    other.put("ventes_2025-03.csv", text.encode("cp1252"))
    shop.filon("check", "--project", str(project))
    report = other.run()
    assert report["datasets"][0]["accepted"] == 40
    name = report["datasets"][0]["dataset"]
    [row] = other.rows(name, "CAST(prix_payé AS VARCHAR), CAST(jour AS VARCHAR), fidèle", layer="silver")[:1]
    assert row == ("0.50", "2025-03-01", False)


def test_a_mistake_in_a_page_is_a_warning_of_a_run_and_an_error_of_a_check(shop: Shop) -> None:
    project = shop.folder / "project"
    shutil.copytree(retail.FOLDER, project, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    page = project / "pages" / "clients.yaml"
    page.write_text(page.read_text().replace("dim_clients", "dim_client"))
    shop = replace(shop, project=project)
    report = shop.run()
    assert report["status"] == "published"
    warning = report["warnings"][0]
    assert (warning["file"], warning["fix"]) == (str(page), "did you mean `dim_clients`?")
    assert f"warning: {page}:{warning['line']}: {warning['what']}; {warning['fix']}" in shop.filon("run")
    assert warning in shop.json_of("check", exit_code=2)["problems"]
