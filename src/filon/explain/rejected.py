"""The content of the quarantine: refused files, and rejected rows with their place, reasons and text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from filon.engines import SqlEngine
from filon.errors import NotFound
from filon.lake import Build, FileState, FileVersion, Lake, Layer, Ledger, build_id, copy_name
from filon.sql import identifier, literal


@dataclass(frozen=True)
class RejectedRow:
    """A rejected record of a file; ``record`` counts from 1, ``raw`` is its text as received."""

    dataset: str
    file: str
    version: int
    record: int
    reasons: list[str]
    raw: str


@dataclass(frozen=True)
class Quarantine:
    """What is in quarantine: refused files, and the number of rejected rows by dataset and reason."""

    files: tuple[FileVersion, ...]
    rows: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Selection:
    """A part of the quarantine: rejected rows of datasets (only of ``file``, if given), and refused versions of it."""

    datasets: tuple[str, ...]
    file: str | None
    refused: tuple[FileVersion, ...]


def read_quarantine(lake: Lake, datasets: Iterable[str]) -> Quarantine:
    """Read which files are in quarantine, and count the rejected rows of datasets by reason."""
    files = tuple(version for version in lake.ledger().versions if version.state is FileState.QUARANTINED)
    builds = {name: latest_build(lake, Layer.SILVER, name) for name in datasets}
    rows = {name: build.quality.by_reason if build and build.quality else {} for name, build in builds.items()}
    return Quarantine(files, rows)


def select(ledger: Ledger, datasets: Collection[str], name: str) -> Selection:
    """Select the part of the quarantine that belongs to a dataset or to a file.

    Args:
        ledger: names the files
        datasets: the datasets of the project
        name: one of these datasets, else the path of a file under the sources

    Raises:
        NotFound: ``name`` is neither

    """
    versions = [v for v in ledger.versions if v.path == name and v.state is not FileState.REPLACED]
    if name not in datasets and not versions:
        raise NotFound(
            f"{name} is neither a dataset ({', '.join(datasets)}) nor a known file. See `filon quarantine list`."
        )
    refused = tuple(version for version in versions if version.state is FileState.QUARANTINED)
    if name in datasets:
        return Selection((name,), None, refused)
    return Selection(tuple(sorted({version.dataset for version in versions})), name, refused)


def latest_build(lake: Lake, layer: Layer, table: str) -> Build | None:
    """The newest build of a table: that of the last run, published or not; the published one when that was swept."""
    run = lake.last_run()
    if run is not None and (build := run.builds.get(build_id(layer, table))) and lake.is_complete(build):
        return build
    release = lake.release()
    return release.build(layer, table) if release else None


def kept_name(version: FileVersion) -> str:
    """The path of the copy of a quarantined file, relative to the quarantine layer."""
    return f"files/{copy_name(version.number, version.sha256)}"


@dataclass(frozen=True)
class RejectedRows:
    """The first rejected rows of a selection, in the order of files and records; ``total``: how many there are."""

    rows: list[RejectedRow]
    total: int


def rejected_rows(
    engine: SqlEngine,
    lake: Lake,
    ledger: Ledger,
    datasets: Iterable[str],
    *,
    file: str | None = None,
    reason: str | None = None,
    limit: int,
) -> RejectedRows:
    """The first rejected rows of datasets, in the order of files and records.

    Args:
        engine: reaches the lake
        lake: where the quarantine tables are
        ledger: names the files
        datasets: the datasets of the rows
        file: only rows of this path, in all its versions
        reason: only rows with this reason
        limit: the most rows to return

    """
    paths = {version.number: version.path for version in ledger.versions}
    conditions = [f"list_contains(reasons, {literal(reason)})"] if reason else []
    if file is not None:
        numbers = [str(number) for number, path in paths.items() if path == file]
        conditions.append(f"_file IN ({', '.join(numbers)})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows: list[RejectedRow] = []
    total = 0
    for dataset, build in _quarantine_builds(lake, datasets):
        engine.bind(dataset, lake.paths(build), build.columns)
        source = f"FROM {identifier(dataset)}{where}"
        [[count]] = engine.rows(f"SELECT count(*) {source}")
        total += count
        query = f"SELECT _file, _record, reasons, raw {source} ORDER BY _file, _record LIMIT {limit - len(rows)}"
        for version, record, reasons, raw in engine.rows(query):
            rows.append(RejectedRow(dataset, paths[version], version, record, reasons, raw or ""))
    return RejectedRows(rows, total)


def _quarantine_builds(lake: Lake, datasets: Iterable[str]) -> Iterator[tuple[str, Build]]:
    for dataset in datasets:
        if build := latest_build(lake, Layer.QUARANTINE, dataset):
            yield dataset, build
