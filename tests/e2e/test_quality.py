"""Quality for people: failures first, in words, with the way to put them right; a failed run is said on every page."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from filon.projects import retail
from tests.e2e.conftest import PAGES, Site, Visit, served, stocked, visiting

CLIENTS = "id_client,nom,email,date_inscription,pays\n1,Ana,a@b.fr,2024-01-01,France\n"
HEADER = "id_achat,id_client,date_achat,montant,produit\n"
ROWS = ["1,1,2024-02-01,10.00,Souris", "2,1,2024-02-02,-5.00,Souris", "3,9,2024-02-02,6.00,Souris"]
BROKEN = """    quality:
      - {type: sql, name: nothing is sold, query: SELECT count(*) FROM dim_produits, mustBe: 0}
"""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A shop with one release, an alert that holds, and a run after it that a check of the project let fail."""
    folder = tmp_path_factory.mktemp("troubled")
    project = folder / "project"
    shutil.copytree(retail.FOLDER, project)
    file = project / "filon.yaml"
    file.write_text(file.read_text("utf-8") + f"alerts: {json.dumps(['achats.records_rejected > 1%', 'late'])}\n")
    shop = stocked(folder, project)
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", HEADER + "\n".join(ROWS) + "\n")
    shop.put("achats_vides.csv", "id_achat,id_client\n1,2\n")
    shop.run()
    yield from served(replace(shop, project=project))


@pytest.fixture
def look(troubled: Site, browser: Browser) -> Iterator[Visit]:
    """A page of it."""
    with visiting(browser, troubled.url) as visited:
        yield visited


def test_reasons_of_all_datasets_are_said_in_words(look: Visit) -> None:
    look.open("qualite?lang=en")
    reasons = [row[:3] for row in _cells(look, "Why rows are rejected")]
    assert ["Achats", "Amount must be above 0", "1"] in reasons
    assert ["Achats", "Client no. must exist in Clients", "1"] in reasons
    assert ["achats.csv", "2", "Amount must be above 0", ROWS[1]] in _cells(look, "Rejected rows")
    refused = _cells(look, "Files refused")
    assert refused[0][:2] == ["achats_vides.csv", "A required column is missing"]
    assert "filon run" in look.text()
    headings = look.page.get_by_role("heading", level=3).all_inner_texts()
    assert headings.index("Checks") < headings.index("Why rows are rejected") < headings.index("All datasets")
    assert not look.complaints


def test_a_dataset_is_chosen_in_the_address(look: Visit) -> None:
    look.open("qualite?lang=fr&dataset=clients")
    assert "Aucune ligne n'est rejetée" in look.text()
    look.open("qualite?lang=fr")
    look.page.get_by_role("radio", name="Achats").or_(look.page.get_by_text("Achats", exact=True)).first.click()
    look.page.wait_for_url("**dataset=achats**")
    look.settle()
    reasons = [row[:3] for row in _cells(look, "Pourquoi des lignes sont rejetées")]
    assert ["Achats", "Montant doit être au-dessus de 0", "1"] in reasons


def test_rejected_rows_are_saved_with_their_reasons(look: Visit, tmp_path: Path) -> None:
    look.open("qualite?lang=fr")
    with look.page.expect_download() as saved:
        look.page.get_by_role("button", name="Lignes rejetées en CSV").click()
    saved.value.save_as(tmp_path / "rejected.csv")
    text = (tmp_path / "rejected.csv").read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert [(row["Enregistrement"], row["Texte brut"]) for row in rows] == [("2", ROWS[1]), ("3", ROWS[2])]
    assert [row["Ce qui est demandé"] for row in rows] == [
        "Montant doit être au-dessus de 0",
        "N° client doit exister dans Clients",
    ]
    assert [row["Raisons"] for row in rows] == ["montant:exclusiveMinimum", "id_client:reference"]


def test_alerts_that_hold_stand_on_the_page_of_the_pipeline(look: Visit) -> None:
    look.open("pipeline?lang=en")
    alerts = look.page.locator("[class*='st-key-pipeline-alerts']")
    expect(alerts.get_by_test_id("stAlert")).to_have_count(1)
    assert "achats.records_rejected > 1%" in alerts.inner_text()
    assert "2 of 3 records are rejected" in alerts.inner_text()
    assert not look.complaints


def test_a_failed_run_is_said_on_every_page_until_one_succeeds(troubled: Site, browser: Browser) -> None:
    shop = troubled.shop
    contract = Path(str(shop.project)) / "gold" / "dim_produits.yaml"
    before = contract.read_text("utf-8")
    with visiting(browser, troubled.url) as visit:
        visit.open("?lang=en")
        assert visit.page.get_by_test_id("stAlert").count() == 0
        contract.write_text(before.replace("    properties:\n", BROKEN + "    properties:\n", 1), "utf-8")
        shop.run(exit_code=1)
        banner = visit.page.get_by_test_id("stAlert").filter(has_text="The figures are those of release 1; the run of")
        expect(banner).to_be_visible(timeout=30_000)
        assert "nothing is sold" in banner.inner_text()
        for path in PAGES:
            visit.open(f"{path}?lang=en")
            expect(banner).to_be_visible()
        contract.write_text(before, "utf-8")
        shop.run()
        visit.open("?lang=en")
        expect(banner).to_have_count(0, timeout=30_000)  # what a page knows of runs may be seconds old
        assert not visit.complaints


def _cells(visit: Visit, title: str) -> list[list[str]]:
    """What a reader without eyes finds in the table under a heading."""
    block = visit.page.locator("[data-testid='stVerticalBlock']").filter(
        has=visit.page.get_by_role("heading", name=title, exact=True)
    )
    frame = block.last.get_by_test_id("stDataFrame").first
    frame.scroll_into_view_if_needed()
    table = frame.locator("table[role='grid']")
    expect(table.locator("tbody td").first).not_to_be_empty()
    return [[cell.text_content() or "" for cell in row.locator("td").all()] for row in table.locator("tbody tr").all()]
