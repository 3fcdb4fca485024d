"""Rounds of deciding which files to read and reading them, until none is left to read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from filon.lake import Ledger, SourceFile
from filon.stages.bronze.arrivals import CHANGED, Arrival, Decision, Observed, Place, Plan, plan
from filon.stages.bronze.listing import ObservedFiles
from filon.stages.bronze.refusals import FileRejected
from filon.stages.bronze.texts import Incoming, Parsed
from filon.stages.bronze.versions import damage_of, with_results
from filon.stages.bronze.workers import Workers
from filon.stages.context import Context


@dataclass(frozen=True)
class Reading:
    """The last decisions about the files, and the results of those that were read.

    ``last_number`` is the highest number of a file version that was assigned, also to one that was dropped; ``files``
    are all listed files by path; ``unread`` says why files could not be read; ``given_up`` are the numbers of file
    versions whose reading ended before the end of their file.
    """

    plan: Plan
    parsed: Sequence[Parsed]
    last_number: int
    files: Mapping[str, SourceFile]
    unread: Mapping[Place, FileRejected]
    given_up: Collection[int]


def read_files(context: Context, workers: Workers, ledger: Ledger, files: ObservedFiles) -> Reading:
    """Read the files that need it. What comes of a file may change the decisions about others, so they are repeated.

    A refused file leaves the rows of its predecessor at that path in place. A file that is accepted on a later attempt
    replaces them, and content that another path holds as well may then have to be read from there. A file that could
    not be read to its end adds nothing.

    Args:
        context: the run
        workers: who reads them
        ledger: what arrived before
        files: the listed files and the hashes of their contents

    """
    rounds = _Rounds(context, workers, ledger, files, files.observed, dict(files.unread))
    while True:
        decided = rounds.decide()
        duplicates = rounds.duplicates(decided)
        due = [item for item in decided.to_read if (item.file.path, item.file.sha256) not in rounds.tried]
        if not due and duplicates <= rounds.dropped:
            return rounds.ended(decided)
        rounds.dropped |= duplicates
        rounds.read(due)


@dataclass
class _Rounds:
    """The state of ``read_files``.

    ``observed`` are the files whose content is still known; ``tried`` are paths and hashes that were read; ``dropped``
    are numbers of results that do not count, because their content is a duplicate or their file could not be read.
    """

    context: Context
    workers: Workers
    ledger: Ledger
    files: ObservedFiles
    observed: list[Observed]
    unread: dict[Place, FileRejected]
    parsed: list[Parsed] = field(default_factory=list)
    tried: set[tuple[str, str]] = field(default_factory=set)
    dropped: set[int] = field(default_factory=set)
    given_up: set[int] = field(default_factory=set)

    @property
    def kept(self) -> list[Parsed]:
        """The results that count."""
        return [result for result in self.parsed if result.incoming.number not in self.dropped]

    @property
    def next_number(self) -> int:
        """A number that no file version has, whether it was kept or dropped."""
        return max([self.ledger.next_number, *(result.incoming.number + 1 for result in self.parsed)])

    def decide(self) -> Plan:
        """Compare the sources with the ledger and the results so far."""
        interim = with_results(self.ledger, self.kept, self.context)
        return plan(
            interim,
            self.observed,
            self.context.project.datasets,
            ignored=self.files.listing.without_dataset,
            unread=self.unread,
            is_complete=self.files.listing.is_complete,
            damaged={version.number for version in interim.versions if damage_of(self.context, version)},
            retry_quarantined=self.context.inputs.retry_quarantined and not self.tried,
        )

    def duplicates(self, decided: Plan) -> set[int]:
        """Numbers of accepted results whose content, by the newest decisions, another path holds."""
        places = {(d.file.dataset, d.file.path) for d in decided.decisions if d.arrival is Arrival.DUPLICATE}
        return {result.incoming.number for result in self.parsed if result.refused is None and result.place in places}

    def read(self, due: Sequence[Decision]) -> None:
        """Read files, and note which could not be read to their end."""
        incoming = _numbered(self.context, self.next_number, due, self.files.by_path)
        self.tried |= {(item.file.path, item.sha256) for item in incoming}
        results = self.workers.parse(incoming)
        self.parsed += results
        failed = {result.place: result.refused for result in results if result.refused and result.refused.is_passing}
        self.unread |= failed
        self.given_up |= {result.incoming.number for result in results if result.place in failed}
        self.dropped |= self.given_up
        self.observed = [file for file in self.observed if (file.dataset, file.path) not in failed]

    def ended(self, decided: Plan) -> Reading:
        """The result, once nothing is left to read."""
        return Reading(decided, self.kept, self.next_number - 1, self.files.by_path, self.unread, self.given_up)


def _numbered(
    context: Context, number: int, due: Sequence[Decision], files: Mapping[str, SourceFile]
) -> list[Incoming]:
    """Assign numbers to file versions from ``number`` on, in order of arrival; a known version keeps its number.

    A version that older ledgers list as changed while it was read gets a new number: Parquet files may hold records of
    its former content under the old one.
    """
    incoming = []
    for decision in due:
        dataset = context.project.datasets[decision.file.dataset]
        version = decision.version if decision.version and decision.version.reason != CHANGED else None
        file = decision.file
        assigned = version.number if version else number
        incoming.append(Incoming(assigned, dataset, files[file.path], file.sha256, file.content))
        number += version is None
    return incoming
