"""Read a contract: an Open Data Contract Standard 3.1 document plus the words of ``vocabulary``."""

from __future__ import annotations

import datetime as dt
import typing
from collections.abc import Iterator
from dataclasses import dataclass, replace

from open_data_contract_standard.model import (
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
)
from pydantic import BaseModel, ValidationError

from filon.project.checks import written_checks
from filon.project.columns import Column
from filon.project.contract import Contract
from filon.project.custom import read_words
from filon.project.dataset import NOT_SERVED, Dataset
from filon.project.document import Document, Place
from filon.project.fileformats import report_format, with_typed_formats
from filon.project.history import history_of
from filon.project.implied import contract_checks
from filon.project.odcs_columns import is_name, read_column, shared_name
from filon.project.partition import partition_of
from filon.project.promises import read_latency
from filon.project.source_words import SCHEMA, newest_column, place_columns, report_rules, value_place
from filon.project.versions import read_version
from filon.project.vocabulary import ModelSpec, SourceSpec
from filon.suggestions import suggestion


def read_source(document: Document) -> Dataset | None:
    """The dataset that a document of ``sources/`` describes; None when its mistakes (reported) leave nothing to use."""
    schema = _schema(document, _standard(document))
    if schema is None:
        return None
    spec = read_words(document, SCHEMA, schema.customProperties, SourceSpec)
    contract = _contract(document, schema, is_source=True, spec=spec)
    if spec is None or contract is None:
        return None
    report_format(document, value_place(document, "dialect"), spec)
    contract = _divided(document, with_typed_formats(contract, spec), spec)
    contract = replace(contract, deprecated=spec.deprecated)
    report_rules(document, contract, spec)
    newest = newest_column(document, contract, spec)
    return Dataset(
        contract=contract,
        pattern=spec.file_pattern,
        dialect=spec.dialect,
        keep=spec.keep,
        drift=spec.drift,
        malformed_threshold=spec.malformed_threshold,
        on_missing_file=spec.on_missing_file,
        rules=spec.rules,
        place_columns=place_columns(document, contract, spec),
        newest=newest,
        serving=spec.serving if spec.serving is not None else NOT_SERVED,
        history=history_of(document, contract, newest, spec.history, is_dated=spec.newest is not None),
    )


@dataclass(frozen=True)
class ModelContract:
    """What the contract of a gold table says: its columns, how it is served and drawn, how fresh it promises to be."""

    contract: Contract
    spec: ModelSpec
    latency: dt.timedelta | None


def read_model_contract(document: Document) -> ModelContract | None:
    """The contract of a gold table; None when mistakes (reported) leave nothing to use."""
    whole = _standard(document)
    schema = _schema(document, whole)
    if whole is None or schema is None:
        return None
    latency = read_latency(document, whole.slaProperties)
    spec = read_words(document, SCHEMA, schema.customProperties, ModelSpec)
    contract = _contract(document, schema, is_source=False, spec=None)
    if contract is not None and not contract.key:
        document.report(
            SCHEMA, f"`{contract.name}` has no key", "mark the columns of its grain with `primaryKey: true`"
        )
    if contract is None or spec is None:
        return None
    contract = replace(_divided(document, contract, spec), deprecated=spec.deprecated)
    return ModelContract(contract, spec, latency)


def _divided(document: Document, contract: Contract, spec: SourceSpec | ModelSpec) -> Contract:
    """The contract with its partition; a mistake in it is reported."""
    if spec.partition is None:
        return contract
    place = (*value_place(document, "partition"), "column")
    return replace(contract, partition=partition_of(document, place, contract.columns, spec.partition))


def _standard(document: Document) -> OpenDataContractStandard | None:
    if not isinstance(document.data, dict):
        document.report((), "a contract is a mapping", "start with `apiVersion: v3.1.0`")
        return None
    _report_unknown_keys(document, OpenDataContractStandard, document.data, ())
    known = {info.alias or name for name, info in OpenDataContractStandard.model_fields.items()}
    try:
        whole = OpenDataContractStandard.model_validate({k: v for k, v in document.data.items() if k in known})
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            if mistake["type"] != "extra_forbidden":
                name = ".".join(str(part) for part in mistake["loc"])
                document.report(mistake["loc"], f"`{name}`: {mistake['msg']}", "give a value of that type")
        return None
    return whole


def _schema(document: Document, whole: OpenDataContractStandard | None) -> SchemaObject | None:
    if whole is None:
        return None
    for key in ("apiVersion", "kind", "id", "version", "status"):
        if getattr(whole, key) is None:
            document.report((), f"`{key}` is missing", f"add `{key}: …`, as the standard asks")
    if whole.apiVersion is not None and not str(whole.apiVersion).startswith("v3."):
        document.report(("apiVersion",), f"version {whole.apiVersion} is not read", "write `apiVersion: v3.1.0`")
    if not whole.schema_ or len(whole.schema_) != 1:
        document.report(("schema",), "one table per contract is expected under `schema`", "split the file")
        return None
    return whole.schema_[0]


def _report_unknown_keys(document: Document, model: type[BaseModel], data: object, place: Place) -> None:
    if not isinstance(data, dict):
        return
    fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
    for key, value in data.items():
        if key not in fields:
            document.report((*place, key), f"unknown key `{key}`", suggestion(str(key), fields))
            continue
        for nested in _models_in(fields[key]):
            items = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, item in items:
                inner = (*place, key) if index is None else (*place, key, index)
                _report_unknown_keys(document, nested, item, inner)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The one model that an annotation may hold (none where several compete, as in ``team``)."""
    models = set(_every_model(annotation))
    if len(models) == 1:
        yield from models


def _every_model(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _every_model(argument)


def _contract(document: Document, schema: SchemaObject, *, is_source: bool, spec: SourceSpec | None) -> Contract | None:
    if not is_name(document, SCHEMA, schema.name):
        return None
    if not schema.properties:
        document.report(SCHEMA, f"`{schema.name}` has no columns", "list them under `properties`")
        return None
    columns: list[Column] = []
    for index, prop in enumerate(schema.properties):
        place = (*SCHEMA, "properties", index)
        column = read_column(document, place, prop, is_source=is_source, spec=spec)
        if column is None:
            continue
        if column.name.lower() in {other.name.lower() for other in columns}:
            document.report(place, f"column `{column.name}` stands twice", "remove one of the two")
            continue
        if is_source and column.header.casefold() in {other.header.casefold() for other in columns}:
            what = f"two columns are read from the header `{column.header}`"
            document.report(place, what, "give each a `physicalName` of its own")
            continue
        if (alias := shared_name(column, columns)) is not None:
            document.report(place, f"two columns are read from the header `{alias}`", "let one column have that alias")
            continue
        columns.append(column)
    if len(columns) != len(schema.properties):
        return None
    keyed = [(p.primaryKeyPosition or 0, i) for i, p in enumerate(schema.properties) if p.primaryKey]
    key = tuple(columns[index].name for _, index in sorted(keyed))
    contract = Contract(
        name=str(schema.name),
        columns=tuple(columns),
        key=key,
        description=schema.description or "",
        grain=schema.dataGranularityDescription or "",
        version=read_version(document),
        document=document,
    )
    checks = (*contract_checks(contract), *written_checks(document, contract, _qualities(schema)))
    return replace(contract, checks=checks)


def _qualities(schema: SchemaObject) -> Iterator[tuple[Place, str | None, DataQuality]]:
    for index, quality in enumerate(schema.quality or []):
        yield (*SCHEMA, "quality", index), None, quality
    for column, prop in enumerate(schema.properties or []):
        for index, quality in enumerate(prop.quality or []):
            yield (*SCHEMA, "properties", column, "quality", index), prop.name, quality
