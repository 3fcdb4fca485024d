"""Whatever words a dialect has, what was written in it is read: each value, each count, and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from pydantic.alias_generators import to_camel

from filon.lake import Lake, Layer, Sources
from filon.pipeline.report import RunReport, RunStatus
from filon.pipeline.run import run_pipeline
from filon.project.loader import load_project
from filon.project.vocabulary import Dialect
from filon.settings import Settings
from tests.integration.spelling import COLUMNS, Spelled, dialects, spelled
from tests.integration.test_properties import AS_OF, NOW, reader

HEAD = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1", "status": "active"}
KINDS: dict[str, dict[str, Any]] = {
    "ref": {"logicalType": "string", "primaryKey": True},
    "amount": {"logicalType": "number", "physicalType": "DECIMAL(12,2)"},
    "rate": {"logicalType": "number", "physicalType": "DECIMAL(9,4)"},
    "day": {"logicalType": "date"},
    "moment": {"logicalType": "timestamp"},
    "flag": {"logicalType": "boolean"},
    "note": {"logicalType": "string"},
    "shop": {"logicalType": "string"},
}


def contract(given: Spelled) -> str:
    columns = []
    for name, kind in KINDS.items():
        words: dict[str, object] = {"dialect": given.own.get(name), "aliases": given.aliases.get(name)}
        custom: list[dict[str, object]] = [{"property": word, "value": value} for word, value in words.items() if value]
        columns.append({"name": name, **kind, "customProperties": custom})
    table = {"filePattern": "**/sales*.csv", "malformedThreshold": 1, **given.words}
    custom = [{"property": word, "value": value} for word, value in table.items()]
    return yaml.safe_dump({**HEAD, "schema": [{"name": "sales", "customProperties": custom, "properties": columns}]})


def run(folder: Path, given: Spelled) -> tuple[RunReport, list[tuple[Any, ...]]]:
    """The report, and the silver table."""
    (folder / "project" / "sources").mkdir(parents=True)
    (folder / "project" / "filon.yaml").write_text("name: spelled\nlocale: fr\n")
    (folder / "project" / "sources" / "sales.yaml").write_text(contract(given), encoding="utf-8")
    for path, content in given.files.items():
        (folder / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / path).write_bytes(content)
    lake = Lake(str(folder / "lake"))
    project, sources = load_project(folder / "project"), Sources(str(folder / "in"))
    report = run_pipeline(Settings(threads=1), project, lake, sources, as_of=AS_OF, now=NOW)
    release = lake.release()
    build = release.build(Layer.SILVER, "sales") if release else None
    if build is None or not build.files:
        return report, []
    names = ", ".join(name if name != "moment" else "timezone('UTC', moment)" for name in (*COLUMNS, "shop"))
    return report, sorted(reader().execute(f"SELECT {names} FROM read_parquet(?)", [lake.paths(build)]).fetchall())


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(given=spelled())
def test_what_is_written_in_a_dialect_is_read(given: Spelled) -> None:
    with tempfile.TemporaryDirectory(prefix="filon-test-") as folder:
        report, rows = run(Path(folder), given)

    assert report.status in (RunStatus.PUBLISHED, RunStatus.UNCHANGED), report.error
    read = {line.file: line for line in report.files if line.status == "ingested"}
    for path, (accepted, superseded, rejected) in given.counts.items():
        if path in read:
            line = read[path]
            found = (line.rows_accepted, line.rows_superseded, line.rows_rejected)
            assert found == (accepted, superseded, rejected)
            assert line.rows_read == sum(found)
        else:
            assert accepted + superseded + rejected == 0
    assert rows == given.silver


@settings(max_examples=10, deadline=None, derandomize=True, database=None)
@given(words=dialects())
def test_every_word_of_a_dialect_is_written(words: dict[str, Any]) -> None:
    optional = {"escape", "skipUntil", "footer", "true", "false", "format", "sheet"}
    assert {*words} | optional == {to_camel(name) for name in Dialect.model_fields}
