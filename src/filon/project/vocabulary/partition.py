"""The words for how the files of a table are divided."""

from __future__ import annotations

from enum import StrEnum

from filon.project.vocabulary.spec import Spec


class PartitionBy(StrEnum):
    """The span of time whose rows lie together."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class PartitionSpec(Spec):
    """Each file has the rows of one day, month or year of a date or timestamp column."""

    column: str
    by: PartitionBy
