"""When the contents of files counted: since a version arrived, until a newer one of its path did."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

from filon.lake.documents import FileState, FileVersion, Ledger

STEP = dt.timedelta(milliseconds=1)
"""The least time between two versions; stores keep no less."""


@dataclass(frozen=True)
class Span:
    """A file version that counts, or counted until a newer version of its path arrived; None: it counts."""

    version: FileVersion
    since: dt.datetime
    until: dt.datetime | None


def spans_of(ledger: Ledger, dataset: str) -> tuple[Span, ...]:
    """When the live files of a dataset, and their former contents, counted; in the order of arrival.

    Former contents of files that do not count any more are left out, as are refused and retracted ones.
    """
    moments = _moments(ledger)
    contents: dict[str, list[FileVersion]] = {version.path: [version] for version in ledger.live(dataset)}
    for version in sorted(ledger.versions, key=lambda version: version.number, reverse=True):
        newer = contents.get(version.path)
        was_accepted = version.state is FileState.REPLACED and version.reason is None
        if newer and version.dataset == dataset and was_accepted and version.number < newer[0].number:
            newer.insert(0, version)
    spans = [
        Span(version, moments[version.number], moments[after.number] if after else None)
        for versions in contents.values()
        for version, after in pairwise([*versions, None])
        if version is not None
    ]
    return tuple(sorted(spans, key=lambda span: span.version.number))


def _moments(ledger: Ledger) -> dict[int, dt.datetime]:
    """When each version arrived, to the millisecond, and each later than those before it.

    Files of one run arrive together, and a clock may be set back: what was numbered later counts as later.
    """
    moments: dict[int, dt.datetime] = {}
    last = dt.datetime.min.replace(tzinfo=dt.UTC)
    for version in sorted(ledger.versions, key=lambda version: version.number):
        if not version.sha256:  # never read; its entry leaves the ledger with the file
            continue
        arrived = version.arrived_at.astimezone(dt.UTC)
        whole = arrived.replace(microsecond=arrived.microsecond // 1000 * 1000)
        moments[version.number] = last = max(whole, last + STEP)
    return moments
