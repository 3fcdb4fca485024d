"""Why a figure is what it is: from a card, a mark of a chart, a row, down to the line of a file."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.conftest import Site, Visit, served, stocked, visiting


def _panel(visit: Visit) -> Locator:
    """The open panel, drawn."""
    panel = visit.page.get_by_role("dialog")
    panel.wait_for()
    expect(panel.get_by_text(re.compile("^(Release|Version) \\d"))).to_be_visible(timeout=60_000)
    visit.settle()
    return panel


def _asked(visit: Visit) -> list[str]:
    return parse_qs(urlsplit(visit.page.url).query).get("why", [])


def _ask_row(visit: Visit, table: Locator, number: int = 0) -> None:
    """Click the button of a row, which stands in the first column."""
    table.scroll_into_view_if_needed()
    before = visit.page.url
    box = table.bounding_box()
    assert box is not None
    visit.page.mouse.click(box["x"] + 22, box["y"] + 35 * (number + 1) + 18)
    visit.page.wait_for_function("before => location.href !== before", arg=before)


def test_a_card_is_explained_down_to_the_line_of_a_file_and_back(visit: Visit, site: Site) -> None:
    [(total,)] = site.shop.rows("fact_ventes", "count(*) FILTER (mois = '2025-03')")
    visit.open("?lang=en&periode=2025-03")
    visit.page.get_by_role("button", name="Why this figure: Sales").click()
    panel = _panel(visit)
    assert panel.get_by_test_id("stMetricValue").inner_text() == str(total) == visit.metric("Sales")
    assert "from Mar 1, 2025 · to Mar 31, 2025" in panel.inner_text()
    assert 'count(*) AS "nb_ventes"' in panel.inner_text()
    assert f"fact_ventes, rows: {total}" in panel.inner_text()
    panel.get_by_role("button", name="Next").first.click()
    expect(panel.get_by_text("Rows 11 to 20").first).to_be_visible()
    visit.settle()
    _ask_row(visit, panel.get_by_test_id("stDataFrame").first)
    expect(panel.get_by_role("button", name="Back")).to_be_visible()
    panel = _panel(visit)
    first, second = _asked(visit)
    assert first.startswith("fact_ventes?measure=nb_ventes")
    key = second.removeprefix("fact_ventes/")
    lines = (site.shop.sources / "achats.csv").read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if line.split(",")[0].strip() == key][-1:]
    assert "achats.csv, record " in panel.inner_text()
    expect(panel.get_by_text(line.strip())).to_be_visible()
    panel.get_by_role("button", name="Back").click()
    expect(panel.get_by_test_id("stMetricValue")).to_have_text(str(total))
    assert _asked(visit) == [first]
    visit.page.keyboard.press("Escape")
    panel.wait_for(state="detached")
    visit.page.wait_for_url(lambda url: "why" not in url)
    assert "periode=2025-03" in visit.page.url
    visit.page.go_back()
    _panel(visit).get_by_role("button", name="Back").click()
    panel.wait_for(state="detached")
    assert not visit.complaints


def test_a_mark_of_a_chart_is_chosen_by_the_keyboard_and_its_address_shows_it_to_others(
    visit: Visit, site: Site, browser: Browser
) -> None:
    french = {client for client, country in site.shop.rows("dim_clients", "id_client, pays") if country == "France"}
    facts = site.shop.rows("fact_ventes", "id_client, mois, montant")
    revenue = sum(amount for client, month, amount in facts if client in french and month == "2025-03")
    visit.open("?lang=en&periode=2025-03&pays=Italie")
    visit.wait_for_charts(4)
    menu = visit.page.get_by_role("button", name="Why?").nth(1)
    menu.focus()
    visit.page.keyboard.press("Enter")
    box = visit.page.get_by_role("combobox", name="Which figure?")
    box.wait_for()
    box.press_sequentially("France")
    visit.page.keyboard.press("Enter")
    panel = _panel(visit)
    assert "Country : France" in panel.inner_text()
    assert "Italie" not in panel.inner_text(), "bars of other countries are not those of the filter"
    value = panel.get_by_test_id("stMetricValue").inner_text()
    assert value == f"€{revenue:,.2f}"
    with visiting(browser, site.url) as other:
        other.page.goto(visit.page.url)
        assert _panel(other).get_by_test_id("stMetricValue").inner_text() == value
        assert not other.complaints
    assert not visit.complaints


def test_the_row_of_a_kpi_is_explained(visit: Visit) -> None:
    visit.open("explorateur?lang=en&table=kpi_ca_par_jour")
    _ask_row(visit, visit.page.get_by_test_id("stDataFrame").last)
    panel = _panel(visit)
    [asked] = _asked(visit)
    assert asked.startswith("kpi_ca_par_jour/")
    assert "GROUP BY" in panel.inner_text().upper()
    assert "fact_ventes, rows: " in panel.inner_text()
    assert not visit.complaints


def test_the_number_of_clients_and_a_share_say_how_they_follow(visit: Visit) -> None:
    visit.open("clients?lang=en")
    for name in ("Clients registered", "Share of the 10 best", "Revenue per client"):
        shown = visit.metric(name)
        visit.page.get_by_role("button", name=f"Why this figure: {name}").click()
        panel = _panel(visit) if name != "Clients registered" else visit.page.get_by_role("dialog")
        expect(panel.get_by_test_id("stMetricValue")).to_have_text(shown)
        if name != "Clients registered":
            assert f"{shown} = " in panel.inner_text()
        visit.page.keyboard.press("Escape")
        panel.wait_for(state="detached")
        visit.settle()
    assert not visit.complaints


def test_rejected_and_superseded_neighbours_stand_in_words_on_a_phone(site: Site, browser: Browser) -> None:
    rejected = next(
        line.split(",")[0]
        for line in (site.shop.sources / "achats.csv").read_text(encoding="utf-8").splitlines()[1:]
        if line.count(",") == 4 and line.split(",")[3].startswith("-")
    )
    with visiting(browser, site.url, 390) as visit:
        visit.open(f"?lang=en&why=achats/{rejected}")
        panel = _panel(visit)
        assert "Amount must be above 0" in panel.inner_text()
        assert "Rejected" in panel.inner_text()
        width = panel.evaluate("at => [at.scrollWidth, at.clientWidth, at.getBoundingClientRect().right]")
        assert width[0] <= width[1] + 1
        assert width[2] <= 391
        assert not visit.complaints


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("nulle_part/1", "a table that the project does not have"),
        ("fact_ventes/999999999", "No source ever had this key"),
        ("../quarantine/rows", "a table that the project does not have"),
        ("fact_ventes/..", "No source ever had this key"),
        ("fact_ventes?measure=' OR 1=1", "cannot be explained now"),
        ("<script>alert(1)</script>", "a table that the project does not have"),
        ("fact_ventes?measure=ca&_periods=0&_share=x&pays=Atlantide", "Revenue"),
    ],
)
def test_an_address_that_names_no_figure_says_so(visit: Visit, asked: str, said: str) -> None:
    visit.open(f"?lang=en&why={quote(asked)}")
    panel = visit.page.get_by_role("dialog")
    expect(panel.get_by_text(said).first).to_be_visible(timeout=60_000)
    assert visit.page.locator("[data-testid='stException']").count() == 0
    assert "log of the dashboard" not in visit.text()
    assert not visit.complaints


def test_without_a_lake_the_panel_says_that_explanations_are_off(tmp_path: Path, browser: Browser) -> None:
    shop = stocked(tmp_path)
    shop.put("clients.csv", "id_client,nom,email,date_inscription,pays\n1,Ana,a@b.fr,2024-01-01,France\n")
    shop.put("achats.csv", "id_achat,id_client,date_achat,montant,produit\n1,1,2024-02-01,10.00,Souris\n")
    shop.run()
    for site in served(shop, FILON_LAKE=str(tmp_path / "elsewhere")):
        with visiting(browser, site.url) as visit:
            visit.open("?lang=en")
            visit.page.get_by_role("button", name="Why this figure: Revenue").click()
            panel = visit.page.get_by_role("dialog")
            expect(panel.get_by_text("Explanations are off")).to_be_visible(timeout=60_000)
            assert "filon api --lake" in panel.inner_text()
            visit.page.keyboard.press("Escape")
            panel.wait_for(state="detached")
            assert visit.metric("Revenue") == "€10.00"
