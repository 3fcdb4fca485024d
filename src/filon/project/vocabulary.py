"""What a contract says beyond the Open Data Contract Standard: the values of its ``customProperties``.

One entry per word; ``docs/contracts.md`` is the user's view of the same list. A ``customProperties`` entry with a
``vendor`` other than ``filon`` belongs to another tool and is left alone.
"""

from __future__ import annotations

import codecs
import unicodedata
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from filon.project.formats import readings_of


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


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


def _normal(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", word) for word in words)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _currencies(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        is_sign = any(letter.isalpha() or unicodedata.category(letter) == "Sc" for letter in word)
        if not is_sign or word != word.strip() or any(letter.isdigit() or letter in "+-()%" for letter in word):
            raise ValueError(f"{word!r} is no currency; examples are € and EUR")
    return _normal(words)


def _null_values(value: object) -> object:
    """Words as texts: YAML takes ``-999`` for a number, and ``NULL`` for nothing."""
    words: list[object] = []
    for word in value if isinstance(value, (list, tuple)) else [value]:
        words += ["NULL", "null"] if word is None else [str(word) if type(word) is int else word]
    return words


def _trimmed(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.strip() for word in _normal(words) if word.strip())


def _percent(value: object) -> object:
    return {True: "keep", False: "none"}[value] if isinstance(value, bool) else value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


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
Word = Annotated[str, AfterValidator(lambda word: unicodedata.normalize("NFC", word).strip())]
Aliases = Annotated[tuple[Annotated[Word, Field(min_length=1)], ...], BeforeValidator(_listed)]
Formats = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_listed), AfterValidator(_known_formats)]


Currencies = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_currencies)]
NullValues = Annotated[tuple[str, ...], BeforeValidator(_null_values), AfterValidator(_trimmed)]


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


PercentWord = Annotated[Percent, BeforeValidator(_percent)]
Negatives = Annotated[tuple[Negative, ...], BeforeValidator(_listed)]


class ShortRecords(StrEnum):
    """What becomes of a record with fewer fields than the header: nulls for the last ones, or it is malformed."""

    NULLS = "nulls"
    REJECT = "reject"


class FooterSpec(_Spec):
    """How the lines behind the last record are known: by their number, or by the text that the first begins with."""

    lines: int | None = Field(default=None, ge=1, le=1_000)
    starts_with: Annotated[Word, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_one_of_two(self) -> FooterSpec:
        if (self.lines is None) == (self.starts_with is None):
            raise ValueError("a footer is known by its number of `lines`, or by what it `startsWith`")
        return self


class Dialect(_Spec):
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


class ColumnDialect(_Spec):
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


class Case(StrEnum):
    """How letters are normalised."""

    KEEP = "keep"
    TITLE = "title"
    UPPER = "upper"
    LOWER = "lower"


class Normalise(_Spec):
    """What happens to a text before it is judged: blanks, canonical spellings, then letter case for all others."""

    trim: bool = True
    case: Case = Case.KEEP
    canonical: Annotated[tuple[str, ...], AfterValidator(_normal)] = ()


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


class Orphan(StrEnum):
    """What happens to a row whose value refers to nothing."""

    REJECT = "reject"
    WARN = "warn"


class FileNameSpec(_Spec):
    """A column that is read from the path of the file: the group of its name in ``pattern``, wherever that is found."""

    column: str
    pattern: str = Field(min_length=1, max_length=2_000)


class NewestSpec(_Spec):
    """Which of several rows with one key stays: the one with the greatest value of the column ``by``."""

    by: str


class RowRule(_Spec):
    """A named condition that every row must meet; NULL counts as met."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    expression: str


class Window(_Spec):
    """Which rows are served: those whose ``column`` lies in the last days, months or years before the as-of date."""

    column: str
    last: str = Field(pattern=r"^[1-9][0-9]{0,3} (days|months|years)$")


class ServingSpec(_Spec):
    """How a gold table is served."""

    served: bool = True
    path: str | None = Field(default=None, pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$")
    tag: str = "Tables"
    item: bool = False
    paged: bool = True
    default_limit: int = Field(default=100, ge=1)
    maximum_limit: int = Field(default=1000, ge=1)
    sort: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    unindexed: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    window: Window | None = None


class SourceSpec(_Spec):
    """Words of a source's schema."""

    file_pattern: str = Field(min_length=1)
    dialect: Dialect = Dialect()
    newest: NewestSpec | None = None
    keep: Keep = Keep.FIRST
    drift: Drift = Drift.EVOLVE
    malformed_threshold: float = Field(default=0.1, ge=0, le=1)
    on_missing_file: MissingFile = MissingFile.KEEP
    from_file_name: Annotated[tuple[FileNameSpec, ...], BeforeValidator(_as_list)] = ()
    rules: tuple[RowRule, ...] = ()
    serving: ServingSpec | None = None


class ColumnSpec(_Spec):
    """Words of a source's column."""

    aliases: Aliases = ()
    dialect: ColumnDialect = ColumnDialect()
    normalise: Normalise = Normalise()
    not_after: Literal["as_of"] | None = None
    on_orphan: Orphan = Orphan.REJECT


class MeasureSpec(_Spec):
    """A number that aggregations give: a column's sum, the number of its values, or the number of rows."""

    sum: str | None = None
    distinct: str | None = None

    @model_validator(mode="after")
    def _is_one_number(self) -> MeasureSpec:
        if self.sum is not None and self.distinct is not None:
            raise ValueError("a measure is a `sum` or counts `distinct` values, not both")
        return self


class DimensionSpec(_Spec):
    """What an aggregation can be filtered by: a column of the table, or of the table that a column refers to."""

    column: str
    through: str | None = None


class EndpointSpec(_Spec):
    """An endpoint of an aggregation: its path, and the measures under the names that it gives them."""

    path: str = Field(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$")
    measures: dict[str, str] = Field(min_length=1)


class AnalysisSpec(_Spec):
    """The endpoint that answers any question about the measures."""

    path: str = Field(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$")


class AggregationSpec(_Spec):
    """Sums over time that are computed on demand; the cube behind them is built when the table is loaded."""

    time: str
    measures: dict[str, MeasureSpec] = Field(min_length=1)
    dimensions: dict[str, DimensionSpec] = Field(default={}, max_length=5)
    total: EndpointSpec
    series: EndpointSpec
    analysis: AnalysisSpec | None = None


class ChartKind(StrEnum):
    """How a table is drawn."""

    LINE = "line"
    AREA = "area"
    BAR = "bar"
    PIE = "pie"
    TREEMAP = "treemap"
    SCATTER = "scatter"
    TABLE = "table"


class ChartSpec(_Spec):
    """How a gold table is drawn: ``y`` over ``x``, one colour per value of ``color``; a table shows its rows."""

    kind: ChartKind
    x: str | None = None
    y: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    color: str | None = None


class Period(StrEnum):
    """How days are grouped; a project may give the API other names for these (``ApiSpec``)."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


API_NAMES = {"by", "sort", "limit", "stats", "release", "value", "total", "data"}
"""Names that aggregations and analyses have in every project, in requests and in answers."""
ApiName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class ApiSpec(_Spec):
    """The API's names for time, in the parameters and the answers of aggregations and analyses.

    ``period`` is the parameter that chooses the length of periods, and the field of a row with its period;
    ``granularity`` the field with the length that was chosen; ``first_day`` and ``last_day`` are the parameters that
    bound the days; ``day``, ``month`` and ``year`` are the lengths.
    """

    period: ApiName = "period"
    granularity: ApiName = "granularity"
    first_day: ApiName = "date_from"
    last_day: ApiName = "date_to"
    day: ApiName = "day"
    month: ApiName = "month"
    year: ApiName = "year"

    @model_validator(mode="after")
    def _each_name_has_one_meaning(self) -> ApiSpec:
        names = [str(value) for _, value in self]
        taken = next((name for name in names if name in API_NAMES or names.count(name) > 1), None)
        if taken is not None:
            raise ValueError(f"the name {taken} has two meanings")
        return self

    @property
    def periods(self) -> dict[str, Period]:
        """The lengths of periods, shortest first, by their names in the API."""
        return {self.day: Period.DAY, self.month: Period.MONTH, self.year: Period.YEAR}


class ModelSpec(_Spec):
    """Words of a model's schema."""

    serving: ServingSpec = ServingSpec()
    aggregations: AggregationSpec | None = None
    chart: ChartSpec | None = None


class EmptySpec(_Spec):
    """Where no word of ours applies."""
