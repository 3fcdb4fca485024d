"""What Spark's spelling refuses, and how it reads regular expressions: no server is needed for that."""

from __future__ import annotations

import re

import pytest

from filon.engines import StatementInvalid
from filon.engines.spark.dialect import SparkDialect
from filon.engines.spark.expressions import Facts
from filon.engines.spark.regexes import replacement_to_java, to_java
from filon.engines.spark.scopes import Typed
from filon.engines.spark.terms import Unspellable
from filon.engines.spark.types import BIGINT, DATE, HUGEINT, TEXT, list_of
from filon.errors import ConfigError
from filon.pipeline.engine import Backends
from filon.project.loader import load_project
from filon.projects import retail
from filon.settings import Settings
from tests.engines.conftest import AS_OF
from tests.integration.conftest import free_ports


@pytest.fixture
def dialect() -> SparkDialect:
    dialect = SparkDialect(Facts("fr", "Europe/Paris", "2026-01-31"))
    columns = (Typed("n", BIGINT), Typed("day", DATE), Typed("word", TEXT), Typed("words", list_of(TEXT)))
    dialect.tables["t"] = columns
    return dialect


@pytest.mark.parametrize(
    ("query", "line", "why"),
    [
        ("SELECT n\nFROM nowhere", 2, "no table nowhere"),
        ("SELECT n,\nm FROM t", 2, "no column m"),
        ("SELECT\ngcd(n, 2) FROM t", 2, "gcd is not available on Spark"),
        ("SELECT\nregexp_matches(word, word) FROM t", 2, "regular expression as a text literal"),
        ("SELECT regexp_matches(word, '(?=a)') FROM t", 1, "RE2 does not know"),
        ("SELECT word + 1 FROM t", 1, "write a CAST"),
        ("SELECT n = word FROM t", 1, "no common type"),
        ("SELECT upper(n) FROM t", 1, "a text is asked for"),
        ("SELECT n IN (SELECT n FROM t) FROM t", 1, "use EXISTS"),
        ("SELECT n FROM t WHERE n = 1 OR NOT (n IN (SELECT n FROM t))", 1, "use EXISTS"),
        ("SELECT attempt(coalesce(CAST(word AS BIGINT), 0)) FROM t", 1, "inside of attempt"),
        ("SELECT a.n FROM t AS a, t AS b WHERE n = 1", 1, "a and b"),
        ("SELECT unnest(words) || 'x', unnest(words) || 'y' FROM t", 1, "several calls of unnest"),
        ("SELECT DISTINCT ON (n) n FROM t", 1, "DISTINCT ON"),
    ],
)
def test_what_spark_cannot_say_is_refused_with_its_line(dialect: SparkDialect, query: str, line: int, why: str) -> None:
    with pytest.raises(StatementInvalid, match=re.escape(why)) as found:
        dialect.spell(query)
    assert found.value.line == line


def test_columns_have_the_types_of_filons_sql(dialect: SparkDialect) -> None:
    query = "SELECT sum(n) AS total, max(day) - min(day) AS days, avg(n) AS mean, length(max(word)) AS size FROM t"
    assert [str(column.type) for column in dialect.compile(query).columns] == [
        str(HUGEINT),
        "BIGINT",
        "DOUBLE",
        "BIGINT",
    ]


def test_a_star_and_a_name_of_select_are_written_out(dialect: SparkDialect) -> None:
    spelled = dialect.spell("SELECT * EXCLUDE (words, word), n + 1 AS m FROM t WHERE m > 1 ORDER BY m DESC")
    assert spelled == (
        "SELECT `t`.`n`, `t`.`day`, (`t`.`n` + 1) AS `m` FROM `t` AS `t` WHERE ((`t`.`n` + 1) > CAST(1 AS BIGINT)) "
        "ORDER BY `m` DESC NULLS LAST"
    )


@pytest.mark.parametrize(
    ("pattern", "java"),
    [
        ("a$", r"a\z"),
        (r"\d+", "[0-9]+"),
        ("(?i)é", r"(?iu)\x{E9}"),
        ("[a&&b]", r"[a\x{26}\x{26}b]"),
        (r"\Qa.b\E", r"a\x{2E}b"),
        ("(?P<x>a)", "(?<x>a)"),
        ("[[:digit:]_]", r"[0-9\x{5F}]"),
        ("a{2,3}?", "a{2,3}?"),
        (".", "(?d)."),
    ],
)
def test_a_pattern_is_written_for_java(pattern: str, java: str) -> None:
    assert to_java(pattern) == java


@pytest.mark.parametrize(
    "pattern", ["(", ")", "*", "a**", "a++", "[b-a]", "[a", r"\1", r"\C", "(?m)^a", "(?<=a)b", "a{1001}"]
)
def test_a_pattern_that_is_none_of_re2_or_means_something_else_is_refused(pattern: str) -> None:
    with pytest.raises(Unspellable):
        to_java(pattern)


def test_a_digit_behind_a_group_stays_a_digit() -> None:
    assert replacement_to_java(r"\100$") == r"$1\0\0\$"


def test_a_server_that_does_not_answer_is_told_by_its_setting() -> None:
    settings = Settings(engine="spark", spark_remote=f"sc://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(ConfigError, match="FILON_SPARK_REMOTE"):
        Backends(settings, retail.FOLDER).make_engine(load_project(retail.FOLDER), AS_OF)
