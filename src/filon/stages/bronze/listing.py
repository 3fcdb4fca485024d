"""The files that the sources hold: which dataset each belongs to, and the hash of its content."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial

from filon.errors import ConfigError
from filon.lake import Ledger, Observation, SourceFile, Sources
from filon.project import Project
from filon.project.places import PACKED
from filon.stages.bronze.arrivals import Observed, Place
from filon.stages.bronze.ordering import natural_key
from filon.stages.bronze.receive import Unpacked, fingerprint
from filon.stages.bronze.refusals import FileRejected
from filon.stages.context import Context
from filon.stages.limits import Limits

SETTLING = timedelta(seconds=3)
"""How old a file must be for its size and tag to identify its content: a younger one may change within a tick."""
HASHERS = 4


@dataclass(frozen=True)
class Listing:
    """The files in the sources.

    ``files`` are pairs of dataset and file in the order of their names (``natural_key``), ``ignored`` the paths that
    match the pattern of no dataset. ``unreadable`` are those where no file is, each with its fault; ``is_complete`` is
    False when files may lie behind one of them.
    """

    files: tuple[tuple[str, SourceFile], ...]
    ignored: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    is_complete: bool = True


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
    """List the sources and match each file with the pattern of a dataset; no file is read.

    ConfigError when a file matches the patterns of two datasets; the errors of ``Sources.files``.
    """
    owners_of = _Owners(project)
    files: list[tuple[str, SourceFile]] = []
    ignored: list[str] = []
    unreadable: list[tuple[str, str]] = []
    listed = sorted(sources.files(), key=lambda file: natural_key(file.path))
    for file in listed:
        owners = owners_of(file.path)
        if len(owners) > 1:
            raise ConfigError(f"{file.path} matches the filePattern of {' and of '.join(owners)}; make them distinct")
        if file.fault and not (owners and file.may_hide_files):
            unreadable.append((file.path, file.fault))
        elif owners:
            files.append((owners[0], file))
        else:
            ignored.append(file.path)
    is_complete = not any(file.may_hide_files for file in listed)
    return Listing(tuple(files), tuple(sorted(ignored)), tuple(sorted(unreadable)), is_complete)


def matching_files(project: Project, sources: Sources) -> dict[str, list[str]]:
    """The paths that the pattern of each dataset matches; no file is read. The errors of ``Sources.files``."""
    owners_of = _Owners(project)
    found: dict[str, list[str]] = {}
    for file in sources.files():
        for name in owners_of(file.path):
            found.setdefault(name, []).append(file.path)
    return found


class _Owners:
    """The datasets whose pattern matches a path."""

    def __init__(self, project: Project) -> None:
        self._matchers = {name: matcher_of(dataset.pattern) for name, dataset in project.datasets.items()}

    def __call__(self, path: str) -> list[str]:
        composed = unicodedata.normalize("NFC", path)  # some systems list names in decomposed letters
        plain = PACKED.sub("", composed)
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


def observe_files(context: Context, sources: Sources, listing: Listing, ledger: Ledger) -> ObservedFiles:
    """Hash the listed files; where size and tag are those of the ledger's observation, its hash is used instead.

    Args:
        context: the run; with ``force`` every file is hashed, and ``now`` tells which files are too young to be known
        sources: where the files lie
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
    unread: dict[Place, FileRejected] = {}
    with ThreadPoolExecutor(max_workers=HASHERS) as pool:
        hash_one = partial(_observation_or_refusal, sources, context.limits, context.inputs.now - SETTLING)
        hashes = pool.map(hash_one, (file for _, file in to_hash))
        for (name, file), observed in zip(to_hash, hashes, strict=True):
            if isinstance(observed, FileRejected):
                unread[name, file.path] = observed
            else:
                observations[file.path] = observed
    return ObservedFiles(listing, observations, unread)


def _observation_or_refusal(
    sources: Sources, limits: Limits, settled_before: datetime, file: SourceFile
) -> Observation | FileRejected:
    inside = Unpacked(limits)
    try:
        sha256 = fingerprint(sources, file, inside)
    except FileRejected as reason:
        return reason
    content = inside.content or (sha256 if inside.is_archive or PACKED.search(file.path) else "")
    settled = file.modified < settled_before
    return Observation(size=file.size, tag=file.tag, sha256=sha256, settled=settled, content=content)
