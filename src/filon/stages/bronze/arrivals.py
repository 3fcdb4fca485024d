"""What the files in the sources mean, given what the ledger knows: pure decisions, no reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from filon.lake import FileState, FileVersion, Ledger
from filon.project import Dataset
from filon.project.vocabulary import MissingFile

CHANGED = "changed_while_reading"
UNREADABLE = "unreadable"
PASSING = (CHANGED, UNREADABLE)
"""Reasons that say nothing of a file's content: every run tries it again, and what its path brought before stays."""
UNKNOWN = ""
"""Stands for the hash of a content that could not be read."""


class Arrival(StrEnum):
    """What a file in the sources is to the lake."""

    NEW = "new"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REREAD = "reread"
    RETRY = "retry"


Place = tuple[str, str]
"""Dataset and path."""


@dataclass(frozen=True)
class Observed:
    """A file in the sources whose content is known."""

    path: str
    dataset: str
    sha256: str


@dataclass(frozen=True)
class Decision:
    """What to do with an observed file. ``version`` is what the ledger knows of it, if anything."""

    file: Observed
    arrival: Arrival
    version: FileVersion | None = None


@dataclass(frozen=True)
class Plan:
    """Decisions for every observed file, and the live versions that stop counting.

    ``replaced``: versions of paths that now hold what another path already brings, or what was retracted. ``missing``:
    versions whose file left the sources, where the contract says that its rows leave with it. ``moved``: versions whose
    file is there, but no longer matches the pattern of their dataset.
    """

    decisions: tuple[Decision, ...]
    replaced: frozenset[int]
    missing: frozenset[int]
    moved: frozenset[int] = frozenset()

    @property
    def to_read(self) -> tuple[Decision, ...]:
        """Files whose records must be read."""
        wanted = (Arrival.NEW, Arrival.REREAD, Arrival.RETRY)
        return tuple(decision for decision in self.decisions if decision.arrival in wanted)

    @property
    def gone(self) -> frozenset[int]:
        """Versions that stop counting, for whatever reason."""
        return self.replaced | self.missing | self.moved


def plan(
    ledger: Ledger,
    observed: Sequence[Observed],
    datasets: Mapping[str, Dataset],
    *,
    ignored: Collection[str] = (),
    damaged: Collection[int] = (),
    unread: Collection[Place] = (),
    retry_quarantined: bool = False,
) -> Plan:
    """Compare the sources with the ledger.

    The same bytes change nothing, under any name, as long as the file that brought them still holds them; new content
    at a known path replaces what that path brought before. ``ignored`` are files that no dataset's pattern matches,
    ``unread`` those that are there but could not be read: they still bring what they brought before. ``damaged`` are
    versions whose records the lake has lost.
    """
    present = {*unread, *((file.dataset, file.path) for file in observed)}
    missing = frozenset(_missing(ledger, present, datasets))
    moved = frozenset(_moved(ledger, present, datasets, ignored))
    known = _known(ledger, missing | moved)
    unreadable = _unreadable(ledger)
    owners = _owners(known, observed, unreadable)
    decisions = [
        _decide(file, known.get((file.dataset, file.path)), owners, datasets[file.dataset], damaged, retry_quarantined)
        for file in observed
    ]
    return Plan(
        decisions=tuple(decisions),
        replaced=frozenset((*_replaced(ledger, decisions, unreadable), *_read_at_last(ledger, unread))),
        missing=missing,
        moved=moved,
    )


Known = Mapping[tuple[str, str], Mapping[str, FileVersion]]


def _known(ledger: Ledger, gone: frozenset[int]) -> dict[tuple[str, str], dict[str, FileVersion]]:
    """Per dataset and path, the versions that still mean something, by content."""
    result: dict[tuple[str, str], dict[str, FileVersion]] = {}
    for version in ledger.versions:
        if version.state is not FileState.REPLACED and version.number not in gone:
            result.setdefault((version.dataset, version.path), {})[version.sha256] = version
    return result


def _unreadable(ledger: Ledger) -> frozenset[tuple[str, str]]:
    """Per dataset, the contents that were refused under every name that they had."""
    states: dict[FileState, set[tuple[str, str]]] = {FileState.QUARANTINED: set(), FileState.LIVE: set()}
    for version in ledger.versions:
        states.setdefault(version.state, set()).add((version.dataset, version.sha256))
    return frozenset(states[FileState.QUARANTINED] - states[FileState.LIVE])


def _owners(
    known: Known, observed: Sequence[Observed], unreadable: Collection[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """Which path brings a content: the one that already did, if it still does, else the first in order."""
    now = {(file.dataset, file.path): file.sha256 for file in observed}
    owners: dict[tuple[str, str], str] = {}
    held = [
        version
        for (dataset, path), versions in known.items()
        for version in _held(
            versions, now.get((dataset, path)), unreadable=(dataset, now.get((dataset, path))) in unreadable
        )
    ]
    for version in sorted(held, key=lambda version: version.number):
        owners.setdefault((version.dataset, version.sha256), version.path)
    for file in observed:
        owners.setdefault((file.dataset, file.sha256), file.path)
    return owners


def _held(versions: Mapping[str, FileVersion], sha256: str | None, *, unreadable: bool) -> Iterable[FileVersion]:
    """What a path brings while its file has this content (None: no file): a refused one leaves what was before it.

    What was retracted stays with its path for good; what was refused may be tried again wherever it turns up.
    """
    for version in versions.values():
        is_left = sha256 is None and version.state is not FileState.QUARANTINED
        is_behind = unreadable and version.state is FileState.LIVE
        if version.sha256 == sha256 or is_left or is_behind or version.state is FileState.RETRACTED:
            yield version


def _decide(
    file: Observed,
    versions: Mapping[str, FileVersion] | None,
    owners: Mapping[tuple[str, str], str],
    dataset: Dataset,
    damaged: Collection[int],
    retry_quarantined: bool,
) -> Decision:
    version = (versions or {}).get(file.sha256)
    if owners[file.dataset, file.sha256] != file.path:
        return Decision(file, Arrival.DUPLICATE, version)
    if version is None:
        return Decision(file, Arrival.NEW)
    is_stale = version.acceptance_hash != dataset.acceptance_hash or version.number in damaged
    if version.state is FileState.LIVE and is_stale:
        return Decision(file, Arrival.REREAD, version)
    again = retry_quarantined or version.acceptance_hash != dataset.acceptance_hash or version.reason == CHANGED
    if version.state is FileState.QUARANTINED and again:
        return Decision(file, Arrival.RETRY, version)
    return Decision(file, Arrival.UNCHANGED, version)


def _replaced(
    ledger: Ledger, decisions: Collection[Decision], unreadable: Collection[tuple[str, str]]
) -> Iterator[int]:
    """Live versions of paths that now hold what another path brings, or what was retracted.

    Bytes that nobody can read replace nothing, and are forgotten when their path holds something else, or when they
    were accepted under another name.
    """
    present = {(d.file.dataset, d.file.path): d.file.sha256 for d in decisions}
    now = {(d.file.dataset, d.file.path): d.file.sha256 for d in decisions if _brings_nothing(d)}
    for version in ledger.versions:
        content = now.get((version.dataset, version.path))
        if version.state is FileState.LIVE and content and (version.dataset, content) not in unreadable:
            yield version.number
        held = present.get((version.dataset, version.path), version.sha256)
        is_elsewhere = (version.dataset, version.sha256) not in unreadable
        if version.state is FileState.QUARANTINED and (held != version.sha256 or is_elsewhere):
            yield version.number


def _read_at_last(ledger: Ledger, unread: Collection[Place]) -> Iterator[int]:
    """Versions that stand for a content that could not be read, where it can be now, or where the file is gone."""
    for version in ledger.versions:
        is_unread = version.state is FileState.QUARANTINED and version.sha256 == UNKNOWN
        if is_unread and (version.dataset, version.path) not in unread:
            yield version.number


def _brings_nothing(decision: Decision) -> bool:
    is_retracted = decision.version is not None and decision.version.state is FileState.RETRACTED
    return is_retracted or decision.arrival is Arrival.DUPLICATE


def _moved(
    ledger: Ledger, present: Iterable[Place], datasets: Mapping[str, Dataset], ignored: Collection[str]
) -> Iterator[int]:
    belongs_to: dict[str, str | None] = {**dict.fromkeys(ignored), **{path: dataset for dataset, path in present}}
    for version in ledger.versions:
        is_moved = belongs_to.get(version.path, version.dataset) != version.dataset
        if version.dataset in datasets and version.state in (FileState.LIVE, FileState.QUARANTINED) and is_moved:
            yield version.number


def _missing(ledger: Ledger, present: Collection[Place], datasets: Mapping[str, Dataset]) -> Iterator[int]:
    for version in ledger.versions:
        dataset = datasets.get(version.dataset)
        if (
            dataset is not None
            and dataset.on_missing_file is MissingFile.RETRACT
            and version.state is FileState.LIVE
            and (version.dataset, version.path) not in present
        ):
            yield version.number
