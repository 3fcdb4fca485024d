"""The page /docs in a real browser: it asks this server only, shows every endpoint, and tries one out with a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from filon.api import create_app
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.e2e.conftest import LONGEST_MS, stocked, visiting
from tests.integration.api.conftest import answering
from tests.integration.conftest import ACHATS, CLIENTS, Shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A small shop, loaded."""
    stocked_shop = stocked(tmp_path_factory.mktemp("docs"))
    stocked_shop.put("clients.csv", CLIENTS)
    stocked_shop.put("achats.csv", ACHATS)
    stocked_shop.run()
    return stocked_shop


@pytest.fixture(scope="module")
def key(shop: Shop) -> str:
    """A key that the API wants."""
    return str(shop.json("apikey", "create", "docs")["key"])


@pytest.fixture(scope="module")
def address(shop: Shop, key: str) -> Iterator[str]:
    """Where the API is."""
    settings = Settings(api_keys=Path(shop.folder / ".filon" / "retail" / "apikeys.json"))
    app = create_app(load_project(retail.FOLDER), open_store(shop.extra["FILON_SERVING"]), settings)
    with answering(app) as url:
        yield url


def test_the_page_asks_no_other_server_and_tries_an_endpoint_out(browser: Browser, address: str, key: str) -> None:
    with visiting(browser, address) as visit:
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        visit.page.goto(f"{address}/docs")
        expect(visit.page.locator(".opblock").first).to_be_visible(timeout=LONGEST_MS)
        assert visit.page.locator(".opblock").count() > 15

        visit.page.get_by_role("button", name="Authorize").first.click()
        dialog = visit.page.locator(".dialog-ux")
        dialog.locator("input").first.fill(key)
        dialog.get_by_role("button", name="Apply credentials").first.click()
        dialog.get_by_role("button", name="Close").first.click()

        operation = visit.page.locator(".opblock", has_text="/api/v1/tables").first
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
        operation.get_by_role("button", name="Execute").click()
        expect(operation.locator(".live-responses-table .response .response-col_status").first).to_contain_text(
            "200", timeout=LONGEST_MS
        )

        hosts = {urlsplit(url).netloc for url in asked if urlsplit(url).scheme not in ("data", "blob")}
        assert hosts == {urlsplit(address).netloc}
        assert visit.complaints == []


def test_the_page_refuses_scripts_that_stand_in_it(browser: Browser, address: str) -> None:
    with visiting(browser, address) as visit:
        visit.page.goto(f"{address}/docs")
        expect(visit.page.locator(".opblock").first).to_be_visible(timeout=LONGEST_MS)
        visit.page.evaluate(
            "() => { const found = document.createElement('script'); found.textContent = 'window.ran = true';"
            " document.body.append(found); }"
        )
        assert visit.page.evaluate("() => window.ran === undefined")
        assert any("Content Security Policy" in complaint for complaint in visit.complaints)


def test_another_site_cannot_name_the_document(browser: Browser, address: str) -> None:
    with visiting(browser, address) as visit:
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        visit.page.goto(f"{address}/docs?url=https://evil.example/openapi.json&configUrl=https://evil.example/c.json")
        expect(visit.page.locator(".opblock").first).to_be_visible(timeout=LONGEST_MS)
        assert not any(urlsplit(url).hostname == "evil.example" for url in asked)
