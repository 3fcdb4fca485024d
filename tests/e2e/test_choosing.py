"""Filters, languages and links: what is chosen acts everywhere, and stands in the address."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from openpyxl import load_workbook  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from tests.e2e.conftest import Site, Visit, visiting


def _choose(page: Page, label: str, value: str) -> None:
    box = page.get_by_role("combobox", name=label)
    box.click()
    box.press_sequentially(value)
    page.get_by_role("option", name=value, exact=True).click()
    page.keyboard.press("Escape")


def test_a_choice_changes_the_numbers_and_the_address(visit: Visit) -> None:
    visit.open("?lang=en")
    everything = visit.metric("Sales")
    _choose(visit.page, "Country", "France")
    visit.page.wait_for_url("**pays=France**")
    visit.settle()
    some = visit.metric("Sales")
    assert some != everything
    visit.page.get_by_role("button", name="Show all").click()
    visit.page.wait_for_url(lambda url: "pays" not in url)
    visit.settle()
    assert visit.metric("Sales") == everything


def test_a_link_shows_the_same_view_to_somebody_else(visit: Visit, site: Site, browser: Browser) -> None:
    visit.open("produits?lang=en&pays=France&pays=UK&periode=12m")
    with visiting(browser, site.url) as other:
        other.page.goto(visit.page.url)
        other.settle()
        assert other.metric("Sales") == visit.metric("Sales")
        assert other.page.url == visit.page.url


def test_days_can_be_chosen_one_by_one(visit: Visit, site: Site) -> None:
    visit.open("?lang=en&periode=perso&jours=2025-01-01&jours=2025-01-31")
    [(sales,)] = site.shop.rows("kpi_ca_par_mois", "CASE WHEN mois = '2025-01' THEN nb_transactions END")[:1]
    assert visit.metric("Sales") == str(sales)
    assert "periode=custom&days=2025-01-01&days=2025-01-31" in visit.page.url, "an address of before is spelled anew"


def test_a_calendar_speaks_as_the_page_and_begins_weeks_as_the_reader_does(site: Site, browser: Browser) -> None:
    with visiting(browser, site.url, locale="fr-FR") as visit:
        visit.open("?lang=en&periode=custom&days=2025-01-01&days=2025-01-31")
        visit.page.get_by_test_id("stDateInput").click()
        calendar = visit.page.get_by_role("grid")
        assert "January 2025" in str(calendar.get_attribute("aria-label"))
        assert calendar.locator("thead").inner_text().split() == list("MTWTFSS")


def test_what_a_filter_does_not_act_on_says_so(visit: Visit) -> None:
    visit.open("clients?lang=en")
    registered = visit.metric("Clients registered")
    visit.open("clients?lang=en&produit=Imprimante")
    assert visit.metric("Clients registered") == registered
    pale = visit.page.locator("[class*='st-key-inert-']")
    assert "not filtered by Product" in pale.first.inner_text()
    assert pale.first.get_by_test_id("stMetricValue").evaluate("at => getComputedStyle(at).opacity") == "0.4"
    assert "This block cannot be filtered by Product" in pale.last.inner_text()


def test_values_of_an_address_that_do_not_exist_are_said(visit: Visit) -> None:
    visit.open("?lang=xx&periode=toujours&pays=Atlantide")
    assert visit.page.locator("html").get_attribute("lang") == "fr"
    assert "Période toujours, Pays Atlantide" in visit.page.get_by_test_id("stAlert").inner_text()
    assert visit.page.locator("[data-testid='stException']").count() == 0
    assert "Atlantide" not in visit.page.url
    visit.open("?lang=fr&periode=custom&days=2099-01-01&days=2099-02-01&release=abc&" + "pays=Atlantide&" * 50)
    told = visit.page.get_by_test_id("stAlert").inner_text()
    assert all(part in told for part in ("Période 2099-01-01", "Version abc"))
    assert told.count("Atlantide") == 1
    visit.open("?lang=fr&pays=Atlantide")
    _choose(visit.page, "Pays", "France")
    visit.page.get_by_test_id("stAlert").wait_for(state="detached")


def _place_of_bar(visit: Visit, title: str, name: str) -> tuple[float, float]:
    """The middle of a horizontal bar, or of the bar of a month, in the window."""
    card = visit.page.locator("[data-testid='stVerticalBlock']").filter(
        has=visit.page.get_by_role("heading", name=title, exact=True)
    )
    x, y = card.last.locator(".js-plotly-plot").evaluate(
        """(plot, name) => {
            plot.scrollIntoView({block: 'center'});
            const trace = plot.data.find(item => item.type === 'bar'), layout = plot._fullLayout;
            const at = plot.getBoundingClientRect(), across = trace.orientation === 'h';
            const index = across ? trace.customdata.indexOf(name) : trace.x.indexOf(name);
            const x = across ? trace.x[index] / 2 : layout.xaxis.d2c(trace.x[index]);
            const y = across ? trace.y[index] : trace.y[index] / 2;
            return [at.x + layout.xaxis._offset + layout.xaxis.c2p(x),
                    at.y + layout.yaxis._offset + layout.yaxis.c2p(y)];
        }""",
        name,
    )
    return x, y


def _click_bar(visit: Visit, title: str, name: str) -> None:
    visit.page.mouse.click(*_place_of_bar(visit, title, name))


def _drag_over_bar(visit: Visit, title: str, name: str) -> None:
    """Drag along the axis from left to right over a bar that is drawn upwards."""
    x, y = _place_of_bar(visit, title, name)
    visit.page.mouse.move(x - 14, y)
    visit.page.mouse.down()
    visit.page.mouse.move(x + 14, y + 10, steps=5)
    visit.page.mouse.up()


def test_a_click_on_a_bar_filters_the_page_and_another_takes_it_back(visit: Visit) -> None:
    visit.open("?lang=en")
    visit.wait_for_charts(4)
    everything = visit.metric("Sales")
    _click_bar(visit, "Revenue by country", "France")
    visit.page.wait_for_url("**pays=France**")
    visit.settle()
    visit.page.get_by_role("button", name="Country : France").wait_for()
    assert visit.metric("Sales") != everything
    visit.wait_for_charts(4)
    _click_bar(visit, "Revenue by country", "France")
    visit.page.wait_for_url(lambda url: "pays" not in url)
    visit.settle()
    assert visit.metric("Sales") == everything
    assert not visit.complaints


def test_a_month_that_is_chosen_on_the_axis_leads_to_its_days_then_to_its_rows_and_back(
    visit: Visit, site: Site
) -> None:
    [(sales,)] = site.shop.rows("fact_ventes", "count(*) FILTER (mois = '2025-03')")
    visit.open("?lang=en")
    visit.wait_for_charts(4)
    _drag_over_bar(visit, "Revenue by month", "2025-03-01")
    visit.page.wait_for_url("**periode=2025-03**")
    visit.settle()
    assert visit.metric("Sales") == str(sales)
    visit.wait_for_charts(4)
    days = visit.page.locator(".js-plotly-plot").first.evaluate("plot => plot.data.at(-1).x")
    assert (days[0], days[-1], len(days)) == ("2025-03-01", "2025-03-31", 31)
    visit.page.go_back()
    visit.page.wait_for_url(lambda url: "periode" not in url)
    visit.page.get_by_role("button", name="Show all").wait_for(state="detached")
    visit.settle()
    assert visit.metric("Sales") != str(sales)
    visit.open("?lang=en&periode=2025-03-04")
    assert "Rows 1 to" in visit.text()
    assert not visit.complaints


def _click_mark(visit: Visit, title: str, mark: str, number: int) -> None:
    """Click into a mark of a chart: the pointer comes to it first, as that of a person does."""
    card = visit.page.locator("[data-testid='stVerticalBlock']").filter(
        has=visit.page.get_by_role("heading", name=title, exact=True)
    )
    plot = card.last.locator(".js-plotly-plot")
    plot.evaluate("plot => plot.scrollIntoView({block: 'center'})")
    middle = "mark => {const at = mark.getBoundingClientRect(); return [at.x + at.width / 2, at.y + at.height * 0.7]}"
    x, y = plot.locator(mark).nth(number).evaluate(middle)
    visit.page.mouse.move(x - 2, y)
    visit.page.mouse.move(x, y, steps=3)
    visit.page.mouse.click(x, y)


def test_a_plain_click_on_the_bar_of_a_month_leads_to_its_days(visit: Visit, site: Site) -> None:
    [(sales,)] = site.shop.rows("fact_ventes", "count(*) FILTER (mois = '2025-03')")
    visit.open("?lang=en")
    visit.wait_for_charts(4)
    x, y = _place_of_bar(visit, "Revenue by month", "2025-03-01")
    visit.page.mouse.move(x - 2, y)
    visit.page.mouse.click(x, y)
    visit.page.wait_for_url("**periode=2025-03**")
    visit.settle()
    assert visit.metric("Sales") == str(sales)
    assert not visit.complaints


@pytest.mark.parametrize(
    ("title", "mark"),
    [
        ("Volumes sold", ".treemaplayer .slice path.surface"),
        ("Share of revenue", ".pielayer .slice text"),
        ("Distribution of amounts", "path.box"),
    ],
)
def test_a_click_on_a_slice_or_a_box_chooses_it_and_another_takes_it_back(visit: Visit, title: str, mark: str) -> None:
    visit.open("produits?lang=en")
    visit.wait_for_charts(3)
    everything = visit.metric("Sales")
    _click_mark(visit, title, mark, 2)
    visit.page.wait_for_url("**produit=**")
    visit.settle()
    assert visit.metric("Sales") != everything
    visit.wait_for_charts(3)
    _click_mark(visit, title, mark, 2)
    visit.page.wait_for_url(lambda url: "produit=" not in url)
    visit.settle()
    assert visit.metric("Sales") == everything
    assert not visit.complaints


def test_a_row_that_is_picked_filters_the_page(visit: Visit, site: Site) -> None:
    [(_, country), *_] = sorted(site.shop.rows("dim_clients", "-total_ca, pays"))
    visit.open("clients?lang=en")
    table = visit.page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    visit.page.wait_for_timeout(500)  # the grid is a canvas, and draws itself a moment later
    table.click(position={"x": 14, "y": 1.5 * 35})
    visit.page.wait_for_url(f"**pays={country}**")
    visit.settle()
    visit.page.get_by_role("button", name=f"Country : {country}").wait_for()
    assert not visit.complaints


def test_the_language_is_switched_on_the_page(visit: Visit) -> None:
    visit.open("")
    assert "Ventes" in visit.text()
    visit.page.get_by_role("radio", name="English").or_(visit.page.get_by_text("English")).first.click()
    visit.page.wait_for_url("**lang=en**")
    visit.page.get_by_role("heading", name="Overview", exact=True).wait_for()
    visit.settle()
    assert "Sales" in visit.text()
    assert visit.page.locator("html").get_attribute("lang") == "en"


def test_a_choice_that_leaves_nothing_says_so_calmly(visit: Visit, site: Site) -> None:
    [(client,)] = site.shop.rows("dim_clients", "count(*) FILTER (pays = 'France' AND segment = 'Bronze')")
    assert client
    visit.open("?lang=en&pays=France&segment=Bronze&periode=custom&days=2024-01-01&days=2024-01-01")
    assert "No row meets the filters" in visit.text()
    assert visit.metric("Sales") == "0"
    visit.open("produits?lang=en&pays=France&segment=Bronze&periode=custom&days=2024-01-01&days=2024-01-01")
    assert "No row meets the filters" in visit.text()
    assert not visit.complaints


def test_charts_are_taken_along_as_csv_and_png(visit: Visit, site: Site, tmp_path: Path) -> None:
    visit.open("?lang=en")
    visit.wait_for_charts(4)
    with visit.page.expect_download() as saved:
        visit.page.get_by_role("button", name="CSV").first.click()
    saved.value.save_as(tmp_path / "months.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "months.csv").read_text("utf-8-sig"))))
    assert [(row["mois"], row["nb_ventes"]) for row in rows] == [
        (month, str(sales)) for month, sales in site.shop.rows("kpi_ca_par_mois", "mois, nb_transactions")
    ]
    visit.page.locator(".js-plotly-plot").first.hover()
    with visit.page.expect_download() as saved:
        visit.page.locator(".modebar-btn").first.click()
    assert saved.value.suggested_filename.endswith(".png")
    saved.value.save_as(tmp_path / "months.png")
    assert (tmp_path / "months.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_is_taken_away_as_it_is_filtered(visit: Visit, tmp_path: Path) -> None:
    visit.open("?lang=en&pays=France")
    sales = visit.metric("Sales")
    visit.page.get_by_role("button", name="Take away").click()
    saved = {}
    for label, kind in (("Excel workbook", "xlsx"), ("PDF document", "pdf")):
        with visit.page.expect_download() as download:
            visit.page.get_by_role("button", name=label).click()
        saved[kind] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[kind])
        assert saved[kind].name == f"apercu-2.{kind}"
    summary = load_workbook(saved["xlsx"]).worksheets[0]
    cells = {row[0].value: row[1].value for row in summary.iter_rows()}
    assert (cells["Country"], cells["Release"], str(cells["Sales"])) == ("France", "2", sales)
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(saved["pdf"]).pages).split())
    assert "Revenue by month" in text
    assert "Country: France" in text
    assert not visit.complaints


def test_a_link_stays_with_its_release_until_it_is_left(visit: Visit, site: Site) -> None:
    visit.open("?lang=en")
    newest = visit.metric("Sales")
    visit.page.get_by_role("button", name="Take away").click()
    link = visit.page.get_by_test_id("stPopoverBody").get_by_test_id("stCode").inner_text().strip()
    assert link == f"{site.url}/?lang=en&release=2"
    visit.page.goto(link.replace("release=2", "release=1"))
    visit.settle()
    assert int(visit.metric("Sales").replace(",", "")) == int(newest.replace(",", "")) - 1
    visit.page.get_by_role("link", name="Products").click()
    visit.page.wait_for_url("**/produits**release=1**")
    visit.settle()
    visit.page.get_by_role("button", name="Release 1").click()
    visit.page.wait_for_url(lambda url: "release" not in url)
    visit.settle()
    assert visit.metric("Sales") == newest
    assert not visit.complaints
