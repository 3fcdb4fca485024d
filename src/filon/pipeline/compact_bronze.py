"""Write small bronze files together: the same records of the same file versions, and a ledger that says where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from filon.engines import SqlEngine
from filon.engines.reader import FOOTER
from filon.errors import FileUnaccounted
from filon.lake import Build, FileVersion, Lake, Ledger, TableFile
from filon.sql import identifier, identifiers, literal
from filon.stages.bronze.columns import bronze_fingerprint

SMALL = "small bronze files"
NO_FOOTER = f"_malformed IS DISTINCT FROM {literal(FOOTER)}"
Joined = dict[int, tuple[TableFile, ...]]
"""By the number of a file version, the files that hold its records now."""


def join_bronze(lake: Lake, engine: SqlEngine, build: Build, ledger: Ledger, *, small: int, most: int) -> Joined:
    """Write small files of a bronze table together.

    Args:
        lake: the lake
        engine: reads and writes the files
        build: the table, whose files are those that the ledger names
        ledger: the newest one
        small: files with as many rows stay as they are
        most: rows that are written into one file

    Raises:
        LakeDamaged: a file that is read is not as it was written
        FileUnaccounted: a file has not the records that the ledger counted

    """
    versions = [version for version in ledger.versions if version.dataset == build.table and version.bronze]
    chosen = _joinable(versions, small)
    new: dict[str, TableFile] = {}
    records = Counter[int]()
    for files in _together(chosen, most):
        [written], counts = _write(lake, engine, build, files, chosen)
        new |= dict.fromkeys((file.name for file in files), written)
        records += counts
    wrong = [
        f"{version.path} version {version.number}: {records[version.number]:,} records found, {version.rows:,} counted"
        for version in chosen
        if all(file.name in new for file in version.bronze) and records[version.number] != version.rows
    ]
    if wrong:
        raise FileUnaccounted(wrong)
    return {
        version.number: tuple({file.name: file for file in (new.get(old.name, old) for old in version.bronze)}.values())
        for version in chosen
        if any(file.name in new for file in version.bronze)
    }


def with_joined(ledger: Ledger, joined: Joined) -> Ledger:
    """The ledger with other files for some of its versions."""
    return ledger.model_copy(
        update={
            "versions": tuple(
                version.model_copy(update={"bronze": joined[version.number]}) if version.number in joined else version
                for version in ledger.versions
            )
        }
    )


def files_of(build: Build, ledger: Ledger) -> dict[str, TableFile]:
    """The files of a bronze table by name, as a ledger names them."""
    return {file.name: file for version in ledger.versions if version.dataset == build.table for file in version.bronze}


def rebuilt(build: Build, ledger: Ledger) -> tuple[Build, tuple[TableFile, ...]]:
    """A bronze table of the files that a ledger names, as the next run will look for it; and the files."""
    files = files_of(build, ledger)
    return build.model_copy(update={"fingerprint": bronze_fingerprint(files, build.columns)}), tuple(files.values())


def _joinable(versions: Sequence[FileVersion], small: int) -> list[FileVersion]:
    """Versions all of whose files are small, and shared with versions like them alone.

    Left out are versions that were read again, since other files hold former records of them, and versions that were
    read by another contract than the newest, since their files have other columns.
    """
    newest = max(versions, key=lambda version: version.number, default=None)
    chosen = [
        version
        for version in versions
        if newest is not None
        and version.parse_hash == newest.parse_hash
        and not version.rereads
        and all(file.rows < small for file in version.bronze)
    ]
    while True:
        numbers = {version.number for version in chosen}
        taken = {file.name for version in versions if version.number not in numbers for file in version.bronze}
        left = [version for version in chosen if not any(file.name in taken for file in version.bronze)]
        if len(left) == len(chosen):
            return left
        chosen = left


def _together(versions: Sequence[FileVersion], most: int) -> Iterator[list[TableFile]]:
    """Files whose records are written into one, in the order of arrival."""
    files = {file.name: file for version in versions for file in version.bronze}
    chosen, rows = list[TableFile](), 0
    for file in files.values():
        if rows + file.rows > most:
            if len(chosen) > 1:
                yield chosen
            chosen, rows = [], 0
        chosen.append(file)
        rows += file.rows
    if len(chosen) > 1:
        yield chosen


def _write(
    lake: Lake, engine: SqlEngine, build: Build, files: Sequence[TableFile], versions: Sequence[FileVersion]
) -> tuple[tuple[TableFile, ...], Counter[int]]:
    """One file with the records that these files hold of these versions, and how many of each version it has."""
    paths = lake.paths_of(build.layer, build.table, files, lake.part_of(build))
    engine.bind(SMALL, paths, build.columns)
    names = {file.name for file in files}
    numbers = [version.number for version in versions if any(file.name in names for file in version.bronze)]
    source = f"{identifier(SMALL)} WHERE _file IN ({', '.join(map(str, numbers))})"
    counts = Counter(dict(engine.rows(f"SELECT _file, count(*) FROM {source} AND {NO_FOOTER} GROUP BY _file")))
    query = f"SELECT {identifiers(column.name for column in build.columns)} FROM {source} ORDER BY _file, _record"
    written = engine.write(query, lake.table(build.layer, build.table), in_one_file=True)
    engine.drop([SMALL])
    return lake.seal(build.layer, build.table, written), counts
