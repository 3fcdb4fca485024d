"""How long a browser waits for the dashboard: the first figures of each page, and a change of filters.

``python -m benchmarks.dashboard URL`` measures a dashboard that runs already (``filon demo --purchases 10000000``), in
a real Chromium. A page is *painted* when its first number can be read, and *drawn* when the script has ended and every
chart of it is there.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from playwright.sync_api import Page, sync_playwright
from tests.e2e.conftest import FLAGS, browser_path

from filon.dashboard.language import Code, Language
from filon.dashboard.views import VIEWS

ROUNDS = 5
NUMBER = "[data-testid='stMetricValue']"
NUMBERS = "selector => [...document.querySelectorAll(selector)].map(one => one.innerText).join()"
PATIENCE_MS = 60_000
DRAWN = """() => {
    const app = document.querySelector("[data-testid='stApp']");
    return app?.dataset.testScriptState === 'notRunning' && !document.querySelector("[data-testid='stSkeleton']")
        && [...document.querySelectorAll("[data-testid='stPlotlyChart']")].every(one => one.querySelector('.main-svg'));
}"""


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def open_page(page: Page, url: str) -> tuple[float, float]:
    """Seconds until the first number, and until all of the page."""
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(NUMBER, timeout=PATIENCE_MS)
    painted = time.perf_counter() - start
    page.wait_for_function(DRAWN, timeout=PATIENCE_MS)
    return painted, time.perf_counter() - start


def change(page: Page, label: str, value: str) -> float:
    """Seconds from the choice of a value to the new numbers; the value was never chosen before."""
    before = page.evaluate(NUMBERS, NUMBER)
    box = page.get_by_role("combobox", name=label)
    box.click()
    option = page.get_by_role("option", name=value, exact=True)
    option.wait_for()

    def choose() -> None:
        option.click()
        page.wait_for_function(f"([selector, before]) => ({NUMBERS})(selector) !== before", arg=[NUMBER, before])

    return timed(choose)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8501")
    url = parser.parse_args().url
    english = Language(Code.ENGLISH)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        print("page          painted    drawn   (median of", ROUNDS, "rounds, seconds)")
        for view in VIEWS:
            open_page(page, f"{url}/{view.path}?lang=en")
            rounds = [open_page(page, f"{url}/{view.path}?lang=en") for _ in range(ROUNDS)]
            painted, drawn = (statistics.median(values) for values in zip(*rounds, strict=True))
            print(f"{view.name:12}  {painted:7.2f}  {drawn:7.2f}")
        print("\nfilter change, to the new numbers and to the whole page (seconds)")
        for view, label, value in (
            (VIEWS[0], "Country", "France"),
            (VIEWS[0], "Product", "Souris"),
            (VIEWS[1], "Country", "UK"),
            (VIEWS[2], "Segment", "Gold"),
            (VIEWS[3], "Country", "Italie"),
        ):
            open_page(page, f"{url}/{view.path}?lang=en")
            page.wait_for_timeout(500)
            numbers = change(page, english.name({"Country": "pays", "Product": "produit"}.get(label, "segment")), value)
            rest = timed(lambda: page.wait_for_function(DRAWN, timeout=PATIENCE_MS))
            print(f"{view.name:12}  {label} = {value:8}  {numbers:5.2f}  {numbers + rest:5.2f}")
        browser.close()


if __name__ == "__main__":
    main()
