"""The bronze stage: from files in the sources to records in the lake, and a ledger that says so."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from filon.errors import ConfigError, Damage, LakeDamaged, SourcesMissing, WriteConflict
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
from filon.project import Dataset, Project, digest
from filon.stages.bronze.arrivals import CHANGED, Arrival, Decision, Observed, Plan, plan
from filon.stages.bronze.parse import Incoming, Parsed, parse
from filon.stages.bronze.receive import PACKED, fingerprint
from filon.stages.context import Context, TableReport, TableStatus

BRONZE_EXTRAS = (
    ("_extra", "VARCHAR"),
    ("_malformed", "VARCHAR"),
    ("_raw", "VARCHAR"),
    ("_file", "BIGINT"),
    ("_record", "BIGINT"),
)
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


@dataclass(frozen=True)
class BronzeResult:
    """The ledger after the stage, one bronze table per dataset, what became of each file, and files of no dataset."""

    ledger: Ledger
    builds: Mapping[str, Build]
    files: tuple[FileOutcome, ...]
    ignored: tuple[str, ...]


def bronze_columns(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """Columns of a dataset's bronze table: the declared ones as text, then what every bronze table has."""
    return (*((name, "VARCHAR") for name in dataset.contract.column_names), *BRONZE_EXTRAS)


@dataclass(frozen=True)
class Received:
    """Files that were read, and the ledger that names them; their records wait for ``build_bronze``."""

    ledger: Ledger
    files: tuple[FileOutcome, ...]
    ignored: tuple[str, ...]
    parsed: tuple[Parsed, ...]


def receive_files(context: Context, sources: Sources) -> Received:
    """Bring the ledger up to date with the sources. Safe to repeat, and to run beside another run."""
    for _ in range(ATTEMPTS):
        ledger = context.lake.ledger()
        _check_project(ledger, context.project, context.lake.root)
        listing = list_files(context.project, sources)
        if not listing.files and not ledger.versions:
            patterns = ", ".join(dataset.pattern for dataset in context.project.datasets.values())
            raise SourcesMissing(f"no file under {sources.uri} matches {patterns}. Say where they are: --sources URI.")
        observations = _observe(context, sources, listing.files, ledger)
        observed = [Observed(file.path, name, observations[file.path].sha256) for name, file in listing.files]
        files = {file.path: file for _, file in listing.files}
        decided, parsed, last = _read(context, sources, ledger, observed, files, listing.ignored)
        after = _updated(ledger, context, decided, parsed, observations, last)
        _require_records(context, after)
        added = ledger if after == ledger else context.lake.ledgers.add(ledger, after)
        if added is not None:
            return Received(added, _outcomes(added, decided, parsed), listing.ignored, tuple(parsed))
    raise WriteConflict("other runs kept adding to the ledger. Nothing is lost: run again when they are done.")


@dataclass(frozen=True)
class Listing:
    """The files of each dataset, and those of none."""

    files: tuple[tuple[str, SourceFile], ...]
    ignored: tuple[str, ...]


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
) -> dict[str, Observation]:
    """The content hash of each file: remembered when size and tag say that nothing changed, else read."""
    result: dict[str, Observation] = {}
    unknown: list[SourceFile] = []
    for _, file in files:
        known = ledger.observations.get(file.path)
        same = known is not None and (known.size, known.tag) == (file.size, file.tag)
        if known is not None and same and known.settled and not context.inputs.force:
            result[file.path] = known
        else:
            unknown.append(file)
    with ThreadPoolExecutor(max_workers=4) as pool:
        hashes = pool.map(partial(fingerprint, sources), unknown)
        for file, sha256 in zip(unknown, hashes, strict=True):
            settled = file.modified < context.inputs.now - SETTLING
            result[file.path] = Observation(size=file.size, tag=file.tag, sha256=sha256, settled=settled)
    return result


def _read(
    context: Context,
    sources: Sources,
    ledger: Ledger,
    observed: Sequence[Observed],
    files: Mapping[str, SourceFile],
    ignored: Sequence[str],
) -> tuple[Plan, list[Parsed], int]:
    """Read what is to be read, and decide again with what came out, until nothing is left to read.

    What is refused leaves in place what its path brought before; what is accepted at last takes that place, and may
    free content that was found elsewhere too. The number is the last one that was given, kept or not.
    """
    parsed: list[Parsed] = []
    tried: set[tuple[str, str]] = set()
    dropped: set[int] = set()
    while True:
        interim = _with_results(ledger, [result for result in parsed if result.incoming.number not in dropped], context)
        retry = context.inputs.retry_quarantined and not tried
        damaged = {version.number for version in interim.versions if _damages(context, version)}
        decided = plan(
            interim, observed, context.project.datasets, ignored=ignored, damaged=damaged, retry_quarantined=retry
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
            return decided, [result for result in parsed if result.incoming.number not in dropped], last
        dropped |= again
        number = max([interim.next_number, *(result.incoming.number + 1 for result in parsed)])
        incoming = _numbered(context, number, due, files)
        tried |= {(item.file.path, item.sha256) for item in incoming}
        parsed += parse(context, sources, incoming)


def _numbered(
    context: Context, number: int, due: Sequence[Decision], files: Mapping[str, SourceFile]
) -> list[Incoming]:
    """Give each new content its number in the order of arrival; content read again keeps the one it has.

    A file that changed while it was read gets a new one: records of the old one may have been written already.
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


def _updated(
    ledger: Ledger,
    context: Context,
    decided: Plan,
    parsed: Sequence[Parsed],
    observations: Mapping[str, Observation],
    last: int,
) -> Ledger:
    """The ledger after these decisions; the same object content when nothing changed."""
    fresh = {result.incoming.number: result for result in parsed}
    successors = {(r.incoming.dataset.name, r.incoming.file.path): r for r in parsed}
    read = {(r.incoming.dataset.name, r.incoming.sha256) for r in parsed}
    versions = [
        _version(fresh[version.number], context, arrived=version)
        if version.number in fresh
        else _without_damage(context, _kept(version, decided, successors.get((version.dataset, version.path)), read))
        for version in ledger.versions
    ]
    known = {version.number for version in ledger.versions}
    versions += [_version(result, context) for number, result in fresh.items() if number not in known]
    shapes = {result.shape_id: result.shape for result in parsed if result.shape is not None}
    changed = tuple(versions) != ledger.versions
    remembered = {**ledger.observations, **observations}
    for result in parsed:
        if result.refused is not None and result.refused.reason == CHANGED:
            remembered.pop(result.incoming.file.path, None)
    if not changed and remembered == ledger.observations:
        return ledger
    return Ledger(
        number=ledger.number,
        project=context.project.name,
        last_version=last,
        versions=tuple(versions),
        observations=remembered,
        shapes={**ledger.shapes, **shapes},
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


def _kept(
    version: FileVersion, decided: Plan, successor: Parsed | None, read: Collection[tuple[str, str]]
) -> FileVersion:
    """A known version as it stands after these decisions; ``read`` are the contents that were read just now."""
    # a file that is refused leaves the rows of the one before it, but takes its place in the quarantine
    is_refused = version.state is FileState.QUARANTINED
    outdone = successor is not None and (successor.refused is None or is_refused)
    read_elsewhere = is_refused and (version.dataset, version.sha256) in read
    gone = outdone or read_elsewhere or version.number in decided.gone
    if version.state in (FileState.LIVE, FileState.QUARANTINED) and gone:
        return version.model_copy(update={"state": FileState.REPLACED})
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
        bronze=tuple(file.model_copy(update={"stats": {}}) for file in result.data),
        layout=incoming.dataset.layout,
        admission=incoming.dataset.admission,
        shape=result.shape_id,
        reason=result.refused.reason if result.refused else None,
        detail=result.refused.detail if result.refused else None,
        rereads=arrived.rereads + 1 if arrived else 0,
    )


def build_bronze(context: Context, dataset: Dataset, received: Received, published: Release | None) -> Build:
    """Make the Delta table of a dataset say what the ledger says."""
    ledger, parsed = received.ledger, received.parsed
    accepted = [v for v in ledger.versions if v.dataset == dataset.name and v.bronze]
    files = {file.name: file for version in accepted for file in version.bronze}
    mark = digest(repr((tuple(files), bronze_columns(dataset))))
    if found := context.find(Layer.BRONZE, dataset.name, mark, published):
        context.report_found(found)
        return found.build
    new = {file.name: file for result in parsed if result.incoming.dataset == dataset for file in result.data}
    duration = sum(result.duration_s for result in parsed if result.incoming.dataset == dataset)
    build = context.lake.keep_build(
        Build(
            table=dataset.name,
            layer=Layer.BRONZE,
            fingerprint=mark,
            columns=bronze_columns(dataset),
            built_at=context.inputs.now,
            run_id=context.inputs.run_id,
            duration_s=round(duration, 3),
        ),
        [new.get(name, file) for name, file in files.items()],
    )
    context.report(TableReport(dataset.name, Layer.BRONZE, TableStatus.BUILT, build.rows, build.duration_s))
    return build


def _outcomes(ledger: Ledger, decided: Plan, parsed: Sequence[Parsed]) -> tuple[FileOutcome, ...]:
    by_number = {version.number: version for version in ledger.versions}
    by_content = {(v.dataset, v.sha256): v for v in ledger.versions if v.state is not FileState.REPLACED}
    read = {(r.incoming.dataset.name, r.incoming.file.path): r for r in parsed}
    return tuple(_outcome(decision, by_number, by_content, read) for decision in decided.decisions)


def _outcome(
    decision: Decision,
    by_number: Mapping[int, FileVersion],
    by_content: Mapping[tuple[str, str], FileVersion],
    read: Mapping[tuple[str, str], Parsed],
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
