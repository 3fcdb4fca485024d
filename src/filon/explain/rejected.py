"""Rejected rows: where each stands in the files, why it was rejected, and its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from filon.engines import SqlEngine
from filon.lake import Build, FileVersion, Lake, Layer, Ledger, build_id
from filon.sql import identifier, literal


@dataclass(frozen=True)
class RejectedRow:
    """One rejected record of a file; ``record`` counts from 1, ``raw`` is its text as it arrived."""

    dataset: str
    file: str
    version: int
    record: int
    reasons: list[str]
    raw: str


def latest_build(lake: Lake, layer: Layer, table: str) -> Build | None:
    """A table as the last run left it, published or not; as published when that was swept since."""
    run = lake.last_run()
    if run is not None and (build := run.builds.get(build_id(layer, table))) and lake.is_complete(build):
        return build
    release = lake.release()
    return release.build(layer, table) if release else None


def kept_name(version: FileVersion) -> str:
    """Where the bytes of a quarantined file are kept, inside the quarantine layer."""
    return f"files/{version.number}-{version.sha256[:12]}"


def rejected_rows(
    engine: SqlEngine,
    lake: Lake,
    ledger: Ledger,
    datasets: Iterable[str],
    *,
    file: str | None = None,
    reason: str | None = None,
    limit: int,
) -> list[RejectedRow]:
    """The first rejected rows of datasets, in the order of files and records.

    Args:
        engine: reaches the lake
        lake: where the quarantine tables are
        ledger: names the files
        datasets: whose rows are wanted
        file: only rows of this path, in all its versions
        reason: only rows with this reason
        limit: at most so many rows

    """
    paths = {version.number: version.path for version in ledger.versions}
    conditions = [f"list_contains(reasons, {literal(reason)})"] if reason else []
    if file is not None:
        numbers = [str(number) for number, path in paths.items() if path == file]
        conditions.append(f"_file IN ({', '.join(numbers)})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows: list[RejectedRow] = []
    for dataset, build in _quarantine_builds(lake, datasets):
        engine.bind(dataset, lake.paths(build), build.columns)
        query = f"SELECT _file, _record, reasons, raw FROM {identifier(dataset)}{where} ORDER BY _file, _record"
        for version, record, reasons, raw in engine.rows(f"{query} LIMIT {limit - len(rows)}"):
            rows.append(RejectedRow(dataset, paths[version], version, record, reasons, raw or ""))
    return rows


def _quarantine_builds(lake: Lake, datasets: Iterable[str]) -> Iterator[tuple[str, Build]]:
    for dataset in datasets:
        if build := latest_build(lake, Layer.QUARANTINE, dataset):
            yield dataset, build
