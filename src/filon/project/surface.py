"""What readers of a project rely on: tables, columns, endpoints, pages. A release keeps it, to be compared later."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from filon.project.vocabulary import DeprecatedSpec

UNBOUND = " (others only warn)"
"""Stands behind what a column refers to if its values need not be there."""


class Part(BaseModel):
    """A part of what readers rely on; a release of a later version may say more of it."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class ColumnSurface(Part):
    """A column: its type, what its values are, and what they refer to.

    ``values`` are all that there may be, if the contract lists them; ``accepts`` is a hash of what else decides which
    texts of a source the column takes.
    """

    type: str
    required: bool = False
    unique: bool = False
    values: tuple[str, ...] | None = None
    accepts: str = ""
    refers: str | None = None


class EndpointsSurface(Part):
    """How a table is served; ``measures``, ``dimensions`` and ``answers`` (by path) are those of its aggregations."""

    path: str | None = None
    item: bool = False
    paged: bool = True
    default_limit: int = 0
    maximum_limit: int = 0
    sort: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    window: str | None = None
    time: str | None = None
    measures: dict[str, str] = {}
    dimensions: dict[str, str] = {}
    answers: dict[str, tuple[str, ...]] = {}
    words: tuple[str, ...] = ()


class TableSurface(Part):
    """A table, as far as readers see it.

    ``rows`` is a hash of what decides its rows: of a source, which records become rows; of a gold table, its SELECT,
    which is ``sql``. ``files`` is one of which files of a source count; ``checks`` are those that the contract writes
    out, each as a hash. ``latency_s`` is what it promises, ``chart`` the columns that it is drawn from.
    """

    layer: str
    version: str
    key: tuple[str, ...]
    columns: dict[str, ColumnSurface]
    rows: str
    files: str = ""
    sql: str | None = None
    checks: dict[str, str] = {}
    endpoints: EndpointsSurface | None = None
    chart: tuple[str, ...] = ()
    latency_s: float | None = None
    deprecated: DeprecatedSpec | None = None


class Surface(Part):
    """All of a project. ``pages`` says of each which columns of which tables it shows."""

    tables: dict[str, TableSurface]
    pages: dict[str, dict[str, tuple[str, ...]]] = {}
