"""Where the columns of a SELECT come from."""

from __future__ import annotations

import pytest

from filon.project.column_lineage import Lineage, Use, lineage_of

INPUTS = {
    "loans": {"id": "BIGINT", "reader": "BIGINT", "book": "VARCHAR", "day": "DATE", "fee": "DECIMAL(10, 2)"},
    "readers": {"id": "BIGINT", "town": "VARCHAR", "tags": "VARCHAR[]"},
}


def read(sql: str) -> Lineage:
    lineage = lineage_of(sql, INPUTS)
    assert lineage is not None
    return lineage


def uses(sql: str, column: str) -> dict[str, set[str]]:
    """By column of an input what is done with it for a column of a SELECT."""
    return {".".join(leaf): {use.value for use in how} for leaf, how in read(sql).columns[column].uses.items()}


def rows(sql: str) -> dict[str, set[str]]:
    return {".".join(leaf): {use.value for use in how} for leaf, how in read(sql).rows.items()}


@pytest.mark.parametrize(
    ("projection", "expected"),
    [
        ("fee AS x", {"loans.fee": {"identity"}}),
        ("fee * 2 AS x", {"loans.fee": {"transformation"}}),
        ("CAST(fee AS VARCHAR) AS x", {"loans.fee": {"transformation"}}),
        ("sum(fee) AS x", {"loans.fee": {"aggregation"}}),
        ("sum(fee + id) AS x", {"loans.fee": {"aggregation"}, "loans.id": {"aggregation"}}),
        ("1 + sum(fee) AS x", {"loans.fee": {"aggregation"}}),
        ("count(*) AS x", {}),
        (
            "CASE WHEN day > DATE '2020-01-01' THEN fee END AS x",
            {"loans.day": {"conditional"}, "loans.fee": {"transformation"}},
        ),
        ("sum(fee) FILTER (WHERE id > 1) AS x", {"loans.fee": {"aggregation"}, "loans.id": {"filter"}}),
        (
            "lag(fee) OVER (PARTITION BY book ORDER BY day) AS x",
            {"loans.fee": {"transformation"}, "loans.book": {"window"}, "loans.day": {"window"}},
        ),
        ("row_number() OVER (ORDER BY day) AS x", {"loans.day": {"window"}}),
        (
            "(SELECT max(town) FROM readers WHERE readers.id = reader) AS x",
            {"readers.town": {"aggregation"}, "readers.id": {"filter"}, "loans.reader": {"filter"}},
        ),
    ],
)
def test_what_a_projection_does_with_columns(projection: str, expected: dict[str, set[str]]) -> None:
    assert uses(f"SELECT {projection} FROM loans", "x") == expected


def test_the_last_use_counts_through_steps_of_a_query() -> None:
    sql = "WITH a AS (SELECT fee * 2 AS f, day FROM loans), b AS (SELECT sum(f) AS s, max(day) AS d FROM a) "
    assert uses(sql + "SELECT s + 1 AS x FROM b", "x") == {"loans.fee": {"aggregation"}}
    assert uses(sql + "SELECT CASE WHEN d IS NULL THEN 0 END AS x FROM b", "x") == {"loans.day": {"conditional"}}


def test_columns_that_decide_about_rows() -> None:
    sql = """
        SELECT r.town, count(*) AS n FROM loans AS l JOIN readers AS r ON l.reader = r.id
        WHERE l.fee > 0 GROUP BY r.town HAVING max(l.day) > DATE '2020-01-01' ORDER BY r.town LIMIT 3
    """
    assert rows(sql) == {
        "loans.reader": {"join"},
        "readers.id": {"join"},
        "loans.fee": {"filter"},
        "loans.day": {"filter"},
        "readers.town": {"group by", "sort"},
    }


def test_a_name_inside_a_step_is_not_taken_for_one_around_it() -> None:
    sql = "SELECT t.book FROM (SELECT book, max(day) AS d FROM loans AS t WHERE fee > 0 GROUP BY book) AS t"
    assert uses(sql, "book") == {"loans.book": {"identity"}}
    assert rows(sql) == {"loans.fee": {"filter"}, "loans.book": {"group by"}}


def test_unions_have_the_columns_of_each_query_and_others_only_its_rows() -> None:
    both = {"loans.id": {"identity"}, "readers.id": {"identity"}}
    assert uses("SELECT id FROM loans UNION ALL SELECT id FROM readers", "id") == both
    assert uses("SELECT id FROM loans EXCEPT SELECT id FROM readers", "id") == {"loans.id": {"identity"}}
    assert rows("SELECT id FROM loans EXCEPT SELECT id FROM readers") == {"readers.id": {"filter"}}


def test_elements_of_lists_and_queries_that_read_themselves() -> None:
    assert uses("SELECT t.tag FROM readers, unnest(readers.tags) AS t(tag)", "tag") == {
        "readers.tags": {"transformation"}
    }
    recursive = (
        "WITH RECURSIVE r AS (SELECT id FROM loans UNION ALL SELECT id + 1 FROM r WHERE id < 3) SELECT id FROM r"
    )
    assert "loans.id" in uses(recursive, "id")


def test_stars_and_joins_by_name_are_followed() -> None:
    assert uses("SELECT * FROM loans JOIN readers USING (id)", "town") == {"readers.town": {"identity"}}


@pytest.mark.parametrize(
    ("projection", "leaves"),
    [
        ("sum(fee)", set()),
        ("count(*)", set()),
        ("avg(fee) / count(id)", set()),
        ("row_number() OVER (ORDER BY day)", set()),
        ("fee", {("loans", "fee")}),
        ("max(fee)", {("loans", "fee")}),
        ("sum(fee) + max(id)", {("loans", "fee"), ("loans", "id")}),
        ("1", None),
    ],
)
def test_whether_a_column_counts(projection: str, leaves: set[tuple[str, str]] | None) -> None:
    found = read(f"SELECT {projection} AS x FROM loans").columns["x"].counts_if
    assert found == (None if leaves is None else frozenset(leaves))


def test_a_query_that_cannot_be_followed_has_no_lineage() -> None:
    assert lineage_of("SELECT nothing_like_it FROM loans", INPUTS) is None


@pytest.mark.parametrize("use", Use)
def test_what_only_decides_stays_so_whatever_follows(use: Use) -> None:
    assert Use.IDENTITY.after(use) is use
    if not use.is_direct:
        assert Use.AGGREGATION.after(use) is use
