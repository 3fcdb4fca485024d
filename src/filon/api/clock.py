"""The clock of the server."""

from __future__ import annotations

import datetime as dt


def now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)
