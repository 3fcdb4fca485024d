"""What a run does after one word of the project was changed: exactly what ``docs/contracts.md`` says of it."""

from __future__ import annotations

import ast
import re
import shutil
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from open_data_contract_standard.model import DataQuality, SchemaObject, SchemaProperty
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from filon.project import checks, odcs, odcs_columns, vocabulary
from filon.project.loader import ProjectFile
from filon.project.odcs_columns import RANGE_OPTIONS, TEXT_OPTIONS
from filon.project.vocabulary import ApiSpec, ColumnSpec, ModelSpec, SourceSpec
from tests.integration.changes.shop import Documents, Place, Seen, changed, properties_of, set_word, whole_shop
from tests.integration.changes.words import CHANGES, GOLD, PROJECT, SOURCE

PAGE = Path(__file__).parents[3] / "docs" / "contracts.md"
FOLLOWS = {"files": set(), "silver": {"gold", "served", "checks"}, "gold": {"served", "checks"}}
CONTAINERS = {
    "properties.customProperties",
    "properties.logicalTypeOptions",
    "schema.customProperties",
    "schema.name",
    "schema.properties",
    "schema.quality",
}
"""Keys that hold others, and the name of a table: with another name, it is another table."""
STANDARD: dict[str, type[BaseModel]] = {
    "prop": SchemaProperty,
    "p": SchemaProperty,
    "schema": SchemaObject,
    "quality": DataQuality,
}
PREFIX: dict[type[BaseModel], str] = {SchemaProperty: "properties.", SchemaObject: "schema.", DataQuality: "quality."}
EVERY = [(where, name) for where, words in CHANGES.items() for name in words]


def documented() -> dict[tuple[str, str], set[str]]:
    """What the page says that a change of each word causes."""
    [section] = re.findall(
        r"^## What a change causes$(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    found: dict[tuple[str, str], set[str]] = {}
    for table in section.split("\n### Of ")[1:]:
        where = table.split("\n", 1)[0]
        for words, causes in re.findall(r"^\| ([^|]*`[^|]*) \| ([a-z, ]+?) \|", table, re.MULTILINE):
            for name in re.findall(r"`([^`]+)`", words):
                assert (where, name) not in found
                found[where, name] = set(causes.split(", ")) - {"nothing"}
    return found


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Seen]:
    """A shop with a release that is served, which nobody changes."""
    place = Place(tmp_path_factory.mktemp("published"))
    place.put_sources()
    seen, done = place.run(whole_shop())
    assert done == {"files", "silver", "gold"}
    return place, seen


CAUSES = documented()
QUIET = [place for place in EVERY if not CAUSES.get(place)]


@pytest.fixture
def place(published: tuple[Place, Seen], tmp_path: Path) -> tuple[Place, Seen]:
    """A copy of it."""
    shutil.copytree(published[0].folder, tmp_path / "shop")
    return Place(tmp_path / "shop"), published[1]


@pytest.mark.parametrize(("where", "name"), [place for place in EVERY if CAUSES.get(place)])
def test_a_changed_word_causes_what_is_documented_and_no_more(place: tuple[Place, Seen], where: str, name: str) -> None:
    expected = CAUSES[where, name]
    shop, before = place
    assert shop.change(changed(CHANGES[where][name]), before) == expected.union(
        *(FOLLOWS[c] for c in expected & {*FOLLOWS})
    )


def test_words_that_cause_nothing_cause_nothing_together(place: tuple[Place, Seen]) -> None:
    def all_at_once(documents: Documents) -> None:
        for where, name in QUIET:
            CHANGES[where][name](documents)

    shop, before = place
    assert shop.change(changed(all_at_once), before) == set()


def windowed(timezone: str) -> Documents:
    """The shop where nothing but the window of served rows reads the time zone."""
    documents = whole_shop()
    del properties_of(documents, "orders")["at"]["customProperties"]
    documents["sales.sql"] = 'SELECT id, line, client, ordered, sent, amount, "at" FROM orders'
    documents["sales"]["schema"][0]["properties"].append({"name": "at", "logicalType": "timestamp"})
    set_word(documents["sales"]["schema"][0], "serving.window", {"column": "at", "last": "57 days"})
    documents["filon"]["timezone"] = timezone
    return documents


def test_the_time_zone_moves_a_window_of_timestamps_and_builds_nothing(tmp_path: Path) -> None:
    shop = Place(tmp_path / "shop")
    shop.put_sources()
    before, _ = shop.run(windowed("Europe/Paris"))
    assert before.rows["sales"] == 1, "half past eleven in the evening, UTC, of the last day that is not shown"
    after, done = shop.run(windowed("America/New_York"))
    assert (after.rows["sales"], done) == (0, set())


def specs(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The words of a model of the vocabulary, and of all that stand in them, as paths."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{to_camel(name)}"
        inner = [part for part in parts_of(field.annotation) if part.__module__.startswith(vocabulary.__name__)]
        if not inner or typing.get_origin(field.annotation) is dict:
            yield path
        for part in inner:
            yield from specs(part, f"{path}.")


def parts_of(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from parts_of(argument)


def keys_read() -> set[str]:
    """The keys of the standard that the code reads, by the names that its variables always have."""
    found = set()
    for module in (odcs, odcs_columns, checks):
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                model = STANDARD.get(node.value.id)
                if model is not None and node.attr in model.model_fields:
                    found.add(PREFIX[model] + node.attr)
    return found


def words_of(where: str) -> set[str]:
    """The words of which a change is given."""
    return {name.split(": ")[0] for name in CHANGES[where]}


def test_every_word_of_the_vocabulary_has_its_line() -> None:
    assert {*specs(SourceSpec), *specs(ColumnSpec)} <= words_of(SOURCE)
    assert set(specs(ModelSpec)) <= words_of(GOLD)


def test_every_key_of_the_project_file_has_its_line() -> None:
    assert {*ProjectFile.model_fields} - {"name"} == {name.split(".")[0] for name in words_of(PROJECT)}
    assert set(specs(ApiSpec, "api.")) <= words_of(PROJECT)


def test_every_key_of_the_standard_that_is_read_has_its_line() -> None:
    options = {f"properties.logicalTypeOptions.{name}" for name in (*TEXT_OPTIONS, *RANGE_OPTIONS, "format")}
    compared = {f"quality.{name}" for name in checks.OPERATORS}
    read = keys_read() - CONTAINERS
    assert {"properties.enum", "quality.severity", "schema.description"} <= read  # the code is still understood
    assert read | options | compared <= words_of(SOURCE)


def test_the_page_has_a_line_for_every_change_and_for_no_other() -> None:
    assert set(CAUSES) == set(EVERY)
