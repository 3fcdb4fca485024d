"""What a contract says beyond the Open Data Contract Standard: the values of its ``customProperties``.

One entry per word; ``docs/contracts.md`` is the user's view of the same list. A ``customProperties`` entry with a
``vendor`` other than ``filon`` belongs to another tool and is left alone.
"""

from __future__ import annotations

import codecs
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from filon.project.formats import date_format


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


def _known_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name).name
        "".encode(found)  # a codec that is no text encoding, such as rot13, is a LookupError here
    except LookupError:
        raise ValueError("no such encoding; common ones are utf-8, cp1252 and latin-1") from None
    return found


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("no such time zone; an example is Europe/Paris") from None
    return name


def _known_format(pattern: str) -> str:
    date_format(pattern)
    return pattern


def _one_character(value: str) -> str:
    if len(value) != 1 or value in "\r\n\0":
        raise ValueError("one character is expected")
    return value


Encoding = Annotated[str, AfterValidator(_known_encoding)]
Character = Annotated[str, AfterValidator(_one_character)]
Timezone = Annotated[str, AfterValidator(_known_timezone)]
Format = Annotated[str, AfterValidator(_known_format)]


class Dialect(_Words):
    """How the text of a CSV file is spelled."""

    delimiter: Character = ","
    quote: Character = '"'
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    grouping: str = Field(default="", description="characters between thousands, removed before a number is read")
    date_format: Format = "yyyy-MM-dd"
    timestamp_format: Format = "yyyy-MM-dd HH:mm:ss"
    timezone: Timezone = "UTC"
    true: str = "true"
    false: str = "false"

    @model_validator(mode="after")
    def _delimiter_is_no_quote(self) -> Dialect:
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote are the same character")
        return self


class Case(StrEnum):
    """How letters are normalised."""

    KEEP = "keep"
    TITLE = "title"
    UPPER = "upper"
    LOWER = "lower"


class Normalise(_Words):
    """What happens to a text before it is judged: blanks, canonical spellings, then letter case for all others."""

    trim: bool = True
    case: Case = Case.KEEP
    canonical: tuple[str, ...] = ()


class Keep(StrEnum):
    """Which record of a file stays when several have one key."""

    FIRST = "first"
    LAST = "last"


class Drift(StrEnum):
    """What happens to columns that the contract does not name."""

    EVOLVE = "evolve"
    FREEZE = "freeze"
    DISCARD = "discard"


class MissingFile(StrEnum):
    """What happens to the rows of a file that left the sources."""

    KEEP = "keep"
    RETRACT = "retract"


class RowRule(_Words):
    """A named condition that every row must meet; NULL counts as met."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    expression: str


class SourceWords(_Words):
    """Words of a source's schema."""

    file_pattern: str
    dialect: Dialect = Dialect()
    keep: Keep = Keep.FIRST
    drift: Drift = Drift.EVOLVE
    malformed_threshold: float = Field(default=0.1, ge=0, le=1)
    on_missing_file: MissingFile = MissingFile.KEEP
    rules: tuple[RowRule, ...] = ()


class ColumnWords(_Words):
    """Words of a source's column."""

    normalise: Normalise = Normalise()
    not_after: Literal["as_of"] | None = None


class NoWords(_Words):
    """Where no word of ours applies."""
