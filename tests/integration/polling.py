"""Waiting for a condition, never for a clock."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST_S = 60.0
"""Machines that run tests may be slow; a condition that holds is seen at once."""
PAUSE_S = 0.02


def until(holds: Callable[[], object], what: str, seconds: float = LONGEST_S) -> None:
    """Ask again and again, until it holds; AssertionError says what did not."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(PAUSE_S)
