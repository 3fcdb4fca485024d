"""Fingerprints: named facts, spelled in one way and hashed.

Whoever makes a fingerprint names each fact that decides the outcome, and no other. So a fingerprint does not depend on
how Python shows an object, on the order of a mapping, or on a field that a later version adds.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Set
from decimal import Decimal
from functools import lru_cache

from pydantic import BaseModel

MOST_STATEMENTS = 4_096
"""Texts whose statements are remembered: checks are asked for theirs more than once in a run."""


def fingerprint_of(facts: Mapping[str, object]) -> str:
    """The SHA-256 of named facts, in hexadecimal.

    Args:
        facts: texts, numbers, dates, moments with a time zone, enums of texts, and lists, sets or mappings of these. A
            fact that is None counts as not named; the order of mappings and sets does not count. Decimals that are
            equal are one fact (``1.50`` and ``1.5``), but a whole number, a decimal and a text never are.

    Raises:
        TypeError: a fact has another type; of a dataclass, the fields that count must be named

    """
    text = json.dumps(_spelled(facts), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def named(instance: object, *names: str) -> dict[str, object]:
    """These fields of a dataclass or of a pydantic model, without those that have their default.

    A field that is new, and at its default, therefore changes no fingerprint. If a *default* changes its meaning, the
    revision that the fingerprint holds must be raised. KeyError when there is no such field.
    """
    defaults = _model_defaults(instance) if isinstance(instance, BaseModel) else _dataclass_defaults(instance)
    return {name: fact for name in names if (fact := getattr(instance, name)) != defaults[name]}


@lru_cache(maxsize=MOST_STATEMENTS)
def statement(sql: str) -> str:
    """A query or an expression without comments and layout: its words, as they are written, with blanks between them.

    Texts in quotes stay as they are. Two texts with one statement are read alike by every engine.
    """
    from filon.project.grammar import read_tokens  # brings the SQL parser, which who only serves does not need

    parts = (sql[token.start : token.end + 1] for token in read_tokens(sql))
    return " ".join(part if part[:1] in "'\"" else " ".join(part.split()) for part in parts)


def _model_defaults(instance: BaseModel) -> dict[str, object]:
    fields = type(instance).model_fields
    return {name: field.get_default(call_default_factory=True) for name, field in fields.items()}


def _dataclass_defaults(instance: object) -> dict[str, object]:
    if not dataclasses.is_dataclass(instance):
        raise TypeError(f"{type(instance).__name__} has no named fields")
    return {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        for field in dataclasses.fields(instance)
    }


def _spelled(fact: object) -> object:
    """A fact as JSON has it; what JSON has no type for is a mapping with a key that no name of a fact can be."""
    if fact is None or isinstance(fact, (bool, int, float)):
        return fact
    if isinstance(fact, str):  # an enum of texts is the text
        return str(fact)
    if isinstance(fact, (list, tuple)):
        return [_spelled(item) for item in fact]
    if isinstance(fact, Decimal):
        return {"$decimal": _plain(fact)}
    if isinstance(fact, dt.datetime):
        if fact.tzinfo is None:
            raise TypeError("a moment without a time zone is no fact")
        return {"$moment": fact.astimezone(dt.UTC).isoformat()}
    if isinstance(fact, dt.date):
        return {"$date": fact.isoformat()}
    if isinstance(fact, Mapping):
        return {str(name): _spelled(value) for name, value in fact.items() if value is not None}
    if isinstance(fact, Set):
        return sorted(str(item) for item in fact)
    raise TypeError(f"a {type(fact).__name__} is no fact of a fingerprint: name its fields")


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if number == 0 else text
