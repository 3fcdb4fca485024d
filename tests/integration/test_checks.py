"""Checks that a contract implies count changed rows only, and find what they would find in all rows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from filon.pipeline.report import RunReport, RunStatus
from filon.project import Project
from filon.project.loader import load_project
from tests.integration.changes.shop import Documents, contract, write_project
from tests.integration.histories.place import Place

AS_OF = dt.date(2026, 1, 1)
ID = {"name": "id", "logicalType": "integer", "primaryKey": True}
CODE = {"name": "code", "logicalType": "string"}
TO_CODES = {"relationships": [{"to": "codes.code"}]}
PROJECT: Documents = {
    "filon": {"name": "small", "title": "Small"},
    "groups": contract("groups", {"filePattern": "groups.csv"}, ID, CODE),
    "items": contract("items", {"filePattern": "items.csv"}, ID, CODE),
    "codes.sql": "SELECT id, code FROM groups",
    "codes": contract("codes", {}, ID, {**CODE, "unique": True}),
    "sizes.sql": "SELECT id, abs(id) AS size FROM groups",
    "sizes": contract("sizes", {}, ID, {**ID, "name": "size", "primaryKey": False, "unique": True}),
    "uses.sql": "SELECT id AS item, code FROM items",
    "uses": contract("uses", {}, {**ID, "name": "item"}, {**CODE, **TO_CODES}),
}
GROUPS, ITEMS = ("1,a", "2,b", "3,"), ("1,a", "2,")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model refers to a column of another that is unique, is no key, and may be null."""
    write_project(PROJECT, tmp_path / "project")
    return load_project(tmp_path / "project")


@pytest.fixture
def place(tmp_path: Path, project: Project) -> Place:
    """A lake where all references were met."""
    (tmp_path / "sources").mkdir()
    place = Place(tmp_path, tmp_path / "sources")
    assert change(place, project, GROUPS, ITEMS).status is RunStatus.PUBLISHED
    return place


def change(place: Place, project: Project, groups: tuple[str, ...], items: tuple[str, ...]) -> RunReport:
    for name, lines in (("groups", groups), ("items", items)):
        place.put(f"{name}.csv", "\n".join(("id,code", *lines, "")).encode())
    return place.run(project, AS_OF)


def failed_rows(report: RunReport, name: str) -> int:
    assert report.status in (RunStatus.PUBLISHED, RunStatus.FAILED), report.error
    [check] = (check for check in report.checks if check.check == name)
    assert "cannot be answered" not in (report.error or "")
    return check.failed_rows


@pytest.mark.parametrize(
    ("groups", "items", "missing"),
    [
        pytest.param(GROUPS, (*ITEMS, "3,b"), 0, id="a row came that refers to a value which stayed"),
        pytest.param(GROUPS, (*ITEMS, "3,z", "4,z"), 2, id="rows came that refer to nothing"),
        pytest.param(GROUPS[1:], ITEMS, 1, id="a value went that a row refers to"),
        pytest.param(GROUPS[1:], (*ITEMS, "3,a"), 2, id="a value went that an old and a new row refer to"),
        pytest.param(GROUPS[:2], (*ITEMS, "3,z"), 1, id="a null went, and a row came that refers to nothing"),
        pytest.param(("1,b", "2,a", "3,"), ITEMS, 0, id="values changed places"),
        pytest.param(("1,b", "3,"), (*ITEMS[1:], "1,b"), 0, id="a value went with the row that referred to it"),
        pytest.param((*GROUPS, "4,c"), ITEMS[:1], 0, id="a value came, and a row went"),
    ],
)
def test_references_are_checked_over_what_changed_on_either_side(
    place: Place, project: Project, groups: tuple[str, ...], items: tuple[str, ...], missing: int
) -> None:
    assert failed_rows(change(place, project, groups, items), "reference(code)") == missing


@pytest.mark.parametrize(
    ("groups", "further"),
    [
        pytest.param((*GROUPS, "4,c"), 0, id="another value came"),
        pytest.param((*GROUPS, "4,"), 0, id="another null came"),
        pytest.param((*GROUPS, "4,a"), 1, id="a value came that was there"),
        pytest.param((*GROUPS, "4,a", "5,a"), 2, id="a value came twice that was there"),
        pytest.param((*GROUPS, "4,c", "5,c"), 1, id="a new value came twice"),
        pytest.param(("1,b", "2,a", "3,"), 0, id="values changed places"),
        pytest.param(("1,b", "2,b", "3,"), 1, id="a value changed to one that was there"),
    ],
)
def test_unique_values_are_checked_over_what_came(
    place: Place, project: Project, groups: tuple[str, ...], further: int
) -> None:
    assert failed_rows(change(place, project, groups, ITEMS), "unique(code)") == further


@pytest.mark.parametrize(("groups", "further"), [(("1,a", "2,b", "-3,c"), 0), (("1,a", "-1,b", "2,c", "-2,d"), 2)])
def test_integers_that_are_there_again_are_counted_in_a_first_run(
    tmp_path: Path, project: Project, groups: tuple[str, ...], further: int
) -> None:
    (tmp_path / "sources").mkdir()
    place = Place(tmp_path, tmp_path / "sources")
    assert failed_rows(change(place, project, groups, ITEMS[1:]), "unique(size)") == further
