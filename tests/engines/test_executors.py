"""Files that Spark's executors read: the same reader, the same results, and nothing doubled."""

from __future__ import annotations

import datetime as dt
import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from filon.engines import Executors
from filon.errors import EngineError
from filon.lake import Lake, Layer, Ledger, Sources
from filon.pipeline.cluster import make_workers
from filon.pipeline.engine import Backends, open_backends
from filon.project import Project
from filon.settings import Settings
from filon.stages.bronze import IngestResult, receive_files
from filon.stages.context import Context, Inputs
from tests.engines.conftest import AS_OF
from tests.unit.stages.bench import write_project

STARTED = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: sales
version: "1"
status: active
schema:
  - name: sales
    customProperties:
      - {property: filePattern, value: "sales*"}
      - {property: malformedThreshold, value: 0.5}
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: label, logicalType: string}
      - {name: amount, logicalType: number, physicalType: "decimal(9,2)"}
"""
PLAIN = "id,label,amount\n1,anvil,1.50\n2,rope,2.25\n"
FILES: dict[str, bytes] = {
    "sales-1.csv": PLAIN.encode(),
    "sales-2.csv": PLAIN.replace("1,", "11,").encode(),
    "sales-again.csv": PLAIN.encode(),
    "sales-empty.csv": b"",
    "sales-extra.csv": b"id,label,amount,colour\n3,bell,3,red\n",
    "sales-header.csv": b"id,label,amount\n",
    "sales-lacks.csv": b"label,amount\nx,1\n",
    "sales-latin.csv": "id,label,amount\n4,café,4\n".encode("latin-1"),
    "sales-nul.csv": b"id,label\0,amount\n",
    "sales-packed.csv.gz": gzip.compress(PLAIN.replace("1,", "21,").encode(), mtime=0),
    "sales-quoted.csv": b'id,label,amount\n5,"a ""b""\nc, d",5\n6, "x" ,6\n',
    "sales-ragged.csv": b"id,label,amount\n7,a,7\n8,b\n9,c,9,9\n10,d,10\n",
    "sales-unclosed.csv": 'id,label,amount\n12,"open,12\n13,שלום 🙂,13\n14,e\u0301,14\n'.encode(),
    "sales-windows.csv": "\ufeffid,label,amount\r\n15,x,15\r\n".encode(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files of every sort."""
    (tmp_path / "in").mkdir()
    for name, content in FILES.items():
        (tmp_path / "in" / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return write_project(tmp_path / "project", {"sources/sales.yaml": CONTRACT})


@contextmanager
def opened(project: Project, folder: Path, name: str, settings: Settings) -> Iterator[tuple[Context, Backends]]:
    """A run into a lake of this name."""
    lake = Lake(str(folder / name))
    lake.prepare("run")
    sources = Sources(str(folder / "in"))
    with open_backends(settings, [*lake.places, *sources.places]) as backends:
        context = Context(
            project=project,
            lake=lake,
            inputs=Inputs("run", STARTED, AS_OF, settings.engine),
            workspace=backends.workspace,
            make_reader=backends.make_reader,
            make_engine=partial(backends.make_engine, project, AS_OF),
        )
        yield context, backends
        assert "reader" not in vars(context) or settings.engine == "duckdb"


def receive(project: Project, folder: Path, name: str, settings: Settings) -> IngestResult:
    sources = Sources(str(folder / "in"))
    with opened(project, folder, name, settings) as (context, backends):
        return receive_files(context, sources, make_workers(context, sources, backends))


def facts_of(ledger: Ledger) -> list[dict[str, Any]]:
    """What a ledger says of each file, but for the names of Parquet files, which are random."""
    return [version.model_dump(exclude={"bronze"}) for version in ledger.versions]


def records(folder: Path, name: str, ledger: Ledger) -> list[dict[str, Any]]:
    table = Lake(str(folder / name)).table(Layer.BRONZE, "sales")
    names = {file.name for version in ledger.versions for file in version.bronze}
    rows = [row for each in sorted(names) for row in pq.read_table(table.path_of(each)).to_pylist()]
    return sorted(rows, key=lambda row: (row["_file"], row["_record"]))


def refused_files(folder: Path, name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / name / "quarantine" / "files").iterdir()}


@pytest.fixture
def spark(spark_remote: str) -> Settings:
    return Settings(engine="spark", spark_remote=spark_remote)


def test_executors_read_and_refuse_files_as_one_machine_does(project: Project, folder: Path, spark: Settings) -> None:
    here = receive(project, folder, "here", Settings(threads=1))
    there = receive(project, folder, "there", spark)
    assert facts_of(there.ledger) == facts_of(here.ledger)
    assert there.ledger.headers == here.ledger.headers
    assert there.ledger.observations == here.ledger.observations
    outcomes = [[(file.path, file.status, file.notes) for file in result.files] for result in (here, there)]
    assert outcomes[0] == outcomes[1]
    assert {file.status for file in there.files} == {"ingested", "quarantined", "unchanged"}
    found = records(folder, "there", there.ledger)
    assert found == records(folder, "here", here.ledger)
    assert len(found) == sum(version.rows for version in there.ledger.versions)
    assert refused_files(folder, "there") == refused_files(folder, "here")
    stats = [[file.stats for result in each.parsed for file in result.data] for each in (here, there)]
    assert sorted(map(repr, stats[0])) == sorted(map(repr, stats[1]))


def test_a_second_run_on_the_other_engine_reads_nothing_again(project: Project, folder: Path, spark: Settings) -> None:
    first = receive(project, folder, "lake", spark)
    assert first.parsed
    second = receive(project, folder, "lake", Settings(threads=1))
    assert not second.parsed
    (folder / "in" / "sales-2.csv").write_text(PLAIN.replace("1,", "31,"), encoding="utf-8")
    third = receive(project, folder, "lake", spark)
    assert [result.incoming.file.path for result in third.parsed] == ["sales-2.csv"]


@pytest.fixture
def executors(spark: Settings) -> Iterator[Executors]:
    with open_backends(spark) as backends:
        assert backends.make_executors is not None
        yield backends.make_executors()


def test_results_come_in_the_order_of_the_items(executors: Executors) -> None:
    executors.check()
    assert executors.map(abs, [-3, 2, -1, 0, *range(-40, 0)]) == [3, 2, 1, 0, *range(40, 0, -1)]
    assert executors.map(abs, []) == []


def test_executors_that_do_not_see_the_sources_say_so(project: Project, folder: Path, spark: Settings) -> None:
    sources = Sources(str(folder / "in"))
    with opened(project, folder, "lake", spark) as (context, backends):
        workers = make_workers(context, sources, backends)
        files = sources.files()
        shutil.rmtree(folder / "in")
        with pytest.raises(EngineError, match=r"executors do not see the folder .*/in; mount it"):
            list(workers.observe(files))


def test_sessions_beside_each_other_keep_tables_of_their_own(project: Project, spark: Settings) -> None:
    with open_backends(spark) as one, open_backends(spark) as two:
        engines = [backends.make_engine(project, AS_OF) for backends in (one, two)]
        for number, engine in enumerate(engines):
            engine.cache("kept", f"SELECT {number} AS number")
        assert [engine.rows("SELECT number FROM kept") for engine in engines] == [[(0,)], [(1,)]]
