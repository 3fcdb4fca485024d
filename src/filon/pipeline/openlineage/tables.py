"""Tables of the lake as datasets of the standard, with the columns that theirs come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from openlineage.client.event_v2 import InputDataset, OutputDataset

from filon.lake import Build, Lake, Layer
from filon.pipeline.openlineage.facets import (
    SourceField,
    column_lineage,
    input_of,
    output_of,
    sources_in,
    table_facets,
)
from filon.pipeline.openlineage.naming import Name, place_named
from filon.project import Contract, Project
from filon.project.column_lineage import Use, lineage_of
from filon.sql import caseless
from filon.stages.models import input_types

Read = Mapping[SourceField, Set[Use]]


@dataclass(frozen=True)
class Origins:
    """What each column of a table is read from, and what decides which rows it has."""

    columns: Mapping[str, Read]
    rows: Read = field(default_factory=dict)


UNKNOWN = Origins({})


@dataclass(frozen=True)
class LakeTables:
    """Tables of a lake, as jobs read and write them."""

    project: Project
    lake: Lake

    def name(self, build: Build) -> Name:
        """The name of a table."""
        return place_named(self.lake.table(build.layer, build.table))

    def _contract(self, build: Build) -> Contract | None:
        if build.layer in (Layer.QUARANTINE, Layer.SUPERSEDED):
            return None
        return self.project.contracts.get(build.table)

    def read(self, build: Build) -> InputDataset:
        """A table that a job reads."""
        name = self.name(build)
        return input_of(name, table_facets(name, build, self._contract(build)))

    def written(self, build: Build, origins: Origins = UNKNOWN) -> OutputDataset:
        """A table that a job writes."""
        name = self.name(build)
        facets = table_facets(name, build, self._contract(build))
        if origins.columns:
            facets["columnLineage"] = column_lineage(origins.columns, origins.rows)
        return output_of(name, facets, build)

    def origins(self, build: Build, inputs: Sequence[Build]) -> Origins:
        """The columns that each column of a table comes from, and those that decide which rows it has."""
        names = {
            caseless(item.table): (self.name(item), {caseless(column.name): column.name for column in item.columns})
            for item in inputs
        }
        model = self.project.models.get(build.table) if build.layer is Layer.GOLD else None
        if model is not None:
            lineage = lineage_of(model.sql, input_types(self.project, model))
            if lineage is None:
                return UNKNOWN
            origins = {column.name: lineage.columns.get(caseless(column.name)) for column in build.columns}
            columns = {name: sources_in(origin.uses, names) for name, origin in origins.items() if origin is not None}
            return Origins(columns, sources_in(lineage.rows, names))
        return self._cleaned(build, inputs)

    def _cleaned(self, build: Build, inputs: Sequence[Build]) -> Origins:
        """That of a silver table: each column is read from the text of the same column, and rows are judged."""
        dataset = self.project.silver[build.table]
        bronze = next(item for item in inputs if item.layer is Layer.BRONZE)
        typed = {column.name for column in dataset.contract.columns}
        texts = {column.name for column in bronze.columns}
        columns = {
            column.name: {
                (self.name(bronze), column.name): {Use.TRANSFORMATION if column.name in typed else Use.IDENTITY}
            }
            for column in build.columns
            if column.name in texts
        }
        by_table = {item.table: item for item in inputs if item.layer is Layer.SILVER}
        rows = {
            (self.name(by_table[reference.table]), reference.column): {Use.FILTER}
            for _, reference in dataset.references
            if reference.table in by_table
        }
        rows |= {(self.name(bronze), name): {Use.GROUP_BY} for name in dataset.contract.key}
        return Origins(columns, rows)
