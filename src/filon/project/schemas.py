"""JSON schemas of a project's files, by which editors complete words and mark mistakes while one writes.

They know less than ``filon check``: what words mean together, and what stands in other files, no schema says.
"""

from __future__ import annotations

import json
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import BaseModel

from filon.pages import Page
from filon.project.loader import ProjectFile
from filon.project.vocabulary import ColumnSpec, GoldColumnSpec, ModelSpec, SourceSpec

Schema = dict[str, Any]
FOLDER = ".schemas"
"""Where the schemas of a project lie in it."""
PROJECT, SOURCE, GOLD, PAGE = "project.json", "source.json", "gold.json", "page.json"
REQUIRED = ["apiVersion", "kind", "id", "version", "status", "schema"]
OTHERS: Schema = {"type": "object", "required": ["vendor"], "properties": {"vendor": {"not": {"const": "filon"}}}}
"""A custom property of another tool."""


def schema_files() -> dict[str, str]:
    """The schemas as JSON by the names of their files: of ``filon.yaml``, of sources, of gold tables, of pages."""
    schemas = {
        PROJECT: ProjectFile.model_json_schema(by_alias=True),
        SOURCE: _contract_schema(SourceSpec, ColumnSpec),
        GOLD: _contract_schema(ModelSpec, GoldColumnSpec),
        PAGE: Page.model_json_schema(),
    }
    return {name: json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def modeline(name: str, depth: int) -> str:
    """The first line of a YAML file that tells editors its schema; it lies so many folders below the project's."""
    return f"# yaml-language-server: $schema={'../' * depth}{FOLDER}/{name}\n"


def _contract_schema(table: type[BaseModel], column: type[BaseModel]) -> Schema:
    """The standard's schema, with the words that the custom properties of a table and of its columns may be."""
    whole = OpenDataContractStandard.model_json_schema(by_alias=True)
    definitions: Schema = whole["$defs"]
    for owner, spec in (("SchemaObject", table), ("SchemaProperty", column)):
        entries = {"anyOf": [*_words(spec, definitions), OTHERS]}
        definitions[owner]["properties"]["customProperties"] = {"type": "array", "items": entries}
    for definition in definitions.values():
        if "properties" in definition:
            definition["additionalProperties"] = False
    return {**whole, "required": REQUIRED, "additionalProperties": False}


def _words(spec: type[BaseModel], definitions: Schema) -> list[Schema]:
    """A schema for each word of the vocabulary; what these refer to is added to the definitions."""
    described = spec.model_json_schema(by_alias=True, ref_template="#/$defs/Filon{model}")
    definitions |= {f"Filon{name}": definition for name, definition in described.get("$defs", {}).items()}
    return [
        {
            "type": "object",
            "properties": {"property": {"const": word}, "value": value},
            "required": ["property", "value"],
        }
        for word, value in described.get("properties", {}).items()
    ]
