"""How long a browser waits for the dashboard: ``python -m benchmarks.dashboard --lake LAKE --store sqlite:///FILE``.

Lake and store are those of one run of the retail project. API and dashboard are started for it, and asked by a real
Chromium: the first page of the cold process, then each page warm, then clicks on bars and choices of filters that
nobody made before. A page has a *frame* when something stands on it, is *painted* when its first number can be read,
and *drawn* when the script has ended and every chart of it is there.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from tests.e2e.conftest import FLAGS, PAGES, browser_path, served
from tests.integration.conftest import Shop

ROUNDS = 5
CHOICES = (
    ("", "Country", ("France", "UK", "Italie")),
    ("", "Product", ("Souris", "Clavier", "Webcam")),
    ("chiffre-d-affaires", "Country", ("France", "UK", "Italie")),
    ("clients", "Segment", ("Gold", "Silver", "Platinum")),
    ("produits", "Country", ("Canada", "Belgique", "Espagne")),
)
SETTLE_MS = 500
NUMBER = "[data-testid='stMetricValue']"
NUMBERS = "selector => [...document.querySelectorAll(selector)].map(one => one.innerText).join()"
PATIENCE_MS = 60_000
FRAME = "() => document.body?.innerText.trim().length > 0"
DRAWN = """() => {
    const app = document.querySelector("[data-testid='stApp']");
    return app?.dataset.testScriptState === 'notRunning' && !document.querySelector("[data-testid='stSkeleton']")
        && [...document.querySelectorAll("[data-testid='stPlotlyChart']")].every(one => one.querySelector('.main-svg'));
}"""
BAR = """([plots, number]) => {
    const plot = [...document.querySelectorAll(plots)].find(one => one.data?.[0]?.orientation === 'h');
    plot.scrollIntoView({block: 'center'});
    const box = plot.getBoundingClientRect(), {xaxis, yaxis} = plot._fullLayout;
    return [box.x + xaxis._offset + xaxis.l2p(plot.data[0].x[number]) / 2, box.y + yaxis._offset + yaxis.l2p(number)];
}"""
Wait = tuple[float, float]


def open_page(page: Page, url: str) -> Wait:
    """Seconds until the first number, and until all of the page."""
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(NUMBER, timeout=PATIENCE_MS)
    painted = time.perf_counter() - start
    page.wait_for_function(DRAWN, timeout=PATIENCE_MS)
    return painted, time.perf_counter() - start


def open_cold(page: Page, url: str) -> tuple[float, float, float]:
    """Seconds until something stands on the page, until its first number, and until all of it."""
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function(FRAME, timeout=PATIENCE_MS)
    framed = time.perf_counter() - start
    page.wait_for_selector(NUMBER, timeout=PATIENCE_MS)
    painted = time.perf_counter() - start
    page.wait_for_function(DRAWN, timeout=PATIENCE_MS)
    return framed, painted, time.perf_counter() - start


def change(page: Page, act: Callable[[], None]) -> Wait:
    """Seconds from an act to the new numbers, and until all of the page shows it."""
    before = page.evaluate(NUMBERS, NUMBER)
    start = time.perf_counter()
    act()
    page.wait_for_function(f"([selector, before]) => ({NUMBERS})(selector) !== before", arg=[NUMBER, before])
    numbers = time.perf_counter() - start
    page.wait_for_function(DRAWN, timeout=PATIENCE_MS)
    return numbers, time.perf_counter() - start


def choose(page: Page, url: str, filter_name: str, value: str) -> Wait:
    """A value of a filter in the sidebar."""
    open_page(page, url)
    page.wait_for_timeout(SETTLE_MS)
    page.get_by_role("combobox", name=filter_name).click()
    option = page.get_by_role("option", name=value, exact=True)
    option.wait_for()
    return change(page, option.click)


def click(page: Page, url: str, number: int) -> Wait:
    """A bar of the first ranking of a page."""
    open_page(page, url)
    page.wait_for_timeout(SETTLE_MS)
    x, y = page.evaluate(BAR, [".js-plotly-plot", number])
    page.mouse.move(x - 2, y)
    return change(page, lambda: page.mouse.click(x, y))


@contextmanager
def browsing(lake: Path, store: str) -> Iterator[tuple[Page, str]]:
    """A page in a browser, and the address of a dashboard that nobody has asked yet."""
    with tempfile.TemporaryDirectory(prefix="filon-bench-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        shop = Shop(
            Path(folder), None, {"FILON_LAKE": str(lake.absolute()), "FILON_SERVING": store, "FILON_THREADS": "2"}
        )
        for site in served(shop):
            yield browser.new_page(viewport={"width": 1440, "height": 900}), site.url
        browser.close()


def report(name: str, waits: list[Wait]) -> None:
    """Print the medians."""
    first, whole = (statistics.median(values) for values in zip(*waits, strict=True))
    print(f"| {name} | {first:.2f} s | {whole:.2f} s |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, required=True)
    parser.add_argument("--store", required=True)
    options = parser.parse_args()
    with browsing(options.lake, options.store) as (page, url):
        framed, painted, drawn = open_cold(page, f"{url}/?lang=en")
        print(f"cold: frame {framed:.2f} s, painted {painted:.2f} s, drawn {drawn:.2f} s\n")
        print("| page | painted | drawn |\n|---|---|---|")
        for path in (path for path in PAGES if path != "explorateur"):  # it has no number before a table is chosen
            open_page(page, f"{url}/{path}?lang=en")
            report(path or "first", [open_page(page, f"{url}/{path}?lang=en") for _ in range(ROUNDS)])
        print("\n| change | new numbers | whole page |\n|---|---|---|")
        report("a click on a bar", [click(page, f"{url}/?lang=en", number) for number in range(ROUNDS)])
        for path, name, values in CHOICES:
            waits = [choose(page, f"{url}/{path}?lang=en", name, value) for value in values]
            report(f"{path or 'first'}: {name}", waits)


if __name__ == "__main__":
    main()
