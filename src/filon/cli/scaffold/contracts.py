"""The documents of a new project, as mappings to be written as YAML."""

from __future__ import annotations

from collections.abc import Sequence

from filon.cli.scaffold.names import column_name, distinct, project_name
from filon.cli.scaffold.sources import Source
from filon.cli.scaffold.values import Inferred, decimal_mark, infer_types, is_required, key_of
from filon.project import Kind
from filon.project.types import LOGICAL
from filon.project.vocabulary import Dialect

LOGICAL_NAMES = {kind: name for name, kind in LOGICAL.items()}
FORMATS = {Kind.DATE: "dateFormat", Kind.TIMESTAMP: "timestampFormat"}
DEFAULTS = Dialect().model_dump(by_alias=True)
DEFAULTS |= {word: DEFAULTS[word][0] for word in FORMATS.values()}


def project_file(title: str) -> dict[str, object]:
    """The content of ``filon.yaml``."""
    return {"name": project_name(title), "title": title, "locale": "en", "currency": "EUR", "timezone": "UTC"}


def source_contract(project: str, source: Source) -> dict[str, object]:
    """The contract of a dataset, inferred from the sampled rows of its files.

    Args:
        project: the name of the project, which the id begins with
        source: the dataset

    """
    columns = source.columns
    mark = decimal_mark(list(columns.values()), source.delimiter)
    types = infer_types(list(columns.values()), mark)
    dialect = _dialect(source, mark, types)
    words: list[dict[str, object]] = [{"property": "filePattern", "value": source.pattern}]
    if dialect:
        words.append({"property": "dialect", "value": dialect})
    key = key_of(columns, types)
    properties = []
    for name, (header, values), inferred in zip(
        distinct(map(column_name, columns)), columns.items(), types, strict=True
    ):
        column = _column(name, header, inferred, {**DEFAULTS, **dialect})
        if header == key:
            column["primaryKey"] = True
        if header == key or (source.is_whole and is_required(values)):
            column["required"] = True
        properties.append(column)
    schema = {"name": source.name, "physicalType": "table", "customProperties": words, "properties": properties}
    return {**_head(project, source.name), "schema": [schema]}


def model_contract(project: str, model: str, source: str) -> dict[str, object]:
    """The contract of the first model, which counts the rows of a dataset."""
    rows = {"name": "nb_rows", "logicalType": "integer", "required": True, "description": f"Accepted rows of {source}"}
    schema = {
        "name": model,
        "physicalType": "table",
        "dataGranularityDescription": "One row in all: replace it by a model of yours",
        "properties": [{"name": "id", "logicalType": "integer", "primaryKey": True, "required": True}, rows],
    }
    return {**_head(project, model), "schema": [schema]}


def _head(project: str, name: str) -> dict[str, object]:
    identity = {"id": f"{project}-{name}", "name": name, "version": "1.0.0", "status": "active"}
    return {"apiVersion": "v3.1.0", "kind": "DataContract", **identity}


def _dialect(source: Source, mark: str, types: Sequence[Inferred]) -> dict[str, str]:
    """The properties of the dialect that differ from the defaults."""
    words = {"delimiter": source.delimiter, "encoding": source.encoding}
    if any(inferred.type.kind is Kind.DECIMAL for inferred in types):
        words["decimal"] = mark
    for kind, word in FORMATS.items():
        formats = {inferred.format for inferred in types if inferred.type.kind is kind}
        if len(formats) == 1:
            words[word] = formats.pop()
    return {word: value for word, value in words.items() if value != DEFAULTS[word]}


def _column(name: str, header: str, inferred: Inferred, dialect: dict[str, str]) -> dict[str, object]:
    column: dict[str, object] = {"name": name}
    if name != header:
        column["physicalName"] = header
    column["logicalType"] = LOGICAL_NAMES[inferred.type.kind]
    if inferred.type.kind is Kind.DECIMAL:
        column["physicalType"] = inferred.type.sql
    if inferred.format and inferred.format != dialect[FORMATS[inferred.type.kind]]:
        column["logicalTypeOptions"] = {"format": inferred.format}
    return column
