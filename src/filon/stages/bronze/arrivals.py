"""Decide what to do with each file in the sources, by comparing paths and hashes with the ledger. Nothing is read.

A path *holds* the content of its file. Of several paths with the same content, one *owns* it: its file version has the
rows, the files at the others are duplicates. An archive has the content that it unpacks to. Where the place of a file
is data, contents at different places are different ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from filon.lake import FileState, FileVersion, Ledger
from filon.project import Dataset
from filon.project.vocabulary import MissingFile

CHANGED = "changed_while_reading"
UNREADABLE = "unreadable"
PASSING = (CHANGED, UNREADABLE)
"""Reasons independent of a file's content: every run reads it again; the rows that its path had before stay."""
UNKNOWN = ""
"""The hash in the ledger of a content that could not be read."""


class Arrival(StrEnum):
    """What a file in the sources is to the lake.

    ``DUPLICATE``: another path owns its content. ``REREAD``: its records are damaged, or were cut by another contract.
    ``RETRY``: it was refused, and may be accepted now.
    """

    NEW = "new"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REREAD = "reread"
    RETRY = "retry"


Place = tuple[str, str]
"""Dataset and path."""


class Observed(NamedTuple):
    """A file in the sources whose content is known."""

    path: str
    dataset: str
    sha256: str
    content: str = ""


Identity = tuple[str, str, tuple[str | None, ...]]
"""Of a content: its dataset, its hash, and what is read from its place."""


@dataclass(frozen=True)
class Identities:
    """What tells contents apart. ``contents`` are the hashes of what archives unpack to, by dataset and own hash."""

    datasets: Mapping[str, Dataset]
    contents: Mapping[tuple[str, str], str]

    def of(self, file: Observed | FileVersion) -> Identity:
        """The identity of the content of a file."""
        dataset = self.datasets.get(file.dataset)
        content = file.content or self.contents.get((file.dataset, file.sha256)) or file.sha256
        return file.dataset, content, dataset.place_of(file.path) if dataset else ()


def identities(datasets: Mapping[str, Dataset], observed: Iterable[Observed]) -> Identities:
    """The identities of contents; an archive of an older ledger has that of the observed file with the same bytes."""
    return Identities(datasets, {(file.dataset, file.sha256): file.content for file in observed if file.content})


class Decision(NamedTuple):
    """What to do with an observed file. ``version`` is the ledger's entry for this content at this path, if any."""

    file: Observed
    arrival: Arrival
    version: FileVersion | None = None


@dataclass(frozen=True)
class Plan:
    """Decisions for every observed file, and the numbers of versions that no longer count.

    ``replaced``: versions of paths whose content another path owns, or was retracted. ``missing``: versions whose file
    is gone, where the contract retracts the rows of missing files. ``moved``: versions whose file no longer matches the
    pattern of their dataset. ``identities`` tell contents apart.
    """

    identities: Identities
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
        """Numbers of all versions that no longer count."""
        return self.replaced | self.missing | self.moved


def plan(
    ledger: Ledger,
    observed: Sequence[Observed],
    datasets: Mapping[str, Dataset],
    *,
    ignored: Collection[str] = (),
    damaged: Collection[int] = (),
    unread: Collection[Place] = (),
    is_complete: bool = True,
    retry_quarantined: bool = False,
) -> Plan:
    """Compare the sources with the ledger.

    The same bytes at another path change nothing, as long as their first path still holds them. New content at a known
    path replaces the rows of the content before it.

    Args:
        ledger: what arrived before
        observed: the files whose content is known
        datasets: all datasets by name
        ignored: paths of files that no dataset's pattern matches
        damaged: numbers of versions whose bronze files are damaged
        unread: dataset and path of files that could not be read; their rows stay as they are
        is_complete: whether all files are listed; else no file is taken for missing
        retry_quarantined: read refused files again

    """
    present = {*unread, *((file.dataset, file.path) for file in observed)}
    missing = frozenset(_missing(ledger, present, datasets)) if is_complete else frozenset[int]()
    moved = frozenset(_moved(ledger, present, datasets, ignored))
    versions = _versions_by_place(ledger, missing | moved)
    known = identities(datasets, observed)
    refused = _refused_contents(ledger, known)
    owners = _owners(versions, observed, refused, known)
    decisions = [
        _decide(
            file,
            versions.get((file.dataset, file.path)),
            datasets[file.dataset],
            damaged,
            is_owner=owners[known.of(file)] == file.path,
            retry_quarantined=retry_quarantined,
        )
        for file in observed
    ]
    return Plan(
        identities=known,
        decisions=tuple(decisions),
        replaced=frozenset((*_replaced(ledger, decisions, refused, known), *_no_longer_unread(ledger, unread))),
        missing=missing,
        moved=moved,
    )


def _versions_by_place(ledger: Ledger, gone: frozenset[int]) -> dict[Place, dict[str, FileVersion]]:
    """Per place, the versions that were neither replaced nor are gone, by hash."""
    result: dict[Place, dict[str, FileVersion]] = {}
    for version in ledger.versions:
        if version.state is not FileState.REPLACED and version.number not in gone:
            result.setdefault((version.dataset, version.path), {})[version.sha256] = version
    return result


def _refused_contents(ledger: Ledger, known: Identities) -> frozenset[Identity]:
    """The contents that were refused at every path."""
    states: dict[FileState, set[Identity]] = {FileState.QUARANTINED: set(), FileState.LIVE: set()}
    for version in ledger.versions:
        states.setdefault(version.state, set()).add(known.of(version))
    return frozenset(states[FileState.QUARANTINED] - states[FileState.LIVE])


def _owners(
    versions_by_place: Mapping[Place, Mapping[str, FileVersion]],
    observed: Sequence[Observed],
    refused: Collection[Identity],
    known: Identities,
) -> dict[Identity, str]:
    """The path that owns each content: the first that had it and still holds it, else the first in order."""
    files = {(file.dataset, file.path): file for file in observed}
    owners: dict[Identity, str] = {}
    held: list[FileVersion] = []
    for place, versions in versions_by_place.items():
        file = files.get(place)
        is_refused = file is not None and bool(refused) and known.of(file) in refused
        held += _held(versions, file.sha256 if file else None, is_refused=is_refused)
    for version in sorted(held, key=lambda version: version.number):
        owners.setdefault(known.of(version), version.path)
    for file in observed:
        owners.setdefault(known.of(file), file.path)
    return owners


def _held(versions: Mapping[str, FileVersion], sha256: str | None, *, is_refused: bool) -> Iterable[FileVersion]:
    """The versions that a path holds while its file has this content (None: there is no file).

    Refused content leaves the live version before it in place. A retracted version stays with its path for good. A
    refused version without its file is not held: the same content may be tried again at another path.
    """
    for version in versions.values():
        is_without_file = sha256 is None and version.state is not FileState.QUARANTINED
        is_predecessor = is_refused and version.state is FileState.LIVE
        is_retracted = version.state is FileState.RETRACTED
        if version.sha256 == sha256 or is_without_file or is_predecessor or is_retracted:
            yield version


def _decide(
    file: Observed,
    versions: Mapping[str, FileVersion] | None,
    dataset: Dataset,
    damaged: Collection[int],
    *,
    is_owner: bool,
    retry_quarantined: bool,
) -> Decision:
    version = (versions or {}).get(file.sha256)
    if not is_owner:
        return Decision(file, Arrival.DUPLICATE, version)
    if version is None:
        return Decision(file, Arrival.NEW)
    is_stale = version.acceptance_hash != dataset.acceptance_hash or version.number in damaged
    if version.state is FileState.LIVE and is_stale:
        return Decision(file, Arrival.REREAD, version)
    is_due = retry_quarantined or version.acceptance_hash != dataset.acceptance_hash or version.reason == CHANGED
    if version.state is FileState.QUARANTINED and is_due:
        return Decision(file, Arrival.RETRY, version)
    return Decision(file, Arrival.UNCHANGED, version)


def _replaced(
    ledger: Ledger, decisions: Collection[Decision], refused: Collection[Identity], known: Identities
) -> Iterator[int]:
    """Numbers of versions that are replaced although nothing new is read for them.

    A live version is, when its path now holds content that another path owns, or that was retracted; refused content
    replaces nothing. A refused version is, when its path holds other content, or its content was accepted elsewhere.
    """
    hashes = {(d.file.dataset, d.file.path): d.file.sha256 for d in decisions}
    without_rows = {(d.file.dataset, d.file.path): known.of(d.file) for d in decisions if _has_no_rows(d)}
    for version in ledger.versions:
        content = without_rows.get((version.dataset, version.path))
        if version.state is FileState.LIVE and content and content not in refused:
            yield version.number
        held = hashes.get((version.dataset, version.path), version.sha256)
        if version.state is FileState.QUARANTINED and (held != version.sha256 or known.of(version) not in refused):
            yield version.number


def _no_longer_unread(ledger: Ledger, unread: Collection[Place]) -> Iterator[int]:
    """Numbers of entries for unread content whose file can be read now, or is gone."""
    for version in ledger.versions:
        is_unread = version.state is FileState.QUARANTINED and version.sha256 == UNKNOWN
        if is_unread and (version.dataset, version.path) not in unread:
            yield version.number


def _has_no_rows(decision: Decision) -> bool:
    """Whether the file at a path contributes no rows of its own: it is a duplicate, or its content was retracted."""
    is_retracted = decision.version is not None and decision.version.state is FileState.RETRACTED
    return is_retracted or decision.arrival is Arrival.DUPLICATE


def _moved(
    ledger: Ledger, present: Iterable[Place], datasets: Mapping[str, Dataset], ignored: Collection[str]
) -> Iterator[int]:
    dataset_of: dict[str, str | None] = {**dict.fromkeys(ignored), **{path: dataset for dataset, path in present}}
    for version in ledger.versions:
        is_moved = dataset_of.get(version.path, version.dataset) != version.dataset
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
