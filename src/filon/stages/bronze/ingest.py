"""The bronze stage: from files in the sources to records in the lake, and a ledger that says so."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from filon.errors import ConfigError, Damage, FileUnaccounted, LakeDamaged, SourcesMissing, WriteConflict
from filon.lake import (
    Build,
    FileState,
    FileVersion,
    Layer,
    Ledger,
    Observation,
    Release,
    SourceFile,
    Sources,
)
from filon.project import PLACE, TEXT, Dataset, Project, TypedColumn, fingerprint_of
from filon.stages.bronze.arrivals import CHANGED, UNKNOWN, Arrival, Decision, Observed, Place, Plan, plan
from filon.stages.bronze.parse import Incoming, Parsed, parse
from filon.stages.bronze.receive import PACKED, FileRejected, fingerprint
from filon.stages.context import Context, TableReport, TableStatus

BRONZE_EXTRAS = (*(TypedColumn(name, TEXT) for name in ("_extra", "_malformed", "_raw")), *PLACE)
"""Beside the contract's columns: undeclared ones as JSON, the fault and text of a malformed record, its place."""

SETTLING = timedelta(seconds=3)
ATTEMPTS = 5


@dataclass(frozen=True)
class FileOutcome:
    """What a run found a file in the sources to be; ``version`` is what the ledger now says of it."""

    path: str
    status: str
    version: FileVersion
    notes: tuple[str, ...] = ()


def bronze_columns(dataset: Dataset) -> tuple[TypedColumn, ...]:
    """Columns of a dataset's bronze table: the declared ones as text, then what every bronze table has."""
    return (*(TypedColumn(name, TEXT) for name in dataset.contract.column_names), *BRONZE_EXTRAS)


@dataclass(frozen=True)
class IngestResult:
    """Files that were read, and the ledger that names them; their records wait for ``build_bronze``."""

    ledger: Ledger
    files: tuple[FileOutcome, ...]
    ignored: tuple[str, ...]
    parsed: tuple[Parsed, ...]


def receive_files(context: Context, sources: Sources) -> IngestResult:
    """Bring the ledger up to date with the sources. Safe to repeat, and to run beside another run."""
    for _ in range(ATTEMPTS):
        ledger = context.lake.ledger()
        _check_project(ledger, context.project, context.lake.root)
        listing = list_files(context.project, sources)
        if not listing.files and not ledger.versions:
            patterns = ", ".join(dataset.pattern for dataset in context.project.datasets.values())
            raise SourcesMissing(f"no file under {sources.uri} matches {patterns}. Say where they are: --sources URI.")
        observations, unread = _observe(context, sources, listing.files, ledger)
        found = _read(context, sources, ledger, _Found(listing, observations, unread))
        after = _updated(ledger, context, found, observations)
        _require_records(context, after)
        outcomes = _outcomes(after, found)
        check_accounts(after, outcomes)
        is_current = after == ledger and not context.lake.ledgers.documents.accepts_loss
        added = ledger if is_current else context.lake.ledgers.add(ledger, after)
        if added is not None:
            return IngestResult(added, outcomes, listing.ignored, tuple(found.parsed))
    raise WriteConflict("other runs kept adding to the ledger. Nothing is lost: run again when they are done.")


@dataclass(frozen=True)
class Listing:
    """The files of each dataset, and those of none."""

    files: tuple[tuple[str, SourceFile], ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """What there is: files whose content is known, and why that of others is not."""

    listing: Listing
    observations: Mapping[str, Observation]
    unread: Mapping[Place, FileRejected]

    @property
    def files(self) -> dict[str, SourceFile]:
        """Every file by its path."""
        return {file.path: file for _, file in self.listing.files}

    @property
    def observed(self) -> list[Observed]:
        """The files whose content is known."""
        return [
            Observed(file.path, name, self.observations[file.path].sha256)
            for name, file in self.listing.files
            if (name, file.path) not in self.unread
        ]


@dataclass(frozen=True)
class _Read:
    """What reading made of the files. ``last`` is the last number that was given, kept or not."""

    decided: Plan
    parsed: Sequence[Parsed]
    last: int
    files: Mapping[str, SourceFile]
    unread: Mapping[Place, FileRejected]
    given_up: Collection[int] = field(default_factory=tuple)


def _check_project(ledger: Ledger, project: Project, root: str) -> None:
    if ledger.project not in ("", project.name):
        raise ConfigError(
            f"the lake {root} belongs to the project {ledger.project}, not {project.name}. Give another --lake."
        )


def list_files(project: Project, sources: Sources) -> Listing:
    """Look which files there are, without reading them."""
    matchers = {name: matcher_of(dataset.pattern) for name, dataset in project.datasets.items()}
    found: list[tuple[str, SourceFile]] = []
    ignored: list[str] = []
    for file in sources.files():
        path = unicodedata.normalize("NFC", file.path)  # some systems list names in decomposed letters
        plain = PACKED.sub("", path)
        owners = [name for name, matcher in matchers.items() if matcher.fullmatch(plain) or matcher.fullmatch(path)]
        if len(owners) > 1:
            raise ConfigError(f"{file.path} matches the filePattern of {' and of '.join(owners)}; make them distinct")
        if owners:
            found.append((owners[0], file))
        else:
            ignored.append(file.path)
    return Listing(tuple(found), tuple(ignored))


def matcher_of(pattern: str) -> re.Pattern[str]:
    """A file pattern: ``*`` stays inside a folder, ``**/`` goes through any number of them."""
    parts = []
    for part in re.split(r"(\*\*/|\*|\?)", unicodedata.normalize("NFC", pattern)):
        simple = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
        if part in simple:
            parts.append(simple[part])
        else:
            parts.append(re.escape(part))
    return re.compile("".join(parts), re.DOTALL)


def _observe(
    context: Context, sources: Sources, files: Iterable[tuple[str, SourceFile]], ledger: Ledger
) -> tuple[dict[str, Observation], dict[Place, FileRejected]]:
    """The content hash of each file: remembered when size and tag say that nothing changed, else read.

    And for each file that cannot be read now, why.
    """
    result: dict[str, Observation] = {}
    unknown: list[tuple[str, SourceFile]] = []
    for name, file in files:
        known = ledger.observations.get(file.path)
        same = known is not None and (known.size, known.tag) == (file.size, file.tag)
        if known is not None and same and known.settled and not context.inputs.force:
            result[file.path] = known
        else:
            unknown.append((name, file))
    unread: dict[Place, FileRejected] = {}
    with ThreadPoolExecutor(max_workers=4) as pool:
        hashes = pool.map(partial(_fingerprint, sources), (file for _, file in unknown))
        for (name, file), sha256 in zip(unknown, hashes, strict=True):
            if isinstance(sha256, FileRejected):
                unread[name, file.path] = sha256
                continue
            settled = file.modified < context.inputs.now - SETTLING
            result[file.path] = Observation(size=file.size, tag=file.tag, sha256=sha256, settled=settled)
    return result, unread


def _fingerprint(sources: Sources, file: SourceFile) -> str | FileRejected:
    try:
        return fingerprint(sources, file)
    except FileRejected as reason:
        return reason


def _read(context: Context, sources: Sources, ledger: Ledger, found: _Found) -> _Read:
    """Read what is to be read, and decide again with what came out, until nothing is left to read.

    What is refused leaves in place what its path brought before; what is accepted at last takes that place, and may
    free content that was found elsewhere too. What could not be read to its end brings nothing new.
    """
    observed, files, ignored = found.observed, found.files, found.listing.ignored
    unread = dict(found.unread)
    parsed: list[Parsed] = []
    tried: set[tuple[str, str]] = set()
    dropped: set[int] = set()
    given_up: set[int] = set()
    while True:
        interim = _with_results(ledger, [result for result in parsed if result.incoming.number not in dropped], context)
        retry = context.inputs.retry_quarantined and not tried
        damaged = {version.number for version in interim.versions if _damages(context, version)}
        decided = plan(
            interim,
            observed,
            context.project.datasets,
            ignored=ignored,
            unread=unread,
            damaged=damaged,
            retry_quarantined=retry,
        )
        duplicates = {(d.file.dataset, d.file.path) for d in decided.decisions if d.arrival is Arrival.DUPLICATE}
        again = {
            result.incoming.number
            for result in parsed
            if result.refused is None and (result.incoming.dataset.name, result.incoming.file.path) in duplicates
        }
        due = [item for item in decided.to_read if (item.file.path, item.file.sha256) not in tried]
        if not due and again <= dropped:
            last = max([ledger.next_number - 1, *(result.incoming.number for result in parsed)])
            kept = [result for result in parsed if result.incoming.number not in dropped]
            return _Read(decided, kept, last, files, unread, given_up)
        dropped |= again
        number = max([interim.next_number, *(result.incoming.number + 1 for result in parsed)])
        incoming = _numbered(context, number, due, files)
        tried |= {(item.file.path, item.sha256) for item in incoming}
        results = parse(context, sources, incoming)
        parsed += results
        lost = {result.place: result.refused for result in results if result.refused and result.refused.is_passing}
        unread |= lost
        given_up |= {result.incoming.number for result in results if result.place in lost}
        dropped |= given_up
        observed = [file for file in observed if (file.dataset, file.path) not in lost]


def _numbered(
    context: Context, number: int, due: Sequence[Decision], files: Mapping[str, SourceFile]
) -> list[Incoming]:
    """Give each new content its number in the order of arrival; content read again keeps the one it has.

    A file that changed while it was read, as older ledgers know it, gets a new one: records of the old one may have
    been written already.
    """
    incoming = []
    for decision in due:
        dataset = context.project.datasets[decision.file.dataset]
        version = decision.version if decision.version and decision.version.reason != CHANGED else None
        incoming.append(
            Incoming(version.number if version else number, dataset, files[decision.file.path], decision.file.sha256)
        )
        number += version is None
    return incoming


def _with_results(ledger: Ledger, parsed: Sequence[Parsed], context: Context) -> Ledger:
    """The ledger as it would be if it knew these results, and nothing else had happened."""
    found = [_version(result, context) for result in parsed]
    numbers = {version.number for version in found}
    others = [version for version in ledger.versions if version.number not in numbers]
    return ledger.model_copy(update={"versions": (*others, *found)})


def _updated(ledger: Ledger, context: Context, found: _Read, observations: Mapping[str, Observation]) -> Ledger:
    """The ledger after these decisions; the same object content when nothing changed."""
    fresh = {result.incoming.number: result for result in found.parsed}
    successors = {result.place: result for result in found.parsed}
    read = {(r.incoming.dataset.name, r.incoming.sha256) for r in found.parsed}
    versions = [
        _version(fresh[version.number], context, arrived=version)
        if version.number in fresh
        else _without_damage(context, _kept(version, found, successors.get((version.dataset, version.path)), read))
        for version in ledger.versions
    ]
    known = {version.number for version in ledger.versions}
    versions += [_version(result, context) for number, result in fresh.items() if number not in known]
    versions, last = _with_unread(versions, context, found)
    headers = {result.header_id: result.profile for result in found.parsed if result.profile is not None}
    remembered = {**ledger.observations, **observations}
    for _, path in found.unread:
        remembered.pop(path, None)
    if tuple(versions) == ledger.versions and remembered == ledger.observations:
        return ledger
    return Ledger(
        number=ledger.number,
        project=context.project.name,
        last_version=last,
        versions=tuple(versions),
        observations=remembered,
        headers={**ledger.headers, **headers},
    )


def _damages(context: Context, version: FileVersion) -> tuple[Damage, ...]:
    return context.lake.files.known_damage(Layer.BRONZE, version.dataset, version.bronze)


def _without_damage(context: Context, version: FileVersion) -> FileVersion:
    """A version that does not count any more does without those of its records that the lake has lost."""
    if version.state is FileState.LIVE or not _damages(context, version):
        return version
    known = context.lake.files.known_damage
    sound = tuple(file for file in version.bronze if not known(Layer.BRONZE, version.dataset, [file]))
    return version.model_copy(update={"bronze": sound})


def _require_records(context: Context, ledger: Ledger) -> None:
    """LakeDamaged when the lake has lost records that count, and their file is not in the sources any more."""
    lost = [
        replace(damage, part=f"{damage.part}, records of {version.path}")
        for version in ledger.versions
        if version.state is FileState.LIVE
        for damage in _damages(context, version)
    ]
    if lost:
        raise LakeDamaged(lost)


def _with_unread(versions: Sequence[FileVersion], context: Context, found: _Read) -> tuple[list[FileVersion], int]:
    """Versions and the last number, with one for each file that could not be read: its content is not known."""
    waiting = {(v.dataset, v.path): v for v in versions if _is_unread(v)}
    result = [version for version in versions if not _is_unread(version)]
    last = found.last
    for (dataset, path), refused in sorted(found.unread.items(), key=lambda item: item[0][1]):
        version = waiting.pop((dataset, path), None)
        if version is None:
            last += 1
            version = FileVersion(
                number=last,
                dataset=dataset,
                path=path,
                sha256=UNKNOWN,
                size=found.files[path].size,
                state=FileState.QUARANTINED,
                arrived_at=context.inputs.now,
                run_id=context.inputs.run_id,
            )
        result.append(version.model_copy(update={"reason": refused.reason, "detail": refused.detail}))
    return sorted([*result, *waiting.values()], key=lambda version: version.number), last


def _is_unread(version: FileVersion) -> bool:
    return version.state is FileState.QUARANTINED and version.sha256 == UNKNOWN


def _kept(
    version: FileVersion, found: _Read, successor: Parsed | None, read: Collection[tuple[str, str]]
) -> FileVersion:
    """A known version as it stands after these decisions; ``read`` are the contents that were read just now."""
    # a file that is refused leaves the rows of the one before it, but takes its place in the quarantine
    is_refused = version.state is FileState.QUARANTINED
    outdone = successor is not None and (successor.refused is None or is_refused)
    read_elsewhere = is_refused and (version.dataset, version.sha256) in read
    is_unread = is_refused and version.sha256 != UNKNOWN and (version.dataset, version.path) in found.unread
    gone = outdone or read_elsewhere or is_unread or version.number in found.decided.gone
    if version.state in (FileState.LIVE, FileState.QUARANTINED) and gone:
        return version.model_copy(update={"state": FileState.REPLACED})
    if version.number in found.given_up:  # files may hold records of it that it does not name
        return version.model_copy(update={"rereads": version.rereads + 1})
    return version


def _version(result: Parsed, context: Context, arrived: FileVersion | None = None) -> FileVersion:
    incoming = result.incoming
    return FileVersion(
        number=incoming.number,
        dataset=incoming.dataset.name,
        path=incoming.file.path,
        sha256=incoming.sha256,
        size=incoming.file.size,
        state=FileState.QUARANTINED if result.refused else FileState.LIVE,
        arrived_at=arrived.arrived_at if arrived else context.inputs.now,
        run_id=arrived.run_id if arrived else context.inputs.run_id,
        rows=result.records,
        malformed=result.malformed,
        bronze=tuple(file.with_stats({}) for file in result.data),
        parse_hash=incoming.dataset.parse_hash,
        acceptance_hash=incoming.dataset.acceptance_hash,
        header=result.header_id,
        reason=result.refused.reason if result.refused else None,
        detail=result.refused.detail if result.refused else None,
        rereads=arrived.rereads + 1 if arrived else 0,
    )


def build_bronze(context: Context, dataset: Dataset, ingested: IngestResult, published: Release | None) -> Build:
    """Make the Delta table of a dataset say what the ledger says."""
    ledger, parsed = ingested.ledger, ingested.parsed
    accepted = [v for v in ledger.versions if v.dataset == dataset.name and v.bronze]
    files = {file.name: file for version in accepted for file in version.bronze}
    columns = bronze_columns(dataset)
    facts = {"files": list(files), "columns": [(name, kind.sql) for name, kind in columns]}
    fingerprint = fingerprint_of(facts)
    if found := context.find_builds(fingerprint, published, (Layer.BRONZE, dataset.name)):
        return found[0]
    new = {file.name: file for result in parsed if result.incoming.dataset == dataset for file in result.data}
    duration = sum(result.duration_s for result in parsed if result.incoming.dataset == dataset)
    known = [new.get(name, file) for name, file in files.items()]
    build = context.keep_build(
        Layer.BRONZE, dataset.name, fingerprint, known, columns=columns, duration_s=round(duration, 3)
    )
    status = TableStatus.BUILT if new else TableStatus.REUSED
    context.report(TableReport(dataset.name, Layer.BRONZE, status, build.rows, build.duration_s))
    return build


def _outcomes(ledger: Ledger, found: _Read) -> tuple[FileOutcome, ...]:
    by_number = {version.number: version for version in ledger.versions}
    by_content = {(v.dataset, v.sha256): v for v in ledger.versions if v.state is not FileState.REPLACED}
    read = {result.place: result for result in found.parsed}
    outcomes = [_outcome(decision, by_number, by_content, read) for decision in found.decided.decisions]
    outcomes += [
        FileOutcome(version.path, "quarantined", version) for version in ledger.versions if _is_unread(version)
    ]
    return tuple(sorted(outcomes, key=lambda outcome: outcome.path))


def check_accounts(ledger: Ledger, outcomes: Iterable[FileOutcome]) -> None:
    """Every listed file is accounted for, and no path brings two contents: rows are counted by version, not by path."""
    live = Counter((v.dataset, v.path) for v in ledger.versions if v.state is FileState.LIVE)
    listed = Counter(outcome.path for outcome in outcomes)
    wrong = [f"{path} brings {count} contents at once to {name}" for (name, path), count in live.items() if count > 1]
    wrong += [f"{path} stands for {count} files" for path, count in listed.items() if count > 1]
    wrong += [
        f"{outcome.path} should count, but is {outcome.version.state}"
        for outcome in outcomes
        if outcome.status == "ingested"
        and (outcome.path, FileState.LIVE) != (outcome.version.path, outcome.version.state)
    ]
    if wrong:
        raise FileUnaccounted(wrong)


def _outcome(
    decision: Decision,
    by_number: Mapping[int, FileVersion],
    by_content: Mapping[tuple[str, str], FileVersion],
    read: Mapping[Place, Parsed],
) -> FileOutcome:
    file = decision.file
    result = read.get((file.dataset, file.path))
    if result is not None:
        status = "quarantined" if result.refused else "ingested"
        return FileOutcome(file.path, status, by_number[result.incoming.number], result.notes)
    version = by_content[file.dataset, file.sha256]
    if decision.arrival is Arrival.DUPLICATE:
        return FileOutcome(file.path, "unchanged", version, (f"same content as {version.path}",))
    status = "quarantined" if version.state is FileState.QUARANTINED else "unchanged"
    return FileOutcome(file.path, status, version)
