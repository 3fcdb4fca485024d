"""The documents of a new project, as data to be written into YAML files."""

from __future__ import annotations

from collections.abc import Sequence

from filon.cli.scaffold.names import column_name, distinct, project_name
from filon.cli.scaffold.sources import Source
from filon.cli.scaffold.values import Look, decimal_mark, is_required, key_of, looks_of
from filon.project import Kind
from filon.project.types import LOGICAL
from filon.project.vocabulary import Dialect

SPELLINGS = {kind: name for name, kind in LOGICAL.items()}
USUAL = Dialect().model_dump(by_alias=True)
FORMATS = {Kind.DATE: "dateFormat", Kind.TIMESTAMP: "timestampFormat"}


def project_file(title: str) -> dict[str, object]:
    """What ``filon.yaml`` says."""
    return {"name": project_name(title), "title": title, "locale": "en", "currency": "EUR", "timezone": "UTC"}


def source_contract(project: str, source: Source) -> dict[str, object]:
    """The contract of a dataset, as its first rows suggest it."""
    columns = source.columns
    mark = decimal_mark(list(columns.values()), source.delimiter)
    looks = looks_of(list(columns.values()), mark)
    dialect = _dialect(source, mark, looks)
    words: list[dict[str, object]] = [{"property": "filePattern", "value": source.pattern}]
    if dialect:
        words.append({"property": "dialect", "value": dialect})
    key = key_of(columns, looks)
    properties = []
    for name, (header, values), look in zip(distinct(map(column_name, columns)), columns.items(), looks, strict=True):
        column = _column(name, header, look, {**USUAL, **dialect})
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


def _dialect(source: Source, mark: str, looks: Sequence[Look]) -> dict[str, str]:
    """How the files are spelled, where that is not the usual way."""
    words = {"delimiter": source.delimiter, "encoding": source.encoding}
    if any(look.type.kind is Kind.DECIMAL for look in looks):
        words["decimal"] = mark
    for kind, word in FORMATS.items():
        formats = {look.format for look in looks if look.type.kind is kind}
        if len(formats) == 1:
            words[word] = formats.pop()
    return {word: value for word, value in words.items() if value != USUAL[word]}


def _column(name: str, header: str, look: Look, dialect: dict[str, str]) -> dict[str, object]:
    column: dict[str, object] = {"name": name}
    if name != header:
        column["physicalName"] = header
    column["logicalType"] = SPELLINGS[look.type.kind]
    if look.type.kind is Kind.DECIMAL:
        column["physicalType"] = look.type.sql
    if look.format and look.format != dialect[FORMATS[look.type.kind]]:
        column["logicalTypeOptions"] = {"format": look.format}
    return column
