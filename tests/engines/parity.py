"""Runs of a project into lakes of their own, and whether two lakes hold the same tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from filon.lake import Lake, Release, Sources
from filon.pipeline.cluster import make_workers
from filon.pipeline.engine import Backends
from filon.pipeline.layers import PipelineRun, Review
from filon.pipeline.report import RunReport
from filon.pipeline.runner import DirectRunner, Until
from filon.project import Project
from filon.project.guard import parse_rule
from filon.project.loader import load_project
from filon.projects import retail
from filon.serving.stores import open_store
from filon.settings import Settings
from filon.sql import identifiers, literals
from filon.stages.context import Context, Inputs, NullListener, RunListener
from tests.engines.conftest import AS_OF

STARTED = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)


def run(
    folder: Path,
    name: str,
    number: int,
    settings: Settings,
    project: Project | None = None,
    listener: RunListener | None = None,
) -> RunReport:
    """One run of a project, or retail, over the sources of a folder, into a lake and a store of a name or address."""
    local = name.rpartition("/")[2]
    workspace = folder / f"{local}-{number}"
    workspace.mkdir()
    project = project or load_project(retail.FOLDER)
    lake, store = lake_of(folder, name), open_store(f"sqlite:///{folder / local}.db")
    sources = Sources(str(folder / "sources"))
    backends = Backends(settings, workspace, [*lake.places, *sources.places])
    context = Context(
        project=project,
        lake=lake,
        inputs=Inputs(f"run-{number}", STARTED + dt.timedelta(hours=number), AS_OF, settings.engine),
        workspace=workspace,
        make_reader=backends.make_reader,
        make_engine=lambda: backends.make_engine(project, AS_OF),
        listener=listener or NullListener(),
    )
    workers, review = make_workers(context, sources, backends), Review([parse_rule("rows_added > 1000000")], True)
    report = PipelineRun(context, sources, workers, store, DirectRunner(), Until.SERVING, 2, review).execute()
    context.close()
    assert report.status == "published", report.error
    return report


def lake_of(folder: Path, name: str) -> Lake:
    """The lake of a name in a folder, or at an address."""
    return Lake(name if "://" in name else str(folder / name))


def released(folder: Path, name: str) -> tuple[Lake, Release]:
    lake = lake_of(folder, name)
    release = lake.release()
    assert release is not None
    return lake, release


def rows_and_types(lake: Lake, release: Release, table: str) -> tuple[Sequence[object], Sequence[object]]:
    """The rows of a table in order, and the types of its columns, as DuckDB reads the files."""
    build = release.tables[table]
    if not build.files:
        return [], []
    names = identifiers(column.name for column in build.columns)
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        paths = [str(Path(folder, str(number))) for number in range(len(build.files))]
        for path, file in zip(paths, build.files, strict=True):
            Path(path).write_bytes(lake.table(build.layer, build.table).read(file.name))
        files = f"read_parquet([{literals(paths)}], hive_partitioning=false)"
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
