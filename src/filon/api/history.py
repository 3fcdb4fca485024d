"""What the pipeline left in the store's records: runs, checks, quality, rejected rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from filon.api.snapshot import Reader, Remembered
from filon.serving.history import (
    LAST,
    AlertsRecord,
    CheckedRecord,
    Kind,
    QualityRecord,
    RejectedRow,
    RunRecord,
    Sample,
    read_record,
)
from filon.serving.state import ServedState, TableState

MOST_SAMPLES = 16


class History:
    """Runs, checks, quality and samples, as the store has them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._samples: Remembered[tuple[RejectedRow, ...]] = Remembered(MOST_SAMPLES)

    async def count_runs(self) -> int:
        """Number of runs that the store remembers."""
        return await self._reader.ask(lambda records: records.count(Kind.RUN))

    async def runs(self, skip: int, limit: int) -> Sequence[RunRecord]:
        """Runs, newest first."""
        texts = await self._reader.ask(lambda records: records.newest(Kind.RUN, skip, limit))
        return [read_record(RunRecord, text, self._reader.uri) for text in texts]

    async def run(self, run_id: str) -> RunRecord | None:
        """A run."""
        text = await self._find(Kind.RUN, run_id)
        return None if text is None else read_record(RunRecord, text, self._reader.uri)

    async def checked(self) -> CheckedRecord | None:
        """The last run that found the release up to date."""
        text = await self._find(Kind.CHECKED, LAST)
        return None if text is None else read_record(CheckedRecord, text, self._reader.uri)

    async def alerts(self) -> AlertsRecord | None:
        """The alerts of the project, as they were last looked at; None when nobody did."""
        text = await self._find(Kind.ALERTS, LAST)
        return None if text is None else read_record(AlertsRecord, text, self._reader.uri)

    async def quality(self, release: int) -> QualityRecord | None:
        """The quality of a release; None when it was loaded by a version of Filon that left none."""
        text = await self._find(Kind.QUALITY, str(release))
        return None if text is None else read_record(QualityRecord, text, self._reader.uri)

    async def sample(self, key: str) -> tuple[RejectedRow, ...]:
        """A sample of rejected rows; empty when the store has none under this key (yet)."""

        async def ask() -> tuple[RejectedRow, ...]:
            text = await self._find(Kind.SAMPLE, key)
            if text is None:
                raise LookupError(key)  # which is not remembered: the next run may bring it
            return read_record(Sample, text, self._reader.uri).rows

        try:
            return await self._samples.get(key, ask)
        except LookupError:
            return ()

    async def _find(self, kind: Kind, key: str) -> str | None:
        return await self._reader.ask(lambda records: records.find(kind, key))


def release_checked_at(state: ServedState, checked: CheckedRecord | None) -> dt.datetime:
    """When a run last found a release up to date: the last check, or else the load itself."""
    return checked.at if checked is not None and checked.release == state.release else state.loaded_at


def table_checked_at(state: ServedState, table: TableState, checked: CheckedRecord | None) -> dt.datetime:
    """The same of a table, which may be the same in several releases."""
    if checked is None:
        return table.synced_at
    is_same = [build.fingerprint for build in table.builds] == [checked.content.get(table.table)]
    return checked.at if is_same or checked.release == state.release else table.synced_at
