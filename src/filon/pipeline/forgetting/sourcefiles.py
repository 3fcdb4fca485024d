"""Files of the sources, written again without the records of people who are forgotten."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from filon.errors import ConfigError
from filon.lake import FileState, FileVersion, SourceFile, Sources
from filon.pipeline.forgetting.people import People
from filon.project import Dataset
from filon.project.vocabulary import FileFormat
from filon.sql import identifier
from filon.stages.bronze.records import RecordReader

GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Rewritten:
    """A file of the sources, and its content without people."""

    file: SourceFile
    content: bytes


def rewritten_sources(people: People, sources: Sources) -> Iterator[Rewritten]:
    """The files that hold records of people, one at a time, as they will be; nothing is written.

    Which records these are, the lake knows of the very bytes that it read. ConfigError when a file holds some that
    cannot be cut out of it: one in an archive, a spreadsheet, or a file that was refused.
    """
    due = {version.sha256: version for version in _versions(people)}
    left = dict(due)
    for file in sources.files() if due else []:
        if file.fault:
            continue
        content = b"".join(sources.chunks(file))
        version = due.get(hashlib.sha256(content).hexdigest())
        if version is not None:
            left.pop(version.sha256, None)
            yield Rewritten(file, _without(people, file, content, version))
    there = {file.path for file in sources.files()}
    inside = [v.path for v in left.values() if v.path not in there and any(_is_in(v.path, path) for path in there)]
    if inside:
        raise _by_hand(inside, "it lies in an archive")


def _is_in(path: str, archive: str) -> bool:
    return path.startswith(f"{archive}/")


def _versions(people: People) -> Iterator[FileVersion]:
    """The file versions that count, and have records of people."""
    for version in people.lake.ledger().versions:
        if version.state is FileState.LIVE and version.dataset in people.places and _records(people, version):
            yield version


def _records(people: People, version: FileVersion) -> frozenset[int]:
    query = f"SELECT _record FROM {identifier(people.places[version.dataset])} WHERE _file = {version.number}"
    return frozenset(record for (record,) in people.engine.rows(query))


def _without(people: People, file: SourceFile, content: bytes, version: FileVersion) -> bytes:
    dataset = people.project.datasets[version.dataset]
    dialect = dataset.dialect
    is_framed = dialect.skip_lines or dialect.skip_until or dialect.footer
    if dataset.format is not FileFormat.CSV or is_framed:
        raise _by_hand([file.path], "it is no plain CSV")
    is_packed = content.startswith(GZIP)
    raw = gzip.decompress(content) if is_packed else content
    try:
        text = raw.decode(dialect.encoding)
    except UnicodeDecodeError as error:
        raise _by_hand([file.path], str(error)) from error
    kept = _cut(text, dataset, _records(people, version), version.rows)
    if kept is None or text.encode(dialect.encoding) != raw:
        raise _by_hand([file.path], "its records cannot be told apart")
    written = kept.encode(dialect.encoding)
    return gzip.compress(written, mtime=0) if is_packed else written


def _cut(text: str, dataset: Dataset, gone: Collection[int], rows: int) -> str | None:
    """A text without some records, by their numbers; None when it does not have as many records as were read."""
    reader = RecordReader.of(io.StringIO(text.removeprefix("\ufeff"), newline=""), dataset.dialect)
    shift = len(text) - len(text.removeprefix("\ufeff"))
    starts = [reader.start + shift for _ in reader]
    first = int(dataset.dialect.header)
    if len(starts) - first != rows:
        return None
    ends = [*starts[1:], len(text)]
    head = text[: starts[0]] if starts else text
    records = enumerate(zip(starts, ends, strict=True), start=1 - first)
    return head + "".join(text[start:end] for number, (start, end) in records if number not in gone)


def _by_hand(paths: Collection[str], why: str) -> ConfigError:
    return ConfigError(
        f"--sources cannot take people out of {', '.join(sorted(paths))}: {why}. Do so by hand, or leave --sources "
        "out: their records are rejected on sight."
    )
