"""``filon plan``, the guard of a project, and differences between releases."""

from __future__ import annotations

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from filon.projects import retail
from tests.integration.conftest import ACHATS, CLIENTS, Shop

MORE = "id_achat,id_client,date_achat,montant,produit\n20,2,2025-03-01,25.00,souris\n21,1,2025-03-02,75.00,écran\n"
CORRECTED = "id_achat,id_client,date_achat,montant,produit\n11,1,2025-02-05,300.75,CLAVIER\n"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with one release, which tests copy."""
    shop = Shop(tmp_path_factory.mktemp("first"))
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    shop.run()
    return shop


@pytest.fixture
def published(first: Shop, tmp_path: Path) -> Shop:
    return first.copied(tmp_path / "shop")


def plan(shop: Shop, *options: str, exit_code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = shop.json_of("plan", "--as-of", "2026-01-01", *options, exit_code=exit_code)
    return found


def tables(difference: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {table["table"]: table for table in difference["tables"]}


def with_guard(shop: Shop, folder: Path, *rules: str) -> Shop:
    """The shop with a project that has these rules."""
    shutil.copytree(retail.FOLDER, folder)
    settings = folder / "filon.yaml"
    settings.write_text(settings.read_text() + f"guard: {json.dumps(rules)}\n")
    return Shop(shop.folder, project=folder)


def test_a_first_plan_shows_everything_and_publishes_nothing(shop: Shop) -> None:
    difference = plan(shop)
    facts = tables(difference)["fact_ventes"]
    assert (difference["before"], difference["after"]) == (None, None)
    assert (facts["rows_before"], facts["rows_after"], facts["added"]) == (None, 3, 3)
    assert [item["change"] for item in difference["files"]] == ["accepted", "accepted"]
    assert not (shop.lake / "metadata" / "releases").exists()


def test_what_a_plan_built_is_reused_by_the_run(shop: Shop) -> None:
    plan(shop)
    report = shop.run()
    assert report["status"] == "published"
    assert {table["status"] for table in report["tables"]} == {"reused"}


def test_nothing_new_is_no_change(published: Shop) -> None:
    difference = plan(published)
    assert difference["tables"] == difference["files"] == []
    assert "fact_ventes" in difference["unchanged"]
    assert "a run would change nothing: release 1 stays" in published.filon("plan", "--as-of", "2026-01-01")


def test_rows_are_matched_by_key(published: Shop) -> None:
    published.put("achats_2.csv", CORRECTED)
    published.put("achats_3.csv", MORE)
    difference = plan(published)
    facts = tables(difference)["fact_ventes"]
    assert (facts["added"], facts["removed"], facts["changed"]) == (2, 0, 1)
    [changed] = [example for example in facts["examples"] if example["change"] == "changed"]
    assert changed["key"] == {"id_achat": "11"}
    assert changed["values"] == {"montant": {"before": "200.50", "after": "300.75"}}
    added = [example for example in facts["examples"] if example["change"] == "added"]
    assert [example["key"]["id_achat"] for example in added] == ["20", "21"]
    assert added[0]["values"]["montant"] == {"before": None, "after": "25.00"}


def test_figures_say_how_much_they_move(published: Shop) -> None:
    published.put("achats_2.csv", CORRECTED)
    figures = {figure["column"]: figure for figure in tables(plan(published))["kpi_ca_par_mois"]["figures"]}
    total = figures["ca_total"]["total"]
    assert (total["before"], total["after"]) == ("350.50", "450.75")
    assert total["share"] == pytest.approx(100.25 / 350.5)
    assert figures["ca_total"]["largest_key"] == {"mois": "2025-02"}
    assert figures["ca_total"]["largest"]["share"] == pytest.approx(100.25 / 250.5)
    assert "nb_transactions" not in figures  # it did not move


def test_the_difference_of_two_releases_is_what_the_plan_said(published: Shop) -> None:
    published.put("achats_2.csv", CORRECTED)
    published.put("achats_3.csv", MORE)
    planned = plan(published)
    published.run()
    found = published.json("releases", "diff", "1", "2")
    assert {**planned, "after": 2} == found
    back = published.json("releases", "diff", "2", "1")
    facts, undone = tables(found)["fact_ventes"], tables(back)["fact_ventes"]
    assert (undone["added"], undone["removed"], undone["changed"]) == (0, facts["added"], facts["changed"])
    assert [(item["file"], item["change"]) for item in back["files"]] == [
        ("achats_2.csv", "left"),
        ("achats_3.csv", "left"),
    ]
    text = published.filon("rollback", "1", "--plan")
    assert "release 1, compared with release 2" in text
    assert published.release()["number"] == 2


def test_a_retraction_is_planned_undone_and_planned_away(published: Shop) -> None:
    published.put("achats_3.csv", MORE)
    published.run()
    published.filon("retract", "achats_3.csv", "--yes")
    difference = plan(published)
    assert tables(difference)["fact_ventes"]["removed"] == 2
    assert [(item["file"], item["change"]) for item in difference["files"]] == [("achats_3.csv", "retracted")]
    assert "counts again (2 records)" in published.filon("retract", "achats_3.csv", "--undo")
    assert plan(published)["tables"] == []
    assert published.run()["status"] == "unchanged"


def test_only_what_was_retracted_is_undone(published: Shop) -> None:
    assert "no file achats.csv was retracted" in published.filon("retract", "achats.csv", "--undo", exit_code=1)
    published.filon("retract", "achats.csv", "--yes")
    published.put("achats.csv", MORE)
    published.run()
    answer = published.filon("retract", "achats.csv", "--undo", exit_code=1)
    assert "achats.csv counts already, with other bytes" in answer


def test_a_rule_decides_the_exit_code(published: Shop) -> None:
    published.put("achats_2.csv", CORRECTED)
    kept = plan(published, "--fail-on", "kpi_ca_par_mois.ca_total moves > 50%", "--fail-on", "rows_removed > 0")
    assert kept["broken"] == []
    broken = plan(published, "--fail-on", "kpi_ca_par_mois.ca_total moves > 39%", exit_code=4)["broken"]
    found = "kpi_ca_par_mois.ca_total at mois 2025-02 moves by +40.0%, from 250.50 to 350.75"
    assert broken == [f"kpi_ca_par_mois.ca_total moves > 39%: {found}"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("rows_removd > 1%", "did you mean `rows_removed`?"),
        ("kpi_ca_par_moi.ca_total moves > 1%", "there is no table `kpi_ca_par_moi`; did you mean `kpi_ca_par_mois`?"),
        ("kpi_ca_par_mois.mois moves > 1%", "`kpi_ca_par_mois` has no figure `mois`"),
        ("achats.montant moves > 1%", "`achats` has no figure `montant`; name a gold table with numbers"),
        ("fact_ventes.records_rejected > 1%", "`fact_ventes` is no dataset of records"),
    ],
)
def test_a_rule_that_does_not_fit_the_project_is_refused(shop: Shop, rule: str, message: str) -> None:
    assert message in shop.filon("plan", "--fail-on", rule, exit_code=2)


def test_a_guarded_run_that_breaks_a_rule_publishes_nothing(published: Shop, tmp_path: Path) -> None:
    shop = with_guard(published, tmp_path / "guarded", "rows_changed > 10%", "files_refused > 0")
    shop.run("--guard")
    shop.put("achats_2.csv", CORRECTED)
    shop.put("achats_3.csv", "no header of ours\n1\n")
    before = shop.release()
    report = shop.run("--guard", exit_code=4)
    assert report["status"] == "failed"
    assert "rows_changed > 10%: fact_ventes: 1 rows changed, of 3" in report["error"]
    assert "files_refused > 0: refused: achats_3.csv" in report["error"]
    assert tables(report["difference"])["fact_ventes"]["changed"] == 1
    assert shop.release() == before
    assert shop.run("--no-guard")["status"] == "published"
    assert shop.run("--guard")["status"] == "unchanged"


def test_the_setting_guards_runs_too(published: Shop, tmp_path: Path) -> None:
    shop = with_guard(published, tmp_path / "guarded", "rows_removed > 1%")
    shop.run()
    shop.filon("retract", "achats.csv", "--yes")
    text = shop.filon_with(
        "run", "--as-of", "2026-01-01", FILON_GUARD="1", FILON_PROJECT=str(shop.project), exit_code=4
    )
    assert "rules of the guard are broken; nothing was published" in text
    assert "filon run --no-guard" in text


def test_rules_of_a_project_are_checked_with_file_and_line(shop: Shop, tmp_path: Path) -> None:
    guarded = with_guard(shop, tmp_path / "guarded", "rows_removed > 1%", "kpi_ca_par_mois.ca moves > 1%")
    text = guarded.filon("check", exit_code=2)
    lines = (tmp_path / "guarded" / "filon.yaml").read_text().splitlines()
    line = next(number for number, line in enumerate(lines, 1) if line.startswith("guard:"))
    assert f"filon.yaml:{line}: `kpi_ca_par_mois` has no figure `ca`" in text
    assert "use one of: ca_total" in text
    unread = with_guard(shop, tmp_path / "unread", "rows > 1")
    assert "`rows` is nothing that a rule can limit" in unread.filon("check", exit_code=2)


def test_columns_and_tables_that_come_and_go_are_named(published: Shop, tmp_path: Path) -> None:
    project = tmp_path / "changed"
    shutil.copytree(retail.FOLDER, project)
    for suffix in ("sql", "yaml"):
        (project / "gold" / f"kpi_top_clients.{suffix}").unlink()
    (project / "tests" / "kpi_top_clients.yaml").unlink()
    contract, model = project / "gold" / "kpi_ca_par_jour.yaml", project / "gold" / "kpi_ca_par_jour.sql"
    contract.write_text(contract.read_text().replace("name: panier_moyen", "name: panier"))
    model.write_text(model.read_text().replace("AS panier_moyen", "AS panier"))
    (project / "tests" / "kpi_ca_par_jour.yaml").unlink()
    difference = plan(Shop(published.folder, project=project), "--fail-on", "columns_removed > 0", exit_code=4)
    top, days = (tables(difference)[name] for name in ("kpi_top_clients", "kpi_ca_par_jour"))
    assert (top["rows_after"], top["removed"]) == (None, top["rows_before"])
    assert days["columns"] == [
        {"column": "panier_moyen", "before": "DECIMAL(38,2)", "after": None},
        {"column": "panier", "before": None, "after": "DECIMAL(38,2)"},
    ]
    assert (days["added"], days["removed"], days["changed"]) == (0, 0, 0)
    assert difference["broken"] == ["columns_removed > 0: kpi_ca_par_jour lost panier_moyen"]


def test_the_partitions_that_differ_are_named_whether_their_column_is_of_the_key_or_not(
    shop: Shop, tmp_path: Path
) -> None:
    project = tmp_path / "divided"
    shutil.copytree(retail.FOLDER, project)
    for table, column in (("kpi_ca_par_jour", "date"), ("fact_ventes", "date_achat")):
        contract = project / "gold" / f"{table}.yaml"
        word = f"customProperties:\n      - property: partition\n        value: {{column: {column}, by: month}}\n"
        contract.write_text(contract.read_text().replace("customProperties:\n", word, 1))
    divided = Shop(shop.folder, project=project)
    divided.run()
    divided.put("achats_2.csv", CORRECTED)
    found = tables(plan(divided))
    assert found["kpi_ca_par_jour"]["partitions"] == found["fact_ventes"]["partitions"] == ["2025-02"]


class Texts(HTMLParser):
    """The texts of a page, and the tags that it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_a_page_needs_nothing_else_and_shows_hostile_values_as_texts(published: Shop) -> None:
    hostile = "<script>alert(1)</script>"
    published.put("achats_2.csv", CORRECTED + f"30,1,2025-02-05,1.00,{hostile}\n")
    page = published.folder / "plan.html"
    plan(published, "--html", str(page))
    found = Texts(page.read_text(encoding="utf-8"))
    assert not {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe"}
    assert {value for _, attributes in found.tags for name, value in attributes.items() if name in ("src", "href")} == {
        attributes["href"] for tag, attributes in found.tags if tag == "a"
    }
    assert all(attributes["href"].startswith("#") for tag, attributes in found.tags if tag == "a" if attributes["href"])
    assert any("script" in text.lower() and "alert" in text.lower() for text in found.texts)
    assert {"Figures", "kpi_ca_par_mois.ca_total", "200.50 → 300.75"} <= {
        text.removeprefix(": ") for text in found.texts
    }


def test_files_that_arrive_twice_are_seen_as_the_ledger_has_them(published: Shop) -> None:
    published.put("copie_achats.csv", ACHATS)
    assert plan(published)["tables"] == []


def test_a_run_names_what_its_release_breaks_for_readers(published: Shop, tmp_path: Path) -> None:
    project = tmp_path / "narrower"
    shutil.copytree(retail.FOLDER, project)
    contract = project / "gold" / "kpi_ca_par_mois.yaml"
    contract.write_text(contract.read_text().replace("DECIMAL(38,2)", "DECIMAL(18,2)"))
    changed = Shop(published.folder, project=project)
    report = changed.run()
    broken = {(change["table"], change["name"]): change for change in report["broken"]}
    narrower = broken["kpi_ca_par_mois", "ca_total"]
    assert (narrower["before"], narrower["after"]) == ("DECIMAL(38,2)", "DECIMAL(18,2)")
    assert narrower["reached"]["endpoints"] == ["kpis/ca-par-mois"]
    assert {change["effect"] for change in report["broken"]} == {"breaking"}
    assert changed.run()["broken"] == []
    contract.write_text(contract.read_text().replace("DECIMAL(18,2)", "DECIMAL(16,2)"))
    text = changed.filon("run", "--as-of", "2026-01-01")
    assert "breaking    kpi_ca_par_mois  type of ca_total: DECIMAL(18,2) → DECIMAL(16,2)" in text
