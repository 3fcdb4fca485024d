"""Models over three small tables, in which locality is easily claimed or refused wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from filon.engines import SqlEngine
from filon.project import INTEGER, TEXT, Column, ColumnType, Kind, Model, Project, TypedColumn
from filon.project.loader import load_project
from filon.project.query import one_select, table_lines
from filon.projects import retail
from filon.stages.incremental import Reason

DATE, DOUBLE, TIMESTAMP = (ColumnType(kind) for kind in (Kind.DATE, Kind.DOUBLE, Kind.TIMESTAMP))
TABLES: Mapping[str, Mapping[str, ColumnType]] = {
    "t": {"id": INTEGER, "k": INTEGER, "g": TEXT, "d": DATE, "x": INTEGER},
    "u": {"k": INTEGER, "v": INTEGER, "w": TEXT, "m": INTEGER},
    "s": {"m": INTEGER, "z": TEXT, "k": INTEGER, "f": DOUBLE, "moment": TIMESTAMP},
}
COLUMNS = {name: tuple(map(TypedColumn._make, types.items())) for name, types in TABLES.items()}
Key = tuple[str, ...]

LOCAL: Mapping[str, tuple[Key, str]] = {
    "where": (("id",), "SELECT id, x FROM t WHERE x > 1 AND g IS NOT NULL"),
    "group": (("k",), "SELECT k, count(*) AS n, sum(x) AS s FROM t GROUP BY k"),
    "group by expression": (("month",), "SELECT strftime(d, '%Y-%m') AS month, sum(x) AS s FROM t GROUP BY month"),
    "group by position": (("month",), "SELECT strftime(d, '%Y-%m') AS month, sum(x) AS s FROM t GROUP BY 1"),
    "capitals of other alphabets": (
        ("Été",),
        'SELECT "Été", sum("Prix") AS "Σ" FROM (SELECT k AS "Été", x AS "Prix" FROM t) AS s GROUP BY "Été"',
    ),
    "group by all": (("k", "g"), "SELECT k, g, sum(x) AS s FROM t GROUP BY ALL"),
    "key of an expression of the group": (("p",), "SELECT coalesce(k, 0) + 1 AS p, min(x) AS s FROM t GROUP BY k"),
    "cast that may fail": (("n",), "SELECT CAST(g AS BIGINT) AS n, count(*) AS c FROM t WHERE g = '1' GROUP BY n"),
    "having": (("k",), "SELECT k, sum(x) AS x FROM t GROUP BY k HAVING sum(x) > 2 AND count(*) < 4"),
    "filter": (("k",), "SELECT k, count(*) FILTER (WHERE g = 'a') AS n, max(x) AS s FROM t GROUP BY k"),
    "named aggregate order": (("k",), "SELECT k, string_agg(g, ',' ORDER BY g, x) AS gs FROM t GROUP BY k"),
    "distinct": (("k",), "SELECT DISTINCT k, g FROM t"),
    "distinct on": (("k",), "SELECT DISTINCT ON (k) k, x, g, d, id FROM t ORDER BY k, x, g, d, id"),
    "window": (("k",), "SELECT k, x, sum(x) OVER (PARTITION BY k) AS s FROM t"),
    "window over more": (("k",), "SELECT k, x, rank() OVER (PARTITION BY k ORDER BY x) AS r FROM t"),
    "named window": (
        ("k",),
        "SELECT k, x, sum(x) OVER w AS s, count(*) OVER w AS c FROM t WINDOW w AS (PARTITION BY k)",
    ),
    "window over groups": (
        ("k",),
        "SELECT k, g, sum(x) AS s, sum(sum(x)) OVER (PARTITION BY k) AS total FROM t GROUP BY k, g",
    ),
    "qualify": (("k",), "SELECT k, x FROM t QUALIFY dense_rank() OVER (PARTITION BY k ORDER BY x DESC) = 1"),
    "part of the key": (("k", "g"), "SELECT k, g, count(*) OVER (PARTITION BY k) AS n FROM t"),
    "inner join": (("id",), "SELECT id, t.k, v, w FROM t INNER JOIN u ON t.k = u.k"),
    "inner join with a filter": (("id",), "SELECT id, v FROM t INNER JOIN u ON t.k = u.k AND u.v > t.x WHERE w <> 'a'"),
    "comma join": (("id",), "SELECT id, v FROM t, u WHERE t.k = u.k AND x = v"),
    "left join": (("id",), "SELECT id, v, w FROM t LEFT JOIN u ON t.k = u.k"),
    "left join without a match": (("id",), "SELECT id, x FROM t LEFT JOIN u ON t.k = u.k WHERE u.k IS NULL"),
    "left join with more": (("id",), "SELECT id, v FROM t LEFT JOIN u ON t.k = u.k AND u.v > 1 AND t.x < 3"),
    "left join using": (("k",), "SELECT k, x, v FROM t LEFT JOIN u USING (k)"),
    "right join": (("id",), "SELECT id, v FROM u RIGHT JOIN t ON t.k = u.k"),
    "left join that is inner": (("id",), "SELECT id, v, z FROM t LEFT JOIN u ON t.k = u.k INNER JOIN s ON s.m = u.m"),
    "chain": (("id",), "SELECT id, v, z FROM t LEFT JOIN u ON t.k = u.k LEFT JOIN s ON u.m = s.m"),
    "inner chain": (("id",), "SELECT id, v, z FROM s JOIN u ON u.m = s.m JOIN t ON t.k = u.k"),
    "chain to a group": (
        ("id",),
        """WITH n AS (SELECT m, count(*) AS c, max(k) AS k FROM s GROUP BY m)
        SELECT id, v, c FROM t LEFT JOIN u ON t.k = u.k LEFT JOIN n ON n.m = u.m""",
    ),
    "left join of coalesce": (
        ("id",),
        "SELECT id, v, z FROM t LEFT JOIN u ON t.k = u.k LEFT JOIN s ON s.m = coalesce(t.x, 1)",
    ),
    "lookup of groups": (
        ("id",),
        """WITH per AS (SELECT k, sum(v) AS s FROM u GROUP BY k HAVING count(*) > 1)
        SELECT id, x, s FROM t LEFT JOIN per ON per.k = t.x""",
    ),
    "groups of a lookup": (("g",), "SELECT g, sum(v) AS s FROM t LEFT JOIN u ON t.k = u.k GROUP BY g"),
    "key of the second table": (("w",), "SELECT w, count(*) AS n, sum(x) AS s FROM t JOIN u ON t.k = u.k GROUP BY w"),
    "both by key": (
        ("k",),
        """WITH a AS (SELECT k, sum(x) AS s FROM t GROUP BY k), b AS (SELECT k, max(v) AS v FROM u GROUP BY k)
        SELECT a.k, s, v FROM a LEFT JOIN b ON a.k = b.k""",
    ),
    "full join": (
        ("k",),
        """WITH a AS (SELECT k, sum(x) AS s FROM t GROUP BY k)
        SELECT coalesce(a.k, u.k) AS k, s, v FROM a FULL JOIN u ON a.k = u.k""",
    ),
    "full join using": (("k",), "SELECT k, x, v FROM t FULL OUTER JOIN u USING (k)"),
    "full join and a lookup": (
        ("k",),
        "SELECT coalesce(t.k, u.k) AS k, x, v, z FROM t FULL JOIN u ON t.k = u.k LEFT JOIN s ON s.m = u.m",
    ),
    "self join": (("id",), "SELECT a.id, a.x, b.x AS y FROM t AS a LEFT JOIN t AS b ON a.k = b.id"),
    "self join by key": (("k",), "SELECT a.k, a.x, b.x AS y FROM t AS a JOIN t AS b ON a.k = b.k AND a.x < b.x"),
    "step read twice": (
        ("k",),
        """WITH n AS (SELECT k, sum(x) AS s FROM t GROUP BY k)
        SELECT a.k, a.s, b.s AS p FROM n AS a LEFT JOIN n AS b ON a.k = b.k""",
    ),
    "step read twice, by other columns": (
        ("k",),
        """WITH n AS (SELECT k, max(x) AS s FROM t GROUP BY k)
        SELECT a.k, a.s, b.s AS p FROM n AS a LEFT JOIN n AS b ON a.s = b.k""",
    ),
    "step of the table's name": (
        ("k",),
        """WITH t AS (SELECT * FROM t WHERE x > 0)
        SELECT k, count(*) AS n FROM t GROUP BY k""",
    ),
    "union all": (("k",), "SELECT k, x AS n FROM t UNION ALL SELECT k, v FROM u"),
    "union all of kinds": (("kind", "k"), "SELECT 'a' AS kind, k FROM t UNION ALL SELECT 'b', k FROM u"),
    "union": (("k",), "SELECT k, x FROM t UNION SELECT k, v FROM u UNION SELECT 1, 2"),
    "except": (("k",), "SELECT k, x FROM t EXCEPT SELECT k, v FROM u"),
    "intersect all": (("k",), "SELECT k, x FROM t INTERSECT ALL SELECT k, v FROM u"),
    "groups of a union": (
        ("k",),
        "SELECT k, sum(n) AS n FROM (SELECT k, x AS n FROM t UNION ALL SELECT k, v FROM u) AS b GROUP BY k",
    ),
    "in": (("id",), "SELECT id, x FROM t WHERE k IN (SELECT k FROM u WHERE v > 1)"),
    "in groups": (("id",), "SELECT id, x FROM t WHERE k IN (SELECT k FROM u GROUP BY k HAVING count(*) > 1)"),
    "pairs in": (("id",), "SELECT id FROM t WHERE (k, x) IN (SELECT k, v FROM u)"),
    "exists": (("id",), "SELECT id, x FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k AND u.v > 1)"),
    "not exists": (("k",), "SELECT k, x FROM t WHERE NOT EXISTS (SELECT * FROM u WHERE u.k = t.k AND w = 'a')"),
    "exists over a join": (
        ("id",),
        "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u JOIN s ON u.m = s.m WHERE u.k = t.k AND s.k = t.x)",
    ),
    "semi join": (("id",), "SELECT id, x FROM t SEMI JOIN u ON t.k = u.k AND u.v > t.x"),
    "anti join": (("id",), "SELECT t.id, t.x FROM t ANTI JOIN u ON t.k = u.k"),
    "scalar subquery of another table": (("id",), "SELECT id, x, (SELECT max(v) FROM u) AS m FROM t"),
    "cross join of a total": (("id",), "SELECT id, x, n FROM t CROSS JOIN (SELECT count(*) AS n FROM u) AS c"),
    "own functions": (("key",), "SELECT surrogate_key(g) AS key, title_case(g) AS name, ratio(x, 2) AS r FROM t"),
    "alias that hides a column": (
        ("id",),
        "SELECT id, coalesce(x, 0) AS x, CASE WHEN x > 1 THEN 'a' ELSE 'b' END AS c FROM t",
    ),
    "another order of steps": (
        ("g",),
        """WITH a AS (SELECT * FROM t), b AS (SELECT g, k, x FROM a WHERE k > 0)
        SELECT g, count(DISTINCT k) AS n FROM b GROUP BY g""",
    ),
    "unnest beside the key": (("id",), "SELECT id, unnest([x, k]) AS y FROM t"),
    "null as a key": (("p",), "SELECT nullif(k, 1) AS p, count(*) AS n FROM t GROUP BY p"),
    "regular expression": (("id",), "SELECT id, g FROM t WHERE g ~ '[ab]'"),
    "regular expression in a lookup": (
        ("id",),
        "SELECT id, v FROM (SELECT * FROM t WHERE g ~ 'a.*') AS t LEFT JOIN u ON t.k = u.k",
    ),
    "lookup beside a subquery": (
        ("id",),
        "SELECT id, v FROM t JOIN (SELECT k, v FROM u WHERE v IN (SELECT m FROM s)) AS l ON l.k = t.k",
    ),
    "values": (("k",), "SELECT t.k, x, c.one FROM t CROSS JOIN (SELECT 1 AS one) AS c"),
    "letters beyond ASCII": (("id",), "SELECT id, 'é€😀' AS e /* 😀 « é » */ FROM t /* é */ LEFT JOIN u ON t.k = u.k"),
    "names in quotes and capitals": (
        ("id",),
        'SELECT "T"."ID" AS id, V FROM "T" LEFT JOIN U AS "L M" ON "L M"."K" = T.K',
    ),
    "FROM first": (("id",), "FROM t SELECT id, x"),
    "comma join from the other side": (("id",), "SELECT id, v FROM u, t WHERE u.k = t.k"),
    "day in the time zone": (("day",), "SELECT local_date(moment) AS day, count(*) AS n FROM s GROUP BY day"),
    "joined by expressions": (
        ("id",),
        "SELECT id, z FROM t LEFT JOIN s ON strftime(t.d, '%Y-%m') = strftime(local_date(s.moment), '%Y-%m')",
    ),
    "joined by a cast that may fail": (("id",), "SELECT id, z FROM t LEFT JOIN s ON try_cast(t.g AS BIGINT) = s.m"),
    "joined by null-safe equality beside another": (
        ("id",),
        "SELECT id, v FROM t LEFT JOIN u ON t.k = u.k AND t.g IS NOT DISTINCT FROM u.w",
    ),
    "filter of what a left join lacks": (
        ("id",),
        "SELECT id, v FROM t LEFT JOIN u ON t.k = u.k WHERE coalesce(v, 1) = x",
    ),
    "left join whose right side has the key": (
        ("k",),
        """WITH l AS (SELECT k, count(*) AS n FROM u GROUP BY k)
        SELECT t.k, sum(coalesce(n, 0)) AS n FROM t LEFT JOIN l ON l.k = t.k WHERE l.k IS NULL OR n < 3 GROUP BY t.k""",
    ),
    "left join between the key and its table": (
        ("id",),
        "SELECT t.id, z FROM u LEFT JOIN s ON u.m = s.m INNER JOIN t ON t.k = s.k",
    ),
    "a condition in ON of a later left join": (
        ("id",),
        "SELECT t.id, v, z FROM t CROSS JOIN u LEFT JOIN s ON s.m = u.m AND s.k = t.k",
    ),
    "full join of groups that both filter": (
        ("k",),
        """WITH a AS (SELECT k, count(*) AS n FROM t GROUP BY k HAVING count(*) > 1),
        b AS (SELECT k, max(v) AS v FROM u GROUP BY k)
        SELECT k, n, v FROM a FULL JOIN b USING (k) WHERE n IS NULL OR v IS NULL OR n < v""",
    ),
    "month of a full join": (
        ("p",),
        "SELECT coalesce(t.k, u.k) + 1 AS p, count(*) AS n FROM t FULL JOIN u ON t.k = u.k AND t.x = u.v GROUP BY p",
    ),
    "left join of a union": (
        ("id",),
        """SELECT t.id, n FROM t LEFT JOIN (SELECT k, v AS n FROM u UNION ALL SELECT k, m FROM s) AS l ON l.k = t.k""",
    ),
    "window over a lookup": (
        ("k",),
        "SELECT t.k, t.x, sum(v) OVER (PARTITION BY t.k ORDER BY t.x) AS s FROM t LEFT JOIN u ON u.m = t.x",
    ),
    "lookup with a window": (
        ("id",),
        """SELECT id, r FROM t LEFT JOIN (
            SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v, w, m) AS r FROM u
        ) AS l ON l.k = t.k AND l.v = t.x""",
    ),
    "not in a subquery of another table": (("id",), "SELECT id FROM t WHERE k NOT IN (SELECT k FROM u)"),
    "in or": (("id",), "SELECT id FROM t WHERE x = 1 OR k IN (SELECT k FROM u)"),
    "correlated subquery of another table": (("id",), "SELECT id, (SELECT max(v) FROM u WHERE u.k = t.k) AS v FROM t"),
    "exists that names the outer table again": (
        ("id",),
        "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t AS o WHERE o.k = t.x AND o.g = 'a')",
    ),
    "not exists of a group's key": (
        ("k",),
        """SELECT k, n FROM (SELECT k, count(*) AS n FROM t GROUP BY k) AS g
        WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.v = g.n)""",
    ),
    "anti join of a lookup": (("id",), "SELECT id FROM (SELECT id, x FROM t ANTI JOIN u ON t.k = u.k) AS l"),
    "three steps that share one": (
        ("k",),
        """WITH a AS (SELECT * FROM t WHERE x IS NOT NULL),
        b AS (SELECT k, sum(x) AS s FROM a GROUP BY k),
        c AS (SELECT k, count(DISTINCT g) AS n FROM a GROUP BY k)
        SELECT b.k, s, n, (s + n) AS total FROM b INNER JOIN c ON b.k = c.k""",
    ),
    "key of one branch twice": (
        ("k",),
        "SELECT k, x FROM t WHERE g = 'a' UNION ALL SELECT k, x + 1 FROM t WHERE g = 'b' UNION ALL SELECT x, k FROM t",
    ),
    "key joined with itself": (("k",), "SELECT t.k, u.v FROM u INNER JOIN t ON t.k = u.k AND t.k = u.v"),
    "having under the name of a column": (
        ("id",),
        """SELECT t.id, l.v FROM t LEFT JOIN (
            SELECT k, sum(v) AS v FROM u GROUP BY k HAVING sum(v) > 1
        ) AS l ON l.k = t.k""",
    ),
    "tables under each other's names": (("id",), "SELECT u.id, t.v FROM t AS u LEFT JOIN u AS t ON u.k = t.k"),
}
"""By name: the key, and a SELECT that is local in it or in a part of it."""


REFUSED: Mapping[str, tuple[Key, str, Reason, int | None]] = {
    "no key": ((), "SELECT k FROM t", Reason.NO_KEY, None),
    "window": (("k",), "SELECT k,\n  sum(x) OVER () AS s\nFROM t", Reason.WINDOW_WITHOUT_PARTITION, 2),
    "window in qualify": (
        ("k",),
        "SELECT k FROM t QUALIFY row_number() OVER (ORDER BY x) < 9",
        Reason.WINDOW_WITHOUT_PARTITION,
        1,
    ),
    "window of others": (
        ("k",),
        "SELECT k, sum(x) OVER (PARTITION BY g) AS s FROM t",
        Reason.WINDOW_ACROSS_KEYS,
        1,
    ),
    "one of two windows": (
        ("k",),
        "SELECT k, sum(x) OVER (PARTITION BY k) AS s, max(x) OVER w AS m FROM t WINDOW w AS (PARTITION BY g)",
        Reason.WINDOW_ACROSS_KEYS,
        1,
    ),
    "distinct on others": (("k",), "SELECT DISTINCT ON (g) k, g FROM t ORDER BY g, k", Reason.WINDOW_ACROSS_KEYS, 1),
    "total": (("n",), "SELECT count(*) AS n FROM t", Reason.AGGREGATE_WITHOUT_GROUP, 1),
    "total under a filter": (("n",), "SELECT 1 AS n FROM t HAVING count(*) > 1", Reason.AGGREGATE_WITHOUT_GROUP, 1),
    "share of a total": (
        ("id",),
        "SELECT id, x / n AS y FROM t CROSS JOIN (SELECT sum(x) AS n FROM t) AS c",
        Reason.AGGREGATE_WITHOUT_GROUP,
        1,
    ),
    "rollup": (("k",), "SELECT k, count(*) AS n FROM t GROUP BY ROLLUP (k)", Reason.GROUPING_SETS, 1),
    "grouping sets": (("k",), "SELECT k, g FROM t GROUP BY GROUPING SETS ((k), (k, g))", Reason.GROUPING_SETS, 1),
    "limit": (("id",), "SELECT id FROM t ORDER BY id LIMIT 3", Reason.LIMIT, 1),
    "limit in brackets": (("id",), "SELECT id FROM ((SELECT id FROM t) LIMIT 3) AS l", Reason.LIMIT, 1),
    "limit of a union": (("k",), "SELECT k FROM t UNION ALL SELECT k FROM u LIMIT 3", Reason.LIMIT, 1),
    "key of an aggregate": (("m",), "SELECT k, max(x) AS m FROM t GROUP BY k", Reason.KEY_NOT_FROM_INPUT, 1),
    "key of a window": (
        ("r",),
        "SELECT rank() OVER (PARTITION BY k ORDER BY x) AS r FROM t",
        Reason.WINDOW_ACROSS_KEYS,
        1,
    ),
    "key of a literal": (("one",), "SELECT 1 AS one, k FROM t", Reason.KEY_NOT_FROM_INPUT, 1),
    "key of the optional side": (
        ("v",),
        "SELECT v, count(*) AS n FROM t LEFT JOIN u ON t.k = u.k GROUP BY v",
        Reason.KEY_FROM_OPTIONAL_SIDE,
        1,
    ),
    "one side of a full join": (
        ("k",),
        "SELECT t.k, v FROM t FULL JOIN u ON t.k = u.k",
        Reason.KEY_FROM_OPTIONAL_SIDE,
        1,
    ),
    "coalesce of what is not joined": (
        ("k",),
        "SELECT coalesce(t.k, u.k) AS k FROM t FULL JOIN u ON t.x = u.v",
        Reason.KEY_FROM_OPTIONAL_SIDE,
        1,
    ),
    "key of two inputs": (
        ("p",),
        "SELECT t.x + u.v AS p, count(*) AS n FROM t JOIN u ON t.k = u.k GROUP BY p",
        Reason.KEY_FROM_SEVERAL_INPUTS,
        1,
    ),
    "floating point": (("f",), "SELECT f, count(*) AS n FROM s GROUP BY f", Reason.KEY_NOT_EXACT, 1),
    "expression of floating point": (
        ("p",),
        "SELECT CAST(f AS VARCHAR) AS p, count(*) AS n FROM s GROUP BY p",
        Reason.KEY_NOT_EXACT,
        1,
    ),
    "branches of two types": (("k",), "SELECT k FROM t UNION ALL SELECT w FROM u", Reason.KEY_TYPES_DIFFER, 1),
    "union by name": (("k",), "SELECT k, x FROM t UNION ALL BY NAME SELECT v AS x, k FROM u", Reason.NOT_UNDERSTOOD, 1),
    "recursion": (
        ("k",),
        "WITH RECURSIVE r AS (SELECT k, x FROM t UNION ALL SELECT k, x - 1 FROM r WHERE x > 0) SELECT k, x FROM r",
        Reason.RECURSIVE,
        1,
    ),
    "the clock": (("id",), "SELECT id, random() AS r FROM t", Reason.NON_DETERMINISTIC, None),
    "first of a group": (("k",), "SELECT k, first(x) AS f FROM t GROUP BY k", Reason.ORDER_DEPENDENT, 1),
    "list without order": (("k",), "SELECT k, string_agg(g, ',') AS f FROM t GROUP BY k", Reason.ORDER_DEPENDENT, 1),
    "row number without order": (
        ("k",),
        "SELECT k, row_number() OVER (PARTITION BY k) AS f FROM t",
        Reason.ORDER_DEPENDENT,
        1,
    ),
    "named window without order": (
        ("k",),
        "SELECT k, lag(x) OVER w AS f FROM t WINDOW w AS (PARTITION BY k)",
        Reason.ORDER_DEPENDENT,
        1,
    ),
    "subquery of the same table": (
        ("id",),
        "SELECT id, x > (SELECT avg(x) FROM t) AS is_more FROM t",
        Reason.SCALAR_SUBQUERY,
        1,
    ),
    "not in": (("id",), "SELECT id FROM t WHERE k NOT IN (SELECT x FROM t)", Reason.SCALAR_SUBQUERY, 1),
    "having with a subquery": (
        ("k",),
        "SELECT k, sum(x) AS x FROM t GROUP BY k HAVING sum(x) > (SELECT max(v) FROM u)",
        Reason.SCALAR_SUBQUERY,
        1,
    ),
    "range join of one table": (
        ("id",),
        "SELECT a.id, count(*) AS n FROM t AS a LEFT JOIN t AS b ON b.x < a.x GROUP BY a.id",
        Reason.JOIN_WITHOUT_EQUALITY,
        1,
    ),
    "natural join": (("id",), "SELECT id FROM t NATURAL JOIN u", Reason.JOIN_NOT_UNDERSTOOD, 1),
    "positional join": (("id",), "SELECT t.id FROM t POSITIONAL JOIN u", Reason.JOIN_NOT_UNDERSTOOD, 1),
    "asof join": (("id",), "SELECT t.id FROM t ASOF JOIN u ON t.k = u.k AND t.x >= u.v", Reason.JOIN_NOT_UNDERSTOOD, 1),
    "using after a full join": (
        ("k",),
        "SELECT k FROM t FULL JOIN u USING (k) LEFT JOIN s USING (k)",
        Reason.JOIN_NOT_UNDERSTOOD,
        1,
    ),
    "late full join": (
        ("id",),
        "SELECT t.id FROM t JOIN u ON t.k = u.k FULL JOIN s ON s.m = u.m",
        Reason.JOIN_NOT_UNDERSTOOD,
        1,
    ),
    "rows of a function": (
        ("p",),
        "SELECT unnest(generate_series(k, x)) AS p FROM t",
        Reason.TABLE_FUNCTION,
        1,
    ),
    "function in FROM": (("id",), "SELECT id, i FROM t, unnest([x, k]) AS l(i)", Reason.TABLE_FUNCTION, 1),
    "a name with two meanings": (
        ("b",),
        "SELECT k AS b, x % 2 AS k FROM t QUALIFY count(*) OVER (PARTITION BY k) > 1",
        Reason.AMBIGUOUS_NAME,
        1,
    ),
    "steps that double": (
        ("k",),
        "WITH a0 AS (SELECT k FROM t), "
        + ", ".join(f"a{n} AS (SELECT k FROM a{n - 1} UNION ALL SELECT k FROM a{n - 1})" for n in range(1, 20))
        + " SELECT k FROM a19",
        Reason.TOO_LARGE,
        1,
    ),
    "collation": (("g",), "SELECT g COLLATE NOCASE AS g, count(*) AS n FROM t GROUP BY 1", Reason.NOT_UNDERSTOOD, 1),
}
"""By name: the key, a SELECT that is computed whole, why, and the line that is named."""


@cache
def retail_project() -> Project:
    """A project whose documents stand behind the contracts here."""
    return load_project(retail.FOLDER)


def model_of(engine: SqlEngine, sql: str, key: Key) -> Model:
    """A model of a SELECT over the tables, with the columns that it gives."""
    for name, columns in COLUMNS.items():
        engine.bind(name, [], columns)
    found = [Column(name, kind if isinstance(kind, ColumnType) else INTEGER) for name, kind in engine.describe(sql)]
    return model(sql, key, found)


def model(sql: str, key: Key, columns: list[Column]) -> Model:
    """A model with these columns."""
    example = retail_project().models["dim_clients"]
    contract = replace(example.contract, name="m", columns=tuple(columns), key=key, checks=())
    inputs = tuple(sorted({name.lower() for name in table_lines(one_select(sql).tree)}))
    return replace(example, contract=contract, sql=sql, inputs=inputs)
