"""What a run reports of each file in the sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from filon.errors import FileUnaccounted
from filon.lake import FileState, FileVersion, Ledger
from filon.stages.bronze.arrivals import Arrival, Decision, Place
from filon.stages.bronze.reading import Reading
from filon.stages.bronze.texts import Parsed
from filon.stages.bronze.versions import is_unread


class FileOutcome(NamedTuple):
    """A file in the report of a run.

    ``status`` is ``ingested``, ``unchanged`` or ``quarantined``; ``version`` is the ledger's entry for the content. The
    records of a duplicate are counted at the path of that entry.
    """

    path: str
    status: str
    version: FileVersion
    notes: tuple[str, ...] = ()
    is_duplicate: bool = False


def file_outcomes(ledger: Ledger, reading: Reading) -> tuple[FileOutcome, ...]:
    """The outcome of every listed file, by path; ``ledger`` is the one after the run."""
    by_number = {version.number: version for version in ledger.versions}
    known = reading.plan.identities
    by_content = {known.of(v): v for v in ledger.versions if v.state is not FileState.REPLACED}
    results = {result.place: result for result in reading.parsed}
    outcomes = [
        _outcome(decision, by_number, by_content.get(known.of(decision.file)), results)
        for decision in reading.plan.decisions
    ]
    outcomes += [FileOutcome(version.path, "quarantined", version) for version in ledger.versions if is_unread(version)]
    return tuple(sorted(outcomes, key=lambda outcome: outcome.path))


def check_accounts(ledger: Ledger, outcomes: Iterable[FileOutcome]) -> None:
    """FileUnaccounted unless each path has one live content and one outcome, and each ingested file is live.

    Rows are counted by version, not by path: a path with two live versions would count twice.
    """
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
    same_content: FileVersion | None,
    results: Mapping[Place, Parsed],
) -> FileOutcome:
    file = decision.file
    result = results.get((file.dataset, file.path))
    if result is not None:
        status = "quarantined" if result.refused else "ingested"
        return FileOutcome(file.path, status, by_number[result.incoming.number], result.notes)
    if same_content is None:
        raise FileUnaccounted([f"{file.path} has no entry"])
    version = same_content
    if decision.arrival is Arrival.DUPLICATE:
        notes = (f"same content as {version.path}",)
        return FileOutcome(file.path, "unchanged", version, notes, is_duplicate=True)
    status = "quarantined" if version.state is FileState.QUARANTINED else "unchanged"
    return FileOutcome(file.path, status, version)
