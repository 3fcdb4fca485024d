"""Gold tables, and silver ones that are served, as readers see them; compiled from their contracts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from filon.project import Contract, Model, Project
from filon.project.serving import Filter, filters_of, read_dimensions
from filon.project.vocabulary import ChartSpec, ServingSpec, Window
from filon.serving.analysis import Analysis, make_analysis
from filon.serving.cube import Cube, make_cube
from filon.serving.tables import Order, StoredTable


@dataclass(frozen=True)
class ServedTable:
    """A table as readers see it.

    ``timezone`` is the project's: where a day of its window begins; ``latency`` is what its contract promises.
    """

    contract: Contract = field(repr=False)
    spec: ServingSpec
    stored: StoredTable
    filters: Mapping[str, Filter]
    timezone: str
    cube: Cube | None = None
    analysis: Analysis | None = None
    chart: ChartSpec | None = None
    latency: dt.timedelta | None = None

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.contract.name

    @property
    def is_deprecated(self) -> bool | None:
        """Whether its contract announces that it will go; None, which OpenAPI leaves out, if not."""
        return self.contract.deprecated is not None or None

    @property
    def window(self) -> Window | None:
        """Which rows are served, if not all."""
        return self.spec.window


def served_tables(project: Project) -> dict[str, ServedTable]:
    """The tables of a project that are served, by name: gold first."""
    models = {name: _of_model(project, model) for name, model in project.models.items() if model.serving.served}
    datasets = {name: dataset for name, dataset in project.datasets.items() if dataset.serving.served}
    return models | {
        name: _as_it_is(project, dataset.served_contract, dataset.serving) for name, dataset in datasets.items()
    }


def _as_it_is(project: Project, contract: Contract, spec: ServingSpec) -> ServedTable:
    looked_up = tuple(name for name in dict.fromkeys(spec.filters) if name not in spec.unindexed)
    sort = tuple(Order.parse(step) for step in spec.sort)
    stored = StoredTable(contract.name, contract.columns, contract.key, sort, looked_up)
    return ServedTable(contract, spec, stored, {f.name: f for f in filters_of(contract, spec)}, project.timezone)


def _of_model(project: Project, model: Model) -> ServedTable:
    contract, aggregations = model.contract, model.aggregations
    table = replace(_as_it_is(project, contract, model.serving), chart=model.chart, latency=model.latency)
    if aggregations is None:
        return table
    contracts = {name: other.contract for name, other in project.models.items()}
    dimensions = read_dimensions(contract, aggregations, contracts)
    cube = make_cube(contract, aggregations, dimensions, project.api)
    analysis = None
    if aggregations.analysis is not None:
        analysis = make_analysis(contract, aggregations, dimensions, aggregations.analysis.path, project.api)
    return replace(table, cube=cube, analysis=analysis)
