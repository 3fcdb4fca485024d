"""Pages of a project that nobody made by hand, over data that nobody cleaned."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from openpyxl import load_workbook  # type: ignore[import-untyped]
from pypdf import PdfReader

from filon.api.app import create_app
from filon.dashboard.blocks.asking import ask, undated
from filon.dashboard.client import ApiClient
from filon.dashboard.context import MOST_VALUES, Context
from filon.dashboard.language import Code, Language
from filon.dashboard.sidebar import key_of
from filon.dashboard.takeaway.pages import report_of
from filon.dashboard.takeaway.pdf import as_pdf
from filon.dashboard.takeaway.xlsx import as_xlsx
from filon.pages import Card, Chart, Page, read_page
from filon.project.loader import load_project
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.integration.api.conftest import answering
from tests.integration.conftest import Shop

FLIGHTS = 1_500
NAMES = ("$x$", "<b>bold</b>", ":red[x]", "[link](http://evil)", "שלום", "🎉", "=1+1", "x" * 180, "null", "", "100%")
HEADER = "id,day,carrier,lang,embed,balance,load_pct,Tax %,gate\n"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A project that ``filon init`` made from flights, some of them without a day, a carrier or a balance."""
    folder = tmp_path_factory.mktemp("flights")
    shop = Shop(folder, folder / "project", {"FILON_SERVING": f"sqlite:///{folder / 'serving.db'}"})
    days = [dt.date(2024, 1, 1) + dt.timedelta(7 * number) for number in range(30)]
    rows = [
        ",".join(
            (
                str(number),
                str(days[number % 30]) if number % 13 else "",
                NAMES[number % len(NAMES)],
                "fr" if number % 2 else "",
                "a" if number % 3 else "b",
                f"{number - 150}.50" if number % 7 else "",
                f"{number % 100}.5",
                str(number % 20),
                f"G{number}",
            )
        )
        for number in range(FLIGHTS)
    ]
    shop.put("flights.csv", HEADER + "\n".join(rows) + "\n")
    shop.filon("init", str(folder / "project"), str(shop.sources / "flights.csv"))
    file = folder / "project" / "gold" / "flights_rows.yaml"
    contract = yaml.safe_load(file.read_text("utf-8"))
    words = {word["property"]: word["value"] for word in contract["schema"][0]["customProperties"]}
    words["aggregations"]["dimensions"]["gate"] = {"column": "gate"}
    words["aggregations"]["dimensions"]["flight"] = {"column": "id"}
    file.write_text(yaml.safe_dump(contract, allow_unicode=True), "utf-8")
    shop.run()
    settings = Settings(api_keys=folder / "apikeys.json")
    project = load_project(Path(folder / "project"))
    app = create_app(project, open_store(f"sqlite:///{folder / 'serving.db'}"), settings)
    with answering(app, settings) as address:
        client = ApiClient(address)
        described = client.get("project").data
        language = Language(Code.FRENCH, described["currency"], described["timezone"], described["labels"])
        yield Context(client, language, described, client.release(), granularity="month")
        client.close()


@pytest.fixture(scope="module")
def page(context: Context) -> Page:
    """The page that ``filon init`` wrote."""
    [item] = context.client.get("pages").data["data"]
    return read_page(item["page"])


def test_facts_without_a_day_hide_no_period_and_are_said(context: Context, page: Page) -> None:
    chart = next(block for block in page.blocks if isinstance(block, Chart) and block.kind == "bar")
    rows = ask(context, chart, None)
    assert [row["month"] for row in rows] == [f"2024-{month:02}" for month in range(1, 8)]
    missing = undated(context, chart)
    [everything] = context.analyse(str(chart.of))
    assert missing
    assert sum(row["balance"] for row in rows) + missing == everything["balance"]


def test_a_value_beyond_the_most_is_offered_where_it_is_asked_for(context: Context) -> None:
    values = context.values("gate")
    assert len(values) == MOST_VALUES < FLIGHTS
    lesser = sorted({f"G{number}" for number in range(FLIGHTS)} - set(values))
    offered = context.offered_values("gate", [lesser[0], values[0], "Gnowhere"])
    assert set(offered) - set(values) == {lesser[0]}
    assert context.offered_values("flight", ["nowhere"]) == context.values("flight")
    assert context.offered_values("lang", ["nowhere"]) == context.values("lang")


def test_percentages_are_not_summed(page: Page) -> None:
    assert [block.measure for block in page.blocks if isinstance(block, Card)] == ["balance", "nb_rows"]


def test_every_value_is_taken_away_as_it_is(context: Context, page: Page) -> None:
    offered = context.with_choice(offered=page.filters)
    limits = [getattr(block, "limit", None) for block in page.blocks]
    report = report_of(offered, page, limits, dt.datetime(2026, 1, 2, tzinfo=dt.UTC))
    text = " ".join(" ".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(as_pdf(report))).pages).split())
    assert all(name in text for name in ("$x$", "<b>bold</b>", ":red[x]", "[1F389]", "שלום", "=1+1"))
    cells = {
        cell.value
        for sheet in load_workbook(io.BytesIO(as_xlsx(report))).worksheets
        for row in sheet.iter_rows()
        for cell in row
    }
    assert cells.issuperset({"$x$", "<b>bold</b>", ":red[x]", "🎉", "שלום", "=1+1", "x" * 180})


@pytest.mark.parametrize("name", ["lang", "embed", "release", "month", "period", "top"])
def test_a_dimension_that_is_called_like_a_word_of_the_address_has_another_name_there(
    context: Context, name: str
) -> None:
    is_word = name != "month"
    assert key_of(context, name) == (f"{name}_" if is_word else name)
