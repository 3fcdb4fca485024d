"""The look of pages: the project's name and image, its language, words of widgets, axes, one provenance, phones."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from filon.projects import retail
from tests.e2e.conftest import PAGES, Site, Visit, served, stocked, visiting

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><rect width="40" height="20" fill="#123456"/></svg>'
CLIENTS = "id_client,nom,email,date_inscription,pays\n1,Ana,a@b.fr,2024-01-01,France\n"
SALES = "id_achat,id_client,date_achat,montant,produit\n1,1,2024-02-01,9999.00,Souris\n2,1,2024-02-02,9000.00,Souris\n"


def test_widgets_speak_the_language_of_the_page_and_change_with_it(visit: Visit) -> None:
    visit.open("")
    box = visit.page.get_by_role("combobox", name="Pays")
    box.click()
    assert visit.page.get_by_role("option").first.inner_text() == "Tout sélectionner"
    box.press_sequentially("zzz")
    expect(visit.page.get_by_text("Aucun résultat")).to_be_visible()
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("Escape")
    visit.page.get_by_role("button", name="Menu", exact=True).click()
    expect(visit.page.get_by_text("Imprimer")).to_be_visible()
    visit.page.keyboard.press("Escape")
    visit.open("?lang=en")
    visit.page.get_by_role("button", name="Main menu").click()
    expect(visit.page.get_by_text("Print", exact=True)).to_be_visible()
    assert not visit.complaints


def test_a_page_that_is_not_there_says_so_in_the_language_of_the_page(visit: Visit) -> None:
    visit.open("nulle-part")
    dialog = visit.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Page introuvable")
    expect(dialog).to_contain_text("La page demandée n'existe pas")


@pytest.mark.parametrize("path", ["/clients?pays=France", "//clients?pays=France", "/", "///"])
def test_slashes_too_many_lead_to_the_page(visit: Visit, path: str) -> None:
    visit.open(path)
    title = "Clients" if "clients" in path else "Vue d'ensemble"
    expect(visit.page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    assert visit.page.url.startswith(f"{visit.url}/")
    assert not visit.page.url.startswith(f"{visit.url}//")
    assert ("pays=France" in visit.page.url) == ("clients" in path)
    assert not visit.complaints


def test_a_path_like_a_server_is_never_followed_there(visit: Visit) -> None:
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.open("/evil.example/clients")
    expect(visit.page.get_by_role("heading", name="Clients", exact=True)).to_be_visible()
    assert [url for url in asked if not url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))] == []


def test_axes_write_thousands_as_people_do(visit: Visit) -> None:
    visit.open("")
    visit.wait_for_charts(4)
    marks = visit.page.locator(".js-plotly-plot").first.locator(".ytick text").all_text_contents()
    assert [mark.replace("\xa0", " ") for mark in marks][:2] == ["0 €", "50 k€"]
    visit.open("?lang=en")
    visit.wait_for_charts(4)
    assert visit.page.locator(".js-plotly-plot").first.locator(".ytick text").all_text_contents()[:2] == ["€0", "€50k"]


@pytest.mark.parametrize("path", [path for path in PAGES if path not in ("explorateur", "qualite", "pipeline")])
def test_where_numbers_come_from_stands_once_and_by_its_sign_at_each_block(visit: Visit, path: str) -> None:
    visit.open(f"{path}?lang=en")
    assert len(re.findall(r"Release 2 · computed", visit.text())) == 1
    sign = visit.page.get_by_test_id("stMain").get_by_test_id("stTooltipHoverTarget").last
    sign.hover()
    expect(visit.page.get_by_role("tooltip")).to_contain_text("Release 2")


def test_lineage_is_a_list_on_a_phone_and_a_graph_elsewhere(site: Site, browser: Browser) -> None:
    for width, shown, hidden in ((390, "list", "graph"), (1440, "graph", "list")):
        with visiting(browser, site.url, width) as visit:
            visit.open("pipeline?lang=en")
            expect(visit.page.locator(f".st-key-lineage-{shown}")).to_be_visible()
            expect(visit.page.locator(f".st-key-lineage-{hidden}")).to_be_hidden()
            if shown == "list":
                assert "fact_ventes · gold\n← achats, " in visit.page.locator(".st-key-lineage-list").inner_text()


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo as a project of an English-speaking country, with an image."""
    folder = tmp_path_factory.mktemp("english")
    project = folder / "project"
    shutil.copytree(retail.FOLDER, project)
    file = project / "filon.yaml"
    described = file.read_text("utf-8").replace("locale: fr", "locale: en")
    file.write_text(described.replace("title: Ventes au détail", 'title: "*Shop* [1]"'), "utf-8")
    (project / "logo.svg").write_text(LOGO, "utf-8")
    shop = replace(stocked(folder, project), project=project)
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", SALES)
    shop.run()
    yield from served(shop)


def test_a_project_has_its_own_language_name_and_image(english: Site, browser: Browser) -> None:
    with visiting(browser, english.url) as visit:
        visit.open("")
        assert visit.page.locator("html").get_attribute("lang") == "en"
        assert "lang=" not in visit.page.url
        assert visit.page.title() == "Overview · *Shop* [1]"
        menu = visit.page.get_by_test_id("stSidebarNav")
        assert menu.evaluate("menu => getComputedStyle(menu, '::before').content") == '"*Shop* [1]"'
        image = visit.page.get_by_test_id("stSidebar").get_by_role("img").first
        assert image.evaluate("image => image.naturalWidth") > 0
        assert visit.metric("Revenue") == "€18,999"
        visit.open("?lang=fr")
        assert visit.page.locator("html").get_attribute("lang") == "fr"
        assert not visit.complaints
