"""Write small files of tables together, and publish the same rows in fewer files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from filon.engines import SqlEngine
from filon.errors import ReleaseConflict, ReleaseMissing
from filon.lake import Build, Lake, Layer, Release, TableFile
from filon.lake.store import new_run_id
from filon.pipeline.compact_bronze import join_bronze, rebuilt, with_joined
from filon.sql import identifier, identifiers, literal

SMALL_FILE = 1_000_000
"""Rows from which a file stays as it is."""
LARGEST_FILE = 4_000_000
"""Rows that are written into one file; more are divided among files, which are written at the same time."""
SMALL = "small files"


@dataclass(frozen=True)
class Compacted:
    """A table whose small files were written together: its number of files before and after."""

    build: Build
    before: int

    @property
    def after(self) -> int:
        """The number of files now."""
        return len(self.build.files)


def compact_lake(lake: Lake, engine: SqlEngine, *, now: dt.datetime) -> tuple[Release | None, list[Compacted]]:
    """Write together the files of fewer than ``SMALL_FILE`` rows of each partition, and publish that.

    Those of bronze stay as they are where the ledger is newer than the release: the next run reads what it says.

    Args:
        lake: the lake; a run may be in progress, of which the one that publishes later begins again
        engine: reads and writes the files
        now: the time of the new release, in UTC

    Returns:
        The new release, None when no table has small files, and its tables that have other files.

    Raises:
        ReleaseMissing: nothing is published yet
        LakeDamaged: a file that is read is not as it was written
        FileUnaccounted: bronze has not the records that the ledger counted
        ReleaseConflict: a run published meanwhile; the lake is as that run left it

    """
    published = lake.release()
    if published is None:
        raise ReleaseMissing(0, [])
    run_id = new_run_id(now)
    with lake.leased(run_id, published):
        done = [
            Compacted(_compact(lake, engine, build, small), len(build.files))
            for build in published.tables.values()
            if build.layer is not Layer.BRONZE and (small := list(small_groups(build)))
        ]
        ledger, bronze = _compact_bronze(lake, engine, published)
        done = [*bronze, *done]
        if not done:
            return None, []
        tables = published.tables | {item.build.id: item.build for item in done}
        number = lake.releases.after(published.number)
        changes = {"number": number, "ledger": ledger, "run_id": run_id, "created_at": now, "tables": tables}
        release = published.model_copy(update=changes)
        lake.publish(release)
    return release, done


def _compact_bronze(lake: Lake, engine: SqlEngine, published: Release) -> tuple[int, list[Compacted]]:
    """Join small bronze files; returns the number of the ledger that names them, and the tables."""
    ledger = lake.ledger()
    if ledger.number != published.ledger:
        return published.ledger, []
    builds = [build for build in published.tables.values() if build.layer is Layer.BRONZE]
    joined = [join_bronze(lake, engine, build, ledger, small=SMALL_FILE, most=LARGEST_FILE) for build in builds]
    if not any(joined):
        return ledger.number, []
    added = lake.ledgers.add(ledger, with_joined(ledger, {n: files for item in joined for n, files in item.items()}))
    if added is None:
        raise ReleaseConflict(lake.releases.after(published.number))
    done = [
        Compacted(lake.keep_build(*rebuilt(build, added)), len(build.files))
        for build, item in zip(builds, joined, strict=True)
        if item
    ]
    return added.number, done


def small_groups(build: Build) -> Iterator[list[TableFile]]:
    """The small files of each partition that has several."""
    groups: dict[str | None, list[TableFile]] = {}
    for file in build.files:
        if file.rows < SMALL_FILE:
            groups.setdefault(file.partition.get(build.partition), []).append(file)
    return (files for files in groups.values() if len(files) > 1)


def _rows(files: Sequence[TableFile]) -> int:
    return sum(file.rows for file in files)


def _compact(lake: Lake, engine: SqlEngine, build: Build, groups: Sequence[Sequence[TableFile]]) -> Build:
    written = [file for group in groups for file in _together(lake, engine, build, group)]
    again = {file.name for group in groups for file in group}
    return lake.keep_build(build, (*(file for file in build.files if file.name not in again), *written))


def _together(lake: Lake, engine: SqlEngine, build: Build, files: Sequence[TableFile]) -> tuple[TableFile, ...]:
    engine.bind(SMALL, lake.paths_of(build.layer, build.table, files, lake.part_of(build)), build.columns)
    query = f"SELECT {identifiers(column.name for column in build.columns)} FROM {identifier(SMALL)}"
    if build.partition:
        value = files[0].partition[build.partition]
        spelled = literal(value) if value is not None else "CAST(NULL AS VARCHAR)"
        query = f"SELECT *, {spelled} AS {identifier(build.partition)} FROM ({query}) AS rows"
    is_one = _rows(files) <= LARGEST_FILE
    if is_one and build.key:  # by its key, a table is smaller and its bounds are narrower
        query = f"SELECT * FROM ({query}) AS sorted ORDER BY {identifiers(build.key)}"
    location = lake.table(build.layer, build.table)
    written = engine.write(query, location, partition=build.partition, in_one_file=is_one)
    engine.drop([SMALL])
    return lake.seal(build.layer, build.table, written)
