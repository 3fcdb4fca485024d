"""Measure analyses by arrays of codes beside DuckDB over the same columns: ``python -m benchmarks.columns``.

The store is SQLite, filled by a run of the retail project. Both compute in this process, in turn, and give the same
numbers, which is verified. DuckDB is asked over the Arrow columns as chunks hold them, and over a table of its own with
texts as enumerations; four requests at once have a cursor each. Seconds are medians of wall time.

``python -m benchmarks.columns --lake LAKE`` measures instead how long a load takes to make all chunks of the newest
release of a lake, and nothing else.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from filon.engines.changes import ChangeLog
from filon.lake import Lake
from filon.pipeline.engine import open_engine
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.analysis import Analysis
from filon.serving.columns.analysing import Question, analyse
from filon.serving.columns.chunks import Chunk, read_chunk
from filon.serving.columns.memory import Coded, Columns
from filon.serving.columns.stored import DAY
from filon.serving.columns.writing import difference, rows
from filon.serving.feeds import compile_served
from filon.serving.inputs import NEW, FeedInputs, builds_of
from filon.serving.served import served_tables
from filon.settings import Settings

CHUNKS = """
SELECT month, part, rows, digest, data FROM _rows__columns_fact_ventes
WHERE _to = (SELECT max(_to) FROM _rows__columns_fact_ventes) ORDER BY month, part
"""
FILTERS = (("pays", ("France", "Italie")), ("produit", ("Souris", "Webcam")))
FIRST_DAY, LAST_DAY = dt.date(2024, 6, 10), dt.date(2025, 9, 30)
WHERE = f"""
WHERE "by pays" IN ('France', 'Italie') AND "by produit" IN ('Souris', 'Webcam')
  AND day BETWEEN DATE '{FIRST_DAY}' AND DATE '{LAST_DAY}'
"""
AMOUNT = '"sum of montant"'
MEASURES = f'sum({AMOUNT}), count(*), count(DISTINCT "by id_client"), count(DISTINCT "by id_produit")'
STATS = (
    f"avg({AMOUNT}), stddev_samp({AMOUNT}), min({AMOUNT}), quantile_cont({AMOUNT}, [0.25, 0.5, 0.75]), max({AMOUNT})"
)
MONTH, DAYS, PAYS, CLIENT, PRODUCT = "strftime(day, '%Y-%m')", "day", '"by pays"', '"by id_client"', '"by produit"'
QUESTIONS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "all facts": ((), (), False),
    "by pays": (("pays",), (PAYS,), False),
    "by mois": (("mois",), (MONTH,), False),
    "by jour": (("jour",), (DAYS,), False),
    "by mois,pays": (("mois", "pays"), (MONTH, PAYS), False),
    "by id_client, the first 10": (("id_client",), (CLIENT,), False),
    "by produit, with stats": (("produit",), (PRODUCT,), True),
}
LIMIT = 10
Ask = Callable[[str, bool], list[tuple[Any, ...]]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--store", type=Path, help="a file of SQLite, whose columns are asked")
    what.add_argument("--lake", type=Path, help="a lake, whose columns are made")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.lake is not None:
        report_making(options.lake.resolve(), options.rounds)
    else:
        report_asking(options.store, options.rounds)


def report_making(place: Path, rounds: int) -> None:
    """Make all chunks of the newest release, as often as asked."""
    lake, project = Lake(str(place)), load_project(retail.FOLDER)
    release, feed = lake.release(), compile_served(project).feeds["_columns_fact_ventes"]
    if release is None or feed.analysis is None:
        raise ValueError(f"{place} holds no release of facts that are analysed")
    taken = []
    with open_engine(Settings(), project, release.as_of, lake.places) as engine:
        inputs = FeedInputs(lake, lambda: engine, ChangeLog(lake, lambda: engine))
        for _ in range(rounds):
            start = time.perf_counter()
            months = difference(engine, feed.analysis, inputs.bind(feed, NEW, builds_of(feed, release)), None)
            kept = time.perf_counter() - start
            sizes = [len(chunk[-1]) for batch in rows(engine, feed.analysis, months.written) for chunk in batch]
            taken.append(time.perf_counter() - start)
            facts = sum(months.written.values())
            print(
                f"{facts:,} facts, {len(sizes)} chunks of {sum(sizes) / 1e6:,.0f} MB: {taken[-1]:.2f} s, of which "
                f"{kept:.2f} s until they are sorted",
                flush=True,
            )
    print(f"median {statistics.median(taken):.2f} s")


def report_asking(store: Path, rounds: int) -> None:
    """Ask the columns of a store in all ways."""
    analysis = served_tables(load_project(retail.FOLDER))["fact_ventes"].analysis
    if analysis is None:
        raise ValueError("the project analyses no facts")
    chunks = list(read_chunks(store))
    columns = Coded.empty(analysis).with_chunks(chunks).columns([chunk.digest for chunk in chunks])
    facts = arrow_table(chunks)
    print(f"{facts.num_rows:,} facts in {len(chunks)} chunks; {facts.nbytes / 1e6:,.0f} MB of Arrow")
    with duckdb.connect() as connection:
        connection.register("arrow", facts)
        build_table(connection, facts)
        ways = {
            "arrays": arrays(analysis, columns),
            "Arrow": by_duckdb(connection, "arrow", facts),
            "table": by_duckdb(connection, "facts", facts),
        }
        report(ways, rounds)


def read_chunks(store: Path) -> Iterator[Chunk]:
    """The chunks of the newest load of a store."""
    with sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True) as connection:
        for row in connection.execute(CHUNKS):
            yield Chunk(*row)


def arrow_table(chunks: list[Chunk]) -> pa.Table:
    """The rows of all chunks, their day as a date."""
    tables = []
    for chunk in chunks:
        table = read_chunk(chunk.data)
        months = dt.date.fromisoformat(f"{chunk.month}-01") - dt.date(1970, 1, 1)
        numbers = pc.add(table.column(DAY).cast(pa.int32()), months.days - 1)
        table = table.set_column(table.column_names.index(DAY), DAY, numbers.cast(pa.int32()).cast(pa.date32()))
        for place, field in enumerate(table.schema):
            if pa.types.is_dictionary(field.type) and pa.types.is_integer(field.type.value_type):
                table = table.set_column(place, field.name, table.column(place).cast(field.type.value_type))
        wide = {name: pa.int64() for name in table.column_names if pa.types.is_integer(table.column(name).type)}
        fields = [pa.field(f.name, wide.get(f.name, f.type)) for f in table.schema]
        tables.append(table.cast(pa.schema(fields)))
    return pa.concat_tables(tables).unify_dictionaries()


def build_table(connection: duckdb.DuckDBPyConnection, facts: pa.Table) -> None:
    """A table of DuckDB with the same rows."""
    shown = []
    for number, field in enumerate(facts.schema):
        column = f'"{field.name}"'
        if pa.types.is_dictionary(field.type):
            connection.execute(f"CREATE TYPE texts_{number} AS ENUM (SELECT DISTINCT {column} FROM arrow)")
            column = f"CAST({column} AS texts_{number}) AS {column}"
        shown.append(column)
    connection.execute(f"CREATE TABLE facts AS SELECT {', '.join(shown)} FROM arrow")


def arrays(analysis: Analysis, columns: Columns) -> Ask:
    """Ask the arrays of codes."""

    def ask(name: str, filtered: bool) -> list[tuple[Any, ...]]:
        by, _, has_stats = QUESTIONS[name]
        wanted = FILTERS if filtered else ()
        first, last = (FIRST_DAY, LAST_DAY) if filtered else (None, None)
        question = Question(by, wanted, first, last, "ca", True, LIMIT, "ca" if has_stats else None)
        rows = analyse(analysis, columns, question).rows
        return [(int(row["ca"] * 100), row["nb_ventes"], row["nb_clients"], row["nb_produits"]) for row in rows]

    return ask


def by_duckdb(connection: duckdb.DuckDBPyConnection, table: str, arrow: pa.Table) -> Ask:
    """Ask DuckDB for the rows of one of its tables, or of ``arrow``; each cursor has to be told of that again."""

    def ask(name: str, filtered: bool) -> list[tuple[Any, ...]]:
        _, by, has_stats = QUESTIONS[name]
        shown = ", ".join([MEASURES, *by, *([STATS] if has_stats else [])])
        groups = f"GROUP BY {', '.join(by)}" if by else ""
        query = f"SELECT {shown} FROM {table} {WHERE if filtered else ''} {groups} ORDER BY 1 DESC LIMIT {LIMIT}"
        with connection.cursor() as cursor:
            cursor.register("arrow", arrow)
            return [row[:4] for row in cursor.execute(query).fetchall()]

    return ask


def report(ways: Mapping[str, Ask], rounds: int) -> None:
    """A line for each question: alone, with filters, and four at once."""
    head = " | ".join(f"{way}, {case}" for case in ("all", "filtered", "four at once") for way in ways)
    print(f"| analysis | {head} |\n|---|{'---|' * 3 * len(ways)}")
    for name in QUESTIONS:
        seconds = []
        for filtered in (False, True):
            answers = [ask(name, filtered) for ask in ways.values()]
            if any([row[:1] for row in answer] != [row[:1] for row in answers[0]] for answer in answers):
                raise AssertionError(f"{name}: {answers}")
            seconds += in_turn([partial(ask, name, filtered) for ask in ways.values()], rounds)
        seconds += in_turn([partial(four_at_once, ask, name) for ask in ways.values()], max(1, rounds // 2))
        print(f"| {name} | {' | '.join(f'{1000 * each:,.0f}' for each in seconds)} |", flush=True)


def four_at_once(ask: Ask, name: str) -> None:
    """The same question four times, side by side."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ask(name, False), range(4)))


def in_turn(works: list[Callable[[], object]], rounds: int) -> list[float]:
    """The median seconds of each, one after the other in every round."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, times in zip(works, taken, strict=True):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in taken]


if __name__ == "__main__":
    main()
