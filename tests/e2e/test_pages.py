"""Every page in both languages, light and dark, on wide and narrow screens: complete, quiet, and open to everybody."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from filon.dashboard.language import Code
from tests.e2e.conftest import PAGES, Site, Visit, require_complete, visiting

PICTURES = os.environ.get("PICTURES_OF_PAGES")
"""A folder for a picture of every page, if somebody wants to look at them."""


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("code", list(Code))
def test_every_page_is_complete_and_quiet(site: Site, browser: Browser, code: Code, is_dark: bool, width: int) -> None:
    with visiting(browser, site.url, width, is_dark=is_dark) as visit:
        for path, (french, english, charts) in PAGES.items():
            visit.open(f"{path}?lang={code.value}")
            require_complete(visit, french if code is Code.FRENCH else english, charts, code)
            _keep_picture(visit, f"{path or 'first'}-{code.value}-{'dark' if is_dark else 'light'}-{width}")
            assert not visit.complaints


def _keep_picture(visit: Visit, name: str) -> None:
    if PICTURES is None:
        return
    tall = visit.page.locator("[data-testid='stMain']").evaluate("main => main.scrollHeight")
    width = visit.page.viewport_size["width"]  # type: ignore[index]
    visit.page.set_viewport_size({"width": width, "height": min(max(tall, 900), 6000)})
    visit.page.wait_for_timeout(800)
    visit.page.screenshot(path=Path(PICTURES) / f"{name}.png")
    visit.page.set_viewport_size({"width": width, "height": 900})


def test_pages_are_reached_by_the_menu_and_keep_the_choice(visit: Visit, site: Site) -> None:
    visit.open("?lang=en&periode=12m&pays=France&pays=Italie")
    for _, title, _ in PAGES.values():
        visit.page.get_by_role("link", name=title).click()
        visit.page.get_by_role("heading", name=title, exact=True).wait_for()
        visit.settle()
    visit.page.get_by_role("link", name="Revenue").click()
    visit.page.get_by_role("heading", name="Revenue", exact=True).wait_for()
    visit.settle()
    for part in ("lang=en", "periode=12m", "pays=France", "pays=Italie"):
        assert part in visit.page.url
    assert not visit.complaints


def test_cards_have_a_small_line_of_their_number_along_time(visit: Visit) -> None:
    visit.open("?lang=en")
    lines = visit.page.get_by_test_id("stMetric").locator("xpath=../..").locator("img.spark")
    assert lines.count() == 3
    assert lines.first.evaluate("image => image.complete && image.naturalWidth > 0")
    assert not visit.complaints


def test_cards_stand_two_abreast_on_a_phone(site: Site, browser: Browser) -> None:
    with visiting(browser, site.url, 390) as visit:
        visit.open("?lang=en")
        places: list[Any] = [card.bounding_box() for card in visit.page.get_by_test_id("stMetric").all()]
        assert places[0]["y"] == places[1]["y"] < places[2]["y"] == places[3]["y"]
        assert places[0]["x"] == places[2]["x"] < places[1]["x"] == places[3]["x"]
