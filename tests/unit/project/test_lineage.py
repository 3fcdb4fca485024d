"""Rows that a model used: what is found by reading its SELECT, against what a query written by hand finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import sqlglot

from filon.explain.lineage import Trace, trace
from filon.explain.report import Obstacle
from filon.project import Column, Contract, Model, Project
from filon.project.loader import load_project
from filon.project.query import table_lines
from filon.project.types import INTEGER
from tests.unit.project.mistakes.shop import write_shop

COLUMNS = {
    "sales": ("id", "client", "shop", "amount", "day"),
    "clients": ("id", "country", "sponsor"),
    "shops": ("id", "country", "size"),
}
TABLES = """
CREATE TABLE sales AS SELECT
    i AS id, nullif(hash(i) % 9, 8) AS client, hash(i * 7) % 5 AS shop, hash(i * 11) % 20 AS amount, i % 4 AS day
FROM range(60) AS t(i);
CREATE TABLE clients AS SELECT i AS id, (i + 1) % 3 AS country, nullif(i % 4, 0) AS sponsor FROM range(2, 12) AS t(i);
CREATE TABLE shops AS SELECT i AS id, i % 2 AS country, i % 3 AS size FROM range(4) AS t(i);
"""


@dataclass(frozen=True)
class Example:
    """A model with the key ``k``; per table that it names, which rows it used for the row ``$k``."""

    sql: str
    used: dict[str, str]
    candidates: frozenset[str] = frozenset()


EXAMPLES = {
    "a column passed on": Example("SELECT id AS k, amount FROM sales", {"sales": "id = $k"}),
    "a group": Example("SELECT day AS k, sum(amount) AS n FROM sales GROUP BY day", {"sales": "day = $k"}),
    "a group by position": Example(
        "SELECT day * 2 AS k, count(*) AS n FROM sales GROUP BY 1", {"sales": "day * 2 = $k"}
    ),
    "GROUP BY ALL": Example(
        "SELECT day + shop AS k, max(id) AS n FROM sales GROUP BY ALL", {"sales": "day + shop = $k"}
    ),
    "WHERE": Example(
        "SELECT day AS k, count(*) AS n FROM sales WHERE amount > 9 OR shop = 2 GROUP BY day",
        {"sales": "day = $k AND (amount > 9 OR shop = 2)"},
    ),
    "WHERE in a step": Example(
        "WITH large AS (SELECT *, amount * 2 AS twice FROM sales WHERE amount > 4) "
        "SELECT day AS k, sum(twice) AS n FROM large WHERE twice < 30 GROUP BY day",
        {"sales": "day = $k AND amount > 4 AND amount * 2 < 30"},
    ),
    "WHERE in a subquery in FROM": Example(
        "SELECT l.d AS k, count(*) AS n FROM (SELECT day AS d FROM sales WHERE amount > 4) AS l GROUP BY l.d",
        {"sales": "day = $k AND amount > 4"},
    ),
    "columns renamed by WITH": Example(
        "WITH s(d, a) AS (SELECT day, amount FROM sales) SELECT d AS k, sum(a) AS n FROM s GROUP BY d",
        {"sales": "day = $k"},
    ),
    "HAVING keeps or drops whole groups": Example(
        "SELECT day AS k, count(*) AS n FROM sales GROUP BY day HAVING count(*) > 3", {"sales": "day = $k"}
    ),
    "HAVING over finer groups": Example(
        "WITH g AS (SELECT day, shop, sum(amount) AS n FROM sales GROUP BY day, shop HAVING sum(amount) > 20) "
        "SELECT day AS k, sum(n) AS n FROM g GROUP BY day",
        {"sales": "day = $k AND (day, shop) IN (SELECT day, shop FROM sales GROUP BY ALL HAVING sum(amount) > 20)"},
        candidates=frozenset({"sales"}),
    ),
    "LIMIT of single rows": Example(
        "SELECT id AS k, amount FROM sales ORDER BY amount, id LIMIT 5", {"sales": "id = $k"}, frozenset({"sales"})
    ),
    "LIMIT of groups": Example(
        "SELECT day AS k, count(*) AS n FROM sales GROUP BY day ORDER BY day LIMIT 2", {"sales": "day = $k"}
    ),
    "QUALIFY picks a row of many": Example(
        "SELECT client AS k, amount FROM sales WHERE client IS NOT NULL "
        "QUALIFY row_number() OVER (PARTITION BY client ORDER BY id) = 1",
        {"sales": "id = (SELECT min(id) FROM sales WHERE client = $k)"},
        candidates=frozenset({"sales"}),
    ),
    "DISTINCT ON": Example(
        "SELECT DISTINCT ON (day) day AS k, amount FROM sales ORDER BY day, id",
        {"sales": "id = (SELECT min(id) FROM sales WHERE day = $k)"},
        candidates=frozenset({"sales"}),
    ),
    "an inner join": Example(
        "SELECT country AS k, sum(amount) AS n FROM sales JOIN clients ON sales.client = clients.id GROUP BY country",
        {
            "sales": "client IN (SELECT id FROM clients WHERE country = $k)",
            "clients": "country = $k AND id IN (SELECT client FROM sales)",
        },
    ),
    "USING": Example(
        "SELECT id AS k, size, clients.country AS c FROM clients JOIN shops USING (id)",
        {"clients": "id = $k", "shops": "id = $k"},
    ),
    "a chain of joins": Example(
        "SELECT shops.size AS k, sum(amount) AS n FROM sales JOIN clients ON client = clients.id AND amount > 2 "
        "JOIN shops ON shop = shops.id WHERE clients.country <> 1 GROUP BY shops.size",
        {
            "sales": "amount > 2 AND client IN (SELECT id FROM clients WHERE country <> 1) "
            "AND shop IN (SELECT id FROM shops WHERE size = $k)",
            "clients": "country <> 1 AND id IN (SELECT client FROM sales JOIN shops ON shop = shops.id "
            "WHERE amount > 2 AND size = $k)",
            "shops": "size = $k AND id IN (SELECT shop FROM sales JOIN clients ON client = clients.id "
            "WHERE amount > 2 AND country <> 1)",
        },
    ),
    "joins in a circle": Example(
        "SELECT clients.id AS k, count(*) AS n FROM sales JOIN clients ON client = clients.id "
        "JOIN shops ON shop = shops.id AND shops.country = clients.country GROUP BY clients.id",
        {
            "sales": "client = $k AND shop IN (SELECT shops.id FROM shops JOIN clients USING (country) "
            "WHERE clients.id = $k)",
            "clients": "id = $k",
            "shops": "id IN (SELECT shop FROM sales WHERE client = $k) "
            "AND country IN (SELECT country FROM clients WHERE id = $k)",
        },
        candidates=frozenset({"sales", "clients", "shops"}),
    ),
    "a LEFT JOIN keeps rows without a partner": Example(
        "SELECT clients.id AS k, count(sales.id) AS n FROM clients LEFT JOIN sales ON clients.id = sales.client "
        "AND amount > 5 GROUP BY clients.id",
        {"clients": "id = $k", "sales": "client = $k AND amount > 5"},
    ),
    "a LEFT JOIN that WHERE makes an inner one": Example(
        "SELECT clients.country AS k, sum(amount) AS n FROM sales LEFT JOIN clients ON client = clients.id "
        "WHERE clients.country < 2 GROUP BY clients.country",
        {
            "sales": "client IN (SELECT id FROM clients WHERE country = $k)",
            "clients": "country = $k AND id IN (SELECT client FROM sales)",
        },
    ),
    "rows without a partner alone": Example(
        "SELECT sales.day AS k, count(*) AS n FROM sales LEFT JOIN clients ON client = clients.id "
        "WHERE clients.id IS NULL GROUP BY sales.day",
        {"sales": "day = $k AND coalesce(client, -1) NOT IN (SELECT id FROM clients)", "clients": "FALSE"},
        candidates=frozenset({"sales", "clients"}),
    ),
    "a LEFT JOIN to a step": Example(
        "WITH totals AS (SELECT client, sum(amount) AS n FROM sales GROUP BY client) "
        "SELECT clients.id AS k, n FROM clients LEFT JOIN totals ON clients.id = totals.client",
        {"clients": "id = $k", "sales": "client = $k"},
    ),
    "a RIGHT JOIN": Example(
        "SELECT clients.id AS k, count(sales.id) AS n FROM sales RIGHT JOIN clients ON client = clients.id "
        "GROUP BY clients.id",
        {"clients": "id = $k"},
        candidates=frozenset({"clients"}),
    ),
    "a FULL JOIN": Example(
        "SELECT coalesce(c.id, s.id) AS k, size, sponsor FROM clients AS c FULL JOIN shops AS s ON c.id = s.id",
        {"clients": "id = $k", "shops": "id = $k"},
    ),
    "a join by two columns": Example(
        "SELECT s.id AS k, count(*) AS n FROM shops AS s JOIN clients AS c ON s.id = c.id AND s.country = c.country "
        "GROUP BY s.id",
        {
            "shops": "id = $k AND (id, country) IN (SELECT id, country FROM clients)",
            "clients": "id = $k AND (id, country) IN (SELECT id, country FROM shops)",
        },
    ),
    "a join by an expression": Example(
        "SELECT c.id AS k, count(*) AS n FROM clients AS c JOIN sales AS s ON s.day + 2 = c.id GROUP BY c.id",
        {"clients": "id = $k AND id IN (SELECT day + 2 FROM sales)", "sales": "day + 2 = $k"},
    ),
    "a join by an inequality": Example(
        "SELECT c.id AS k, count(*) AS n FROM clients AS c JOIN shops AS s ON s.id > c.id GROUP BY c.id",
        {"clients": "id = $k"},
        candidates=frozenset({"clients"}),
    ),
    "an aggregate over all rows": Example(
        "WITH best AS (SELECT max(amount) AS top FROM sales WHERE day > 1) "
        "SELECT id AS k, top FROM clients CROSS JOIN best",
        {"clients": "id = $k", "sales": "day > 1"},
    ),
    "a series between the first and the last": Example(
        "WITH ends AS (SELECT min(day) AS a, max(day) AS z FROM sales), "
        "days AS (SELECT unnest(generate_series(a, z)) AS d FROM ends WHERE a IS NOT NULL) SELECT d AS k FROM days",
        {"sales": "TRUE"},
    ),
    "a window function beside": Example(
        "SELECT day AS k, sum(amount) AS n, sum(sum(amount)) OVER () AS total FROM sales GROUP BY day",
        {"sales": "day = $k"},
    ),
    "UNION": Example(
        "WITH u AS (SELECT day AS d, amount AS a FROM sales WHERE amount > 3 UNION ALL SELECT id, size FROM shops) "
        "SELECT d AS k, sum(a) AS n FROM u GROUP BY d",
        {"sales": "day = $k AND amount > 3", "shops": "id = $k"},
    ),
    "UNION with a LIMIT": Example(
        "SELECT id AS k, size AS n FROM shops UNION ALL (SELECT id + 100, 1 FROM clients) ORDER BY 1 LIMIT 6",
        {"shops": "id = $k", "clients": "id + 100 = $k"},
        candidates=frozenset({"shops", "clients"}),
    ),
    "a union of labels": Example(
        "WITH u AS (SELECT 1 AS kind, id FROM clients UNION SELECT 2 AS kind, id FROM shops) "
        "SELECT kind AS k, count(*) AS n FROM u GROUP BY kind",
        {"clients": "$k = 1", "shops": "$k = 2"},
    ),
    "ROLLUP": Example("SELECT day AS k, count(*) AS n FROM sales GROUP BY ROLLUP (day)", {}),
    "ROLLUP of one column of two": Example(
        "SELECT day AS k, shop, count(*) AS n FROM sales GROUP BY day, ROLLUP (shop)", {"sales": "day = $k"}
    ),
    "columns renamed by FROM": Example("SELECT s.i AS k, s.c AS n FROM shops AS s(i, c, z)", {}),
    "recursion": Example(
        "WITH RECURSIVE up AS (SELECT id, sponsor FROM clients UNION "
        "SELECT up.id, c.sponsor FROM up JOIN clients AS c ON c.id = up.sponsor) "
        "SELECT id AS k, count(sponsor) AS n FROM up GROUP BY id",
        {},
    ),
}


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        yield connection


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose sources are the tables of the examples."""
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    project = load_project(folder)
    document = project.contracts["orders"].document
    contracts = {
        name: Contract(name, tuple(Column(column, INTEGER) for column in columns), ("id",), document=document)
        for name, columns in COLUMNS.items()
    }
    models = {name: Model(contract, Path(f"{name}.sql"), "SELECT 1", ()) for name, contract in contracts.items()}
    return Project(folder, "examples", "", "fr", "EUR", "UTC", datasets={}, models=models)


def traced(project: Project, sql: str, key: object) -> Trace:
    return traced_rows(project, sql, f"\"k\" = '{key}'", "TRUE")


def traced_rows(project: Project, sql: str, condition: str, implied: str) -> Trace:
    contract = Contract("m", (Column("k", INTEGER),), ("k",), document=project.contracts["sales"].document)
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    assert isinstance(tree, sqlglot.exp.Query)
    model = Model(contract, Path("m.sql"), sql, tuple(sorted(table_lines(tree))))
    return trace(project, model, condition, exact=True, used=True, implied=implied)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_the_rows_that_were_used_are_found(
    shop: Project, database: duckdb.DuckDBPyConnection, example: Example
) -> None:
    some = f"SELECT k FROM ({example.sql}) WHERE k IS NOT NULL ORDER BY k LIMIT 6"
    keys = [key for (key,) in database.execute(some).fetchall()]
    assert keys
    for key in keys:
        found = traced(shop, example.sql, key)
        assert {reading.table for reading in found.readings} == set(example.used)
        for reading in found.readings:
            by_hand = example.used[reading.table].replace("$k", str(key))
            used, shown = (
                {row for (row,) in database.execute(f"SELECT id FROM {reading.table} WHERE {condition}").fetchall()}
                for condition in (by_hand, reading.condition)
            )
            assert used <= shown, (key, reading)
            assert used or not reading.used, (key, reading)
            assert reading.exact == (reading.table not in example.candidates), (key, reading)
            assert used == shown or not reading.exact, (key, reading)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
@pytest.mark.parametrize("size", [1, 3])
def test_what_else_is_known_of_rows_changes_no_row_that_was_used(
    shop: Project, database: duckdb.DuckDBPyConnection, example: Example, size: int
) -> None:
    some = f"SELECT DISTINCT k FROM ({example.sql}) WHERE k IS NOT NULL ORDER BY k"
    keys = [key for (key,) in database.execute(some).fetchall()]
    for first in range(min(6, len(keys))):
        chosen = keys[first : first + size]
        condition = f"k IN ({', '.join(map(str, chosen))})"
        rows = database.execute(f"SELECT * FROM ({example.sql}) WHERE {condition}")
        names = [column for column, *_ in rows.description or ()]
        values = dict(zip(names, map(set, zip(*rows.fetchall(), strict=True)), strict=True))
        known = [f"{name} IN ({', '.join(map(str, found))})" for name, found in values.items() if None not in found]
        found = traced_rows(shop, example.sql, condition, " AND ".join(known))
        for reading in found.readings:
            by_hand = " OR ".join(f"({example.used[reading.table].replace('$k', str(key))})" for key in chosen)
            shown = f"({reading.condition}) AND {reading.implied}" if reading.exact else reading.condition
            used, kept, stated = (
                {row for (row,) in database.execute(f"SELECT id FROM {reading.table} WHERE {where}").fetchall()}
                for where in (by_hand, shown, reading.condition)
            )
            assert used <= kept, (chosen, reading)
            assert used or not reading.used, (chosen, reading)
            assert used == kept == stated or not reading.exact, (chosen, reading)


def test_what_is_known_of_a_row_shortens_conditions(shop: Project) -> None:
    sql = "SELECT sales.id AS k, client, amount FROM sales JOIN clients ON sales.client = clients.id"
    found = traced_rows(shop, sql, '"k" = 7', '"client" = 3 AND "amount" = 12')
    assert [(reading.table, reading.condition, reading.exact) for reading in found.readings] == [
        ("sales", '"id" = 7 AND "client" = 3', True),
        ("clients", '"id" = 3', True),
    ]
    assert found.readings[0].implied == '"client" = 3 AND "amount" = 12'


@pytest.mark.parametrize(
    ("sql", "conditions"),
    [
        (
            "SELECT c.id AS k, s.country AS n FROM clients AS c JOIN clients AS s ON c.sponsor = s.id",
            [
                '"id" = \'3\' AND "sponsor" IN (SELECT "id" FROM "clients")',
                '"id" IN (SELECT "sponsor" FROM "clients" WHERE "id" = \'3\')',
            ],
        ),
        (
            "WITH s AS (SELECT * FROM sales WHERE amount > 9) SELECT day AS k FROM s UNION ALL SELECT shop + 10 FROM s",
            ['"day" = \'3\' AND "amount" > 9', '("shop" + 10) = \'3\' AND "amount" > 9'],
        ),
    ],
)
def test_a_table_that_is_named_twice_is_read_twice(shop: Project, sql: str, conditions: list[str]) -> None:
    assert [reading.condition for reading in traced(shop, sql, 3).readings] == conditions


@pytest.mark.parametrize(
    ("sql", "unfollowed"),
    [
        ("SELECT id AS k FROM sales WHERE amount > (SELECT avg(amount) FROM sales)", {("sales", Obstacle.SUBQUERY)}),
        ("SELECT id AS k, (SELECT max(size) FROM shops) AS n FROM sales", {("shops", Obstacle.SUBQUERY)}),
        ("WITH s AS (FROM shops) SELECT id AS k FROM sales WHERE EXISTS (FROM s)", {("shops", Obstacle.SUBQUERY)}),
        ("SELECT id AS k, amount - lag(amount) OVER (ORDER BY id) AS n FROM sales", {("sales", Obstacle.OTHER_ROWS)}),
        (
            "WITH r AS (SELECT id, rank() OVER (ORDER BY amount) AS n FROM sales) SELECT id AS k FROM r WHERE n < 9",
            {("sales", Obstacle.OTHER_ROWS)},
        ),
        ("SELECT clients.id AS k FROM clients JOIN shops ON shops.id > clients.id", {("shops", Obstacle.UNTIED)}),
        ("SELECT id AS k FROM sales SEMI JOIN shops ON shop = shops.id", {("shops", Obstacle.OTHERWISE)}),
        (
            "WITH s AS (FROM shops) SELECT id AS k FROM sales ANTI JOIN s ON shop = s.id",
            {("shops", Obstacle.OTHERWISE)},
        ),
        (
            "SELECT id AS k FROM clients EXCEPT SELECT id FROM shops",
            {("clients", Obstacle.OTHERWISE), ("shops", Obstacle.OTHERWISE)},
        ),
        ("SELECT id AS k FROM clients UNION BY NAME SELECT 1 AS k", {("clients", Obstacle.OTHERWISE)}),
        ("SELECT id AS k FROM clients, LATERAL (SELECT max(size) FROM shops) AS s", {("shops", Obstacle.OTHERWISE)}),
        ("WITH unused AS (SELECT * FROM shops) SELECT id AS k FROM clients", {("shops", Obstacle.OTHERWISE)}),
        ("SELECT day AS k, count(*) AS n FROM sales GROUP BY CUBE (day, shop)", {("sales", Obstacle.UNTIED)}),
        ("SELECT s.i AS k FROM shops AS s(i, c, z)", {("shops", Obstacle.UNTIED)}),
    ],
)
def test_what_is_not_followed_is_named(shop: Project, sql: str, unfollowed: set[tuple[str, str]]) -> None:
    assert {(part.table, part.code) for part in traced(shop, sql, 1).unfollowed} == unfollowed


@pytest.mark.parametrize(
    ("sql", "claimed"),
    [
        ("SELECT id AS k FROM sales WHERE amount > (SELECT avg(amount) FROM sales)", False),
        ("SELECT day AS k FROM sales WHERE shop IN (SELECT id FROM shops) GROUP BY day", False),
        ("SELECT id AS k FROM sales SEMI JOIN shops ON shop = shops.id", False),
        ("SELECT id AS k FROM sales, unnest([id, shop]) AS u(n)", False),
        ("SELECT sales.id AS k FROM sales ASOF JOIN shops ON sales.shop >= shops.id", False),
        ("SELECT sales.id AS k FROM sales CROSS JOIN shops", True),
        ("SELECT id AS k, (SELECT max(size) FROM shops) AS n FROM sales", True),
    ],
)
def test_rows_are_candidates_where_a_filter_is_not_followed(shop: Project, sql: str, claimed: bool) -> None:
    [reading] = [reading for reading in traced(shop, sql, 1).readings if reading.table == "sales"]
    assert reading.exact is claimed
