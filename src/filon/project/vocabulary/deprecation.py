"""The word by which a contract announces that a table, and what serves it, will go."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field, model_validator

from filon.project.vocabulary.spec import Spec

Link = Annotated[str, Field(pattern=r"^https?://[^\s<>\"]+$", max_length=2_000)]


class DeprecatedSpec(Spec):
    """Since when a table is deprecated, on which day it will go, which table replaces it, and where that is explained.

    Days begin at midnight in UTC.
    """

    since: dt.date
    sunset: dt.date | None = None
    successor: str | None = Field(default=None, description="The table that replaces it")
    link: Link | None = Field(default=None, description="An address at which people read about it")

    @model_validator(mode="after")
    def _goes_after_it_was_said(self) -> DeprecatedSpec:
        if self.sunset is not None and self.sunset < self.since:
            raise ValueError("`sunset` is before `since`")
        return self
