"""What the API asks of the process that explains figures. Nothing here knows the lake or an engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from filon.explain.report import SAMPLE


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cell(_Asked):
    """A cell of an analysis: a measure of the facts that are chosen.

    ``wanted``: names that the analysis groups by, each with the values, as text, of which a fact must have one;
    ``empty``: those that a fact must have no value of. ``first`` and ``last`` day are included.
    """

    measure: str
    wanted: Mapping[str, tuple[str, ...]] = {}
    empty: tuple[str, ...] = ()
    first: dt.date | None = None
    last: dt.date | None = None


class Question(_Asked):
    """A row of ``table`` by its key, or a cell, of a release.

    ``builds`` are tables by name, with the fingerprints that the store was loaded from. ``of``, ``skip`` and ``limit``
    say which rows of one table are shown; see ``filon.explain.rows.Page``.
    """

    release: int
    builds: Mapping[str, str]
    table: str
    key: tuple[str, ...] = ()
    cell: Cell | None = None
    of: str = ""
    skip: int = 0
    limit: int = SAMPLE


class Trouble(StrEnum):
    """Why a question has no answer."""

    NOT_FOUND = "not-found"
    GONE = "gone"
    OTHER_LAKE = "other-lake"
    NO_LAKE = "no-lake"
    FAILED = "failed"
