"""The words of ``dialect``: how the text of a CSV file is cut, and which value the text of a field spells."""

from __future__ import annotations

import codecs
import unicodedata
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from filon.project.formats import readings_of
from filon.project.vocabulary.spec import Listed, Spec, Word, listed, normal


def _known_encoding(name: str) -> str:
    try:
        codec = codecs.lookup(name).name
        "".encode(codec)  # a codec that is no text encoding, such as rot13, is a LookupError here
    except (LookupError, UnicodeError):
        codec = ""
    if not codec or codec in NO_FILE_ENCODINGS:
        raise ValueError("no encoding of text files; common ones are utf-8, cp1252 and latin-1")
    return codec


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, such as Europe
        raise ValueError("no such time zone; an example is Europe/Paris") from None
    return name


def _known_formats(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        readings_of(pattern)
    return patterns


def _currencies(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        is_sign = any(letter.isalpha() or unicodedata.category(letter) == "Sc" for letter in word)
        if not is_sign or word != word.strip() or any(letter.isdigit() or letter in "+-()%" for letter in word):
            raise ValueError(f"{word!r} is no currency; examples are € and EUR")
    return normal(words)


def _null_values(value: object) -> object:
    """Words as texts: YAML takes ``-999`` for a number, and ``NULL`` for nothing."""
    words: list[object] = []
    for word in value if isinstance(value, (list, tuple)) else [value]:
        words += ["NULL", "null"] if word is None else [str(word) if type(word) is int else word]
    return words


def _trimmed(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.strip() for word in normal(words) if word.strip())


def _percent(value: object) -> object:
    return {True: "keep", False: "none"}[value] if isinstance(value, bool) else value


def _one_character(value: str) -> str:
    if len(value) != 1 or value in "\r\n\0":
        raise ValueError("one character is expected")
    return value


def _delimiter(value: str) -> str:
    if not 1 <= len(value) <= LONGEST_DELIMITER or any(letter in value for letter in "\r\n\0"):
        raise ValueError(f"one character is expected, several such as ||, or {WHITESPACE}")
    return value


def _comment(value: str) -> str:
    if value != value.strip() or not value.isprintable():
        raise ValueError("a few characters are expected, such as #")
    return value


def _quote(value: str) -> str:
    return "" if value == NO_QUOTE else _one_character(value)


NO_QUOTE = "none"
WHITESPACE = "whitespace"
"""A delimiter of any number of blanks and tabs."""
LONGEST_DELIMITER = 10
NO_FILE_ENCODINGS = {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"}
Encoding = Annotated[str, AfterValidator(_known_encoding)]
Character = Annotated[str, AfterValidator(_one_character)]
Delimiter = Annotated[str, AfterValidator(_delimiter)]
Quote = Annotated[str, AfterValidator(_quote)]
Comment = Annotated[str, Field(max_length=10), AfterValidator(_comment)]
Timezone = Annotated[str, AfterValidator(_known_timezone)]
Formats = Annotated[tuple[str, ...], Field(min_length=1), Listed, AfterValidator(_known_formats)]
Currencies = Annotated[tuple[str, ...], Listed, AfterValidator(_currencies)]
AnyText = str | int | None
"""A text as YAML reads it when it is not in quotes."""
NullValues = Annotated[
    tuple[str, ...],
    BeforeValidator(_null_values, json_schema_input_type=AnyText | list[AnyText]),
    AfterValidator(_trimmed),
]


class FileFormat(StrEnum):
    """What files of a dataset are: how their bytes become records."""

    CSV = "csv"
    JSON_LINES = "jsonLines"
    PARQUET = "parquet"
    SPREADSHEET = "spreadsheet"


class Percent(StrEnum):
    """Whether numbers may bear a percent sign, and whether those that do are divided by 100."""

    NONE = "none"
    KEEP = "keep"
    DIVIDE = "divide"


class Negative(StrEnum):
    """A way to spell negative numbers: ``-5``, ``5-``, ``(5)``."""

    MINUS = "minus"
    TRAILING = "trailing"
    PARENTHESES = "parentheses"


PercentWord = Annotated[Percent, BeforeValidator(_percent, json_schema_input_type=Percent | bool)]
Negatives = Annotated[tuple[Negative, ...], BeforeValidator(listed, json_schema_input_type=Negative | list[Negative])]


class ShortRecords(StrEnum):
    """What becomes of a record with fewer fields than the header: nulls for the last ones, or it is malformed."""

    NULLS = "nulls"
    REJECT = "reject"


class FooterSpec(Spec):
    """How the lines behind the last record are known: by their number, or by the text that the first begins with."""

    lines: int | None = Field(default=None, ge=1, le=1_000)
    starts_with: Annotated[Word, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> FooterSpec:
        if (self.lines is None) == (self.starts_with is None):
            raise ValueError("a footer is known by its number of `lines`, or by what it `startsWith`")
        return self


class Dialect(Spec):
    """What the files of a dataset are, and how their texts are spelled."""

    format: FileFormat | None = Field(default=None, description="None: as the ending of the file pattern says")
    sheet: Annotated[str, Field(min_length=1)] | None = None
    delimiter: Delimiter = ","
    quote: Quote = Field(default='"', description="empty where no character quotes")
    escape: Character | None = Field(default=None, description="before a quote or itself, inside quotes")
    encoding: Encoding = "utf-8"
    header: bool = True
    skip_lines: int = Field(default=0, ge=0, le=1_000)
    skip_until: Literal["header"] | None = None
    comment: Comment = ""
    footer: FooterSpec | None = None
    short_records: ShortRecords = ShortRecords.REJECT
    decimal: Literal[".", ","] = "."
    grouping: str = Field(default="", description="marks between thousands; a blank stands for every blank")
    currency: Currencies = ()
    percent: PercentWord = Percent.NONE
    negative: Negatives = (Negative.MINUS,)
    date_format: Formats = ("yyyy-MM-dd",)
    timestamp_format: Formats = ("yyyy-MM-dd HH:mm:ss",)
    timezone: Timezone = "UTC"
    true: Word = "true"
    false: Word = "false"
    null_values: NullValues = ()

    @property
    def separator(self) -> str:
        """What to write between fields."""
        return " " if self.delimiter == WHITESPACE else self.delimiter

    @model_validator(mode="after")
    def _a_text_can_be_cut(self) -> Dialect:
        if self.skip_until is not None and not self.header:
            raise ValueError("skipUntil looks for the header, and there is none")
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote are the same character")
        if any(mark and mark in self.separator for mark in (self.quote, self.escape)):
            raise ValueError("delimiter holds the quote or the escape")
        if self.escape is not None and not self.quote:
            raise ValueError("escape stands inside quotes, and nothing is quoted")
        if self.escape == self.quote:
            raise ValueError("escape is the quote; doubled quotes are understood without it")
        if self.comment.startswith((self.delimiter, self.quote or self.delimiter)):
            raise ValueError("comment begins with the delimiter or the quote, as records may")
        return self

    @model_validator(mode="after")
    def _each_mark_of_a_value_has_one_meaning(self) -> Dialect:
        affix = next((mark for mark in self.grouping if mark == "%" or unicodedata.category(mark) == "Sc"), None)
        if affix is not None:
            word = "percent" if affix == "%" else "currency"
            raise ValueError(f"grouping: {affix!r} stands at the end of a number; allow it by the word `{word}`")
        wrong = next((mark for mark in self.grouping if mark.isalnum() or mark in self.decimal + "+-()"), None)
        if wrong is not None:
            raise ValueError(f"grouping: {wrong!r} is part of numbers; give only what stands between thousands")
        if self.true.casefold() == self.false.casefold() or not (self.true and self.false):
            raise ValueError("true and false need two different words")
        return self


class ColumnDialect(Spec):
    """How the texts of one column are spelled, where they differ from the others of the table; None: as those."""

    decimal: Literal[".", ","] | None = None
    grouping: str | None = None
    currency: Currencies | None = None
    percent: PercentWord | None = None
    negative: Negatives | None = None
    date_format: Formats | None = None
    timestamp_format: Formats | None = None
    timezone: Timezone | None = None
    true: Word | None = None
    false: Word | None = None
    null_values: NullValues | None = None

    @property
    def given(self) -> dict[str, object]:
        """The words that differ, by the names of their fields."""
        return {name: value for name, value in self if value is not None}
