"""Facets of the standard, made of contracts, builds and checks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    RunFacet,
    base_subset_dataset,
    column_lineage_dataset,
    data_quality_assertions_dataset,
    dataset_version_dataset,
    datasource_dataset,
    documentation_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
    storage_dataset,
    tags_run,
)

from filon.lake import Build, CheckResult, CheckStatus, FileVersion
from filon.pipeline.openlineage.naming import Name
from filon.project import Check, Column, Contract, TypedColumn
from filon.project.column_lineage import Use, Uses
from filon.version import __version__

PRODUCER = f"urn:filon:{__version__}"
PARENT, ROOT = "OPENLINEAGE_PARENT_ID", "OPENLINEAGE_ROOT_PARENT_ID"
"""Variables by which a scheduler says which of its runs this one is part of: NAMESPACE/NAME/ID."""
ASSERTIONS = {"required": "not_null", "reference": "relationships"}
"""What others call the checks that a contract implies."""
MOST_PATHS = 1_000
"""The most files that an event names; of more it only says how many they are."""

SourceField = tuple[Name, str]
"""A dataset and a column of it."""


def described(
    name: Name, columns: Sequence[TypedColumn], contract: Contract | None, version: str | None = None
) -> dict[str, DatasetFacet]:
    """What a dataset is: its columns, where it is, what its contract says of it, and its version."""
    known: Mapping[str, Column] = {column.name: column for column in contract.columns} if contract else {}
    fields = [
        schema_dataset.SchemaDatasetFacetFields(
            name=column.name,
            type=column.type.sql,
            description=known[column.name].description or None if column.name in known else None,
            ordinal_position=place,
        )
        for place, column in enumerate(columns, start=1)
    ]
    facets: dict[str, DatasetFacet] = {
        "schema": schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER),
        "dataSource": datasource_dataset.DatasourceDatasetFacet(name=name.namespace, uri=_uri(name), producer=PRODUCER),
    }
    if contract is not None and contract.description:
        facets["documentation"] = documentation_dataset.DocumentationDatasetFacet(
            description=contract.description, producer=PRODUCER
        )
    if version is not None:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=version, producer=PRODUCER
        )
    return facets


def _uri(name: Name) -> str:
    """The address of where a dataset is: of the namespaces, ``file`` and ``sqlite`` are schemes without a host."""
    return name.namespace if "://" in name.namespace else f"{name.namespace}:{name.name}"


def table_facets(name: Name, build: Build, contract: Contract | None) -> dict[str, DatasetFacet]:
    """What a table of the lake is."""
    stored = storage_dataset.StorageDatasetFacet(storageLayer="delta", fileFormat="parquet", producer=PRODUCER)
    return {**described(name, build.columns, contract, str(build.version)), "storage": stored}


def input_of(name: Name, facets: dict[str, DatasetFacet]) -> InputDataset:
    """A dataset that a job reads."""
    return InputDataset(name.namespace, name.name, facets=facets)


def output_of(
    name: Name, facets: dict[str, DatasetFacet], build: Build | None = None, rows: int | None = None
) -> OutputDataset:
    """A dataset that a job writes: of a table of the lake with its rows, files and bytes."""
    output = OutputDataset(name.namespace, name.name, facets=facets)
    if build is not None:
        output.outputFacets = {
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=build.rows,
                size=sum(file.size for file in build.files),
                fileCount=len(build.files),
                producer=PRODUCER,
            )
        }
    elif rows is not None:
        output.outputFacets = {
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=rows, producer=PRODUCER
            )
        }
    return output


def files_read(
    name: Name, facets: dict[str, DatasetFacet], versions: Sequence[FileVersion], paths: list[str]
) -> InputDataset:
    """The files of a dataset, of which a run read some."""
    dataset = input_of(name, facets)
    dataset.inputFacets = {
        "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
            rowCount=sum(version.rows for version in versions),
            size=sum(version.size for version in versions),
            fileCount=len(versions),
            producer=PRODUCER,
        ),
    }
    if len(paths) <= MOST_PATHS:
        dataset.inputFacets["subset"] = base_subset_dataset.InputSubsetInputDatasetFacet(
            inputCondition=base_subset_dataset.LocationSubsetCondition(locations=paths), producer=PRODUCER
        )
    return dataset


def with_checks(dataset: InputDataset, checks: Iterable[tuple[CheckResult, Check | None]]) -> InputDataset:
    """A table with the results of its checks."""
    assertions = [
        data_quality_assertions_dataset.Assertion(
            assertion=ASSERTIONS.get(rule, rule) if check is not None and check.counted is not None else "custom_sql",
            name=result.check,
            column=column.removesuffix(")") if check is not None and check.counted is not None else None,
            success=result.status is CheckStatus.PASSED,
            severity="warn" if check is not None and not check.blocking else "error",
            expected=check.compare(None).partition(", ")[2] if check is not None else None,
            actual=format(result.value, "f") if result.value is not None else None,
        )
        for result, check in checks
        for rule, _, column in [result.check.partition("(")]
    ]
    facet = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions, producer=PRODUCER)
    dataset.inputFacets = {"dataQualityAssertions": facet}
    return dataset


def column_lineage(
    columns: Mapping[str, Mapping[SourceField, Iterable[Use]]], rows: Mapping[SourceField, Iterable[Use]]
) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    """Which columns each column of a table comes from, and those that decide which rows it has."""
    fields = {
        column: column_lineage_dataset.Fields(inputFields=[_input_field(source, uses) for source, uses in read.items()])
        for column, read in columns.items()
        if read
    }
    return column_lineage_dataset.ColumnLineageDatasetFacet(
        fields=fields, dataset=[_input_field(source, uses) for source, uses in rows.items()], producer=PRODUCER
    )


def _input_field(source: SourceField, uses: Iterable[Use]) -> column_lineage_dataset.InputField:
    name, column = source
    transformations = [
        column_lineage_dataset.Transformation(
            type="DIRECT" if use.is_direct else "INDIRECT",
            subtype=use.value.upper().replace(" ", "_"),
            masking=False,
        )
        for use in sorted(uses)
    ]
    return column_lineage_dataset.InputField(name.namespace, name.name, column, transformations)


def sources_in(uses: Uses, names: Mapping[str, tuple[Name, Mapping[str, str]]]) -> dict[SourceField, set[Use]]:
    """Leaves of a lineage, as datasets and columns are spelled; those of other tables are left out."""
    found = {}
    for (table, column), how in uses.items():
        if table in names and column in names[table][1]:
            name, columns = names[table]
            found[name, columns[column]] = how
    return found


def tags(facts: Mapping[str, object]) -> RunFacet:
    """What the standard has no word for, as tags of a run."""
    fields = [
        tags_run.TagsRunFacetFields(key=key, value=str(value), source="FILON")
        for key, value in facts.items()
        if value is not None
    ]
    return tags_run.TagsRunFacet(tags=fields, producer=PRODUCER)


def parent_facet(own: tuple[str, str, str] | None) -> parent_run.ParentRunFacet | None:
    """The run that a run is part of: Filon's own (namespace, name, id), else that of a scheduler, if one says so."""
    scheduler = _named_by(PARENT)
    root = _named_by(ROOT) or scheduler or own
    parent = own or scheduler
    if parent is None or root is None:
        return None
    return parent_run.ParentRunFacet(
        run=parent_run.Run(runId=parent[2]),
        job=parent_run.Job(namespace=parent[0], name=parent[1]),
        root=parent_run.Root(
            run=parent_run.RootRun(runId=root[2]), job=parent_run.RootJob(namespace=root[0], name=root[1])
        ),
        producer=PRODUCER,
    )


def _named_by(variable: str) -> tuple[str, str, str] | None:
    """The run that a variable names; None when it names none."""
    parts = os.environ.get(variable, "").rsplit("/", 2)
    if len(parts) != 3:
        return None
    try:
        return parts[0], parts[1], str(UUID(parts[2]))
    except ValueError:
        return None
