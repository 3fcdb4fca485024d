"""How a check ends."""

from __future__ import annotations

from enum import StrEnum


class CheckStatus(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
