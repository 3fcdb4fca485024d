"""Properties of the pipeline that must hold for any bytes, any text and any history of files."""

from __future__ import annotations

import csv
import datetime as dt
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from filon.lake import Lake, Layer, Sources
from filon.pipeline.report import FileLine, RunReport, RunStatus
from filon.pipeline.run import run_pipeline
from filon.pipeline.runner import Until
from filon.project import Project
from filon.project.loader import load_project
from filon.projects import retail
from filon.settings import Settings
from tests.oracle import COLUMNS, GOLD, History, Row, outcome_of, read_file

AS_OF = dt.date(2026, 1, 1)
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
CLIENTS = (
    b"id_client,nom,email,date_inscription,pays\n1,Ann,ann@exemple.fr,2024-01-01,France\n2,Bob,bob@exemple.fr,,uk\n"
)
HEADER = b"id_achat,id_client,date_achat,montant,produit\n"
PURCHASE = b"1,1,2024-01-01,5.00,Souris\n"
LINES = st.sampled_from(["\n", "\r\n", "\r"])


@dataclass
class Place:
    """A folder of sources and a lake that runs fill from it."""

    folder: Path
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def lake(self) -> Lake:
        """The lake."""
        return Lake(str(self.folder / "lake"))

    def put(self, path: str, content: bytes | None) -> None:
        """Write a file, or delete it."""
        target = self.folder / "sources" / path
        target.parent.mkdir(exist_ok=True)
        self.files.pop(path, None)
        if content is None:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(content)
            self.files[path] = content

    def run(self, *, until: Until = Until.RELEASE, force: bool = False, as_of: dt.date = AS_OF) -> RunReport:
        """One run."""
        sources = Sources(str(self.folder / "sources"))
        options = Settings(threads=1)
        return run_pipeline(
            options, retail_project(), self.lake, sources, as_of=as_of, now=NOW, until=until, force=force
        )

    def bronze(self) -> list[tuple[Any, ...]]:
        """The records of the purchases as received, in order."""
        names = [file.name for version in self.lake.ledger().live("achats") for file in version.bronze]
        if not names:
            return []
        location = self.lake.table(Layer.BRONZE, "achats")
        columns = ", ".join(COLUMNS["achats"])
        query = f"SELECT {columns}, _malformed, _record FROM read_parquet(?) ORDER BY _record"
        return self._rows(query, [location.path_of(name) for name in dict.fromkeys(names)])

    def table(self, layer: Layer, name: str, columns: Sequence[str]) -> list[Row]:
        """The rows of a published table, by its first column."""
        release = self.lake.release()
        assert release is not None
        build = release.build(layer, name)
        assert build is not None
        if not build.files:
            return []
        names = ", ".join(f'"{column}"' for column in columns)
        query = f"SELECT {names} FROM read_parquet(?) ORDER BY 1"
        found = self._rows(query, self.lake.paths(build))
        return [dict(zip(columns, row, strict=True)) for row in found]

    def _rows(self, query: str, paths: list[str]) -> list[tuple[Any, ...]]:
        return reader().execute(query, [paths]).fetchall()


@cache
def retail_project() -> Project:
    """The project, read once; no argument of the tests, so that a failure does not print it."""
    return load_project(retail.FOLDER)


@cache
def reader() -> duckdb.DuckDBPyConnection:
    """One connection for all reading: opening one costs more than what is read."""
    return duckdb.connect(config={"threads": 1})


@contextmanager
def place(files: Mapping[str, bytes]) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="filon-test-") as folder:
        result = Place(Path(folder))
        for path, content in files.items():
            result.put(path, content)
        yield result


def modest(examples: int) -> settings:
    """The same examples in every run, so that nobody's build fails by chance."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


# ---- any bytes ----

NAMES = [*COLUMNS["achats"], "ID_ACHAT", " montant ", "canal", "", "a.b", "x'y", 'quo"te', "_file", "é", "$[0]"]
HEADERS = st.one_of(
    st.just(list(COLUMNS["achats"])),
    st.permutations(COLUMNS["achats"]),
    st.lists(st.sampled_from(NAMES[5:]), max_size=3).map(lambda extra: [*COLUMNS["achats"], *extra]),
    st.lists(st.sampled_from(NAMES), max_size=8),
)
GOOD_CELLS = st.tuples(
    st.integers(-3, 30).map(str),
    st.sampled_from(["1", "2", " 1 ", "3", "+1"]),
    st.sampled_from(["2024-02-29", "2023-02-29", "2026-01-01", "2026-01-02", ""]),
    st.sampled_from(["5.00", "5", ".5", "0", "5.001", "10000", "10000.01", "-1", "x", "1e2", ""]),
    st.sampled_from(["souris", "ÉCRAN plat", '12" x', "a,b", "a\nb", "a\r\nb", " ", 'q""', "'", "\ufeff", ""]),
)
WILD_TEXT = st.text(st.sampled_from("ab1,;\"\n\r\t 'é\u00a0\u2028\x1f\\"), max_size=12)
HUGE = st.sampled_from([70_000, 1_100_000]).flatmap(lambda n: st.sampled_from(["x" * n, "é\n" * (n // 2)]))


@st.composite
def written_rows(draw: st.DrawFn) -> bytes:
    """Text that a careful program wrote: any header, cells of every kind, one dialect."""
    header = draw(HEADERS)
    rows = [list(row) for row in draw(st.lists(GOOD_CELLS, max_size=12))]
    if draw(st.integers(0, 5)) == 0:
        rows.append(["99", "1", "2024-01-01", "5.00", draw(HUGE)])
    rows = [(row + ["more"] * len(header))[: len(header)] for row in rows]
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator=draw(LINES)).writerows([header, *rows])
    text = stream.getvalue()
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + text.encode()


@st.composite
def careless_text(draw: st.DrawFn) -> bytes:
    """Good lines among broken ones: loose quotes, other delimiters, blank lines, too few and too many fields, NULs."""
    ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]]))
    good = st.integers(0, 40).map(lambda n: f"{n},1,2024-01-01,5.00,Souris")
    odd = st.sampled_from(
        ["", " ", "\t", "1,2", "1,2,3,4,5,6", '1,1,2024-01-01,5.00,12" x', '1,1,2024-01-01,5.00,"x', '"a"b,1,2,3,4',
         ' "1",1,2024-01-01,5.00,x', "1;1;2024-01-01;5,00;x", "1,1,2024-01-01,5.00,x,", ",,,,", '""', "\0", "\x1a"]
    )  # fmt: skip
    header = draw(st.sampled_from([HEADER.decode().strip()] * 6 + ["", " ", HEADER.decode().strip() + ","]))
    lines = [header, *draw(st.lists(st.one_of(good, good, good, odd, WILD_TEXT), max_size=25))]
    if draw(st.booleans()):
        lines += [f"{n},1,2024-01-01,5.00,Souris" for n in range(100, 160)]
    text = "".join(line + draw(st.sampled_from(ends)) for line in lines)
    bytes_ = text.encode()
    return bytes_.replace("é".encode(), b"\xe9") if draw(st.integers(0, 9)) == 0 else bytes_


ANY_FILE = st.one_of(
    written_rows(),
    careless_text(),
    careless_text(),
    st.binary(max_size=60),
    st.binary(max_size=40).map(lambda tail: HEADER + PURCHASE + tail),
)


def purchases_of(report: RunReport) -> FileLine:
    [line] = [line for line in report.files if line.file == "achats.csv"]
    return line


def assert_every_record_is_accounted_for(report: RunReport, content: bytes) -> None:
    line = purchases_of(report)
    reading = read_file("achats", content)
    if line.status == "quarantined":
        assert line.reason
        assert line.detail
    else:
        assert line.status == "ingested"
        assert line.rows_read == line.rows_accepted + line.rows_superseded + line.rows_rejected
    if reading.regular or reading.refused == "not_text":
        assert (line.status == "quarantined") == (reading.refused is not None)
    if reading.regular:
        assert line.reason == reading.refused
    if reading.regular and reading.refused is None:
        expected = outcome_of([("achats.csv", content), ("clients.csv", CLIENTS)], AS_OF).counts["achats.csv"]
        found = (line.rows_read, line.rows_accepted, line.rows_superseded, line.rows_rejected)
        assert found == (expected.read, expected.accepted, expected.superseded, expected.rejected)


@modest(80)
@given(content=ANY_FILE)
@example(content=b"\n" + HEADER + PURCHASE)
@example(content=HEADER + PURCHASE + b"\n" + PURCHASE)
@example(content=HEADER + PURCHASE * 20 + b"\n" + PURCHASE)
@example(content=HEADER + PURCHASE * 20 + b" \n" + PURCHASE)
@example(content=HEADER + b"1,2\n")
@example(content=HEADER + PURCHASE.replace(b"\n", b"\r\n") + PURCHASE)
@example(content=HEADER + PURCHASE * 20 + b'1,1,2024-01-01,5.00,"open\n' + PURCHASE)
@example(content=HEADER + PURCHASE * 20 + b'1,1,2024-01-01,5.00,12" x\n1,2\n')
@example(content=b"\x1f\x8b\x08damaged")
@example(content=b"\x28\xb5\x2f\xfddamaged")
@example(content=b"\xef\xbb\xbf")
@example(content=HEADER + b"1,1,2024-01-01,5.00," + b"x" * (9 << 20) + b"\n" + PURCHASE * 20)
def test_any_bytes_are_read_or_quarantined_and_every_record_is_accounted_for(content: bytes) -> None:
    with place({"clients.csv": CLIENTS, "achats.csv": content}) as here:
        report = here.run(until=Until.SILVER)

        assert report.status is RunStatus.STOPPED, report.error
        assert_every_record_is_accounted_for(report, content)


@pytest.mark.parametrize("odd", [b"", b"1,2\n", b"\n"])
def test_how_a_field_is_read_does_not_depend_on_other_lines(odd: bytes) -> None:
    lines = [b'1,1,2024-01-01,5.00,12" x\n', b'2,1,2024-01-01,5.00, "x"\n', b"3,1,2024-01-01,5.00, x \n"]
    filling = b"".join(b"%d,1,2024-01-01,5.00,Souris\n" % number for number in range(10, 60))
    with place({"clients.csv": CLIENTS, "achats.csv": HEADER + b"".join(lines) + filling}) as here:
        here.run(until=Until.BRONZE)
        alone = here.bronze()
    with place({"clients.csv": CLIENTS, "achats.csv": HEADER + b"".join(lines) + filling + odd}) as here:
        here.run(until=Until.BRONZE)
        beside = here.bronze()

    assert beside[:3] == alone[:3]
    assert len(alone) == 53


def test_many_loose_quotes_are_read_looking_at_each_line_a_bounded_number_of_times() -> None:
    # with the square of their number this would take hours
    loose = b"".join(b'%d,1,2024-01-01,5.00,12" x\n' % number for number in range(20_000))
    good = b"".join(b"%d,1,2024-01-01,5.00,Souris\n" % number for number in range(50_000, 54_000))
    with place({"clients.csv": CLIENTS, "achats.csv": HEADER + loose + good + b"1,2\n"}) as here:
        report = here.run(until=Until.BRONZE)

    assert purchases_of(report).rows_read == 24_001


# ---- any text ----

CELLS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
    st.text(st.sampled_from("\"',;\n\r\t \\é\u00a0\u0085\u2028\ufeffa1|"), max_size=8),
)


@modest(60)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=12),
    line=LINES,
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
@example(rows=[("", "", "", "", "")] * 3, line="\n", quoting=csv.QUOTE_MINIMAL, mark=b"")
@example(rows=[("1", "a\r\nb", "c\rd", "e\nf", '"')], line="\r\n", quoting=csv.QUOTE_ALL, mark=b"")
@example(rows=[("null", "NULL", "NaN", "\\N", "\\")], line="\n", quoting=csv.QUOTE_MINIMAL, mark=b"")
def test_bronze_holds_exactly_the_texts_that_were_written(
    rows: list[tuple[str, ...]], line: str, quoting: int, mark: bytes
) -> None:
    stream = io.StringIO(newline="")
    # only a carriage return in the line end makes every Python version quote it inside a field
    line = "\r\n" if quoting == csv.QUOTE_MINIMAL else line
    csv.writer(stream, quoting=quoting, lineterminator=line).writerows([COLUMNS["achats"], *rows])  # type: ignore[arg-type]
    with place({"clients.csv": CLIENTS, "achats.csv": mark + stream.getvalue().encode()}) as here:
        report = here.run(until=Until.BRONZE)

        assert purchases_of(report).rows_read == len(rows)
        expected = [(*(cell or None for cell in row), None, number) for number, row in enumerate(rows, start=1)]
        assert here.bronze() == expected


# ---- any history ----


def _purchases(*rows: tuple[int, int, str, str, str]) -> bytes:
    return HEADER + "".join(",".join(str(cell) for cell in row) + "\n" for row in rows).encode()


ACHATS_POOL = [
    _purchases((1, 1, "2024-01-05", "10.00", "souris"), (2, 2, "2024-02-05", "20.00", "clavier")),
    _purchases((2, 1, "2024-03-05", "7000.05", "SOURIS"), (3, 3, "2024-03-06", "30.00", "écran")),
    _purchases((1, 2, "2024-01-07", "-1.00", "souris"), (3, 1, "2023-12-31", "33.33", "webcam")),
    _purchases(
        (2, 2, "2024-02-05", "20.01", "clavier"), (2, 2, "2024-02-05", "9.99", "tard"), (4, 4, "2024-05-05", "1", "x")
    ),
    _purchases(),
]
CLIENTS_POOL = [
    CLIENTS,
    CLIENTS + b"3,Cy,cy@exemple.fr,2024-01-01,japon\n",
    CLIENTS.replace(b"Ann,", b"Anne,").replace(b"uk", b"usa") + b"4,Di,di@exemple.fr,,Italie\n2,Later,x@y,,France\n",
    CLIENTS.split(b"\n", 1)[0] + b"\n5,Ed,ed@exemple.fr,,Canada\n",
]
BROKEN = [b"", b"id_achat,id_client\n1,1\n", HEADER + b"\xe9\n", b"\0"]
ACHATS_PATHS = ["achats-a.csv", "achats-b.csv", "achats-c.csv"]
CLIENTS_PATHS = ["clients-a.csv", "clients-b.csv"]
Step = tuple[str, bytes | None]
STEP: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.sampled_from(ACHATS_PATHS), st.sampled_from(ACHATS_POOL)),
    st.tuples(st.sampled_from(ACHATS_PATHS), st.sampled_from(ACHATS_POOL)),
    st.tuples(st.sampled_from(CLIENTS_PATHS), st.sampled_from(CLIENTS_POOL)),
    st.tuples(st.sampled_from(ACHATS_PATHS), st.sampled_from([*BROKEN, None])),
    st.tuples(st.sampled_from(CLIENTS_PATHS), st.sampled_from([*BROKEN[:2], None])),
)
A, B, C, *_ = ACHATS_POOL


def published(here: Place) -> dict[str, list[Row]]:
    """Silver by key without places, and every gold table."""
    silver = {name: here.table(Layer.SILVER, name, columns) for name, columns in COLUMNS.items()}
    gold = {name: here.table(Layer.GOLD, name, columns.split()) for name, columns in GOLD.items()}
    return silver | gold


def expected_of(history: History) -> dict[str, list[Row]]:
    """The same, of the contents that count."""
    outcome = outcome_of(history.live.items(), AS_OF)
    return {name: outcome.silver(name) for name in COLUMNS} | outcome.gold


@modest(10)
@given(runs=st.lists(st.lists(STEP, min_size=1, max_size=2), min_size=2, max_size=5))
@example(runs=[[("achats-a.csv", A)], [("achats-b.csv", B)], [("achats-a.csv", C)], [("achats-a.csv", A)]])
@example(runs=[[("achats-a.csv", A)], [("achats-b.csv", A)], [("achats-a.csv", B)], [("achats-b.csv", C)]])
@example(runs=[[("achats-a.csv", A)], [("achats-a.csv", None)], [("achats-b.csv", A)], [("achats-a.csv", B)]])
@example(runs=[[("achats-b.csv", A)], [("achats-a.csv", B)], [("achats-b.csv", B)], [("achats-b.csv", A)]])
@example(runs=[[("achats-b.csv", A)], [("achats-b.csv", B), ("achats-a.csv", A)]])
def test_incremental_runs_equal_the_oracle_after_any_history(runs: list[list[Step]]) -> None:
    history = History()
    with place({"clients-a.csv": CLIENTS}) as here:
        here.run()
        history.run(here.files)
        for steps in runs:
            after_these_steps(here, history, steps)

        assert published(here) == expected_of(history)


def test_a_forced_run_builds_the_same_tables_again() -> None:
    with place({"clients-a.csv": CLIENTS, "achats-a.csv": A}) as here:
        here.run()
        here.put("achats-b.csv", B)
        here.run()
        before = published(here)

        assert here.run().status is RunStatus.UNCHANGED
        assert here.run(force=True).status is RunStatus.PUBLISHED
        assert published(here) == before


def test_another_as_of_date_judges_the_same_files_again() -> None:
    with place({"clients-a.csv": CLIENTS, "achats-a.csv": A, "achats-b.csv": B}) as here:
        for month in (12, 1, 2, 3, 4, 2):
            as_of = dt.date(2024 if month < 12 else 2023, month, 5)
            here.run(as_of=as_of)

            expected = outcome_of(sorted(here.files.items()), as_of)
            assert published(here) == {name: expected.silver(name) for name in COLUMNS} | expected.gold


@pytest.mark.parametrize(
    "runs",
    [
        [[("achats-a.csv", A)], [("achats-b.csv", b"\0")], [("achats-a.csv", b"\0")]],
        [[("achats-a.csv", A), ("achats-b.csv", B)], [("achats-a.csv", b"\0"), ("achats-b.csv", b"\0")]],
    ],
    ids=["one after the other", "at once"],
)
def test_the_same_broken_bytes_at_two_paths_leave_the_rows_of_both(runs: list[list[Step]]) -> None:
    history = History()
    with place({"clients-a.csv": CLIENTS}) as here:
        for steps in runs:
            after_these_steps(here, history, steps)


@pytest.mark.parametrize(
    "runs",
    [
        [[("achats-a.csv", A)], [("achats-b.csv", B)], [("achats-a.csv", b"\0")], [("achats-c.csv", A)]],
        [[("achats-a.csv", A)], [("achats-b.csv", B)], [("achats-a.csv", b"\0"), ("achats-c.csv", A)]],
    ],
    ids=["one after the other", "at once"],
)
def test_bytes_whose_rows_are_kept_while_their_file_is_broken_change_nothing_under_another_name(
    runs: list[list[Step]],
) -> None:
    history = History()
    with place({"clients-a.csv": CLIENTS}) as here:
        for steps in runs:
            after_these_steps(here, history, steps)


def after_these_steps(here: Place, history: History, steps: list[Step]) -> None:
    """Change the sources, run once, and compare silver with the oracle."""
    for path, content in steps:
        here.put(path, content)
    report = here.run()
    history.run(here.files)

    assert report.status in (RunStatus.PUBLISHED, RunStatus.UNCHANGED), report.error
    expected = outcome_of(history.live.items(), AS_OF)
    for name, columns in COLUMNS.items():
        assert here.table(Layer.SILVER, name, columns) == expected.silver(name)
