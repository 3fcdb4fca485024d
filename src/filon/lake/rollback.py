"""An older release published again, as a new one."""

from __future__ import annotations

import datetime as dt

from filon.errors import ReleaseMissing
from filon.lake.documents import Release
from filon.lake.store import Lake, new_run_id


def release_again(lake: Lake, number: int, now: dt.datetime) -> Release | None:
    """A new release with the content of release ``number``; None when the published one has that content.

    It is only composed, not written. ReleaseMissing when nothing is published, or that release is not kept.
    """
    older, current = lake.release(number), lake.release()
    if older is None or current is None:
        raise ReleaseMissing(number, [])
    if older.content == current.content:
        return None
    changes = {
        "number": lake.releases.after(current.number),
        "run_id": new_run_id(now),
        "created_at": now,
        "rollback_of": older.number,
        "rolled_back_from": current.number,
    }
    return older.model_copy(update=changes)
