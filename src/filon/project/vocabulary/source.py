"""The words of a source's table and of its columns, those of ``dialect`` apart."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from filon.project.vocabulary.deprecation import DeprecatedSpec
from filon.project.vocabulary.dialect import ColumnDialect, Dialect
from filon.project.vocabulary.gold import ServingSpec
from filon.project.vocabulary.partition import PartitionSpec
from filon.project.vocabulary.spec import Listed, Spec, Word, normal


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


Aliases = Annotated[tuple[Annotated[Word, Field(min_length=1)], ...], Listed]


class Case(StrEnum):
    """How letters are normalised."""

    KEEP = "keep"
    TITLE = "title"
    UPPER = "upper"
    LOWER = "lower"


class Normalise(Spec):
    """What happens to a text before it is judged: blanks, canonical spellings, then letter case for all others."""

    trim: bool = True
    case: Case = Case.KEEP
    canonical: Annotated[tuple[str, ...], AfterValidator(normal)] = ()


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


class History(StrEnum):
    """How former states of a key are kept: as rows with the time in which they were valid (slowly changing, type 2)."""

    SCD2 = "scd2"


class Orphan(StrEnum):
    """What happens to a row whose value refers to nothing."""

    REJECT = "reject"
    WARN = "warn"


class FileNameSpec(Spec):
    """A column that is read from the path of the file: the group of its name in ``pattern``, wherever that is found."""

    column: str
    pattern: str = Field(min_length=1, max_length=2_000)


class NewestSpec(Spec):
    """Which of several rows with one key stays: the one with the greatest value of the column ``by``."""

    by: str


class RowRule(Spec):
    """A named condition that every row must meet; NULL counts as met."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    expression: str


FileNames = Annotated[
    tuple[FileNameSpec, ...],
    BeforeValidator(_as_list, json_schema_input_type=FileNameSpec | list[FileNameSpec]),
]


class SourceSpec(Spec):
    """Words of a source's schema."""

    file_pattern: str = Field(min_length=1)
    dialect: Dialect = Dialect()
    newest: NewestSpec | None = None
    history: History | None = None
    keep: Keep = Keep.FIRST
    drift: Drift = Drift.EVOLVE
    malformed_threshold: float = Field(default=0.1, ge=0, le=1)
    on_missing_file: MissingFile = MissingFile.KEEP
    from_file_name: FileNames = ()
    rules: tuple[RowRule, ...] = ()
    serving: ServingSpec | None = None
    partition: PartitionSpec | None = None
    deprecated: DeprecatedSpec | None = None


class ColumnSpec(Spec):
    """Words of a source's column."""

    aliases: Aliases = ()
    dialect: ColumnDialect = ColumnDialect()
    normalise: Normalise = Normalise()
    not_after: Literal["as_of"] | None = None
    on_orphan: Orphan = Orphan.REJECT
