"""The explorer shows any table, a page at a time; quality and pipeline show what runs left."""

from __future__ import annotations

import codecs
import csv
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from filon.dashboard.language import Code
from tests.e2e.conftest import JOURNEY, Site, Visit, require_complete, served, stocked, visiting

EXAMPLE = Path(__file__).parents[2] / "examples" / "completejourney"


def _rows_shown(visit: Visit, place: int = -1, first: object = None) -> list[list[str]]:
    """What a reader without eyes finds in a table of rows, once its ``first`` cell is there: cells, row by row.

    The column of buttons that ask why a row is there is left out.
    """
    frame = visit.page.get_by_test_id("stDataFrame").nth(place)
    frame.scroll_into_view_if_needed()
    table = frame.locator("table[role='grid']")
    cells = table.page.locator("td").filter(has_not_text=re.compile(r"^\?$"))
    cell = table.locator("tbody").locator(cells).first
    expect(cell).to_have_text(re.compile(".+" if first is None else f"^{first}$"))
    rows = table.locator("tbody tr").all()
    return [[cell.text_content() or "" for cell in row.locator(cells).all()] for row in rows]


def test_a_large_table_is_walked_through_page_by_page(visit: Visit, site: Site) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.open("explorateur?lang=en&table=fact_ventes")
    [(count,)] = site.shop.rows("fact_ventes", "count(*)")
    total = f"{count:,}"
    assert f"Rows 1 to 25 of {total}" in visit.text()
    keys = [key for (key,) in site.shop.rows("fact_ventes", "id_achat")]
    first = _rows_shown(visit, first=keys[0])
    visit.page.get_by_role("button", name="Next").click()
    visit.page.get_by_text(re.compile("^Rows 26 to 50")).wait_for()
    visit.settle()
    second = _rows_shown(visit, first=keys[25])
    assert len(first) > 5 < len(second)
    assert [row[0] for row in first] == [str(key) for key in keys[: len(first)]]
    assert [row[0] for row in second] == [str(key) for key in keys[25 : 25 + len(second)]]
    visit.page.get_by_role("button", name="Previous").click()
    visit.page.get_by_text(re.compile("^Rows 1 to 25")).wait_for()
    visit.settle()
    assert _rows_shown(visit, first=keys[0]) == first
    assert not [url for url in asked if site.api_url in url], "the browser never asks the API itself"
    assert not visit.complaints


def test_the_sidebar_filters_tables_too(visit: Visit, site: Site) -> None:
    [(count,)] = site.shop.rows("fact_ventes", "count(*) FILTER (produit = 'Souris' AND annee = 2025)")
    visit.open("explorateur?lang=en&table=fact_ventes&produit=Souris&periode=annee")
    assert f"of {count:,}" in visit.text()


def test_the_rows_of_a_table_are_saved_whole(visit: Visit, site: Site, tmp_path: Path) -> None:
    visit.open("explorateur?lang=en&table=dim_clients&pays=France")
    with visit.page.expect_download() as saved:
        visit.page.get_by_role("button", name="All as CSV").click()
    saved.value.save_as(tmp_path / "clients.csv")
    assert (tmp_path / "clients.csv").read_bytes().startswith(codecs.BOM_UTF8)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "clients.csv").read_text("utf-8-sig"))))
    assert [int(row["id_client"]) for row in rows] == [
        key for key, country in site.shop.rows("dim_clients", "id_client, pays") if country == "France"
    ]


def test_every_table_is_described_and_drawn_as_its_contract_says(visit: Visit, site: Site) -> None:
    tables = httpx.get(f"{site.api_url}/api/v1/tables").json()["data"]
    assert len(tables) == 11
    for table in tables:
        visit.open(f"explorateur?lang=en&table={table['name']}")
        assert table["description"] in visit.text()
        is_drawn = table["chart"] is not None and table["chart"]["kind"] != "table"
        visit.wait_for_charts(int(is_drawn))
        assert visit.page.locator(".js-plotly-plot").count() == int(is_drawn)
    assert not visit.complaints


def test_a_click_on_a_table_of_the_lineage_shows_its_sql(visit: Visit) -> None:
    visit.open("pipeline?lang=en")
    visit.wait_for_charts(3)
    place = visit.page.locator(".js-plotly-plot").last.evaluate(
        """plot => { const trace = plot.data[0], box = plot.getBoundingClientRect(), layout = plot._fullLayout;
            plot.scrollIntoView({block: 'center'});
            const index = trace.customdata.indexOf('dim_clients'), at = plot.getBoundingClientRect();
            return [at.x + layout.xaxis._offset + layout.xaxis.l2p(trace.x[index]),
                    at.y + layout.yaxis._offset + layout.yaxis.l2p(trace.y[index])]; }"""
    )
    visit.page.mouse.click(*place)
    visit.page.get_by_role("heading", name="dim_clients").wait_for()
    visit.settle()
    assert "FROM clients" in visit.text()
    assert not visit.complaints


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The example of grocery purchases, served."""
    shop = stocked(tmp_path_factory.mktemp("journey"), EXAMPLE)
    subprocess.run([sys.executable, EXAMPLE / "prepare.py", shop.sources], check=True)
    shop.run()
    yield from served(shop)


def test_another_project_shows_up_without_a_line_of_code(journey: Site, browser: Browser) -> None:
    tables = httpx.get(f"{journey.api_url}/api/v1/tables").json()["data"]
    with visiting(browser, journey.url) as visit:
        visit.open("?lang=en")
        links = visit.page.get_by_test_id("stSidebarNav").get_by_role("link").all_inner_texts()
        assert [link.split("\n")[-1] for link in links] == [
            "Sales",
            "Promotions",
            "Products",
            "Explorer",
            "Quality",
            "Pipeline",
        ]
        for path, charts in (("", 3), ("promotions", 2), ("products", 1)):
            visit.open(f"{path}?lang=en")
            visit.wait_for_charts(charts)
            assert visit.page.locator("[data-testid='stException'], [data-testid='stAlert']").count() == 0
        for table in tables:
            visit.open(f"explorateur?lang=en&table={table['name']}")
            assert table["description"] in visit.text()
            assert "Rows 1 to" in visit.text()
        assert not visit.complaints


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("code", list(Code))
def test_every_page_of_another_project_is_complete_and_quiet(
    journey: Site, browser: Browser, code: Code, is_dark: bool, width: int
) -> None:
    with visiting(browser, journey.url, width, is_dark=is_dark) as visit:
        for path, (french, english, charts) in JOURNEY.items():
            visit.open(f"{path}?lang={code.value}")
            require_complete(visit, french if code is Code.FRENCH else english, charts, code)
        assert not visit.complaints
