"""Run the tests of models: the given rows become tables, the SELECT runs on them, and its rows are compared."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from filon.engines import SqlEngine
from filon.errors import EngineError
from filon.project import Contract, Project
from filon.project.modeltests import ModelTest, Value
from filon.sql import identifier, identifiers, literal
from filon.stages.models import contract_columns, select_as_declared

EXPECTED, ACTUAL = "expected rows", "actual rows"


@dataclass(frozen=True)
class ModelTestResult:
    """The result of a test: missing rows, unexpected rows, or an error."""

    test: ModelTest
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the model gave exactly the expected rows."""
        return not (self.missing or self.unexpected or self.error)


def run_model_tests(
    open_engine: Callable[[dt.date], AbstractContextManager[SqlEngine]], project: Project, tests: Iterable[ModelTest]
) -> list[ModelTestResult]:
    """Run tests, with one engine for all tests of an as-of date.

    Args:
        open_engine: opens an engine with an as-of date
        project: the models and contracts
        tests: the tests to run

    Returns:
        A result per test, grouped by as-of date in order of first occurrence.

    """
    by_date = defaultdict(list)
    for test in tests:
        by_date[test.as_of].append(test)
    results: list[ModelTestResult] = []
    for as_of, tests_of_date in by_date.items():
        with open_engine(as_of) as engine:
            results += [run_model_test(engine, project, test) for test in tests_of_date]
    return results


def run_model_test(engine: SqlEngine, project: Project, test: ModelTest) -> ModelTestResult:
    """Run one test on an engine whose as-of date is the test's."""
    model = project.models[test.model]
    try:
        for name in model.inputs:
            contract = project.contracts[name]
            engine.view(name, _typed_rows(test.given.get(name, ()), contract, contract.column_names))
        columns = [name for name in model.contract.column_names if any(name in row for row in test.expected)]
        columns = columns or list(model.contract.column_names)
        engine.view(EXPECTED, _typed_rows(test.expected, model.contract, columns))
        engine.view(ACTUAL, select_as_declared(model))
        # every engine gives text in the same form, also for timestamps
        selected = ", ".join(f"CAST({identifier(name)} AS VARCHAR) AS {identifier(name)}" for name in columns)
        expected = Counter(engine.rows(f"SELECT {selected} FROM {identifier(EXPECTED)}"))
        actual = Counter(engine.rows(f"SELECT {selected} FROM {identifier(ACTUAL)}"))
    except EngineError as error:
        return ModelTestResult(test, error=str(error))
    return ModelTestResult(
        test, missing=_row_texts(expected - actual, columns), unexpected=_row_texts(actual - expected, columns)
    )


def _typed_rows(rows: Sequence[Mapping[str, Value]], contract: Contract, names: Sequence[str]) -> str:
    types = dict(contract_columns(contract))
    if not rows:
        nulls = ", ".join(f"CAST(NULL AS {types[name].sql}) AS {identifier(name)}" for name in names)
        return f"SELECT {nulls} WHERE FALSE"
    values = ", ".join(f"({', '.join(_literal_or_null(row.get(name)) for name in names)})" for row in rows)
    typed = ", ".join(f"CAST({identifier(name)} AS {types[name].sql}) AS {identifier(name)}" for name in names)
    return f"SELECT {typed} FROM (VALUES {values}) AS written({identifiers(names)})"


def _literal_or_null(value: Value) -> str:
    return "NULL" if value is None else literal(str(value))


def _row_texts(rows: Counter[tuple[Any, ...]], columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        ", ".join(f"{name}: {'null' if value is None else value}" for name, value in zip(columns, row, strict=True))
        for row in sorted(rows.elements(), key=repr)
    )
