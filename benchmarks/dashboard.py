"""How long a browser waits for the dashboard: the first figures of each page, and a change of filters.

``python -m benchmarks.dashboard URL`` measures a dashboard that runs already (``filon demo --purchases 10000000``), in
a real Chromium. A page is *painted* when its first number can be read, and *drawn* when the script has ended and every
chart of it is there.
"""

from __future__ import annotations

import argparse
import statistics
import time

from playwright.sync_api import Page, sync_playwright
from tests.e2e.conftest import FLAGS, browser_path

from filon.dashboard.language import Code, Language
from filon.dashboard.views import VIEWS

ROUNDS = 5
VALUES = {
    "pays": ("France", "UK", "Italie"),
    "produit": ("Souris", "Clavier", "Webcam"),
    "segment": ("Gold", "Silver", "Platinum"),
}
SETTLE_MS = 500
NUMBER = "[data-testid='stMetricValue']"
NUMBERS = "selector => [...document.querySelectorAll(selector)].map(one => one.innerText).join()"
PATIENCE_MS = 60_000
DRAWN = """() => {
    const app = document.querySelector("[data-testid='stApp']");
    return app?.dataset.testScriptState === 'notRunning' && !document.querySelector("[data-testid='stSkeleton']")
        && [...document.querySelectorAll("[data-testid='stPlotlyChart']")].every(one => one.querySelector('.main-svg'));
}"""


def open_page(page: Page, url: str) -> tuple[float, float]:
    """Seconds until the first number, and until all of the page."""
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(NUMBER, timeout=PATIENCE_MS)
    painted = time.perf_counter() - start
    page.wait_for_function(DRAWN, timeout=PATIENCE_MS)
    return painted, time.perf_counter() - start


def change(page: Page, url: str, dimension: str, value: str) -> tuple[float, float]:
    """Seconds from the choice of a value to the new numbers, and until all of the page shows it."""
    open_page(page, url)
    page.wait_for_timeout(SETTLE_MS)
    before = page.evaluate(NUMBERS, NUMBER)
    page.get_by_role("combobox", name=Language(Code.ENGLISH).name(dimension)).click()
    option = page.get_by_role("option", name=value, exact=True)
    option.wait_for()
    start = time.perf_counter()
    option.click()
    page.wait_for_function(f"([selector, before]) => ({NUMBERS})(selector) !== before", arg=[NUMBER, before])
    numbers = time.perf_counter() - start
    page.wait_for_function(DRAWN, timeout=PATIENCE_MS)
    return numbers, time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8501")
    url = parser.parse_args().url
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        print("page          painted    drawn   (median of", ROUNDS, "rounds, seconds)")
        for view in VIEWS:
            open_page(page, f"{url}/{view.path}?lang=en")
            rounds = [open_page(page, f"{url}/{view.path}?lang=en") for _ in range(ROUNDS)]
            painted, drawn = (statistics.median(values) for values in zip(*rounds, strict=True))
            print(f"{view.name:12}  {painted:7.2f}  {drawn:7.2f}")
        print("\nfilter change, to the new numbers and to the whole page (median of 3 values, seconds)")
        for place, dimension in ((0, "pays"), (0, "produit"), (1, "pays"), (2, "segment"), (3, "pays")):
            view = VIEWS[place]
            changes = [change(page, f"{url}/{view.path}?lang=en", dimension, value) for value in VALUES[dimension]]
            numbers, whole = (statistics.median(values) for values in zip(*changes, strict=True))
            print(f"{view.name:12}  {dimension:8}  {numbers:5.2f}  {whole:5.2f}")
        browser.close()


if __name__ == "__main__":
    main()
