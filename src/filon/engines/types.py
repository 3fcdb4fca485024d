"""What an engine says of the columns of a query: types of Filon's tables, or others that only expressions have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from filon.project.types import ColumnType


class Nature(StrEnum):
    """What kind of values an expression gives whose type no column of a table has."""

    WHOLE = "whole number"
    """Narrower or wider than the 64 bits of a table's integers."""
    FLOATING = "binary floating point"
    """Narrower than the 64 bits of a table's doubles."""
    LOCAL = "timestamp without a time zone"
    NULL = "nothing but null"
    OTHER = "something else"


@dataclass(frozen=True)
class OtherType:
    """A type that no column of a table has. ``name`` is the engine's own, for people."""

    name: str
    nature: Nature

    def __str__(self) -> str:
        return self.name


FoundType = ColumnType | OtherType


class FoundColumn(NamedTuple):
    """A column of a query; its name may stand there twice."""

    name: str
    type: FoundType


def has_nature(found: FoundType, *natures: Nature) -> bool:
    """Whether a type is none of a table's, and of one of these natures."""
    return isinstance(found, OtherType) and found.nature in natures
