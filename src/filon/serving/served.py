"""Gold tables as readers see them, compiled from their contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from filon.project import Contract, Model, Project
from filon.project.serving import Filter, filters_of, read_dimensions
from filon.project.vocabulary import ServingSpec, Window
from filon.serving.analysis import Analysis, make_analysis
from filon.serving.cube import Cube, make_cube
from filon.serving.tables import Order, StoredTable


@dataclass(frozen=True)
class ServedTable:
    """A gold table as readers see it. ``timezone`` is the project's: where a day of its window begins."""

    contract: Contract = field(repr=False)
    spec: ServingSpec
    stored: StoredTable
    filters: Mapping[str, Filter]
    timezone: str
    cube: Cube | None = None
    analysis: Analysis | None = None

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.contract.name

    @property
    def window(self) -> Window | None:
        """Which rows are served, if not all."""
        return self.spec.window


def served_tables(project: Project) -> dict[str, ServedTable]:
    """The tables of a project that are served, by name."""
    return {name: _served(project, model) for name, model in project.models.items() if model.serving.served}


def _served(project: Project, model: Model) -> ServedTable:
    contract, spec, aggregations = model.contract, model.serving, model.aggregations
    looked_up = tuple(name for name in dict.fromkeys(spec.filters) if name not in spec.unindexed)
    sort = tuple(Order.parse(step) for step in spec.sort)
    stored = StoredTable(contract.name, contract.columns, contract.key, sort, looked_up)
    filters = {item.name: item for item in filters_of(contract, spec)}
    if aggregations is None:
        return ServedTable(contract, spec, stored, filters, project.timezone)
    contracts = {name: other.contract for name, other in project.models.items()}
    dimensions = read_dimensions(contract, aggregations, contracts)
    cube = make_cube(contract, aggregations, dimensions, project.api)
    analysis = None
    if aggregations.analysis is not None:
        analysis = make_analysis(contract, aggregations, dimensions, aggregations.analysis.path, project.api)
    return ServedTable(contract, spec, stored, filters, project.timezone, cube, analysis)
