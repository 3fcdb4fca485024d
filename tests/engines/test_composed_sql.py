"""The SQL that Filon composes is the SQL that projects are written in: one dialect carries both to an engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import sqlglot
from sqlglot import ErrorLevel, TokenType

from filon.engines import Engine
from filon.explain.rejected import rejected_rows
from filon.explain.rows import explain
from filon.lake import Lake, Sources
from filon.pipeline.cluster import make_workers
from filon.pipeline.engine import Backends
from filon.pipeline.layers import PipelineRun, Review
from filon.pipeline.runner import DirectRunner, Until
from filon.project import TEXT, Column, ColumnType, Kind, Project
from filon.project.functions import FUNCTIONS, GROUPS
from filon.project.grammar import faults_in
from filon.project.guard import parse_rule
from filon.project.loader import load_project
from filon.project.modeltests import load_model_tests
from filon.project.vocabulary import Case, Dialect, Negative, Normalise, Percent
from filon.projects import retail
from filon.projects.retail.generate import generate
from filon.serving.mongo.store import MongoStore
from filon.serving.protocol import Store
from filon.serving.stores import open_store
from filon.settings import Settings
from filon.sql import DIALECT
from filon.stages.context import Context, Inputs
from filon.stages.rules import judged_query, raw_record
from filon.stages.silver.states import states_query
from filon.validation.model_tests import run_model_test
from filon.verification.rows import verify_rows
from tests.engines.conftest import AS_OF
from tests.engines.recording import RecordingEngine

SPARK = "spark"
OWN = "a function of Filon: it must be defined there"
ALIKE = """
    abs cast chr coalesce concat_ws contains count day extract floor greatest lag lead least left length list_contains
    lower max min month nullif quarter replace row_number sqrt string_split strpos substr sum try_cast unnest upper week
    year
"""
CALLED: dict[str, str] = {
    **dict.fromkeys(GROUPS["Filon's own"], OWN),
    **dict.fromkeys(ALIKE.split(), ""),
    "generate_series": "in FROM, the names behind AS are lost",
    "isodow": "sqlglot counts from DAYOFWEEK as if it began on another day: Monday would be 3",
    "json_extract_string": "its path is a JSON pointer, where GET_JSON_OBJECT reads a JSONPath",
    "quantile_cont": "PERCENTILE_CONT takes its column by WITHIN GROUP there",
    "regexp_full_match": "Spark has no such function, and its RLIKE looks for a part, by Java's rules instead of RE2's",
    "regexp_replace": "Spark reads it by Java's rules instead of RE2's, and writes $1 for \\1",
    "strip_accents": "Spark has no such function",
    "strftime": "DATE_FORMAT has letters for most formats only",
    "timezone": "Spark has no such function",
    "trim": "sqlglot swaps the arguments, and their characters must then not be an expression",
}
"""What composed SQL and the retail project call; where sqlglot's spelling for Spark is not enough, why."""


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every query of a first run, of one after changes, of explaining rows, of model tests, and of a failing load."""
    folder = tmp_path_factory.mktemp("recorded")
    project, seen = load_project(retail.FOLDER), set[str]()
    lake, store = Lake(str(folder / "lake")), open_store(f"sqlite:///{folder / 'store.db'}")
    for number, purchases in enumerate((10_500, 10_800)):
        generate(folder / "sources", purchases, seed=number, dirty=0.02)
        _run(project, lake, store, folder, seen, number)
    for engine in _engine(project, folder, seen, lake):
        _look(project, lake, engine)
        for test in load_model_tests(project):
            run_model_test(engine, project, test)
    return seen


def _run(project: Project, lake: Lake, store: Store, folder: Path, seen: set[str], number: int) -> None:
    workspace = folder / f"work-{number}"
    workspace.mkdir()
    sources = Sources(str(folder / "sources"))
    backends = Backends(Settings(threads=2), workspace, [*lake.places, *sources.places])
    context = Context(
        project=project,
        lake=lake,
        inputs=Inputs(f"run-{number}", dt.datetime(2026, 1, 31, number, tzinfo=dt.UTC), AS_OF, "recording"),
        workspace=workspace,
        make_reader=backends.make_reader,
        make_engine=lambda: RecordingEngine(backends.make_engine(project, AS_OF), seen),
    )
    workers, review = make_workers(context, sources, backends), Review([parse_rule("rows_added > 1000000")], True)
    report = PipelineRun(context, sources, workers, store, DirectRunner(), Until.SERVING, 2, review).execute()
    context.close()
    assert report.status == "published", report.error


def _engine(project: Project, folder: Path, seen: set[str], lake: Lake) -> Iterator[Engine]:
    engine = Backends(Settings(threads=2), folder, lake.places).make_engine(project, AS_OF)
    yield RecordingEngine(engine, seen)
    engine.close()


def _look(project: Project, lake: Lake, engine: Engine) -> None:
    release = lake.release()
    assert release is not None
    ledger = lake.ledger()
    for model in project.models.values():
        names = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in model.contract.key)
        engine.bind(
            model.name, lake.paths(release.tables[f"gold/{model.name}"]), release.tables[f"gold/{model.name}"].columns
        )
        [key] = engine.rows(f"SELECT {names} FROM {model.name} ORDER BY ALL LIMIT 1")
        explain(engine, project, lake, release, ledger, model.name, key)
    for build in release.tables.values():
        verify_rows(engine, lake, build)
    rejected_rows(engine, lake, ledger, project.datasets, file="achats.csv", reason="montant:minimum", limit=5)


def plain_names(query: str) -> str:
    """A query whose quoted names are plain words: composed SQL keeps its own tables apart by a blank in their names."""
    parts, end = [], 0
    for token in sqlglot.tokenize(query, dialect=DIALECT):
        if token.token_type is TokenType.IDENTIFIER and not token.text.isidentifier():
            word = "".join(letter if letter.isalnum() else f"_{ord(letter)}_" for letter in token.text)
            parts += [query[end : token.start], f'"x{word}"']
            end = token.end + 1
    return "".join([*parts, query[end:]])


def calls_in(query: str) -> frozenset[str]:
    """The functions that a query calls."""
    words = pairwise(sqlglot.tokenize(query, dialect=DIALECT))
    return FUNCTIONS & {word.text.lower() for word, after in words if after.token_type is TokenType.L_PAREN}


def of_every_type() -> tuple[Column, ...]:
    """A column of each type that a contract declares."""
    kinds = [ColumnType(kind) for kind in Kind if kind not in (Kind.DECIMAL, Kind.TEXTS)]
    cases = [Column(f"name {case}", TEXT, normalise=Normalise(case=case, canonical=("É",))) for case in Case]
    decimals = [ColumnType(Kind.DECIMAL, 12, 2), ColumnType(Kind.DECIMAL, 38, 6)]
    return *(Column(str(kind), kind, required=True, format="yyyy-MM-dd") for kind in [*kinds, *decimals]), *cases


MOMENTS = (Kind.DATE, Kind.TIMESTAMP)
SPELLED = Dialect(
    decimal=",", grouping=". ", currency=("€",), percent=Percent.DIVIDE, negative=tuple(Negative), true="oui"
)


def judging() -> Iterator[str]:
    """Queries that judge records of columns of every type, one of which no contract declares."""
    dataset = load_project(retail.FOLDER).datasets["achats"]
    contract = replace(dataset.contract, columns=of_every_type(), key=())
    fields = [(contract.columns[0].name, True), ("not/declared", False)]
    for dialect in (dataset.dialect, SPELLED):
        given = replace(dataset, contract=contract, dialect=dialect)
        yield judged_query(given, AS_OF, raw_record(fields, dialect))
    formats = ("EEEE d MMM yyyy[ h:mm:ss[.SSS] a][XXX]", "yyyyMMdd")
    columns = [Column(kind, ColumnType(kind), format=formats[0], other_formats=formats[1:]) for kind in MOMENTS]
    named = replace(dataset, contract=replace(contract, columns=tuple(columns)), rules=())
    yield judged_query(named, AS_OF, "_raw")


def telling_states() -> Iterator[str]:
    """Queries for the states of keys, of columns of every type: by the order of files, by dates and by timestamps."""
    dataset = load_project(retail.FOLDER).datasets["clients"]
    columns = of_every_type()
    for newest in (None, *(str(ColumnType(kind)) for kind in MOMENTS)):
        contract = replace(dataset.contract, columns=columns, key=(columns[0].name,))
        yield states_query(replace(dataset, contract=contract, newest=newest))


def storing() -> Iterator[str]:
    """What stores ask of an engine for columns of every type."""
    for store in (open_store("sqlite:///never-written.db"), MongoStore("mongodb://127.0.0.1:1/never-asked")):
        for column in of_every_type():
            holds = [limit.holds for limit in store.limits(column)]
            yield f"SELECT {', '.join([store.encoding(column), *holds])} FROM facts"


@pytest.fixture(scope="module")
def composed(queries: set[str]) -> set[str]:
    """All of them."""
    return queries | {*judging(), *storing(), *telling_states()}


def test_a_run_asks_much(queries: set[str]) -> None:
    assert len(queries) > 100
    for part in (
        "AS MATERIALIZED",
        "FULL JOIN",
        "IS DISTINCT FROM",
        "unnest(",
        "row_number()",
        "FILTER",
    ):
        assert any(part in query for query in queries), f"{part} is among the queries"


def test_composed_sql_is_made_of_what_projects_may_write(composed: set[str]) -> None:
    faults = {query: found for query in composed if (found := faults_in(plain_names(query)))}
    assert faults == {}


def test_composed_sql_can_be_spelled_for_another_engine(composed: set[str]) -> None:
    for query in composed:
        [spelled] = sqlglot.transpile(query, read=DIALECT, write=SPARK, unsupported_level=ErrorLevel.RAISE)
        assert sqlglot.parse_one(spelled, dialect=SPARK) is not None


def test_the_functions_that_are_called_are_those_whose_spelling_is_known(composed: set[str]) -> None:
    assert GROUPS["Filon's own"].union(*map(calls_in, composed)) == set(CALLED)


@pytest.mark.parametrize(
    ("query", "spelled", "why"),
    [
        (
            'WITH "s" AS MATERIALIZED (SELECT 1 AS x) SELECT x FROM "s"',
            "WITH `s` AS MATERIALIZED (SELECT 1 AS x) SELECT x FROM `s`",
            "Spark's grammar has no MATERIALIZED: the dialect of Spark leaves the word out",
        ),
        (
            "SELECT regexp_full_match(a, 'x')",
            "SELECT REGEXP_FULL_MATCH(a, 'x')",
            "not a function of Spark",
        ),
        (
            "SELECT json_extract_string(a, '/b~1c')",
            "SELECT GET_JSON_OBJECT(a, '/b~1c')",
            "a JSON pointer goes through as if it were a JSONPath, and finds nothing",
        ),
        ("SELECT timezone('UTC', a)", "SELECT TIMEZONE('UTC', a)", "not a function of Spark"),
        ("SELECT isodow(a)", "SELECT ((DAYOFWEEK(a) % 7) + 1)", "Monday, which is 2 for DAYOFWEEK, becomes 3"),
        ("SELECT quantile_cont(a, 0.5)", "SELECT PERCENTILE_CONT(a, 0.5)", "no call of Spark's grammar"),
        ("SELECT x FROM range(3) AS t(x)", "SELECT x FROM EXPLODE(SEQUENCE(0, 2), _u(t))", "x is lost"),
        ("SELECT CAST(a AS HUGEINT)", "SELECT CAST(a AS INT128)", "not a type of Spark, so that no stage writes it"),
    ],
)
def test_what_another_engine_must_respell(query: str, spelled: str, why: str) -> None:
    """Where sqlglot's spelling for Spark alone would be wrong; a new release of sqlglot may know better."""
    assert sqlglot.transpile(query, read=DIALECT, write=SPARK) == [spelled], why
