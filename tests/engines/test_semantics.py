"""What SQL means: order, nulls, division, groups and joins, wherever engines differ."""

from __future__ import annotations

import math
from typing import Any

import pytest

from filon.engines import Engine
from filon.errors import EngineError

WORDS = (
    "(VALUES ('b'), ('a'), ('B'), ('é'), ('e'), ('z'), (NULL), (''), ('😀'), ('\uffee'), ('a b'), ('a!')) AS given(x)"
)


def column(engine: Engine, query: str) -> list[Any]:
    return [value for (value,) in engine.rows(query)]


def test_texts_are_ordered_by_code_point(engine: Engine) -> None:
    found = column(engine, f"SELECT x FROM {WORDS} WHERE x IS NOT NULL ORDER BY x")
    assert found == sorted(found)
    assert found[-2:] == ["\uffee", "😀"], "beyond 16 bits comes last"


def test_nulls_come_last_unless_the_query_says_otherwise(engine: Engine) -> None:
    for order in ("x", "x ASC", "x DESC", "x ASC NULLS LAST"):
        assert column(engine, f"SELECT x FROM {WORDS} ORDER BY {order}")[-1] is None
    for order in ("x NULLS FIRST", "x DESC NULLS FIRST"):
        assert column(engine, f"SELECT x FROM {WORDS} ORDER BY {order}")[0] is None


def test_an_order_holds_for_all_its_columns(engine: Engine) -> None:
    rows = "(VALUES (1, 'b', 3), (1, 'a', 2), (0, 'z', 1), (1, 'a', 1)) AS given(a, b, c)"
    assert engine.rows(f"SELECT * FROM {rows} ORDER BY a DESC, b, c DESC") == [
        (1, "a", 2),
        (1, "a", 1),
        (1, "b", 3),
        (0, "z", 1),
    ]


def test_windows_rank_by_their_whole_order(engine: Engine) -> None:
    rows = "(VALUES ('k', 1, 2), ('k', 2, 1), ('k', 2, 3), (NULL, 1, 1), (NULL, 1, 2)) AS given(k, f, r)"
    ranked = f"SELECT k, f, r, row_number() OVER (PARTITION BY k ORDER BY f DESC, r ASC) AS n FROM {rows}"
    assert engine.rows(f"SELECT k, f, r FROM ({ranked}) AS ranked WHERE n = 1 ORDER BY k") == [
        ("k", 2, 1),
        (None, 1, 1),
    ]


UNORDERED: dict[str, list[object]] = {
    "row_number()": [1, 2, 1],
    "rank()": [1, 1, 1],
    "dense_rank()": [1, 1, 1],
    "percent_rank()": [0.0, 0.0, 0.0],
    "cume_dist()": [1.0, 1.0, 1.0],
    "ntile(2)": [1, 2, 1],
    "lag(v)": [None, 7, None],
    "lead(v)": [7, None, None],
    "nth_value(v, 2)": [7, 7, None],
    "first_value(v)": [7, 7, 9],
    "sum(v)": [14, 14, 9],
}


@pytest.mark.parametrize("window", ["OVER (PARTITION BY k)", "OVER w"])
@pytest.mark.parametrize("function", UNORDERED)
def test_windows_without_an_order_take_rows_as_they_come(engine: Engine, function: str, window: str) -> None:
    rows = "(VALUES ('a', 7), ('a', 7), ('b', 9)) AS given(k, v)"
    named = "WINDOW w AS (PARTITION BY k)" if window == "OVER w" else ""
    found = engine.rows(f"SELECT k, {function} {window} AS found FROM {rows} {named}")
    expected = list(zip("aab", UNORDERED[function], strict=True))
    assert sorted(found, key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 // 2", 3),
        ("-7 // 2", -3),
        ("7 % 3", 1),
        ("-7 % 3", -1),
        ("1 / 2", 0.5),
        ("1 // 0", None),
        ("1 / 0", math.inf),
        ("CAST(1 AS DECIMAL(12,2)) / 0", math.inf),
        ("1 % 0", None),
        ("NULL = NULL", None),
        ("NULL IS NOT DISTINCT FROM NULL", True),
        ("1 IS DISTINCT FROM NULL", True),
        ("NULL AND FALSE", False),
        ("NULL OR TRUE", True),
        ("NOT (NULL)", None),
        ("1 IN (2, NULL)", None),
        ("1 NOT IN (1, NULL)", False),
        ("'a' || NULL", None),
        ("CASE WHEN NULL THEN 1 ELSE 2 END", 2),
        ("CASE NULL WHEN NULL THEN 1 ELSE 2 END", 2),
        ("2 BETWEEN 1 AND NULL", None),
        ("'a_b' LIKE 'a\\_b' ESCAPE '\\'", True),
        ("'É' ILIKE 'é'", True),
        ("['a', 'b'][1]", "a"),
        ("['a', 'b'][3]", None),
        ("extract(day FROM DATE '2024-02-29')", 29),
        ("DATE '2024-03-01' - DATE '2024-02-28'", 2),
        ("CAST(DATE '2024-03-31' - INTERVAL 1 MONTH AS VARCHAR)", "2024-02-29 00:00:00"),
        ("CAST(DATE '2024-03-31' AS VARCHAR)", "2024-03-31"),
        ("CAST(TRUE AS VARCHAR)", "true"),
        ("CAST(CAST('1.50' AS DECIMAL(12,2)) AS VARCHAR)", "1.50"),
        ("CAST(CAST('0.1' AS DOUBLE) AS VARCHAR)", "0.1"),
        ("CAST(CAST(1 AS DOUBLE) AS VARCHAR)", "1.0"),
    ],
)
def test_an_expression_means_the_same_everywhere(engine: Engine, expression: str, value: object) -> None:
    assert column(engine, f"SELECT {expression} AS x") == [value]


def test_aggregates_leave_nulls_out_and_nothing_is_null(engine: Engine) -> None:
    rows = "(VALUES (1), (NULL), (3)) AS given(x)"
    assert engine.rows(f"SELECT count(*), count(x), sum(x), min(x), max(x), count(DISTINCT x) FROM {rows}") == [
        (3, 2, 4, 1, 3, 2)
    ]
    assert engine.rows(f"SELECT count(*), sum(x), min(x) FROM {rows} WHERE FALSE") == [(0, None, None)]
    assert engine.rows(f"SELECT sum(x) FROM {rows} WHERE FALSE GROUP BY x") == []
    assert engine.rows(f"SELECT count(*) FILTER (WHERE x > 1) FROM {rows}") == [(1,)]


def test_several_columns_are_counted_as_one_value(engine: Engine) -> None:
    rows = "(VALUES (1, 'a'), (1, 'a'), (1, 'b'), (NULL, 'b'), (NULL, 'b')) AS given(a, b)"
    assert column(engine, f"SELECT count(DISTINCT (a, b)) FROM {rows}") == [3]


def test_nulls_are_one_group_and_join_nothing(engine: Engine) -> None:
    rows = "(VALUES (1), (NULL), (NULL)) AS given(x)"
    assert engine.rows(f"SELECT x, count(*) FROM {rows} GROUP BY ALL ORDER BY x") == [(1, 1), (None, 2)]
    assert column(
        engine, f"SELECT count(*) FROM {rows} JOIN (VALUES (1), (NULL)) AS other(x) ON given.x = other.x"
    ) == [1]


def test_a_full_join_keeps_what_either_side_lacks(engine: Engine) -> None:
    left, right = "(VALUES (1, 'l'), (2, 'l')) AS l(k, v)", "(VALUES (2, 'r'), (3, 'r')) AS r(k, v)"
    joined = f"{left} FULL JOIN {right} ON l.k = r.k"
    assert engine.rows(f"SELECT coalesce(l.k, r.k) AS k, l.v IS NULL, r.v IS NULL FROM {joined} ORDER BY k") == [
        (1, False, True),
        (2, False, False),
        (3, True, False),
    ]


def test_a_subquery_may_look_out(engine: Engine) -> None:
    rows = "(VALUES (1), (2)) AS outer_rows(x)"
    inner = "(SELECT 1 FROM (VALUES (2)) AS inner_rows(y) WHERE inner_rows.y = outer_rows.x)"
    assert column(engine, f"SELECT x FROM {rows} WHERE NOT EXISTS {inner}") == [1]


def test_a_step_that_is_computed_once_may_be_read_often(engine: Engine) -> None:
    step = 'WITH "a step" AS MATERIALIZED (SELECT range AS x FROM range(4))'
    query = f'{step} SELECT sum(x) AS x FROM "a step" UNION ALL SELECT max(x) FROM "a step" ORDER BY x'
    assert column(engine, query) == [3, 6]


def test_lists_become_rows(engine: Engine) -> None:
    rows = "(VALUES (1, ['a', 'b']), (2, ['a'])) AS given(k, l)"
    query = f"SELECT r, count(*) FROM (SELECT k, unnest(l) AS r FROM {rows}) AS each_one GROUP BY r ORDER BY r"
    assert engine.rows(query) == [("a", 2), ("b", 1)]


@pytest.mark.parametrize(
    ("pattern", "text", "meets"),
    [
        ("a|ab", "ab", True),
        ("[0-9]+", "12x", False),
        (".", "é", True),
        (".", "😀", True),
        (".", "\n", False),
        ("(?i)OUI|non", "Non", True),
        (r"\d", "٣", False),
        ("a{2}", "aa", True),
        ("", "", True),
    ],
)
def test_a_pattern_is_held_against_the_whole_text(engine: Engine, pattern: str, text: str, meets: bool) -> None:
    assert column(engine, f"SELECT regexp_full_match('{text}', '{pattern}')") == [meets]


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "("])
def test_a_pattern_beyond_re2_is_refused(engine: Engine, pattern: str) -> None:
    with pytest.raises(EngineError):
        engine.rows(f"SELECT regexp_full_match('a', '{pattern}')")


@pytest.mark.parametrize("separator", [",", "||", "\\E", "\\E.\\Q", ".*"])
def test_a_separator_from_a_column_is_no_pattern(engine: Engine, separator: str) -> None:
    rows = f"(VALUES ('a{separator}b', '{separator}')) AS given(value, separator)"
    assert engine.rows(f"SELECT string_split(value, separator) FROM {rows}") == [(["a", "b"],)]
