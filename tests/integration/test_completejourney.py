"""A year of real purchases through the whole pipeline, against the same figures computed in plain Python."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import duckdb
import pytest
from deltalake import DeltaTable

EXAMPLE = Path(__file__).parents[2] / "examples" / "completejourney"
STORE_TIME = ZoneInfo("America/New_York")
CENT = Decimal("0.01")

Key = TypeVar("Key", bound=Hashable)
Row = dict[str, Any]
Gold = Callable[..., list[Row]]


class Product(NamedTuple):
    department: str
    category: str
    type: str
    brand: str
    size: str | None


class Line(NamedTuple):
    """A line of a basket whose product is known."""

    basket: int
    product: int
    household: int
    week: int
    day: date
    is_purchase: bool
    sales: Decimal
    loyalty: Decimal
    coupon: Decimal
    match: Decimal
    department: str
    category: str
    brand: str

    @property
    def month(self) -> str:
        return self.day.isoformat()[:7]


class Journey(NamedTuple):
    """What the CSV files say, read without Filon."""

    products: dict[int, Product]
    told: dict[int, list[str | None]]
    lines: list[Line]
    rows: dict[str, int]
    orphans: int


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completejourney") / "sources"
    subprocess.run([sys.executable, EXAMPLE / "prepare.py", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def lake(sources: Path) -> Path:
    return sources.parent / "lake"


@pytest.fixture(scope="module")
def report(sources: Path, lake: Path) -> Row:
    places = ["--project", str(EXAMPLE), "--sources", str(sources), "--lake", str(lake)]
    run = subprocess.run(
        [sys.executable, "-m", "filon", "run", *places, "--json"], cwd=lake.parent, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr + run.stdout
    found: Row = json.loads(run.stdout)
    return found


@pytest.fixture(scope="module")
def gold(report: Row, lake: Path) -> Gold:
    """The rows that a query over one gold table, called ``gold`` in it, gives."""
    assert report["status"] == "published"

    def rows(table: str, query: str = "SELECT * FROM gold") -> list[Row]:
        with duckdb.connect() as database:
            database.execute("SET TimeZone = 'UTC'")
            database.read_parquet(DeltaTable(lake / "gold" / table).file_uris()).create_view("gold")
            found = database.sql(query)
            return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]

    return rows


@pytest.fixture(scope="module")
def journey(sources: Path) -> Journey:
    products = {
        int(row[0]): Product(row[2], row[4] or "UNCLASSIFIED", row[5] or "UNCLASSIFIED", row[3], row[6] or None)
        for row in records(sources / "products.csv")
    }
    told = {int(row[0]): [value or None for value in row[1:]] for row in records(sources / "households.csv")}
    lines, orphans = [], 0
    money = cache(Decimal)  # few amounts, many lines
    for row in records(sources / "transactions.csv"):
        household, _, basket, number, quantity, sales, loyalty, coupon, match, week, moment = row
        product = products.get(int(number))
        if product is None:
            orphans += 1
            continue
        lines.append(
            Line(
                int(basket), int(number), int(household), int(week), store_day(moment), int(quantity) > 0,
                money(sales), money(loyalty), money(coupon), money(match),
                product.department, product.category, product.brand,
            )
        )  # fmt: skip
    rows = {"transactions": len(lines) + orphans, "products": len(products), "households": len(told)}
    return Journey(products, told, lines, rows, orphans)


def records(path: Path) -> Iterable[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        next(reader)
        yield from reader


@cache
def store_day(moment: str) -> date:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(STORE_TIME).date()


def total(lines: Iterable[Line], key: Callable[[Line], Key], amount: Callable[[Line], Decimal]) -> dict[Key, Decimal]:
    sums: dict[Key, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[key(line)] += amount(line)
    return sums


def distinct(lines: Iterable[Line], key: Callable[[Line], Key], value: Callable[[Line], Hashable]) -> Counter[Key]:
    """Different values per key, in lines that are purchases."""
    return Counter(found for found, _ in {(key(line), value(line)) for line in lines if line.is_purchase})


def ratio(numerator: Decimal | int, denominator: Decimal | int) -> Decimal:
    return (Decimal(numerator) / Decimal(denominator)).quantize(CENT, ROUND_HALF_UP)


def percent(part: Decimal | int, whole: Decimal | int) -> Decimal:
    return ratio(100 * part, whole)


def sales(line: Line) -> Decimal:
    return line.sales


def basket(line: Line) -> int:
    return line.basket


def household(line: Line) -> int:
    return line.household


def department(line: Line) -> str:
    return line.department


def by(rows: list[Row], *key: str) -> dict[Any, Row]:
    """Rows by their key, which is left out of them."""
    found = {}
    for row in rows:
        values = tuple(row.pop(name) for name in key)
        found[values[0] if len(key) == 1 else values] = row
    assert len(found) == len(rows)
    return found


def test_amounts_are_written_in_cents_and_add_up_to_those_of_the_package(sources: Path) -> None:
    columns = list(
        zip(*((row[5], row[6], row[7], row[8]) for row in records(sources / "transactions.csv")), strict=True)
    )
    assert all(re.fullmatch(r"\d+\.\d\d", amount) for amount in {amount for column in columns for amount in column})
    assert [sum(map(Decimal, column)) for column in columns] == [
        Decimal("4596039.58"), Decimal("791650.64"), Decimal("26359.90"), Decimal("4542.65"),
    ]  # fmt: skip


def test_every_record_is_accounted_for(report: Row, journey: Journey) -> None:
    assert report["status"] == "published"
    assert journey.rows == {"transactions": 1_469_307, "products": 92_331, "households": 801}
    rejected = {"transactions": journey.orphans, "products": 0, "households": 0}
    assert {file["dataset"] for file in report["files"]} == journey.rows.keys()
    for file in report["files"]:
        assert file["status"] == "ingested"
        assert file["rows_read"] == journey.rows[file["dataset"]]
        assert file["rows_read"] == file["rows_accepted"] + file["rows_superseded"] + file["rows_rejected"]
        assert file["rows_rejected"] == rejected[file["dataset"]]
        assert file["rows_superseded"] == 0


def test_lines_of_products_that_are_not_in_the_assortment_are_rejected(report: Row, journey: Journey) -> None:
    reasons = {dataset["dataset"]: dataset["reasons"] for dataset in report["datasets"]}
    assert journey.orphans == 4836
    assert reasons == {"transactions": {"product_id:reference": journey.orphans}, "products": {}, "households": {}}


def test_every_table_is_checked_and_every_check_passed(report: Row) -> None:
    names = {path.stem for folder in ("sources", "gold") for path in (EXAMPLE / folder).glob("*.yaml")}
    assert {check["table"] for check in report["checks"]} == names
    assert {check["status"] for check in report["checks"]} == {"passed"}


def test_products_keep_their_place_in_the_assortment(gold: Gold, journey: Journey) -> None:
    columns = "product_id, department, product_category, product_type, brand, package_size"
    rows = by(gold("dim_products", f"SELECT {columns} FROM gold"), "product_id")
    assert {key: tuple(row.values()) for key, row in rows.items()} == journey.products


def test_every_buying_household_is_there_with_what_it_told(gold: Gold, journey: Journey) -> None:
    rows = by(gold("dim_households"), "household_id")
    baskets = distinct(journey.lines, household, basket)
    days: dict[int, set[date]] = defaultdict(set)
    for line in journey.lines:
        if line.is_purchase:
            days[line.household].add(line.day)
    nothing = [None] * 7
    assert rows.keys() == {line.household for line in journey.lines} | journey.told.keys()
    for key, row in rows.items():
        known, *told, first, last, count = row.values()
        assert (known, told) == (key in journey.told, journey.told.get(key, nothing))
        assert (first, last, count) == (min(days[key]), max(days[key]), baskets[key])


def test_the_fact_holds_every_accepted_line_to_the_cent(gold: Gold, journey: Journey) -> None:
    columns = ("sales_value", "loyalty_discount", "coupon_discount", "coupon_match_discount", "shelf_value")
    sums = ", ".join(f"sum({column}) AS {column}" for column in columns)
    per_day = (
        f"SELECT sale_date, week, count(*) AS lines, count_if(is_purchase) AS purchases, {sums} FROM gold GROUP BY ALL"
    )
    expected: dict[tuple[date, int], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 7)
    for line in journey.lines:
        shelf = line.sales + line.loyalty + line.match
        more: tuple[Decimal | int, ...] = (
            1,
            line.is_purchase,
            line.sales,
            line.loyalty,
            line.coupon,
            line.match,
            shelf,
        )
        key = (line.day, line.week)
        expected[key] = [old + new for old, new in zip(expected[key], more, strict=True)]
    rows = by(gold("fact_basket_lines", per_day), "sale_date", "week")
    assert {key: list(row.values()) for key, row in rows.items()} == expected
    assert sum(row["sales_value"] for row in rows.values()) == Decimal("4595867.01")


def test_sales_by_department(gold: Gold, journey: Journey) -> None:
    sold = total(journey.lines, department, sales)
    everything = sum(sold.values())
    baskets = distinct(journey.lines, department, basket)
    households = distinct(journey.lines, department, household)
    assert by(gold("kpi_sales_by_department"), "department") == {
        name: {
            "sales_value": amount,
            "share_of_sales": percent(amount, everything),
            "baskets": baskets[name],
            "households": households[name],
            "sales_per_basket": ratio(amount, baskets[name]),
        }
        for name, amount in sold.items()
    }


def test_sales_by_week_grow_by_the_day(gold: Gold, journey: Journey) -> None:
    def week(line: Line) -> int:
        return line.week

    sold = total(journey.lines, week, sales)
    baskets = distinct(journey.lines, week, basket)
    households = distinct(journey.lines, week, household)
    days: dict[int, set[date]] = defaultdict(set)
    for line in journey.lines:
        days[line.week].add(line.day)
    assert sorted(sold) == list(range(1, 54))
    assert [number for number in days if len(days[number]) != 7] == [1, 53]

    def growth(number: int) -> Decimal | None:
        if number == 1:
            return None
        now, before = (sold[each] / len(days[each]) for each in (number, number - 1))
        return percent(now - before, before)

    assert by(gold("kpi_sales_by_week"), "week") == {
        number: {
            "first_day": min(days[number]),
            "selling_days": len(days[number]),
            "sales_value": amount,
            "sales_per_day": ratio(amount, len(days[number])),
            "growth": growth(number),
            "baskets": baskets[number],
            "households": households[number],
        }
        for number, amount in sold.items()
    }


def test_top_products_are_the_hundred_that_sell_best(gold: Gold, journey: Journey) -> None:
    def product(line: Line) -> int:
        return line.product

    sold = total(journey.lines, product, sales)
    best = sorted(sold, key=lambda number: (-sold[number], number))[:100]
    among = set(best)
    lines = [line for line in journey.lines if line.product in among]
    baskets, households = distinct(lines, product, basket), distinct(lines, product, household)
    rows = sorted(gold("kpi_top_products"), key=lambda row: int(row["rank"]))
    assert [tuple(row.values()) for row in rows] == [
        (rank, number, *journey.products[number], sold[number], baskets[number], households[number])
        for rank, number in enumerate(best, start=1)
    ]


def test_category_penetration_is_the_share_of_households_that_buy(gold: Gold, journey: Journey) -> None:
    def category(line: Line) -> tuple[str, str]:
        return line.department, line.category

    sold = total(journey.lines, category, sales)
    households = distinct(journey.lines, category, household)
    everyone = len({line.household for line in journey.lines if line.is_purchase})
    assert everyone == 2469
    assert by(gold("kpi_category_penetration"), "department", "product_category") == {
        key: {
            "households": households[key],
            "penetration": percent(households[key], everyone),
            "sales_value": amount,
            "sales_per_household": ratio(amount, households[key]) if households[key] else None,
        }
        for key, amount in sold.items()
    }


def test_promotion_effect_sets_discounts_against_shelf_value(gold: Gold, journey: Journey) -> None:
    sold = total(journey.lines, department, sales)
    loyalty = total(journey.lines, department, lambda line: line.loyalty)
    match = total(journey.lines, department, lambda line: line.match)
    coupon = total(journey.lines, department, lambda line: line.coupon)
    discounted = (line for line in journey.lines if line.loyalty or line.match or line.coupon)
    on_discount = total(discounted, department, sales)
    expected = {}
    for name, amount in sold.items():
        given = loyalty[name] + match[name]
        expected[name] = {
            "shelf_value": amount + given,
            "loyalty_discount": loyalty[name],
            "coupon_match_discount": match[name],
            "sales_value": amount,
            "discount_depth": percent(given, amount + given),
            "coupon_discount": coupon[name],
            "discounted_sales": on_discount.get(name, Decimal(0)),
            "discounted_share": percent(on_discount.get(name, Decimal(0)), amount),
        }
    assert by(gold("kpi_promotion_effect"), "department") == expected


def test_brand_share_splits_each_department(gold: Gold, journey: Journey) -> None:
    sold = total(journey.lines, lambda line: (line.department, line.brand), sales)
    whole = total(journey.lines, department, sales)
    assert by(gold("kpi_brand_share"), "department", "brand") == {
        (name, brand): {"sales_value": amount, "share_of_department": percent(amount, whole[name])}
        for (name, brand), amount in sold.items()
    }


def test_basket_size_by_month_in_store_time(gold: Gold, journey: Journey) -> None:
    def month(line: Line) -> str:
        return line.month

    sold = total(journey.lines, month, sales)
    baskets, households = distinct(journey.lines, month, basket), distinct(journey.lines, month, household)
    lines = Counter(line.month for line in journey.lines if line.is_purchase)
    assert sorted(sold) == [f"2017-{number:02}" for number in range(1, 13)]
    assert by(gold("kpi_basket_size"), "month") == {
        name: {
            "baskets": baskets[name],
            "households": households[name],
            "purchased_lines": lines[name],
            "sales_value": amount,
            "sales_per_basket": ratio(amount, baskets[name]),
            "products_per_basket": ratio(lines[name], baskets[name]),
            "baskets_per_household": ratio(baskets[name], households[name]),
        }
        for name, amount in sold.items()
    }
