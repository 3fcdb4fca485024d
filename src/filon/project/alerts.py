"""What a project wants to be told about: conditions on runs, on releases, and on what arrives."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from filon.project.guard import GuardRule, Subject, parse_rule


class Trigger(StrEnum):
    """What an alert looks at."""

    RUN_FAILED = "run failed"
    LATE = "late"
    NOTHING_ARRIVED = "nothing arrived"
    OUTSIDE = "outside"
    LIMIT = "limit"


LIMITS = (Subject.RECORDS_REJECTED, Subject.FILES_REFUSED, Subject.CHECKS_FAILED)
"""The limits of a guard that hold for a release by itself, without the one before."""
FORMS = (
    "run failed; late; TABLE late; nothing arrived by 09:00; DATASET nothing arrived by 09:00; "
    "TABLE.COLUMN outside 1000..5000; records_rejected > 2%; files_refused > 0; checks_failed > 0"
)
_LATE = re.compile(r"(?:(?P<table>\w+)\s+)?late")
_ARRIVED = re.compile(r"(?:(?P<table>\w+)\s+)?nothing\s+arrived\s+by\s+(?P<by>\d\d:\d\d)")
_NUMBER = r"-?\d+(?:\.\d+)?"
_OUTSIDE = re.compile(rf"(?P<table>\w+)\.(?P<column>\w+)\s+outside\s+(?P<low>{_NUMBER})?\.\.(?P<high>{_NUMBER})?")


@dataclass(frozen=True)
class AlertRule:
    """A condition on which people are told, as its ``text`` says.

    ``table`` and ``column`` say where; without a table it means each. ``low`` and ``high`` bound a figure, ends
    included. ``by`` is a time of day in the project's time zone. ``limit`` is a rule of a guard.
    """

    text: str
    trigger: Trigger
    table: str = ""
    column: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    by: dt.time | None = None
    limit: GuardRule | None = field(default=None, repr=False)


def parse_alert(text: str) -> AlertRule:
    """Read a condition as people write it; ValueError says what is wrong with it."""
    words = " ".join(text.split())
    if words == Trigger.RUN_FAILED:
        return AlertRule(words, Trigger.RUN_FAILED)
    if found := _LATE.fullmatch(words):
        return AlertRule(words, Trigger.LATE, found["table"] or "")
    if found := _ARRIVED.fullmatch(words):
        return AlertRule(words, Trigger.NOTHING_ARRIVED, found["table"] or "", by=_time(found["by"]))
    if found := _OUTSIDE.fullmatch(words):
        return _band(words, found)
    if ">" not in words:
        raise ValueError(f"`{text}` is no condition; examples: {FORMS}")
    limit = parse_rule(words)
    if limit.subject not in LIMITS:
        raise ValueError(f"`{limit.subject}` compares two releases: put it under `guard`")
    return AlertRule(words, Trigger.LIMIT, limit.table, limit=limit)


def _time(text: str) -> dt.time:
    try:
        return dt.time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is no time of day; write it as 09:00") from None


def _band(words: str, found: re.Match[str]) -> AlertRule:
    low, high = (Decimal(bound) if bound else None for bound in (found["low"], found["high"]))
    if low is None and high is None:
        raise ValueError("the band has no bound; write 1000..5000, 1000.. or ..5000")
    if low is not None and high is not None and low > high:
        raise ValueError(f"the band {low}..{high} holds nothing; put the smaller number first")
    return AlertRule(words, Trigger.OUTSIDE, found["table"], found["column"], low, high)
