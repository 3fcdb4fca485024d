"""What end-to-end tests share: a shop that is served, its dashboard, and a real browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from filon.cli.dashboard import api_server, dashboard_server
from filon.cli.processes import Group
from filon.dashboard.language import Code
from filon.projects.retail.generate import generate
from filon.settings import Settings, read_settings
from tests.integration.conftest import Shop, free_ports, surroundings

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
LONGEST_MS = 30_000
QUIET = "[data-testid='stApp'][data-test-script-state='notRunning']"
PAGES = {
    "": ("Vue d'ensemble", "Overview", 4),
    "chiffre-d-affaires": ("Chiffre d'affaires", "Revenue", 3),
    "clients": ("Clients", "Clients", 3),
    "produits": ("Produits", "Products", 3),
    "explorateur": ("Explorateur", "Explorer", 0),
    "qualite": ("Qualité", "Quality", 2),
    "pipeline": ("Pipeline", "Pipeline", 3),
}
"""The pages of the demo by address: titles in French and in English, number of charts."""
JOURNEY = {
    "": ("Ventes", "Sales", 3),
    "promotions": ("Promotions", "Promotions", 2),
    "products": ("Produits", "Products", 1),
}
"""The pages of the example of grocery purchases."""
GRAVE = ("serious", "critical")
TRACES = """plots => plots.map(plot => plot.data.map(trace =>
    Math.max(...[trace.x, trace.y, trace.values, trace.q1, trace.link?.value].map(part => part?.length ?? 0))))"""
RUNNING = "[data-testid='stSkeleton'], [data-stale='true']"


@dataclass
class Site:
    """A dashboard over an API over the store of a shop."""

    shop: Shop
    url: str
    settings: Settings
    api: Group

    def start_api(self) -> None:
        """Start the API, which may have been stopped."""
        self.api.start(api_server(self.settings, self.settings.api_port))

    @property
    def api_url(self) -> str:
        """Where its API is."""
        return self.settings.api_url


@dataclass
class Visit:
    """A page in the browser, and all that it complained of."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "") -> None:
        """Go to a page and wait until it is drawn."""
        self.page.goto(f"{self.url}/{path}")
        self.settle()

    def settle(self) -> None:
        """Wait until the script has run and what it drew is there."""
        self.page.wait_for_selector(QUIET, timeout=LONGEST_MS)
        self.page.wait_for_function(
            "selector => document.querySelectorAll(selector).length === 0", arg=RUNNING, timeout=LONGEST_MS
        )

    def wait_for_charts(self, count: int) -> None:
        """Wait until so many charts, or more, are drawn."""
        self.page.wait_for_function(
            "count => document.querySelectorAll('.js-plotly-plot .main-svg').length > 0 || count === 0", arg=count
        )
        self.page.wait_for_function(
            "count => document.querySelectorAll('.js-plotly-plot').length >= count", arg=count, timeout=LONGEST_MS
        )

    def text(self) -> str:
        """What stands on the page."""
        return self.page.locator("[data-testid='stMain']").inner_text()

    def metric(self, label: str) -> str:
        """The number on a card."""
        card = self.page.locator("[data-testid='stMetric']").filter(has_text=re.compile(f"^{re.escape(label)}"))
        return card.first.locator("[data-testid='stMetricValue']").inner_text()


def browser_path() -> str:
    """The browser of this machine."""
    path = next((path for name in NAMES if (path := shutil.which(name))), None)
    assert path, f"no browser: one of {', '.join(NAMES)} must be installed; `make test` installs chromium on Debian"
    return path


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A real Chromium, gone with the last of these tests: Playwright keeps an event loop running meanwhile."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo project with a year of dirty data in two runs, served."""
    shop = stocked(tmp_path_factory.mktemp("shop"))
    generate(shop.sources, purchases=3000, clients=500, dirty=0.03)
    shop.put("achats_vides.csv", "id_achat,id_client\n1,2\n")
    shop.run()
    shop.put("achats_de_plus.csv", "id_achat,id_client,date_achat,montant,produit\n900001,1,2025-12-24,99.90,souris\n")
    shop.run()
    yield from served(shop)


def stocked(folder: Path, project: Path | None = None) -> Shop:
    """A shop with a store of its own."""
    return Shop(folder, project, {"FILON_SERVING": f"sqlite:///{folder / 'serving.db'}"})


def served(shop: Shop, port: int | None = None, **variables: str) -> Iterator[Site]:
    """A shop behind an API and a dashboard, on free ports if no other is given for the dashboard."""
    api_port, free = free_ports(2)
    port = port or free
    api, dashboard = Group(), Group()
    with surroundings({**shop.environment(), **variables}):
        settings = read_settings(dashboard_port=port, api_url=f"http://127.0.0.1:{api_port}", api_port=api_port)
        site = Site(shop, f"http://127.0.0.1:{port}", settings, api)
        try:
            site.start_api()
            dashboard.start(dashboard_server(settings))
            yield site
        finally:
            dashboard.stop()
            api.stop()


@contextmanager
def visiting(
    browser: Browser, url: str, width: int = 1440, *, is_dark: bool = False, locale: str = "en-US"
) -> Iterator[Visit]:
    """A page of its own; what the browser complains of is kept."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if is_dark else "light",
        accept_downloads=True,
        reduced_motion="reduce",
        locale=locale,
    )
    page = context.new_page()
    page.set_default_timeout(LONGEST_MS)
    visited = Visit(page, url)

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error":
            visited.complaints.append(message.text)

    def miss(request: Request) -> None:
        visited.complaints.append(f"{request.url}: {request.failure}")

    page.on("console", complain)
    page.on("requestfailed", miss)
    page.on("pageerror", lambda error: visited.complaints.append(str(error)))
    try:
        yield visited
    finally:
        context.close()


@pytest.fixture
def visit(site: Site, browser: Browser) -> Iterator[Visit]:
    """A page at 1440 px, in light colours."""
    with visiting(browser, site.url) as visited:
        yield visited


def require_complete(visit: Visit, title: str, charts: int, code: Code) -> None:
    """Require of a page that it is drawn whole, in its language, without a sideways bar, and open to everybody."""
    page = visit.page
    assert page.get_by_role("heading", name=title, exact=True).first.is_visible()
    assert page.locator("html").get_attribute("lang") == code.value
    assert page.locator("[data-testid='stException'], [data-testid='stAlert']").count() == 0, visit.text()
    visit.wait_for_charts(charts)
    for traces in page.locator(".js-plotly-plot").evaluate_all(TRACES):
        assert traces
        assert all(length > 0 for length in traces)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
    grave: list[Any] = [
        (violation["id"], [node["html"][:200] for node in violation["nodes"]])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in GRAVE
    ]
    assert not grave
