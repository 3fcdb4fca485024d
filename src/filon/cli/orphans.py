"""Processes whose parent ended before them, where the system lets this process adopt them (Linux)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


@contextmanager
def ending_orphans() -> Iterator[None]:
    """Kill, at the end of the block, every descendant that it left, also those outside their parent's process group."""
    before = _children()
    _adopt(wanted=True)
    try:
        yield
    finally:
        while left := _children() - before:
            for child in left:  # what a killed one leaves becomes a child in turn
                with suppress(ProcessLookupError, ChildProcessError):
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
        _adopt(wanted=False)


def _adopt(*, wanted: bool) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


def _children() -> set[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return {int(number) for text in lists for number in text.read_text().split()}
