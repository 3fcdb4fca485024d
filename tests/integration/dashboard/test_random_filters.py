"""The numbers of pages under random filters, held to DuckDB over gold: 100 states of each of two projects."""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from filon.api import create_app
from filon.dashboard.blocks.asking import ask, by_of, is_analysed, own_filters
from filon.dashboard.blocks.cards import ask_card
from filon.dashboard.client import ApiClient
from filon.dashboard.context import Context
from filon.dashboard.filters import Filters, Period
from filon.dashboard.language import Code, Language
from filon.pages import Card, Chart, Page, parts_of, read_page
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.stores import open_store
from filon.settings import Settings
from tests.integration.api.conftest import answering
from tests.integration.conftest import Shop

STATES = 100
EXAMPLE = Path(__file__).parents[3] / "examples" / "completejourney"


@dataclass(frozen=True)
class Trial:
    """A project, how its files are made, and what its facts and measures are in SQL."""

    folder: Path
    make: tuple[str, ...]
    facts: str
    time: str
    measures: Mapping[str, str]


RETAIL = Trial(
    retail.FOLDER,
    ("-m", "filon", "generate", "{sources}", "--purchases", "3000", "--dirty", "0.02"),
    "SELECT fact_ventes.*, pays, segment_client AS segment FROM fact_ventes JOIN dim_clients USING (id_client)",
    "date_achat",
    {
        "ca": "sum(montant)",
        "nb_ventes": "count(*)",
        "nb_clients": "count(DISTINCT id_client)",
        "nb_produits": "count(DISTINCT id_produit)",
    },
)
JOURNEY = Trial(
    EXAMPLE,
    (str(EXAMPLE / "prepare.py"), "{sources}"),
    "SELECT * FROM fact_basket_lines",
    "sale_date",
    {
        "sales": "sum(sales_value)",
        "shelf": "sum(shelf_value)",
        "loyalty": "sum(loyalty_discount)",
        "coupon_match": "sum(coupon_match_discount)",
        "lines": "count(*)",
    },
)


@dataclass(frozen=True)
class Held:
    """The pages of a project over its API, and its facts in DuckDB."""

    trial: Trial
    context: Context
    pages: list[Page]
    database: duckdb.DuckDBPyConnection

    def expected(self, measure: str, filters: Filters, by: tuple[str, ...] = ()) -> dict[tuple[Any, ...], Any]:
        """A measure, or the ratio of two, of the facts that filters choose, by groups."""
        names = [self._group(name) for name in by]
        measures = [self.trial.measures[part] for part in parts_of(measure)]
        conditions = ["TRUE"]
        parameters: list[Any] = []
        for name, values in filters.choices.items():
            conditions.append(f"CAST({name} AS VARCHAR) IN ({', '.join('?' * len(values))})")
            parameters += values
        if filters.period is not None:
            conditions.append(f"{self.trial.time} BETWEEN ? AND ?")
            parameters += [filters.period.first, filters.period.last]
        rows = self.database.execute(
            f"SELECT {', '.join([*names, *measures])} FROM facts WHERE {' AND '.join(conditions)} "
            + (f"GROUP BY {', '.join(names)}" if names else ""),
            parameters,
        ).fetchall()
        return {row[: len(by)]: _ratio(row[len(by) :]) for row in rows}

    def _group(self, name: str) -> str:
        forms = {self.context.words["day"]: "%Y-%m-%d", self.context.words["month"]: "%Y-%m"}
        forms[self.context.words["year"]] = "%Y"
        return f"strftime({self.trial.time}, '{forms[name]}')" if name in forms else name


def _ratio(values: tuple[Any, ...]) -> Any:
    if len(values) == 1:
        return values[0]
    return values[0] / values[1] if values[0] is not None and values[1] else None


@contextmanager
def held(trial: Trial, folder: Path) -> Iterator[Held]:
    """A project with data, served."""
    uri = f"sqlite:///{folder / 'serving.db'}"
    shop = Shop(folder, trial.folder, {"FILON_SERVING": uri})
    made = [part.format(sources=shop.sources) for part in trial.make]
    subprocess.run([sys.executable, *made], check=True, cwd=folder, capture_output=True)
    shop.run()
    project = load_project(trial.folder)
    with duckdb.connect() as database:
        for name in project.models:
            build = shop.release()["tables"][f"gold/{name}"]
            files = [str(shop.lake / "gold" / name / file["name"]) for file in build["files"]]
            database.read_parquet(files).create_view(name)
        database.execute(f"CREATE VIEW facts AS {trial.facts}")
        settings = Settings(api_keys=folder / "apikeys.json", api_rate_limit="none")
        with answering(create_app(project, open_store(uri), settings)) as url:
            client = ApiClient(url)
            document = client.get("project").data
            language = Language(Code.ENGLISH, document["currency"], document["timezone"])
            context = Context(client, language, document, client.release(), granularity=document["api"]["month"])
            pages = [read_page(item["page"]) for item in client.get("pages").data["data"]]
            yield Held(trial, context, pages, database)
            client.close()


def _filters(random_one: random.Random, context: Context, page: Page) -> Filters:
    """Some values of some filters of a page, and perhaps days."""
    choices = {}
    for name in page.filters:
        values = context.values(name) if name not in context.times() else []
        if values and random_one.random() < 0.5:
            choices[name] = tuple(random_one.sample(values, random_one.randint(1, min(3, len(values)))))
    extent = context.days()
    if extent is None or random_one.random() < 0.3:
        return Filters(None, choices)
    first = extent.first + dt.timedelta(random_one.randrange(extent.days))
    last = min(first + dt.timedelta(random_one.choice([0, 6, 30, 180, 400])), extent.last)
    return Filters(Period(first, last), choices)


def _hold_card(state: Held, context: Context, card: Card) -> None:
    expected = state.expected(str(card.measure), context.filters)[()]
    shown = ask_card(context, card).value
    assert _is_same(str(card.measure), shown, expected), (card.measure, context.filters, shown, expected)


def _is_same(measure: str, shown: Any, expected: Any) -> bool:
    """Whether numbers are the same to the last digit; ratios as near as quotients are."""
    if " / " not in measure:
        return bool((shown or 0) == (expected or 0))  # the sum of no facts is nothing, and shown as zero
    if shown is None or expected is None:
        return shown is expected
    return bool(float(shown) == pytest.approx(float(expected)))


def _hold_chart(state: Held, context: Context, chart: Chart) -> int:
    by = by_of(context, chart)
    names = (*by, *([chart.color] if chart.color else []))
    rows = ask(context, chart, chart.limit)
    expected = {measure: state.expected(measure, own_filters(context, chart), names) for measure in chart.measure}
    for row in rows:
        key = tuple(row[name] for name in names)
        for measure in chart.measure:
            assert _is_same(measure, row[measure], expected[measure].get(key)), (key, measure, context.filters)
    if chart.limit is None:
        assert {tuple(row[name] for name in names) for row in rows} >= set(expected[chart.measure[0]])
    return len(rows)


@pytest.mark.parametrize("trial", [RETAIL, JOURNEY], ids=["retail", "completejourney"])
def test_pages_under_random_filters_show_what_gold_has(trial: Trial, tmp_path: Path) -> None:
    random_one = random.Random(16)  # noqa: S311 - no secret
    cards = marks = 0
    with held(trial, tmp_path) as state:
        for _ in range(STATES):
            page = random_one.choice(state.pages)
            filters = _filters(random_one, state.context, page)
            context = state.context.with_choice(filters=filters, offered=page.filters)
            for block in page.blocks:
                if isinstance(block, Card):
                    if block.measure is not None and block.take is None and block.share is None:
                        _hold_card(state, context, block)
                        cards += 1
                elif isinstance(block, Chart) and is_analysed(context, block) and block.kind != "box":
                    marks += _hold_chart(state, context, block)
    assert cards >= STATES
    assert marks >= 10 * STATES
