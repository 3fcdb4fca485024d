"""The content of a lake, as values that are equal exactly when readers see the same."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as parquet  # type: ignore[import-untyped]

from filon.differences.document import Difference
from filon.lake import Build, FileCounts, Lake, Layer, Location, Release
from filon.pipeline.report import RunStatus
from filon.project import PLACE, Project
from tests.integration.histories.place import Place

Rows = Counter[tuple[object, ...]]
UNSEEN = (Layer.BRONZE, Layer.QUARANTINE, Layer.SUPERSEDED)
"""Layers that a plan does not show."""
COMPARED = (Layer.SILVER, Layer.QUARANTINE, Layer.SUPERSEDED, Layer.GOLD)


@dataclass(frozen=True)
class Counts:
    """What silver counted of a dataset: records per file version, reasons per file version, and between which as-of
    dates that surely holds."""

    files: Mapping[int, FileCounts]
    reasons: Mapping[int, Mapping[str, int]]
    since: dt.date | None
    until: dt.date | None


@dataclass(frozen=True)
class Content:
    """All that a release shows: the rows of each table, the counts of each dataset, and what each check found."""

    tables: Mapping[str, Rows]
    counts: Mapping[str, Counts]
    checks: Mapping[str, str]


def content_of(lake: Lake, release: Release) -> Content:
    """What a release shows, read from its files."""
    builds = [build for build in release.tables.values() if build.layer in COMPARED]
    checks = {f"{result.table} {result.check}": f"{result.status}, {result.value}" for result in release.checks}
    return Content({build.id: _rows(lake, build) for build in builds}, dict(_counts(builds)), checks)


def _rows(lake: Lake, build: Build) -> Rows:
    names = [name for name, _ in build.columns]
    rows: Rows = Counter()
    table = lake.table(build.layer, build.table)
    for file in build.files:
        found = parquet.ParquetFile(BytesIO(table.read(file.name))).read().to_pylist()
        rows.update(tuple(_plain(row[name]) for name in names) for row in found)
    assert rows.total() == build.rows, f"{build.id} says {build.rows} rows, its files hold {rows.total()}"
    return rows


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _counts(builds: list[Build]) -> Iterator[tuple[str, Counts]]:
    for build in builds:
        if (found := build.quality) is not None:
            yield build.table, Counts(found.files, found.reasons, found.as_of_from, found.as_of_to)


def differences(found: Content, expected: Content) -> list[str]:
    """How two contents differ, in a line for each table, dataset and check; nothing when they are equal."""
    return [
        *different_tables(found.tables, expected.tables),
        *_different_counts(found.counts, expected.counts),
        *_different_checks(found.checks, expected.checks),
    ]


def different_tables(found: Mapping[str, Rows], expected: Mapping[str, Rows]) -> Iterator[str]:
    """How rows of tables differ, in a line for each table."""
    for name in sorted(found.keys() | expected.keys()):
        have, want = found.get(name), expected.get(name)
        if have is None or want is None:
            yield f"{name}: {'is not there' if have is None else 'should not be there'}"
        elif have != want:
            yield f"{name}: has too much {_listed(have - want)}; lacks {_listed(want - have)}"


def _different_counts(found: Mapping[str, Counts], expected: Mapping[str, Counts]) -> Iterator[str]:
    for name in sorted(found.keys() | expected.keys()):
        if not _is_equal(found.get(name), expected.get(name)):
            yield f"{name}: counted {found.get(name)} instead of {expected.get(name)}"


def _different_checks(found: Mapping[str, str], expected: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            yield f"check {name}: {found.get(name)} instead of {expected.get(name)}"


def _is_equal(found: Counts | None, expected: Counts | None) -> bool:
    """Whether all was counted alike. Of a table that was extended, the dates may lie closer together."""
    if found is None or expected is None:
        return found is expected
    since, until = found.since or dt.date.min, found.until or dt.date.max
    is_within = since >= (expected.since or dt.date.min) and until <= (expected.until or dt.date.max)
    return is_within and (found.files, found.reasons) == (expected.files, expected.reasons)


def _listed(rows: Rows) -> str:
    return ", ".join(sorted(map(repr, rows.elements()))) or "nothing"


def rebuilt(lake: Lake, fresh: Place, project: Project, as_of: dt.date) -> Content:
    """What a lake without a past, in the new place ``fresh``, makes of the file versions of another.

    It gets the documents of the ledger, the block list and the Parquet files of bronze. Nothing else comes along: no
    release, no note of a build, no Delta log.
    """
    metadata, bronze = lake.layer(Layer.METADATA), lake.layer(Layer.BRONZE)
    heads = [name for name in metadata.names("heads") if name in ("heads/ledger.json", "heads/erasures.json")]
    for name in (*heads, *metadata.names("ledger"), *metadata.names("erasures")):
        _copy(metadata, name, fresh.metadata)
    before = lake.ledger()
    files = {f"{version.dataset}/{file.name}" for version in before.versions for file in version.bronze}
    for name in files:
        _copy(bronze, name, fresh.folder / "lake" / "bronze")
    report = fresh.run(project, as_of)
    assert report.status is RunStatus.PUBLISHED, report.error
    assert fresh.lake.ledger() == before, "a run without anything new changed the ledger"
    release = fresh.lake.release()
    assert release is not None
    return content_of(fresh.lake, release)


def _copy(origin: Location, name: str, target: Path) -> None:
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    (target / name).write_bytes(origin.read(name))


def unlike(planned: Difference, lake: Lake, before: Release, after: Release) -> Iterator[str]:
    """How a plan differs from what a run then did."""
    said = {f"{table.layer}/{table.table}": table for table in planned.tables}
    for name in sorted(before.tables.keys() | after.tables.keys()):
        old, new = (_visible(lake, release.tables.get(name)) for release in (before, after))
        table = said.get(name)
        if old is None or new is None or (table is not None and table.columns):
            assert table is not None or name.startswith(UNSEEN), f"{name}: the plan did not say that it comes or goes"
            continue
        found = (table.removed + table.changed, table.added + table.changed) if table else (0, 0)
        happened = ((old - new).total(), (new - old).total())
        if found != happened and not name.startswith(UNSEEN):
            yield f"{name}: the plan said that {found} rows go and come, but {happened} did"


def _visible(lake: Lake, build: Build | None) -> Rows | None:
    """The rows of a table without the place where each was read; None when there is no such table."""
    if build is None:
        return None
    places = {column.name for column in PLACE}
    shown = [index for index, (name, _) in enumerate(build.columns) if name not in places]
    rows: Rows = Counter()
    for row, count in _rows(lake, build).items():
        rows[tuple(row[index] for index in shown)] += count
    return rows
