"""The documents of a new project, as mappings to be written as YAML, and its SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filon.project import Kind
from filon.project.types import LOGICAL
from filon.scaffold.analysis import FirstAnalysis
from filon.scaffold.guess import ColumnGuess, TableGuess
from filon.scaffold.names import distinct, project_name
from filon.sql import identifier, literal

Words = dict[str, object]
LOGICAL_NAMES = {kind: name for name, kind in LOGICAL.items()} | {Kind.DOUBLE: "number"}
SIZED, SERVED_DIGITS = (Kind.DECIMAL, Kind.DOUBLE), 18
PLACE = ("_file", "_record")
"""What tells the rows of a table without a key apart: the number of their file version, and that in the file."""


@dataclass(frozen=True)
class FirstModel:
    """A gold table of a new project: its contract, and its SQL."""

    name: str
    contract: Words
    sql: str


def project_file(title: str, sources: str | None, labels: Words) -> Words:
    """The content of ``filon.yaml``; ``sources`` is the folder of the files inside the project, if they are there.

    ``labels`` are what people call measures.
    """
    settings: Words = {
        "name": project_name(title),
        "title": title,
        "locale": "en",
        "currency": "EUR",
        "timezone": "UTC",
        **({"labels": labels} if labels else {}),
    }
    return settings if sources is None else {**settings, "defaults": {"sources": sources}}


def source_contract(project: str, guess: TableGuess) -> Words:
    """The contract of a dataset; ``project`` is the name of the project, which the id begins with."""
    words: list[Words] = [{"property": "filePattern", "value": guess.source.pattern}]
    if guess.dialect:
        words.append({"property": "dialect", "value": dict(guess.dialect)})
    if is_servable(guess):
        words.append({"property": "serving", "value": {"served": True}})
    properties = [_source_column(column, guess.key) for column in guess.columns]
    return _contract(project, guess.name, {"customProperties": words, "properties": properties})


def rows_model(project: str, name: str, guess: TableGuess, analysis: FirstAnalysis | None) -> FirstModel:
    """A model that gives the rows of a dataset as they are, and their sums: a place to begin from."""
    columns = {column.name: column for column in guess.columns}
    key = list(guess.key)
    extra: dict[str, str] = {}
    if not key:
        key = distinct([*columns, "file_number", "record_number"])[-2:]
        extra = dict(zip(key, PLACE, strict=True))
    selected = [*(f"{identifier(source)} AS {identifier(name)}" for name, source in extra.items())]
    selected += [identifier(name) for name in columns]
    if analysis is not None and analysis.made_from:
        selected.append(f"CAST({identifier(analysis.made_from)} AS DATE) AS {identifier(analysis.time)}")
    sql = "SELECT\n    " + ",\n    ".join(selected) + f"\nFROM {identifier(guess.name)}\n"
    properties: list[Words] = [
        {"name": part, "logicalType": "integer", "primaryKey": True, "required": True} for part in extra
    ]
    properties += [_model_column(column, guess.key) for column in guess.columns]
    schema: Words = {
        "description": f"The rows of {guess.name} as they were accepted",
        "dataGranularityDescription": f"A row of {guess.name}",
    }
    if not is_servable(guess):
        schema["customProperties"] = [{"property": "serving", "value": {"served": False}}]
    elif analysis is not None:
        schema["customProperties"] = _analysis_words(name, analysis)
        if analysis.made_from:
            properties.append({"name": analysis.time, "logicalType": "date"})
    schema["properties"] = properties
    return FirstModel(name, _contract(project, name, schema), sql)


def _analysis_words(table: str, analysis: FirstAnalysis) -> list[Words]:
    """How the rows are served so that pages can show and filter them, and which sums are asked for."""
    path = f"aggregations/{table.replace('_', '-')}".lower()
    both = {name: name for name in analysis.measures}
    sums: Words = {name: {"sum": column} for name, column in analysis.sums.items()}
    serving = {"filters": [analysis.time, *analysis.dimensions]}
    aggregations = {
        "time": analysis.time,
        "measures": {**sums, analysis.count: {}},
        "dimensions": {name: {"column": name} for name in analysis.dimensions},
        "total": {"path": f"{path}/total", "measures": both},
        "series": {"path": f"{path}/series", "measures": dict(both)},
        "analysis": {"path": f"{path}/analysis"},
    }
    return [{"property": "serving", "value": serving}, {"property": "aggregations", "value": aggregations}]


def counts_model(project: str, name: str, sources: Sequence[str]) -> FirstModel:
    """A model that counts the rows of each dataset."""
    selects = [
        f"SELECT {literal(source)} AS source, count(*) AS nb_rows FROM {identifier(source)}" for source in sources
    ]
    schema: Words = {
        "description": "How many rows of each source were accepted",
        "dataGranularityDescription": "A source",
        "properties": [
            {"name": "source", "logicalType": "string", "primaryKey": True, "required": True},
            {"name": "nb_rows", "logicalType": "integer", "required": True, "description": "Accepted rows"},
        ],
    }
    return FirstModel(name, _contract(project, name, schema), "\nUNION ALL\n".join(selects) + "\n")


def is_servable(guess: TableGuess) -> bool:
    """Whether every store can keep the rows: some keep decimals as whole numbers of 64 bits."""
    return not any(
        column.type.precision > SERVED_DIGITS for column in guess.columns if column.type.kind is Kind.DECIMAL
    )


def _contract(project: str, name: str, schema: Words) -> Words:
    identity = {"id": f"{project}-{name}", "name": name, "version": "1.0.0", "status": "active"}
    table = {"name": name, "physicalType": "table", **schema}
    return {"apiVersion": "v3.1.0", "kind": "DataContract", **identity, "schema": [table]}


def _source_column(guess: ColumnGuess, key: Sequence[str]) -> Words:
    column = _typed(guess.name, guess)
    if guess.name != guess.header:
        column = {"name": guess.name, "physicalName": guess.header, **column}
    if guess.format:
        column["logicalTypeOptions"] = {"format": guess.format}
    column |= _constraints(guess, key)
    words: list[Words] = []
    if guess.dialect:
        words.append({"property": "dialect", "value": dict(guess.dialect)})
    if guess.references:
        column["relationships"] = [{"to": ".".join(guess.references)}]
        words.append({"property": "onOrphan", "value": "warn"})
    return {**column, "customProperties": words} if words else column


def _model_column(guess: ColumnGuess, key: Sequence[str]) -> Words:
    return _typed(guess.name, guess) | _constraints(guess, key)


def _typed(name: str, guess: ColumnGuess) -> Words:
    column: Words = {"name": name, "logicalType": LOGICAL_NAMES[guess.type.kind]}
    return {**column, "physicalType": guess.type.sql} if guess.type.kind in SIZED else column


def _constraints(guess: ColumnGuess, key: Sequence[str]) -> Words:
    column: Words = {}
    if guess.name in key:
        column["primaryKey"] = True
        if len(key) > 1:
            column["primaryKeyPosition"] = key.index(guess.name) + 1
    if guess.required:
        column["required"] = True
    return column
