"""The files that the sources hold: which dataset each belongs to, and the hash of its content."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from filon.errors import ConfigError, SourcesAmbiguous
from filon.lake import Ledger, Observation, SourceFile, Sources
from filon.lake.sourcefile import LOOP
from filon.project import Project
from filon.project.places import ARCHIVE, PACKED
from filon.stages.bronze.archives import require_within
from filon.stages.bronze.arrivals import Observed, Place
from filon.stages.bronze.ordering import natural_key
from filon.stages.bronze.refusals import FileRejected
from filon.stages.bronze.workers import Workers
from filon.stages.context import Context
from filon.stages.limits import Limits

READERS = 4


@dataclass(frozen=True)
class Listing:
    """The files in the sources; the members of a zip archive stand in its place.

    ``files`` are pairs of dataset and file in the order of their names (``natural_key``), ``ignored`` the paths that
    match the pattern of no dataset, ``archives`` the paths of archives. ``unreadable`` are those where no file is, each
    with its fault; ``is_complete`` is False when files may lie behind one of them.
    """

    files: tuple[tuple[str, SourceFile], ...]
    ignored: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    is_complete: bool = True
    archives: tuple[str, ...] = ()

    @property
    def without_dataset(self) -> tuple[str, ...]:
        """The paths that stand for no file of a dataset."""
        return (*self.ignored, *self.archives)


@dataclass(frozen=True)
class ObservedFiles:
    """The listed files and their content.

    ``observations`` are by path, for files whose content is known; ``unread`` says why that of the others is not.
    """

    listing: Listing
    observations: Mapping[str, Observation]
    unread: Mapping[Place, FileRejected]

    @cached_property
    def by_path(self) -> dict[str, SourceFile]:
        """Every listed file by its path."""
        return {file.path: file for _, file in self.listing.files}

    @property
    def observed(self) -> list[Observed]:
        """The files whose content is known."""
        return [
            Observed(file.path, name, self.observations[file.path].sha256, self.observations[file.path].content)
            for name, file in self.listing.files
            if (name, file.path) not in self.unread
        ]


def list_files(project: Project, sources: Sources) -> Listing:
    """List the sources and match each file with the pattern of a dataset; only directories of archives are read.

    Raises:
        ConfigError: a file matches the patterns of two datasets
        SourcesAmbiguous: a member of an archive has the path of a file
        SourcesUnavailable, SourcesMissing: as ``Sources.files`` raises them

    """
    owners_of = _Owners(project)
    files: list[tuple[str, SourceFile]] = []
    ignored: list[str] = []
    unreadable: list[tuple[str, str]] = []
    listed, archives = _with_members(sources)
    for file in listed:
        owners = owners_of(file)
        if len(owners) > 1:
            raise ConfigError(f"{file.path} matches the filePattern of {' and of '.join(owners)}; make them distinct")
        if file.fault == LOOP or (file.fault and not owners):
            unreadable.append((file.path, file.fault))
        elif owners:
            files.append((owners[0], file))
        else:
            ignored.append(file.path)
    is_complete = not any(file.may_hide_files for file in listed)
    return Listing(tuple(files), tuple(sorted(ignored)), tuple(sorted(unreadable)), is_complete, tuple(archives))


def _with_members(sources: Sources) -> tuple[list[SourceFile], list[str]]:
    """All files by name, members in the place of their archives; and the paths of the archives that have members."""
    files: list[SourceFile] = []
    archives: list[str] = []
    suspects: list[SourceFile] = []
    for file in sources.files():
        (suspects if sources.may_be_archive(file) else files).append(file)
    with ThreadPoolExecutor(max_workers=READERS) as pool:
        for file, members in zip(suspects, pool.map(sources.members, suspects), strict=True):
            files += [file] if members is None else members
            archives += [file.path] if members and members[0].member else []
    files.sort(key=lambda file: natural_key(file.path))
    for file, other in pairwise(files):
        if file.path == other.path:
            raise SourcesAmbiguous(f"{sources.uri} holds {file.path} both as a file and in an archive; rename one")
    return files, archives


def matching_files(project: Project, sources: Sources) -> dict[str, list[str]]:
    """The paths that the pattern of each dataset matches; no file is read. The errors of ``list_files``."""
    owners_of = _Owners(project)
    found: dict[str, list[str]] = {}
    for file in _with_members(sources)[0]:
        for name in owners_of(file):
            found.setdefault(name, []).append(file.path)
    return found


class _Owners:
    """The datasets whose pattern matches a file: its path, or else that of its archive, whose ending need not match."""

    def __init__(self, project: Project) -> None:
        self._matchers = {name: matcher_of(dataset.pattern) for name, dataset in project.datasets.items()}

    def __call__(self, file: SourceFile) -> list[str]:
        archive = file.member.archive.path if file.member else file.path
        return self._matching(file.path, PACKED) or self._matching(archive, ARCHIVE)

    def _matching(self, path: str, ending: re.Pattern[str]) -> list[str]:
        composed = unicodedata.normalize("NFC", path)  # some systems list names in decomposed letters
        plain = ending.sub("", composed)
        return [name for name, one in self._matchers.items() if one.fullmatch(plain) or one.fullmatch(composed)]


def matcher_of(pattern: str) -> re.Pattern[str]:
    """Compile a file pattern: ``*`` matches within a folder name, ``**/`` any number of folders."""
    parts = []
    for part in re.split(r"(\*\*/|\*|\?)", unicodedata.normalize("NFC", pattern)):
        simple = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
        if part in simple:
            parts.append(simple[part])
        else:
            parts.append(re.escape(part))
    return re.compile("".join(parts), re.DOTALL)


def observe_files(context: Context, workers: Workers, listing: Listing, ledger: Ledger) -> ObservedFiles:
    """Hash the listed files; where size and tag are those of the ledger's observation, its hash is used instead.

    Args:
        context: the run; with ``force`` every file is hashed
        workers: who hashes them
        listing: the files
        ledger: what was observed before

    """
    observations: dict[str, Observation] = {}
    to_hash: list[tuple[str, SourceFile]] = []
    for name, file in listing.files:
        before = ledger.observations.get(file.path)
        is_same = before is not None and (before.size, before.tag) == (file.size, file.tag)
        is_known = before is not None and (before.content or not PACKED.search(file.path))
        if before is not None and is_same and is_known and before.settled and not context.inputs.force:
            observations[file.path] = before
        else:
            to_hash.append((name, file))
    unread = _too_large_together(listing, context.limits)
    to_hash = [(name, file) for name, file in to_hash if (name, file.path) not in unread]
    found = workers.observe([file for _, file in to_hash])
    for (name, file), observed in zip(to_hash, found, strict=True):
        if isinstance(observed, FileRejected):
            unread[name, file.path] = observed
        else:
            observations[file.path] = observed
    return ObservedFiles(listing, observations, unread)


def _too_large_together(listing: Listing, limits: Limits) -> dict[Place, FileRejected]:
    """A refusal for every listed member of an archive whose members unpack to more than is allowed in all."""
    by_archive: dict[str, list[tuple[str, SourceFile]]] = {}
    for name, file in listing.files:
        if file.member is not None and not file.fault:
            by_archive.setdefault(file.member.archive.path, []).append((name, file))
    refused: dict[Place, FileRejected] = {}
    for members in by_archive.values():
        [archive] = {file.member.archive for _, file in members if file.member}
        try:
            require_within(limits, archive.size, sum(file.size for _, file in members))
        except FileRejected as reason:
            refused |= {(name, file.path): reason for name, file in members}
    return refused
