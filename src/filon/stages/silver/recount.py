"""The counts of a silver table that was extended: those of its base, less the rows that left, plus those that came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from filon.engines.changes import Changes
from filon.lake import FileCounts, Layer, Quality
from filon.stages.silver.judging import Judging

LAYERS = (Layer.SILVER, Layer.SUPERSEDED, Layer.QUARANTINE)


def is_of(versions: Collection[int]) -> str:
    """A condition for rows of some file versions."""
    return f"_file IN ({', '.join(map(str, sorted(versions)))})" if versions else "FALSE"


@dataclass(frozen=True)
class Recount:
    """The counts before, the file versions that have gone, and what changed in each of the three tables."""

    judging: Judging
    base: Quality
    gone: frozenset[int]
    changes: Mapping[Layer, Changes]

    def quality(self) -> Quality:
        """The counts now. The numbers read come from the ledger, so that a wrong count cannot cancel out."""
        judging, base = self.judging, self.base
        moved = {layer: self._moved(self.changes[layer]) for layer in LAYERS}
        counts = {}
        for version in judging.live:
            number = version.number
            known = base.files.get(number) if number not in self.gone else None
            parts = (known.accepted, known.superseded, known.rejected) if known else (0, 0, 0)
            accepted, superseded, rejected = (
                part + moved[layer].get(number, 0) for part, layer in zip(parts, LAYERS, strict=True)
            )
            counts[number] = FileCounts(read=version.rows, accepted=accepted, superseded=superseded, rejected=rejected)
        since, until = self._as_of_bounds()
        return Quality(
            files=counts,
            reasons=self._reasons(self.changes[Layer.QUARANTINE]),
            rereads={version.number: version.rereads for version in judging.live if version.rereads},
            as_of=judging.as_of,
            as_of_from=since,
            as_of_to=until,
        )

    @property
    def _stays(self) -> str:
        return f"NOT {is_of(self.gone)}"

    def _moved(self, changes: Changes) -> dict[int, int]:
        """By file version, how many rows a table has more now; of those that have gone, nothing."""
        moved = self.judging.count(changes.new)
        for number, rows in self.judging.count(changes.old, self._stays).items():
            moved[number] = moved.get(number, 0) - rows
        return moved

    def _reasons(self, changes: Changes) -> dict[int, dict[str, int]]:
        judging = self.judging
        reasons = {n: dict(counts) for n, counts in self.base.reasons.items() if n not in self.gone}
        for sign, table, condition in ((-1, changes.old, self._stays), (1, changes.new, "TRUE")):
            for number, counts in judging.count_reasons(table, condition).items():
                known = reasons.setdefault(number, {})
                for reason, rows in counts.items():
                    known[reason] = known.get(reason, 0) + sign * rows
        present = {
            n: {reason: rows for reason, rows in sorted(counts.items()) if rows} for n, counts in reasons.items()
        }
        return {number: counts for number, counts in sorted(present.items()) if counts}

    def _as_of_bounds(self) -> tuple[dt.date | None, dt.date | None]:
        """The as-of dates between which no verdict changes; perhaps closer than they must be."""
        judging, base = self.judging, self.base
        if judging.as_of is None:
            return None, None
        past, future = judging.nearest_days()
        ends = [day for day in (future - dt.timedelta(days=1) if future else None,) if day]
        starts = [day for day in (past,) if day]
        if base.as_of == judging.as_of:
            ends += [day for day in (base.as_of_to,) if day]
            starts += [day for day in (base.as_of_from,) if day]
        elif base.as_of is not None and base.as_of < judging.as_of:
            starts += [day for day in (base.as_of_from,) if day]  # records of later days were judged again
        else:
            starts.append(judging.as_of)
        return max(starts, default=None), min(ends, default=None)
