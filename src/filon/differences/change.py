"""A change of a contract or of SQL, as reports hold it: what it means for readers, and what it reaches."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

GONE, NEW, SAME = "gone", "new", "as it was"


class Effect(StrEnum):
    """What a change means for readers."""

    BREAKING = "breaking"
    COMPATIBLE = "compatible"


class Aspect(StrEnum):
    """What of a table changed."""

    TABLE = "table"
    COLUMN = "column"
    ORDER = "order of columns"
    KEY = "key"
    TYPE = "type"
    REQUIRED = "nullability"
    UNIQUE = "uniqueness"
    VALUES = "values"
    REFERENCE = "reference"
    ACCEPTED = "accepted texts"
    RECORDS = "chosen records"
    FILES = "files"
    CHECK = "check"
    SELECT = "SELECT"
    PATH = "path"
    ITEM = "path of a row"
    PAGING = "paging"
    LIMIT = "limit"
    SORT = "sort"
    FILTER = "filter"
    WINDOW = "window"
    MEASURE = "measure"
    DIMENSION = "dimension"
    ANSWER = "answer"
    WORDS = "words of the API"
    LATENCY = "latency"
    DEPRECATION = "deprecation"


OF_COLUMNS = {
    Aspect.COLUMN,
    Aspect.TYPE,
    Aspect.REQUIRED,
    Aspect.UNIQUE,
    Aspect.VALUES,
    Aspect.REFERENCE,
    Aspect.ACCEPTED,
}


class Reached(BaseModel):
    """What a change reaches: tables made from the one that changed, endpoints, charts (of tables) and pages."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    tables: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


class ContractChange(BaseModel):
    """One change: what of which table, what it was and is, what that means, and what it reaches.

    ``name`` is the column, filter, measure or path that changed, if the aspect has several.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)
    table: str
    aspect: Aspect
    name: str = ""
    before: str | None = None
    after: str | None = None
    effect: Effect
    reached: Reached = Reached()

    @property
    def what(self) -> str:
        """The change as a phrase."""
        of = "of " if self.aspect in OF_COLUMNS and self.aspect is not Aspect.COLUMN else ""
        subject = f"{self.aspect} {of}{self.name}".strip()
        if self.before is None or self.after is None:
            said = self.after or self.before
            detail = f" ({said})" if said not in (None, "", NEW, GONE, SAME) else ""
            return f"{subject} {GONE if self.after is None else NEW}{detail}"
        return f"{subject}: {self.before} → {self.after}"
