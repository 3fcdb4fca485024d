"""What a release, published or not, has that another one has not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from filon.differences.document import Difference, FileChange, FileDifference, RecordsDifference
from filon.differences.tables import TableComparer
from filon.lake import Build, CheckResult, CheckStatus, FileState, FileVersion, Layer, Ledger, Release
from filon.lake.documents import NO_ROWS

SEEN = (Layer.SILVER, Layer.GOLD)
"""The layers whose tables are compared: those that have names for people."""
_CHANGES = {
    FileState.LIVE: FileChange.ACCEPTED,
    FileState.QUARANTINED: FileChange.REFUSED,
    FileState.REPLACED: FileChange.REPLACED,
    FileState.RETRACTED: FileChange.RETRACTED,
}


@dataclass(frozen=True)
class Side:
    """What is compared: tables by their ids, the files that they were built from, and the results of checks.

    ``release`` is the number under which it is published; None when it is not.
    """

    release: int | None
    builds: Mapping[str, Build]
    ledger: Ledger
    checks: Sequence[CheckResult]

    @classmethod
    def of(cls, release: Release, ledger: Ledger) -> Side:
        """A release; ``ledger`` is the one that it names."""
        return cls(release.number, release.tables, ledger, release.checks)


NOTHING = Side(None, {}, Ledger(), ())


def compare_sides(comparer: TableComparer, before: Side, after: Side) -> Difference:
    """What ``after`` has that ``before`` has not."""
    ids = [name for name in dict.fromkeys([*after.builds, *before.builds]) if _layer(name) in SEEN]
    found = {name: comparer.compare(before.builds.get(name), after.builds.get(name)) for name in ids}
    return Difference(
        before=before.release,
        after=after.release,
        tables=tuple(table for table in found.values() if table is not None),
        unchanged=tuple(name.partition("/")[2] for name, table in found.items() if table is None),
        files=tuple(_files(before.ledger, after.ledger)),
        records=tuple(_records(before, after)),
        checks_failed=tuple(
            f"{check.table}: {check.check}: {check.detail}"
            for check in after.checks
            if check.status is not CheckStatus.PASSED
        ),
    )


def _layer(name: str) -> str:
    return name.partition("/")[0]


def _files(before: Ledger, after: Ledger) -> Iterator[FileDifference]:
    old, new = ({version.number: version for version in ledger.versions} for ledger in (before, after))
    for number in sorted(old.keys() | new.keys()):
        change = _change(old.get(number), new.get(number))
        version = new.get(number) or old[number]
        if change is not None:
            yield FileDifference(
                file=version.path,
                dataset=version.dataset,
                change=change,
                records=version.rows,
                reason=version.reason,
                detail=version.detail,
            )


def _change(before: FileVersion | None, after: FileVersion | None) -> FileChange | None:
    """What became of a version of a file; None when it counts, or does not, as before."""
    if after is None:
        return FileChange.LEFT if before is not None and before.state is FileState.LIVE else None
    if before is not None and before.state is after.state:
        return None
    if before is not None and before.state is FileState.RETRACTED and after.state is FileState.LIVE:
        return FileChange.RESTORED
    return _CHANGES[after.state]


def _records(before: Side, after: Side) -> Iterator[RecordsDifference]:
    for name, build in after.builds.items():
        if build.quality is not None:
            old = before.builds.get(name)
            counts = old.quality.total if old and old.quality else NO_ROWS
            yield RecordsDifference(dataset=build.table, before=counts, after=build.quality.total)
