"""Who reads the files of the sources: this process, or others in its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from filon.lake import Observation, SourceFile, Sources
from filon.project.places import PACKED
from filon.stages.bronze.archives import require_within
from filon.stages.bronze.receive import Unpacked, fingerprint
from filon.stages.bronze.refusals import FileRejected
from filon.stages.bronze.texts import Incoming, Parsed
from filon.stages.context import Context
from filon.stages.limits import Limits

SETTLING = timedelta(seconds=3)
"""How old a file must be for its size and tag to identify its content: a younger one may change within a tick."""
HASHERS = 4


class Workers(Protocol):
    """Reads files, from their first byte to records in the lake."""

    def observe(self, files: Sequence[SourceFile]) -> Iterable[Observation | FileRejected]:
        """The hash of each file's content, in the order of the files; or why it cannot be read."""

    def parse(self, incoming: Sequence[Incoming]) -> list[Parsed]:
        """Read the records of files into Parquet files of their bronze tables.

        Args:
            incoming: the files, those of a dataset together

        Returns:
            A result per file, in no particular order.

        """


@dataclass(frozen=True)
class LocalWorkers:
    """This process, with the reader of a run."""

    context: Context
    sources: Sources

    def observe(self, files: Sequence[SourceFile]) -> Iterator[Observation | FileRejected]:
        """A few files at once."""
        settled_before = self.context.inputs.now - SETTLING
        with ThreadPoolExecutor(max_workers=HASHERS) as pool:
            yield from pool.map(
                partial(_observation_or_refusal, self.sources, self.context.limits, settled_before), files
            )

    def parse(self, incoming: Sequence[Incoming]) -> list[Parsed]:
        """See ``filon.stages.bronze.parse``."""
        from filon.stages.bronze.parse import parse  # brings all that reads records

        return parse(self.context, self.sources, incoming)


def _observation_or_refusal(
    sources: Sources, limits: Limits, settled_before: datetime, file: SourceFile
) -> Observation | FileRejected:
    inside = Unpacked(limits)
    try:
        if file.member is not None:
            require_within(limits, file.member.packed, file.size)
        sha256 = fingerprint(sources, file, inside)
    except FileRejected as reason:
        return reason
    content = inside.content or (sha256 if inside.is_archive or PACKED.search(file.path) else "")
    settled = file.modified < settled_before
    return Observation(size=file.size, tag=file.tag, sha256=sha256, settled=settled, content=content)
