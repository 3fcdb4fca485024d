"""The same project on both engines: the same tables, and a project that changes its engine between two runs."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from filon.engines import Engine
from filon.lake import Lake, Release, Sources
from filon.pipeline.cluster import make_workers
from filon.pipeline.engine import Backends
from filon.pipeline.report import RunReport
from filon.pipeline.run import PipelineRun
from filon.pipeline.runner import DirectRunner, Until
from filon.project import INTEGER, TEXT, TypedColumn
from filon.project.loader import load_project
from filon.projects import retail
from filon.projects.retail.generate import generate
from filon.serving.stores import open_store
from filon.settings import Settings
from filon.sql import identifiers, literals
from filon.stages.context import Context, Inputs
from tests.engines.conftest import AS_OF
from tests.engines.test_composed_sql import judging, of_every_type

STARTED = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)


def run(folder: Path, name: str, number: int, settings: Settings) -> RunReport:
    """One run of the retail project over the sources of a folder, into a lake and a store of a name."""
    workspace = folder / f"{name}-{number}"
    workspace.mkdir()
    project = load_project(retail.FOLDER)
    lake, store = Lake(str(folder / name)), open_store(f"sqlite:///{folder / name}.db")
    sources = Sources(str(folder / "sources"))
    backends = Backends(settings, workspace, [*lake.places, *sources.places])
    context = Context(
        project=project,
        lake=lake,
        inputs=Inputs(f"run-{number}", STARTED + dt.timedelta(hours=number), AS_OF, settings.engine),
        workspace=workspace,
        make_reader=backends.make_reader,
        make_engine=lambda: backends.make_engine(project, AS_OF),
    )
    report = PipelineRun(
        context, sources, make_workers(context, sources, backends), store, DirectRunner(), Until.SERVING, 2
    ).execute()
    context.close()
    assert report.status == "published", report.error
    return report


def released(folder: Path, name: str) -> tuple[Lake, Release]:
    lake = Lake(str(folder / name))
    release = lake.release()
    assert release is not None
    return lake, release


def rows_and_types(lake: Lake, release: Release, table: str) -> tuple[Sequence[object], Sequence[object]]:
    """The rows of a table in order, and the types of its columns, as DuckDB reads the files."""
    build = release.tables[table]
    paths = lake.paths(build)
    if not paths:
        return [], []
    names = identifiers(column.name for column in build.columns)
    files = f"read_parquet([{literals(paths)}], hive_partitioning=false)"
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {names} FROM {files} ORDER BY ALL")
        types = [(column[0], str(column[1])) for column in found.description]
        return found.fetchall(), types


def assert_same_tables(folder: Path, left: str, right: str) -> None:
    (lake, one), (other_lake, other) = released(folder, left), released(folder, right)
    assert one.tables.keys() == other.tables.keys()
    for table in one.tables:
        assert rows_and_types(lake, one, table) == rows_and_types(other_lake, other, table), table
        if not table.startswith("bronze/"):
            assert one.tables[table].fingerprint == other.tables[table].fingerprint


def test_both_engines_make_the_same_tables_and_a_project_may_change_between_them(
    tmp_path: Path, spark_remote: str
) -> None:
    duck, spark = Settings(threads=2), Settings(engine="spark", spark_remote=spark_remote)
    generate(tmp_path / "sources", 3_000, seed=1, dirty=0.05)
    run(tmp_path, "duckdb", 0, duck)
    run(tmp_path, "spark", 0, spark)
    assert_same_tables(tmp_path, "duckdb", "spark")

    generate(tmp_path / "sources", 3_200, seed=2, dirty=0.05)
    run(tmp_path, "duckdb", 1, spark)
    run(tmp_path, "spark", 1, duck)
    assert_same_tables(tmp_path, "duckdb", "spark")


@pytest.mark.parametrize("number", range(3))
def test_records_of_every_type_and_form_are_judged_by_every_engine(engine: Engine, number: int) -> None:
    query = list(judging())[number]
    names = {column.name for column in of_every_type()} if number < 2 else {"date", "timestamp"}
    texts = [TypedColumn(name, TEXT) for name in sorted({*names, "_malformed", "_raw", "_extra"})]
    engine.bind("bronze records", [], [TypedColumn("_file", INTEGER), TypedColumn("_record", INTEGER), *texts])
    assert [column.name for column in engine.describe(query)][:2] == ["_file", "_record"]
    assert engine.rows(query) == []
    engine.drop(["bronze records"])


def test_a_check_for_spark_refuses_what_spark_lacks_with_file_line_and_a_way_out(
    tmp_path: Path, spark_remote: str
) -> None:
    shutil.copytree(retail.FOLDER, tmp_path / "project", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    model = tmp_path / "project" / "gold" / "kpi_top_clients.sql"
    lines = model.read_text(encoding="utf-8").splitlines()
    lines.insert(next(n for n, line in enumerate(lines) if "FROM" in line), "    , levenshtein(nom, nom) AS distance")

    def check(engine: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "filon", "check", "--project", "project", "--engine", engine]
        environment = {**os.environ, "FILON_SPARK_REMOTE": spark_remote}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    done = check("spark")
    assert done.returncode == 0, done.stderr
    model.write_text("\n".join(lines), encoding="utf-8")
    done = check("spark")
    assert done.returncode != 0
    line = next(n for n, text in enumerate(lines, start=1) if "levenshtein" in text)
    assert f"kpi_top_clients.sql:{line}" in done.stderr, done.stderr
    assert "levenshtein" in done.stderr
