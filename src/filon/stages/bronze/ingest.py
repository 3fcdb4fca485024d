"""The bronze stage: from files in the sources to records in the lake, and a ledger that names them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from filon.errors import ConfigError, SourcesMissing, WriteConflict
from filon.lake import FileState, FileVersion, Ledger, Sources
from filon.project import Project
from filon.stages.bronze.arrivals import UNKNOWN, Identity
from filon.stages.bronze.listing import ObservedFiles, list_files, observe_files
from filon.stages.bronze.outcomes import FileOutcome, check_accounts, file_outcomes
from filon.stages.bronze.reading import Reading, read_files
from filon.stages.bronze.texts import Parsed
from filon.stages.bronze.versions import is_unread, require_records, version_of, without_damage
from filon.stages.bronze.workers import Workers
from filon.stages.context import Context

ATTEMPTS = 5


@dataclass(frozen=True)
class IngestResult:
    """The ledger after the run, and the outcome of every file.

    ``parsed`` are the results of the files that were read; ``build_bronze`` commits their records. ``unreadable`` are
    paths that no pattern matches and where no file is, each with its fault.
    """

    ledger: Ledger
    files: tuple[FileOutcome, ...]
    ignored: tuple[str, ...]
    parsed: tuple[Parsed, ...]
    unreadable: tuple[tuple[str, str], ...] = ()


def receive_files(context: Context, sources: Sources, workers: Workers) -> IngestResult:
    """Bring the ledger up to date with the sources, whose files workers read.

    Safe to repeat, and to run beside another run.

    Raises:
        ConfigError: the lake belongs to another project, or a file matches the patterns of two datasets
        SourcesMissing: there is no folder, or no file in it that any dataset takes, and none ever arrived
        LakeDamaged: records that count are damaged, and their file is no longer in the sources
        FileUnaccounted: the new ledger contradicts itself; it is not written
        WriteConflict: other runs added to the ledger first, several times

    """
    for _ in range(ATTEMPTS):
        ledger = context.lake.ledger()
        require_own_project(ledger, context.project, context.lake.root)
        listing = list_files(context.project, sources)
        if not listing.files and not ledger.versions:
            patterns = ", ".join(dataset.pattern for dataset in context.project.datasets.values())
            raise SourcesMissing(f"no file under {sources.uri} matches {patterns}. Say where they are: --sources URI.")
        files = observe_files(context, workers, listing, ledger)
        reading = read_files(context, workers, ledger, files)
        after = _updated(ledger, context, reading, files)
        require_records(context, after)
        outcomes = file_outcomes(after, reading)
        check_accounts(after, outcomes)
        is_current = after == ledger and not context.lake.ledgers.documents.accepts_loss
        added = ledger if is_current else context.lake.ledgers.add(ledger, after)
        if added is not None:
            return IngestResult(added, outcomes, listing.ignored, tuple(reading.parsed), listing.unreadable)
    raise WriteConflict("other runs kept adding to the ledger. Nothing is lost: run again when they are done.")


def require_own_project(ledger: Ledger, project: Project, root: str) -> None:
    """ConfigError when a lake belongs to another project."""
    if ledger.project not in ("", project.name):
        raise ConfigError(
            f"the lake {root} belongs to the project {ledger.project}, not {project.name}. Give another --lake."
        )


def _updated(ledger: Ledger, context: Context, reading: Reading, files: ObservedFiles) -> Ledger:
    """The ledger after a reading; the same object when nothing changed."""
    results = {result.incoming.number: result for result in reading.parsed}
    successors = {result.place: result for result in reading.parsed}
    known = reading.plan.identities
    contents = {known.of(r.incoming.observed) for r in reading.parsed}
    versions = [
        version_of(results[version.number], context, before=version)
        if version.number in results
        else without_damage(
            context, _with_state(version, reading, successors.get((version.dataset, version.path)), contents)
        )
        for version in ledger.versions
    ]
    earlier = {version.number for version in ledger.versions}
    versions += [version_of(result, context) for number, result in results.items() if number not in earlier]
    versions, last = _with_unread(versions, context, reading)
    headers = {result.header_id: result.profile for result in reading.parsed if result.profile is not None}
    observations = {**ledger.observations, **files.observations}
    for _, path in reading.unread:
        observations.pop(path, None)
    if tuple(versions) == ledger.versions and observations == ledger.observations:
        return ledger
    return Ledger(
        number=ledger.number,
        project=context.project.name,
        last_version=last,
        versions=tuple(versions),
        observations=observations,
        headers={**ledger.headers, **headers},
    )


def _with_unread(versions: Sequence[FileVersion], context: Context, reading: Reading) -> tuple[list[FileVersion], int]:
    """Add an entry for each file that could not be read, unless it has one; returns entries and the last number."""
    entries = {(v.dataset, v.path): v for v in versions if is_unread(v)}
    result = [version for version in versions if not is_unread(version)]
    last = reading.last_number
    for (dataset, path), refused in sorted(reading.unread.items(), key=lambda item: item[0][1]):
        version = entries.pop((dataset, path), None)
        if version is None:
            last += 1
            version = FileVersion(
                number=last,
                dataset=dataset,
                path=path,
                sha256=UNKNOWN,
                size=reading.files[path].size,
                state=FileState.QUARANTINED,
                arrived_at=context.inputs.now,
                run_id=context.inputs.run_id,
            )
        result.append(version.model_copy(update={"reason": refused.reason, "detail": refused.detail}))
    return sorted([*result, *entries.values()], key=lambda version: version.number), last


def _with_state(
    version: FileVersion, reading: Reading, successor: Parsed | None, contents: Collection[Identity]
) -> FileVersion:
    """An entry that was not read, in the state that the reading leaves it in.

    Args:
        version: the entry
        reading: decisions and results
        successor: the result of another content at the same path, if one was read
        contents: each content that was read

    """
    # a refused file leaves the rows of its predecessor in place, but replaces a refused predecessor
    is_refused = version.state is FileState.QUARANTINED
    is_succeeded = successor is not None and (successor.refused is None or is_refused)
    is_read_elsewhere = is_refused and reading.plan.identities.of(version) in contents
    has_no_content = is_refused and version.sha256 != UNKNOWN and (version.dataset, version.path) in reading.unread
    is_gone = is_succeeded or is_read_elsewhere or has_no_content or version.number in reading.plan.gone
    if version.state in (FileState.LIVE, FileState.QUARANTINED) and is_gone:
        return version.model_copy(update={"state": FileState.REPLACED})
    if version.number in reading.given_up:  # Parquet files that it does not name may hold records of it
        return version.model_copy(update={"rereads": version.rereads + 1})
    return version
