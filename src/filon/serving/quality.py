"""Bring the quality of a release, and a sample of the rows that it rejected, into the store.

Both are written before the load that shows the release, so its readers find them, and forgotten with the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile

from filon.engines import SqlEngine
from filon.lake import Build, CheckResult, FileState, FileVersion, Lake, Layer, Ledger, Quality, Release
from filon.serving.history import (
    LONGEST_OF_A_FILE,
    LONGEST_TEXT,
    MOST_FILES,
    CheckRecord,
    DatasetRecord,
    Kind,
    QualityRecord,
    RefusedFile,
    RefusedFiles,
    RejectedRow,
    Sample,
    Truncator,
    read_record,
)
from filon.serving.protocol import Store
from filon.sql import identifier

MOST_OF_A_REASON = 200
MOST_ROWS = 2_000
MOST_BYTES = 4 << 20
"""Text of a sample: rows that would go beyond are left out, whatever they hold."""
REFUSED, PLACES = "rejected rows", "places of rejected rows"


def keep_quality(store: Store, lake: Lake, release: Release, ledger: Ledger, engine: Callable[[], SqlEngine]) -> bool:
    """Write what the store does not have yet, and say whether that was something.

    The engine is started only for rows that no sample shows.
    """
    key, quality = str(release.number), quality_of(release, ledger)
    text = quality.model_dump_json()
    is_new = store.records.known(Kind.QUALITY, key) != text
    if is_new:  # before the samples that it names, so that a load at the same time does not forget them
        store.records.keep(Kind.QUALITY, key, release.created_at, text)
    there = store.records.keys(Kind.SAMPLE) if quality.samples else set[str]()
    for dataset, name in quality.samples.items():
        build = release.build(Layer.QUARANTINE, dataset)
        if name not in there and build is not None and lake.is_complete(build):
            sample = take_sample(lake, build, ledger, engine())
            store.records.keep(Kind.SAMPLE, name, build.built_at, sample.model_dump_json())
    return is_new


def forget_quality(store: Store) -> None:
    """Delete what belongs to releases before all that readers can still ask for."""
    oldest = min((state.release for state in store.kept()), default=0)
    numbers = {int(key) for key in store.records.keys(Kind.QUALITY)}
    store.records.forget(Kind.QUALITY, {str(number) for number in numbers if number < oldest})
    texts = [store.records.known(Kind.QUALITY, str(number)) for number in numbers if number >= oldest]
    kept = kept_samples([read_record(QualityRecord, text, store.uri) for text in texts if text is not None])
    store.records.forget(Kind.SAMPLE, store.records.keys(Kind.SAMPLE) - kept)


def take_sample(lake: Lake, build: Build, ledger: Ledger, engine: SqlEngine) -> Sample:
    """The first rejected rows of each first reason, by file and record."""
    engine.bind(REFUSED, lake.paths(build), build.columns)
    try:
        # places first, so that the texts of all rows need not be sorted
        engine.cache(PLACES, _places())
        query = (
            f"SELECT r._file, r._record, r.reasons, left(r.raw, {LONGEST_TEXT + 1}) AS raw "
            f"FROM {identifier(REFUSED)} AS r JOIN {identifier(PLACES)} AS p "
            "ON r._file = p._file AND r._record = p._record ORDER BY r._file, r._record"
        )
        rows = engine.rows(query)
    finally:
        engine.drop([REFUSED, PLACES])
    paths = {version.number: version.path for version in ledger.versions}
    samples = (_row(build.table, paths.get(file, ""), file, *rest) for file, *rest in rows)
    return Sample(rows=tuple(_within_bounds(samples)))


def _places() -> str:
    rank = "row_number() OVER (PARTITION BY reasons[1] ORDER BY _file, _record)"
    ranked = f"SELECT _file, _record, {rank} AS _rank FROM {identifier(REFUSED)}"
    return (
        f"SELECT _file, _record FROM ({ranked}) AS ranked WHERE _rank <= {MOST_OF_A_REASON} "
        f"ORDER BY _file, _record LIMIT {MOST_ROWS}"
    )


def _row(dataset: str, path: str, file: int, record: int, reasons: list[str], raw: str | None) -> RejectedRow:
    cut = Truncator()
    text = cut(raw or "")
    return RejectedRow(
        dataset=dataset,
        file=path,
        version=file,
        record=record,
        reasons=tuple(reasons),
        raw=text,
        cut=cut.has_cut,
    )


def _within_bounds(rows: Iterator[RejectedRow]) -> Iterator[RejectedRow]:
    size = 0

    def fits(row: RejectedRow) -> bool:
        nonlocal size
        size += len(row.model_dump_json().encode())
        return size <= MOST_BYTES

    return takewhile(fits, rows)


def dataset_record(name: str, quality: Quality) -> DatasetRecord:
    """The numbers of rows and of reasons of a dataset."""
    return DatasetRecord(dataset=name, **quality.total.model_dump(), reasons=quality.by_reason)


def check_records(results: Iterable[CheckResult]) -> tuple[CheckRecord, ...]:
    """What checks found."""
    return tuple(CheckRecord.model_validate(result, from_attributes=True) for result in results)


def refused_files(ledger: Ledger) -> RefusedFiles:
    """The files that the ledger has in quarantine, newest first."""
    refused = [version for version in ledger.versions if version.state is FileState.QUARANTINED]
    newest = sorted(refused, key=lambda version: -version.number)[:MOST_FILES]
    return RefusedFiles(total=len(refused), data=tuple(_refused(version) for version in newest))


def _refused(version: FileVersion) -> RefusedFile:
    cut = Truncator()
    path, detail = cut(version.path, LONGEST_OF_A_FILE), cut(version.detail or "", LONGEST_OF_A_FILE)
    return RefusedFile(
        file=path,
        dataset=version.dataset,
        version=version.number,
        reason=version.reason or "",
        detail=detail,
        size=version.size,
        arrived_at=version.arrived_at,
        cut=cut.has_cut,
    )


def datasets_of(release: Release) -> tuple[DatasetRecord, ...]:
    """For each dataset of a release, its numbers of rows and of reasons."""
    builds = [build for build in release.tables.values() if build.layer is Layer.SILVER]
    return tuple(dataset_record(build.table, build.quality) for build in builds if build.quality is not None)


def quality_of(release: Release, ledger: Ledger) -> QualityRecord:
    """The quality of a release, and of the files as they stand now."""
    refused = [build for build in release.tables.values() if build.layer is Layer.QUARANTINE]
    return QualityRecord(
        release=release.number,
        run_id=release.run_id,
        datasets=datasets_of(release),
        checks=check_records(release.checks),
        files=refused_files(ledger),
        samples={build.table: sample_key(build.table, build.fingerprint) for build in refused if build.rows},
    )


def sample_key(dataset: str, fingerprint: str) -> str:
    """The key of a sample: the same rejected rows have the same key."""
    return f"{dataset}/{fingerprint}"


def content_of(release: Release) -> dict[str, str]:
    """The fingerprint of each silver and gold table of a release."""
    named = (build for build in release.tables.values() if build.layer in (Layer.SILVER, Layer.GOLD))
    return {build.table: build.fingerprint for build in named}


def kept_samples(records: Sequence[QualityRecord]) -> set[str]:
    """The samples that these releases show."""
    return {key for record in records for key in record.samples.values()}
