"""The words of a gold table, how any table is served, and those of the API."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from filon.pages import ChartKind, NumberFormat
from filon.project.vocabulary.deprecation import DeprecatedSpec
from filon.project.vocabulary.partition import PartitionSpec
from filon.project.vocabulary.spec import Listed, Spec


class Window(Spec):
    """Which rows are served: those whose ``column`` lies in the last days, months or years before the as-of date."""

    column: str
    last: str = Field(pattern=r"^[1-9][0-9]{0,3} (days|months|years)$")


class ServingSpec(Spec):
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
    aliases: dict[str, str] = Field(default={})
    window: Window | None = None


class MeasureSpec(Spec):
    """A number that aggregations give: a column's sum, the number of its values, or the number of rows."""

    sum: str | None = None
    distinct: str | None = None

    @model_validator(mode="after")
    def _is_one_number(self) -> MeasureSpec:
        if self.sum is not None and self.distinct is not None:
            raise ValueError("a measure is a `sum` or counts `distinct` values, not both")
        return self


class DimensionSpec(Spec):
    """What an aggregation can be filtered by: a column of the table, or of the table that a column refers to."""

    column: str
    through: str | None = None


class EndpointSpec(Spec):
    """An endpoint of an aggregation: its path, and the measures under the names that it gives them."""

    path: str = Field(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$")
    measures: dict[str, str] = Field(min_length=1)


class AnalysisSpec(Spec):
    """The endpoint that answers any question about the measures."""

    path: str = Field(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$")


class AggregationSpec(Spec):
    """Sums over time that are computed on demand; the cube behind them is built when the table is loaded."""

    time: str
    measures: dict[str, MeasureSpec] = Field(min_length=1)
    dimensions: dict[str, DimensionSpec] = Field(default={}, max_length=5)
    total: EndpointSpec
    series: EndpointSpec
    analysis: AnalysisSpec | None = None


class ChartSpec(Spec):
    """How a gold table is drawn: ``y`` over ``x``, one colour per value of ``color``; a table shows its rows."""

    kind: ChartKind
    x: str | None = None
    y: Annotated[tuple[str, ...], Listed] = ()
    color: str | None = None


class Period(StrEnum):
    """How days are grouped; a project may give the API other names for these (``ApiSpec``)."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


API_NAMES = {"by", "sort", "limit", "stats", "release", "value", "total", "data", "measure", "empty", "of", "skip"}
"""Names that aggregations, analyses and explanations have in every project, in requests and in answers."""
ApiName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class ApiSpec(Spec):
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


class Incremental(StrEnum):
    """What is asked of a model when its inputs change: the best that its SQL allows, or never to be computed whole."""

    AUTO = "auto"
    STRICT = "strict"


class ModelSpec(Spec):
    """Words of a model's schema."""

    serving: ServingSpec = ServingSpec()
    aggregations: AggregationSpec | None = None
    chart: ChartSpec | None = None
    incremental: Incremental = Incremental.AUTO
    partition: PartitionSpec | None = None
    deprecated: DeprecatedSpec | None = None


class GoldColumnSpec(Spec):
    """Words of a column of a model's schema."""

    format: NumberFormat | None = None
