"""JSON schemas of a project's files: they accept what Filon accepts, and mark words that it does not know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from filon.project.schemas import GOLD, PAGE, PROJECT, SOURCE, modeline, schema_files
from filon.projects import retail
from tests.unit.project.mistakes.shop import CLIENTS, ORDERS, SHOP

ROOT = Path(__file__).parents[3]
FOLDERS = (retail.FOLDER, ROOT / "examples" / "completejourney")
FILES = [(PROJECT, folder / "filon.yaml") for folder in FOLDERS]
FILES += [(SOURCE, path) for folder in FOLDERS for path in sorted((folder / "sources").glob("*.yaml"))]
FILES += [(GOLD, path) for folder in FOLDERS for path in sorted((folder / "gold").glob("*.yaml"))]
FILES += [(PAGE, path) for folder in FOLDERS for path in sorted((folder / "pages").glob("*.yaml"))]
VALIDATORS = {name: Draft202012Validator(json.loads(text)) for name, text in schema_files().items()}


def marked(name: str, text: str) -> list[str]:
    """What an editor marks in a file."""
    document: Any = json.loads(json.dumps(yaml.safe_load(text), default=str))
    return [error.message for error in VALIDATORS[name].iter_errors(document)]


def with_word(word: str, value: object) -> str:
    """The contract of orders with a word of its table."""
    document = yaml.safe_load(SHOP[ORDERS])
    document["schema"][0]["customProperties"].append({"property": word, "value": value})
    return yaml.safe_dump(document)


@pytest.mark.parametrize(("name", "path"), FILES, ids=lambda value: value.name if isinstance(value, Path) else "")
def test_a_file_of_a_shipped_project_is_accepted(name: str, path: Path) -> None:
    assert marked(name, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "dialect",
    [
        {"nullValues": ["NA", -999, None], "dateFormat": "dd/MM/yyyy", "percent": True, "negative": "parentheses"},
        {"nullValues": None, "dateFormat": ["dd/MM/yyyy", "yyyyMMdd"], "percent": "divide", "currency": "€"},
        {"footer": {"lines": 2}, "comment": "#", "delimiter": "||", "quote": "none", "header": False},
        {"format": "spreadsheet", "sheet": "Janvier", "skipUntil": "header"},
    ],
)
def test_a_dialect_is_accepted_as_people_write_it(dialect: dict[str, object]) -> None:
    assert marked(SOURCE, with_word("dialect", dialect)) == []


def test_words_of_other_tools_are_left_alone() -> None:
    document = yaml.safe_load(SHOP[CLIENTS])
    document["schema"][0]["customProperties"].append({"property": "owner", "value": "me", "vendor": "another"})
    assert marked(SOURCE, yaml.safe_dump(document)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (SOURCE, with_word("filePatern", "*.csv")),
        (SOURCE, with_word("dialect", {"delimeter": ";"})),
        (SOURCE, with_word("dialect", {"negative": ["minus", "brackets"]})),
        (SOURCE, with_word("malformedThreshold", 2)),
        (SOURCE, with_word("aggregations", {})),
        (SOURCE, SHOP[CLIENTS].replace("primaryKey", "primarykey")),
        (SOURCE, SHOP[CLIENTS].replace("status: active", "")),
        (PROJECT, "name: shop\ntimezon: UTC\n"),
        (PROJECT, "name: Shop\n"),
        (PAGE, "title: Sales\nrows: [{chart: {kind: pie, measure: amount, by: day}}]\n"),
        (PAGE, "title: Sales\nrows: [{cards: [{mesure: amount}]}]\n"),
    ],
)
def test_a_mistake_is_marked(name: str, text: str) -> None:
    assert marked(name, text)


def test_a_file_names_its_schema() -> None:
    assert modeline(SOURCE, 1) == "# yaml-language-server: $schema=../.schemas/source.json\n"
    assert modeline(PROJECT, 0) == "# yaml-language-server: $schema=.schemas/project.json\n"
