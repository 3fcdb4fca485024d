"""A new file on its way through Prefect, S3 and MongoDB, as people see it on the pages of these services."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from filon.cli.up.services import MONGO_EXPRESS_USER
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.served import served_tables
from tests.e2e.conftest import LONGEST_MS
from tests.integration.polling import until
from tests.integration.up.conftest import Running, running, usual_ports_alone

NEW = "id_achat,id_client,date_achat,montant,produit\n900001,1,2025-12-24,99.90,souris\n"
LONGEST_S = 120
LAYERS = ["bronze", "silver", "gold", "release", "serving"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The whole stack, in which a file arrived after the first run."""
    with usual_ports_alone(), running(tmp_path_factory.mktemp("services"), FILON_FLOWS_LOOK_S="2") as running_stack:
        assert release(running_stack) == 1
        (running_stack.folder / ".filon/retail/sources/achats_plus.csv").write_text(NEW)
        until(lambda: release(running_stack) == 2, "a release with the new file", LONGEST_S)
        yield running_stack


@pytest.fixture
def page(stack: Running, browser: Browser) -> Iterator[Page]:
    """A page of somebody who knows the password of Mongo Express."""
    password = stack.secrets["MONGO_EXPRESS_PASSWORD"]
    context = browser.new_context(
        viewport={"width": 1440, "height": 900},
        http_credentials={"username": MONGO_EXPRESS_USER, "password": password},
    )
    context.set_default_timeout(LONGEST_MS)
    yield context.new_page()
    context.close()


def release(stack: Running) -> int:
    """The release that the API serves."""
    return int(httpx.get(f"{stack.address('api')}/health").json()["release"])


def ended_runs(address: str) -> list[dict[str, Any]]:
    """The flow runs that Prefect knows, once all have ended, which is after the release is published."""
    runs: list[dict[str, Any]] = []

    def have_ended() -> bool:
        runs[:] = httpx.post(f"{address}/api/flow_runs/filter", json={"sort": "START_TIME_ASC"}).json()
        return bool(runs) and all(run["state_type"] not in ("PENDING", "RUNNING") for run in runs)

    until(have_ended, "the end of all flow runs", LONGEST_S)
    return runs


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page, if pictures are wanted."""
    if folder := os.environ.get("PICTURES_OF_PAGES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_a_new_file_becomes_a_release_by_a_run_that_prefect_shows(stack: Running, page: Page) -> None:
    assert release(stack) == 2
    address = stack.address("prefect")
    runs = ended_runs(address)
    assert {run["state_name"] for run in runs} == {"Completed"}
    starts = [place for place, run in enumerate(runs) if run["parent_task_run_id"] is None]
    first, *_, last = [runs[start:end] for start, end in pairwise([*starts, len(runs)])]
    for _, *layers in (first, last):
        assert [run["name"].split()[0] for run in layers] == LAYERS
    line = last[0]
    page.goto(f"{address}/runs/flow-run/{line['id']}")
    expect(page.get_by_text("Filon: new files of retail")).to_be_visible(timeout=LONGEST_MS)
    expect(page.get_by_text(re.compile("published, release 2")).first).to_be_visible(timeout=LONGEST_MS)
    picture(page, "prefect-run")
    page.goto(f"{address}/artifacts")
    expect(page.get_by_text("filon-retail-quality").first).to_be_visible(timeout=LONGEST_MS)
    picture(page, "prefect-artifacts")


@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm here, and so no Mongo Express")
def test_mongo_express_shows_every_collection_with_current_rows_only(stack: Running, page: Page) -> None:
    tables = served_tables(load_project(retail.FOLDER))
    assert len(tables) == 11
    for name in tables:
        url = f"{stack.address('api')}/api/v1/tables/{name}"
        current = httpx.get(url, params={"limit": 1}).json()["total"]
        page.goto(f"{stack.address('mongo-express')}/db/analytics/{name}")
        expect(page.get_by_role("heading", name=f"Viewing Collection: {name}")).to_be_visible()
        numbers = page.locator("tr", has=page.locator("td", has_text=re.compile(r"^\s*Documents"))).inner_text()
        assert numbers.split() == ["Documents", str(current)], name
        picture(page, f"mongo-express-{name}")
