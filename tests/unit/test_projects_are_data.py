"""Nothing of the demo project stands in the API and the dashboard, which serve and draw any project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import filon
from filon.dashboard.language import texts
from filon.project.loader import load_project
from filon.projects import retail

SOURCE = Path(filon.__file__).parent
MODULES = sorted(path for part in ("api", "dashboard") for path in (SOURCE / part).rglob("*.py"))
ENGLISH = {"date", "email", "count", "mean", "std", "min", "max", "25%", "50%", "75%", "segment"}
"""Names of the demo that are words of the API, or of programs, as well."""


def names_of_the_demo() -> set[str]:
    """Its tables, columns, measures, dimensions and words for time."""
    project = load_project(retail.FOLDER)
    names = set(project.contracts) | set(project.labels) | set(project.api.model_dump().values())
    names |= {column for contract in project.contracts.values() for column in contract.column_names}
    for model in project.models.values():
        if model.aggregations is not None:
            names |= {*model.aggregations.measures, *model.aggregations.dimensions}
    return names - ENGLISH - {"clients"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_names_nothing_of_the_demo(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = {name for name in names_of_the_demo() if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)}
    assert not found


def test_no_text_of_the_dashboard_is_about_the_demo() -> None:
    keys = {part for key in texts() for part in key.split(".")}
    assert not keys & (names_of_the_demo() | {"clients"})
