"""Answers as a model reads them: compact, within a limit of characters, and saying what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from filon.mcp.client import Answer

MOST_CHARACTERS = 40_000
"""Of an answer; rows that do not fit are left out."""


def text_of(document: object) -> str:
    """A document as JSON without blanks; decimals keep their digits."""
    return orjson.dumps(document, default=_exact).decode()


def rows_text(answer: Answer, rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], names: list[str]) -> str:
    """Rows as columns and lists of values.

    Args:
        answer: where they come from
        rows: the rows
        facts: what else is said, before the rows
        names: the columns

    """
    values = [[row.get(name) for name in names] for row in rows]
    head = {"release": answer.release, "quality": answer.quality, **facts}
    while True:
        whole = len(values) == len(rows)
        cut = {} if whole else {"cut": f"only {len(values)} of these rows fit: ask for fewer rows or columns"}
        text = text_of({**head, "shown": len(values), **cut, "columns": names, "rows": values})
        if len(text) <= MOST_CHARACTERS or not values:
            return text
        values = values[: len(values) * MOST_CHARACTERS // len(text)]


def explanation_text(answer: Answer) -> str:
    """An explanation; of tables that do not fit, only the number of rows."""
    found = dict(answer.document)
    parts = [_contribution(part) for part in found.pop("contributions")]
    found["others"] = [_other(other) for other in found["others"]]
    text = text_of({**found, "contributions": parts})
    for part in reversed(parts):
        if len(text) <= MOST_CHARACTERS:
            break
        part.update(data=[], records=[], cut="the rows do not fit: ask for fewer, or for this table alone with `of`")
        text = text_of({**found, "contributions": parts})
    return text


def _contribution(part: Mapping[str, Any]) -> dict[str, Any]:
    return {**part, "records": [_record(record) for record in part["records"]]}


def _other(other: Mapping[str, Any]) -> dict[str, Any]:
    return {**other, "record": _record(other["record"])}


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record without what only programs need."""
    return {name: value for name, value in record.items() if name not in ("sha256", "fields") and value is not None}


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no JSON")
