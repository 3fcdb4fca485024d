"""Tests of models: small tables of given rows, and the rows that must come out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from filon.errors import Problem, ProjectInvalid
from filon.project.contract import Contract
from filon.project.document import MOST_FILES, Document, read_document, validated
from filon.project.models import Project
from filon.project.values import read_value
from filon.suggestions import suggestion

Value = str | int | float | bool | dt.date | dt.datetime | None
Rows = tuple[Mapping[str, Value], ...]
AS_OF = dt.date(2026, 1, 1)


class WrittenTest(BaseModel):
    """A test as its file has it: rows of the tables that the model reads, and the rows that it must give."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    name: str
    model: str
    as_of: dt.date = AS_OF
    given: dict[str, tuple[dict[str, Value], ...] | None] = {}
    expected: tuple[dict[str, Value], ...] | None


@dataclass(frozen=True)
class ModelTest:
    """One example. Columns that a given row leaves out are null; those that no expected row names are not compared."""

    name: str
    model: str
    as_of: dt.date
    given: Mapping[str, Rows]
    expected: Rows
    file: Path
    line: int


def load_model_tests(project: Project) -> list[ModelTest]:
    """Every test under ``tests/``; ProjectInvalid when one cannot be understood."""
    tests: list[ModelTest] = []
    problems: list[Problem] = []
    paths = sorted((project.folder / "tests").glob("*.y*ml"))
    if len(paths) > MOST_FILES:
        what = f"the folder has {len(paths):,} files of tests, more than {MOST_FILES:,}"
        raise ProjectInvalid([Problem(project.folder / "tests", 1, what, "put several tests into one file")])
    for path in paths:
        document = read_document(path)
        if not isinstance(document.data, list):
            document.report((), "a list of tests is expected", "start each with `- name: …`")
            document.data = []
        for index in range(len(document.data)):
            test = _test(project, document, index)
            if test is not None:
                tests.append(test)
        problems += document.problems
    if problems:
        raise ProjectInvalid(problems)
    return tests


def _test(project: Project, document: Document, index: int) -> ModelTest | None:
    written = validated(WrittenTest, document, (index,), document.data[index])
    if written is None:
        return None
    model = project.models.get(written.model)
    if model is None:
        fix = suggestion(written.model, project.models)
        document.report((index, "model"), f"unknown model `{written.model}`", fix)
        return None
    for table, rows in written.given.items():
        if table not in model.inputs:
            fix = suggestion(table, model.inputs)
            document.report((index, "given", table), f"`{model.name}` does not read `{table}`", fix)
            continue
        _check_columns(document, (index, "given", table), project.contracts[table], rows or ())
    _check_columns(document, (index, "expected"), model.contract, written.expected or ())
    return ModelTest(
        name=written.name,
        model=written.model,
        as_of=written.as_of,
        given={table: rows or () for table, rows in written.given.items()},
        expected=written.expected or (),
        file=document.path,
        line=document.line((index,)),
    )


def _check_columns(
    document: Document,
    place: tuple[str | int, ...],
    contract: Contract,
    rows: tuple[Mapping[str, Value], ...],
) -> None:
    for number, row in enumerate(rows):
        for name, value in row.items():
            if name not in contract.column_names:
                fix = suggestion(name, contract.column_names)
                document.report((*place, number, name), f"`{contract.name}` has no column `{name}`", fix)
            elif value is not None and read_value(value, contract.column(name).type) is None:
                what = f"`{value}` is no {contract.column(name).type} that `{name}` can hold as it is"
                document.report((*place, number, name), what, "write a value of the column's type; texts in quotes")
