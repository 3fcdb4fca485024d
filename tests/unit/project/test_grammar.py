"""The SQL of a project is read by an allow-list: what is known passes, and everything else is refused."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pytest
from sqlglot.errors import SqlglotError

from filon.project import grammar
from filon.project.functions import FILON, FUNCTIONS, LEAST_ARGUMENTS
from filon.project.grammar import SqlRefused, faults_in
from filon.project.query import one_expression, one_select

BY_GRAMMAR = {
    "cast",
    "coalesce",
    "extract",
    "grouping",
    "grouping_id",
    "if",
    "ifnull",
    "percentile_cont",
    "percentile_disc",
    "try_cast",
}
"""Known to DuckDB's grammar, and not listed among its functions."""

KNOWN = [
    "SELECT count(*), COUNT(DISTINCT a), sum(a) FILTER (WHERE b > 1) FROM t GROUP BY ALL HAVING count(*) > 1",
    "WITH s(d, a) AS (SELECT 1, 2), u AS MATERIALIZED (FROM s) SELECT s.* EXCLUDE (d), * REPLACE (1 AS a) FROM s, u",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT n FROM r",
    (
        "SELECT a FROM t LEFT JOIN u USING (a) SEMI JOIN v ON t.a = v.a, LATERAL (SELECT max(b) AS b FROM w "
        "WHERE w.a = t.a) x"
    ),
    (
        "SELECT unnest([1, 2]), d FROM generate_series(1, 3) AS g(d), unnest([4]) AS n(m), range(3) r, "
        "(VALUES (1, 2)) AS v(p, q)"
    ),
    (
        "SELECT a FROM t QUALIFY row_number() OVER (PARTITION BY b ORDER BY c DESC NULLS LAST) = 1 ORDER BY "
        "a LIMIT 3 OFFSET 1"
    ),
    (
        "SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), lag(a, 1) OVER w FROM t "
        "WINDOW w AS (ORDER BY a)"
    ),
    (
        "SELECT CASE WHEN a IN (1, 2) THEN 'x' ELSE NULL END, a BETWEEN 1 AND 2, NOT a IS DISTINCT FROM b, "
        "EXISTS (FROM u) FROM t"
    ),
    (
        "SELECT CAST(a AS DECIMAL(12, 2)), a::VARCHAR(10), TRY_CAST(a AS STRUCT(x INTEGER, y DATE)), DATE "
        "'2026-01-01' FROM t"
    ),
    (
        "SELECT extract(year FROM d), d - INTERVAL 3 DAY, INTERVAL (a) MONTH, d AT TIME ZONE 'Europe/Paris', "
        "trim(BOTH 'x' FROM a)"
    ),
    (
        "SELECT position('a' IN b), substring(a FROM 1 FOR 2), left(a, 1), right(a, 1), replace(a, 'b', "
        "'c'), \"upper\"(a) FROM t"
    ),
    "SELECT {'a': 1}.a, [1, 2][1], MAP {'k': 1}['k'], struct_pack(a := 1), (1, 2), (s).f, list(a ORDER BY b) FROM t",
    (
        "SELECT a LIKE 'x%' ESCAPE '!', a ILIKE 'b', a SIMILAR TO 'c', a ~ 'd', a || b, a // 2, a % 3, -a, 2 "
        "** 3, a & 1 FROM t"
    ),
    (
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a), quantile_cont(a, 0.5), string_agg(a, ',' "
        "ORDER BY b) FROM t"
    ),
    (
        "SELECT a FROM t GROUP BY ROLLUP (a, b), CUBE (c), GROUPING SETS ((d), ()) UNION BY NAME SELECT 1 AS "
        "a EXCEPT SELECT 2"
    ),
    'SELECT ratio(a, b), as_of(), local_date(m), age(as_of(), d), t."user", t.current_date FROM t -- now()',
    "SELECT 'now() read_text(''/etc/hostname'')' AS \"read_text(1)\" /* random() /* now() */ */ FROM t",
]

REFUSED = {
    "read_text": "SELECT content FROM orders, LATERAL read_text('/etc/hostname')",
    "glob": "SELECT file FROM orders, LATERAL glob('/etc/*')",
    "lateral unknown": "SELECT 1 FROM orders, LATERAL duckdb_settings() AS s",
    "read_blob": "SELECT size FROM read_blob('/etc/hostname')",
    "read_parquet": "SELECT count(*) FROM read_parquet('/lake/quarantine/orders/*.parquet')",
    "parquet_metadata": "SELECT 1 FROM parquet_metadata('/lake/gold/t/x.parquet')",
    "read_csv_auto in quotes": "SELECT 1 FROM \"read_csv_auto\"('/etc/passwd')",
    "with blanks and a comment": "SELECT 1 FROM read_text /* a */ ( '/etc/hostname' )",
    "in another case": "SELECT 1 FROM Read_Text('/etc/hostname')",
    "of the system's schema": "SELECT 1 FROM system.main.read_text('/etc/hostname')",
    "a known one of the system's schema": "SELECT 1 FROM system.main.range(3)",
    "summarize a file": "SELECT * FROM (SUMMARIZE '/etc/x.csv')",
    "summarize a table": "SELECT * FROM (SUMMARIZE orders)",
    "describe": "SELECT * FROM (DESCRIBE orders)",
    "show": "SELECT * FROM (SHOW ALL TABLES)",
    "a text as a table": "FROM '/etc/x.csv'",
    "a text as a joined table": "SELECT 1 FROM orders JOIN '/etc/x.csv' ON true",
    "a path in quotes": 'SELECT * FROM "/etc/x.csv"',
    "a name of a file": 'SELECT * FROM "x.parquet"',
    "a pattern in quotes": 'SELECT * FROM "*"',
    "a URL in quotes": 'SELECT * FROM "https://example.org/x.csv"',
    "a path behind a step": 'WITH "/etc/x.csv" AS (SELECT 1) SELECT * FROM "/etc/x.csv"',
    "pivot over a file": "PIVOT '/etc/x.csv' ON a USING sum(b)",
    "pivot": "SELECT * FROM (PIVOT orders ON channel USING count(*))",
    "pivot behind a table": "SELECT * FROM orders PIVOT (count(*) FOR channel IN ('a'))",
    "schema": "SELECT * FROM information_schema.tables",
    "catalog": "SELECT * FROM system.information_schema.tables",
    "a function of the catalog": "SELECT * FROM duckdb_tables()",
    "pragma as a function": "SELECT * FROM pragma_database_size()",
    "clock in quotes": 'SELECT "current_timestamp" FROM orders',
    "clock in quotes and capitals": 'SELECT "CURRENT_DATE" FROM orders',
    "clock without quotes": "SELECT current_timestamp FROM orders",
    "local clock": "SELECT localtimestamp, LOCALTIME FROM orders",
    "clock with a precision": "SELECT current_timestamp(3) FROM orders",
    "now": "SELECT now() FROM orders",
    "get_current_timestamp": "SELECT get_current_timestamp() FROM orders",
    "now in quotes": 'SELECT "now"() FROM orders',
    "age of one date": "SELECT age(ordered) FROM orders",
    "ago": "SELECT ago(INTERVAL 1 DAY) FROM orders",
    "clock in ORDER BY": "SELECT id FROM orders ORDER BY now()",
    "chance in ORDER BY": "SELECT id FROM orders ORDER BY random()",
    "uuid": "SELECT uuid() FROM orders",
    "sequence": "SELECT nextval('s') FROM orders",
    "sample": "SELECT id FROM orders TABLESAMPLE 10 ROWS",
    "sample with USING": "SELECT id FROM orders USING SAMPLE 10%",
    "setting": "SELECT current_setting('temp_directory') FROM orders",
    "variable": "SELECT getvariable('x') FROM orders",
    "environment": "SELECT getenv('HOME') FROM orders",
    "database": "SELECT current_database() FROM orders",
    "schema's name": "SELECT current_schema FROM orders",
    "user": "SELECT user FROM orders",
    "session user": "SELECT session_user FROM orders",
    "version": "SELECT version() FROM orders",
    "pg function": "SELECT pg_postmaster_start_time() FROM orders",
    "method": "SELECT '/etc/hostname'.read_text() FROM orders",
    "method of a column": "SELECT channel.upper() FROM orders",
    "chain of methods": "SELECT channel.trim().upper() FROM orders",
    "lambda": "SELECT list_transform([1], x -> x + 1) FROM orders",
    "lambda by its word": "SELECT list_filter([1], lambda x: x > 1) FROM orders",
    "comprehension": "SELECT [x + 1 FOR x IN [1]] FROM orders",
    "columns by a pattern": "SELECT COLUMNS('am.*') FROM orders",
    "columns": "SELECT min(COLUMNS(*)) FROM orders",
    "query": "SELECT * FROM query('SELECT 1')",
    "query_table": "SELECT * FROM query_table('orders')",
    "serialized SQL": "SELECT json_execute_serialized_sql('{}') FROM orders",
    "auto complete": "SELECT * FROM sql_auto_complete('SEL')",
    "error": "SELECT error('x') FROM orders",
    "sleep": "SELECT sleep_ms(1000) FROM orders",
    "write_log": "SELECT write_log('x') FROM orders",
    "parameter": "SELECT $1 FROM orders",
    "question mark": "SELECT ? FROM orders",
    "column by its place": "SELECT #1 FROM orders",
    "dollar quotes": "SELECT $$read_text('x')$$ FROM orders",
    "dollar quotes with a tag": "SELECT $a$ ' $a$ FROM orders",
    "escapes in a text": r"SELECT E'\' FROM orders",
    "national text": "SELECT N'a' FROM orders",
    "type as a function": "SELECT date('2026-01-01') FROM orders",
    "operator with a schema": "SELECT 1 OPERATOR(pg_catalog.+) 2 FROM orders",
    "control character": "SELECT 1 FROM orders -- \x00\n",
    "update lock": "SELECT id FROM orders FOR UPDATE",
    "unknown function": "SELECT lowr(channel) FROM orders",
    "function as a type with arguments": "SELECT id FROM orders WHERE read_text('x') IS NULL",
    "in a window": "SELECT sum(amount) OVER (ORDER BY random()) FROM orders",
    "in a filter": "SELECT count(*) FILTER (WHERE random() > 0.5) FROM orders",
    "in a join": "SELECT 1 FROM orders AS a JOIN orders AS b ON random() > 0.5",
    "in LIMIT": "SELECT 1 FROM orders LIMIT (SELECT count(*) FROM glob('/etc/*'))",
    "in GROUP BY": "SELECT 1 FROM orders GROUP BY random()",
    "in a struct": "SELECT {'a': now()} FROM orders",
    "in VALUES": "SELECT * FROM (VALUES (now())) AS v(a)",
    "in an interval": "SELECT INTERVAL (random()) DAY FROM orders",
    "in DISTINCT ON": "SELECT DISTINCT ON (random()) id FROM orders",
    "in a recursive step": "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 1 FROM read_text('x')) SELECT 1 FROM r",
}  # fmt: skip


def is_refused(text: str) -> bool:
    """Whether a text does not pass as a query: by its faults, or since it is not even one."""
    try:
        select = one_select(text)
        return bool(faults_in(select.sql))
    except SqlglotError:
        return True


@pytest.mark.parametrize("text", KNOWN)
def test_what_is_known_passes(text: str) -> None:
    assert faults_in(one_select(text).sql) == []


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_not_known_is_refused(text: str) -> None:
    assert is_refused(text)


@pytest.mark.parametrize(
    ("text", "line", "what", "fix"),
    [
        ("SELECT 1\nFROM orders,\nLATERAL read_text('x')", 3, "a query reads tables, not files", "contract"),
        ("SELECT\n1,\nlowr(channel) FROM orders", 3, "`lowr(…)` is not known", "did you mean `lower`?"),
        ('SELECT 1,\n"current_timestamp" FROM orders', 2, "gives another answer at each run", "as_of()"),
        ("SELECT 1,\nuser FROM orders", 2, "`user` is not known", 't."user"'),
        ("SELECT 1,\n random() FROM orders", 2, "`random()` gives another answer at each run", "surrogate_key()"),
        ("SELECT 1,\nchannel.upper() FROM orders", 2, "`upper(…)` is called behind a dot", "write upper(…) alone"),
        ("SELECT 1 FROM a.b\n", 1, "`a.b` names a schema or a file", "name the table alone"),
    ],
)
def test_a_fault_says_where_it_is_and_what_to_write(text: str, line: int, what: str, fix: str) -> None:
    [fault] = faults_in(text)
    assert (fault.line, what in fault.what, fix in fault.fix) == (line, True, True), fault


def test_a_column_in_quotes_is_no_call_where_it_is_known_to_be_one() -> None:
    assert faults_in('"user" IS NOT NULL', ["User"]) == []
    assert faults_in('"user" IS NOT NULL', ["name"])
    assert faults_in("user IS NOT NULL", ["user"])  # without quotes, an engine never takes it for the column


@pytest.mark.parametrize("text", ["a > 1; ATTACH 'x'", "a > 1;", "", "-- nothing", "a > 1 b c d"])
def test_an_expression_is_one(text: str) -> None:
    with pytest.raises(SqlglotError):
        one_expression(text)


BOMBS: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: "SELECT " + "(" * n + "1" + ")" * n,
    "brackets that stay open": lambda n: "SELECT " + "(" * n,
    "lists": lambda n: "SELECT " + "[" * n + "1" + "]" * n,
    "structs": lambda n: "SELECT " + "{'a': " * n + "1" + "}" * n,
    "CASE": lambda n: "SELECT " + "CASE WHEN a THEN " * n + "1" + " END" * n,
    "CASE that stays open": lambda n: "SELECT " + "CASE " * n,
    "NOT": lambda n: "SELECT " + "NOT " * n + "a",
    "NOT of an equality": lambda n: "SELECT " + "NOT a = " * n + "a",
    "signs": lambda n: "SELECT " + "- " * n + "1",
    "sums": lambda n: "SELECT 1" + " + 1" * n,
    "conditions": lambda n: "SELECT a" + " AND a" * n,
    "UNION ALL": lambda n: "SELECT 1, 2" + " UNION ALL SELECT 1, 2" * n,
    "joins": lambda n: "SELECT 1 FROM a" + " JOIN a" * n + " ON 1" * n,
    "FROM": lambda n: "FROM " * n + "t",
    "assignments": lambda n: "SELECT a" + " := a" * n,
    "casts": lambda n: "SELECT a" + "::INT" * n,
    "types": lambda n: "SELECT a::" + "STRUCT(x " * n + "INT" + ")" * n,
    "lists of a type": lambda n: "SELECT a::INT" + "[]" * n,
    "types as functions": lambda n: "SELECT " + "date(" * n + "1" + ")" * n,
    "types with arguments": lambda n: "SELECT a::" + "decimal(" * n + "1" + ")" * n,
    "functions": lambda n: "SELECT " + "lower(" * n + "a" + ")" * n,
    "windows": lambda n: "SELECT sum(a)" + " OVER ()" * n,
    "intervals": lambda n: "SELECT " + "INTERVAL " * n + "1 DAY",
    "steps": lambda n: "WITH a AS (" * n + "SELECT 1" + ") SELECT 1" * n,
    "subqueries": lambda n: "SELECT * FROM " + "(SELECT * FROM " * n + "t" + ")" * n,
    "columns": lambda n: "SELECT a" + ", a" * n,
    "a long text": lambda n: f"SELECT '{'a' * n}'",
    "a long comment": lambda n: f"SELECT 1 /* {'a' * n} */",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("size", [300, 3_000, 200_000])
def test_a_text_that_would_break_a_parser_never_reaches_it(bomb: Callable[[int], str], size: int) -> None:
    is_refused(bomb(size))  # refused or not, it comes back
    if size == 200_000:
        with pytest.raises(SqlRefused):
            one_select(bomb(size))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_calls_inside_calls_are_read_once(name: str) -> None:
    depth = grammar.MOST_BRACKETS - 2
    is_refused("SELECT " + f"{name}(" * depth + "1" + ")" * depth)  # an exponential parser would not come back


def stabilities() -> dict[str, set[str | None]]:
    """DuckDB's functions, each with what DuckDB says of its answers."""
    with duckdb.connect(config={"autoload_known_extensions": False}) as connection:
        rows = connection.execute("SELECT function_name, stability FROM duckdb_functions()").fetchall()
    found: dict[str, set[str | None]] = {}
    for name, stability in rows:
        found.setdefault(name, set()).add(stability)
    return found


def test_each_known_function_exists_and_gives_the_same_answer_each_time() -> None:
    known = stabilities()
    common = FUNCTIONS - set(FILON.split())
    assert common - known.keys() == BY_GRAMMAR
    assert {name for name in common & known.keys() if known[name] - {"CONSISTENT", None}} == set()


def test_no_known_function_reads_the_clock_however_few_arguments_it_has() -> None:
    with duckdb.connect(config={"autoload_known_extensions": False}) as connection:
        for name in ("now", "get_current_timestamp", "current_date", "current_localtimestamp", "today"):
            assert name not in FUNCTIONS
        shorter = connection.execute("SELECT age(DATE '2020-01-01')").fetchone()
    assert shorter != (None,)
    assert LEAST_ARGUMENTS == {"age": 2}
    assert is_refused("SELECT age(ordered) FROM orders")
