"""The rules of a guard: how much a release may differ from the one before it and still be published."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from filon.suggestions import suggestion


class Subject(StrEnum):
    """What a rule limits."""

    ROWS_ADDED = "rows_added"
    ROWS_REMOVED = "rows_removed"
    ROWS_CHANGED = "rows_changed"
    COLUMNS_REMOVED = "columns_removed"
    RECORDS_REJECTED = "records_rejected"
    FILES_REFUSED = "files_refused"
    CHECKS_FAILED = "checks_failed"
    MOVES = "moves"
    TOTAL_MOVES = "total moves"


OF_ROWS = (Subject.ROWS_ADDED, Subject.ROWS_REMOVED, Subject.ROWS_CHANGED)
OF_TABLES = (*OF_ROWS, Subject.COLUMNS_REMOVED, Subject.RECORDS_REJECTED)
OF_FIGURES = (Subject.MOVES, Subject.TOTAL_MOVES)
WITH_SHARE = (*OF_ROWS, Subject.RECORDS_REJECTED)
_FIGURE = re.compile(r"(?P<table>\w+)\.(?P<column>\w+)\s+(?P<subject>(?:total\s+)?moves)")
_COUNT = re.compile(r"(?:(?P<table>\w+)\.)?(?P<subject>\w+)")
_MOST = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<share>%?)")
FORMS = "rows_removed > 1%, TABLE.rows_changed > 100, TABLE.COLUMN moves > 5%, records_rejected > 2%, files_refused > 0"
HUNDRED = 100


@dataclass(frozen=True)
class GuardRule:
    """What is refused: a difference in which ``subject`` is more than ``most``.

    ``table`` and ``column`` say where; an empty ``table`` means each of them. ``is_share``: ``most`` is a share of what
    was there before (1 is all of it), else a number.
    """

    subject: Subject
    most: Decimal
    is_share: bool
    table: str = ""
    column: str = ""
    text: str = field(default="", compare=False)


def parse_rule(text: str) -> GuardRule:
    """Read a rule as people write it; ValueError says what is wrong with it."""
    what, _, limit = text.partition(">")
    found = _FIGURE.fullmatch(what.strip()) or _COUNT.fullmatch(what.strip())
    most = _MOST.fullmatch(limit.strip())
    if found is None or most is None:
        raise ValueError(f"`{text}` is no rule; examples: {FORMS}")
    parts, word = found.groupdict(), " ".join(found["subject"].split())
    if word not in list(Subject):
        raise ValueError(f"`{word}` is nothing that a rule can limit; {suggestion(word, Subject)}")
    number, is_share = Decimal(most["number"]), bool(most["share"])
    rule = GuardRule(
        subject=Subject(word),
        most=number / HUNDRED if is_share else number,
        is_share=is_share,
        table=parts["table"] or "",
        column=parts.get("column", ""),
        text=text.strip(),
    )
    _require_sense(rule)
    return rule


def _require_sense(rule: GuardRule) -> None:
    """ValueError when the subject cannot be limited like that."""
    word = rule.subject
    if word in OF_FIGURES:
        if not rule.column or not rule.is_share:
            raise ValueError(f"`{word}` limits a column in percent: TABLE.COLUMN {word} > 5%")
    elif rule.column:
        raise ValueError(f"`{word}` limits a whole table: TABLE.{word} > 100")
    elif rule.table and word not in OF_TABLES:
        raise ValueError(f"`{word}` limits the whole run: {word} > 0")
    elif rule.is_share and word not in WITH_SHARE:
        raise ValueError(f"`{word}` is limited by a number, not by a share: leave % out")
