"""What a gold contract promises its readers: how fresh the table is (``slaProperties`` of the standard)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from open_data_contract_standard.model import ServiceLevelAgreementProperty

from filon.project.document import Document
from filon.suggestions import suggestion

LATENCY = "latency"
UNITS = {
    **dict.fromkeys(("m", "min", "minute", "minutes"), dt.timedelta(minutes=1)),
    **dict.fromkeys(("h", "hour", "hours"), dt.timedelta(hours=1)),
    **dict.fromkeys(("d", "day", "days"), dt.timedelta(days=1)),
    **dict.fromkeys(("w", "week", "weeks"), dt.timedelta(weeks=1)),
}
LONGEST = dt.timedelta(days=3660)


def read_latency(document: Document, promises: Sequence[ServiceLevelAgreementProperty] | None) -> dt.timedelta | None:
    """How long ago the table may have been found up to date; None when nothing is promised (or a mistake reported).

    Promises of other kinds are for people and other tools.
    """
    latency: dt.timedelta | None = None
    for index, promise in enumerate(promises or []):
        if promise.property != LATENCY:
            continue
        place = ("slaProperties", index)
        unit, value = UNITS.get(promise.unit or ""), promise.value
        if latency is not None:
            document.report(place, "the latency is promised twice", "keep one of the two")
        elif unit is None:
            what = f"`{promise.unit}` is no unit of a latency" if promise.unit else "the latency has no `unit`"
            document.report((*place, "unit"), what, suggestion(promise.unit or "", UNITS))
        elif isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= LONGEST / unit:
            what = f"`{value}` is no latency"
            document.report((*place, "value"), what, "write a number above 0, ten years at most")
        else:
            latency = unit * float(value)
    return latency
