"""Files of the sources, written again without the records of people who are forgotten."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from filon.errors import ConfigError
from filon.lake import FileState, FileVersion, SourceFile, Sources
from filon.pipeline.forgetting.cutting import Uncut, with_members, without_records
from filon.pipeline.forgetting.people import People
from filon.sql import identifier


@dataclass(frozen=True)
class Rewritten:
    """A file of the sources, and its content without people."""

    file: SourceFile
    content: bytes


def rewritten_sources(people: People, sources: Sources) -> Iterator[Rewritten]:
    """The files that hold records of people, one at a time, as they will be; nothing is written.

    Which records these are, the lake knows of the very bytes that it read. ConfigError when a file holds some that
    cannot be cut out of it, as of a spreadsheet.
    """
    due = {version.sha256: version for version in _versions(people)}
    for file in sources.files() if due else []:
        if file.fault:
            continue
        content = b"".join(sources.chunks(file))
        version = due.get(hashlib.sha256(content).hexdigest())
        try:
            if version is not None:
                yield Rewritten(file, _without(people, content, version))
            elif written := _archive(people, sources, file, content, due):
                yield Rewritten(file, written)
        except Uncut as why:
            raise _by_hand([file.path], str(why)) from None


def _archive(
    people: People, sources: Sources, file: SourceFile, content: bytes, due: dict[str, FileVersion]
) -> bytes | None:
    """A zip archive without the people in its members; None when it has none, or is no archive."""
    contents = {}
    for item in sources.members(file) or []:
        if item.fault or item.member is None:
            continue
        inside = b"".join(sources.chunks(item))
        version = due.get(hashlib.sha256(inside).hexdigest())
        if version is not None:
            contents[item.member.offset] = _without(people, inside, version)
    return with_members(content, contents) if contents else None


def _versions(people: People) -> Iterator[FileVersion]:
    """The file versions that count, and have records of people."""
    for version in people.lake.ledger().versions:
        if version.state is FileState.LIVE and version.dataset in people.places and _records(people, version):
            yield version


def _records(people: People, version: FileVersion) -> frozenset[int]:
    query = f"SELECT _record FROM {identifier(people.places[version.dataset])} WHERE _file = {version.number}"
    return frozenset(record for (record,) in people.engine.rows(query))


def _without(people: People, content: bytes, version: FileVersion) -> bytes:
    return without_records(content, people.project.datasets[version.dataset], _records(people, version), version.rows)


def _by_hand(paths: Collection[str], why: str) -> ConfigError:
    return ConfigError(
        f"--sources cannot take people out of {', '.join(sorted(paths))}: {why}. Delete their rows there by hand, let "
        "`filon run` read it and forget them then; or leave --sources out: their records are rejected on sight."
    )
