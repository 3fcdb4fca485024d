"""Whether the documents of a release agree: files with the ledger, counts with rows, Delta logs with both."""

from __future__ import annotations

from collections.abc import Iterator

from filon.errors import Damage, LakeError
from filon.lake.documents import Build, FileState, Ledger, Release
from filon.lake.location import Layer
from filon.lake.store import Lake

REBUILD = "`filon run --force` builds the tables again"
RESTORE = "restore the lake from a backup"


def inspect_accounts(lake: Lake, release: Release, ledger: Ledger) -> list[Damage]:
    """What does not add up; ``ledger`` is the one that the release names."""
    return [*_ledger(lake, release, ledger), *_counts(lake, release, ledger), *_delta_logs(lake, release)]


def _ledger(lake: Lake, release: Release, ledger: Ledger) -> Iterator[Damage]:
    """The ledger has every number once, and the bronze tables hold the files that it names."""
    address, part = lake.ledgers.documents.address(ledger.number), f"number {ledger.number} of the ledger"
    numbers = [version.number for version in ledger.versions]
    if len(set(numbers)) != len(numbers) or max(numbers, default=0) > ledger.last_version:
        yield Damage(address, "gives the number of a file version twice, or one that it does not know", part, RESTORE)
    for build in release.tables.values():
        if build.layer is Layer.BRONZE:
            versions = [version for version in ledger.versions if version.dataset == build.table]
            named = {file.name: file.rows for version in versions for file in version.bronze}
            if named != {file.name: file.rows for file in build.files}:
                what = f"names other files of {build.id} than release {release.number}"
                yield Damage(address, what, part, REBUILD)


def _counts(lake: Lake, release: Release, ledger: Ledger) -> Iterator[Damage]:
    """Records that were read are accepted, superseded or rejected, and lie in the tables of that name."""
    live = {version.number: version for version in ledger.versions if version.state is FileState.LIVE}
    for build in release.tables.values():
        if build.quality is None:
            continue
        counts, part = build.quality.files, f"{build.id} of release {release.number}"
        address = lake.table(build.layer, build.table).uri
        for number, found in counts.items():
            version = live.get(number)
            if not found.conserved or version is None or found.read != version.rows:
                what = f"counts {found.read:,} records of file version {number}, which do not add up"
                yield Damage(address, what, part, REBUILD)
        total = build.quality.total
        rows = {Layer.SILVER: total.accepted, Layer.QUARANTINE: total.rejected, Layer.SUPERSEDED: total.superseded}
        for layer, expected in rows.items():
            table = release.build(layer, build.table)
            if table is not None and table.rows != expected:
                what = f"has {table.rows:,} rows, and {expected:,} records were counted"
                yield Damage(
                    lake.table(layer, build.table).uri, what, f"{table.id} of release {release.number}", REBUILD
                )


def _delta_logs(lake: Lake, release: Release) -> Iterator[Damage]:
    """The version of a Delta log that a release names has its files."""
    for build in release.tables.values():
        names = _files_in_log(lake, build)
        if names is not None and names != {file.name for file in build.files}:
            lake.damaged_logs.add(build.id)
            what = f"holds other files in version {build.version} than release {release.number} names"
            repair = "`filon run` writes another log, whose versions begin with 0"
            yield Damage(lake.table(build.layer, build.table).path_of("_delta_log"), what, lake.part_of(build), repair)


def _files_in_log(lake: Lake, build: Build) -> set[str] | None:
    """The files of a build as the Delta log has them; None when it cannot be read, which its sizes have told."""
    # deltalake is slow to import, and few commands need it
    from filon.lake.tables import stats_of

    try:
        return set(stats_of(lake.table(build.layer, build.table), build.version))
    except LakeError:
        return None
