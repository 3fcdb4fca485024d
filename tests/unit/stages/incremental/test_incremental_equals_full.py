"""What is computed for affected keys, with the rows of other keys kept, is what is computed anew: for any change."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filon.engines import Columns, Engine
from filon.pipeline.engine import make_engine
from filon.project import Contract, Kind
from filon.project.loader import load_project
from filon.project.modeltests import AS_OF
from filon.projects import retail
from filon.settings import Settings
from filon.sql import identifier, literal
from filon.stages.incremental import AFFECTED, Local, changed_rows, strategy_of
from filon.stages.models import input_columns, select_as_declared
from tests.unit.stages.incremental.cases import COLUMNS, LOCAL, model_of

EXAMPLE = Path(__file__).parents[4] / "examples" / "completejourney"
PROJECTS = {project.name: project for project in (load_project(retail.FOLDER), load_project(EXAMPLE))}
MODELS = [(name, model) for name, project in PROJECTS.items() for model in project.models]
EXAMPLES = int(os.environ.get("INCREMENTAL_EXAMPLES", "8"))
"""Changes per model; there are more than a hundred models."""
HISTORIES = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
Row = tuple[object, ...]
Tables = Mapping[str, list[Row]]

VALUES: Mapping[Kind, list[object]] = {
    Kind.INTEGER: [0, 1, 2, 3],
    Kind.DECIMAL: [Decimal("0.01"), Decimal("1.00"), Decimal("2000.00")],
    Kind.DOUBLE: [0.5, 1.0],
    Kind.TEXT: ["a", "b", "1"],
    Kind.DATE: [dt.date(2026, 1, 5), dt.date(2026, 1, 31), dt.date(2026, 2, 1)],
    Kind.TIMESTAMP: [dt.datetime(2026, 1, 31, 23, 30), dt.datetime(2026, 2, 1, 12)],
    Kind.BOOLEAN: [True, False],
}


@dataclass(frozen=True)
class Change:
    """The inputs of a model before and after."""

    old: Tables
    new: Tables


@st.composite
def changes(draw: st.DrawFn, inputs: Mapping[str, Columns], fixed: frozenset[str]) -> Change:
    """Rows with duplicates and nulls, of which some go and others come; ``fixed`` tables stay as they are."""
    old, new = {}, {}
    for name, columns in inputs.items():
        values = [st.sampled_from([*VALUES[column.type.kind], None]) for column in columns]
        rows = st.lists(st.tuples(*values), max_size=6)
        old[name] = draw(rows)
        stays = draw(st.lists(st.booleans(), min_size=len(old[name]), max_size=len(old[name])))
        new[name] = [row for row, stay in zip(old[name], stays, strict=True) if stay] + draw(rows)
        if name in fixed:
            new[name] = old[name]
    return Change(old, new)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = make_engine(Settings(threads=1), PROJECTS["retail"], AS_OF, tmp_path_factory.mktemp("work"))
    yield engine
    engine.close()


def show(engine: Engine, table: str, columns: Columns, rows: list[Row]) -> None:
    """Give rows a name."""
    names = ", ".join(f"c{index}" for index in range(len(columns)))
    typed = ", ".join(
        f"CAST(c{index} AS {column.type.sql}) AS {identifier(column.name)}" for index, column in enumerate(columns)
    )
    listed = ", ".join(f"({', '.join(spelled(value) for value in row)})" for row in rows)
    nothing = f"SELECT {', '.join('NULL' for _ in columns)} WHERE FALSE"
    engine.view(table, f"SELECT {typed} FROM ({f'VALUES {listed}' if rows else nothing}) AS v({names})")


def spelled(value: object) -> str:
    """A value as SQL."""
    return "NULL" if value is None else literal(str(value)) if not isinstance(value, bool) else str(value)


def rows_of(engine: Engine, query: str, contract: Contract) -> Counter[Row]:
    """The rows of a query as a multiset."""
    columns = ", ".join(f"CAST({identifier(column.name)} AS VARCHAR)" for column in contract.columns)
    return Counter(engine.rows(f"SELECT {columns} FROM ({query}) AS q"))


def require_same(engine: Engine, strategy: Local, inputs: Mapping[str, Columns], change: Change) -> None:
    """Compute a model in both ways, and compare."""
    model, contract = strategy.model, strategy.model.contract
    for name in inputs:
        show(engine, name, inputs[name], change.old[name])
    engine.cache("old rows", select_as_declared(model))
    changed = [name for name in inputs if Counter(change.old[name]) != Counter(change.new[name])]
    for name in inputs:
        show(engine, name, inputs[name], change.new[name])
        before, after = Counter(change.old[name]), Counter(change.new[name])
        show(engine, changed_rows(name), inputs[name], [*(before - after), *(after - before)])
    expected = rows_of(engine, select_as_declared(model), contract)
    if not changed:
        return
    engine.cache(AFFECTED, strategy.affected(changed))
    keys = engine.rows(f"SELECT * FROM {identifier(AFFECTED)}")
    assert len(keys) == len(set(keys))
    kept = rows_of(engine, strategy.kept("old rows"), contract)
    assert kept + rows_of(engine, strategy.rows(), contract) == expected


@pytest.mark.parametrize("name", LOCAL)
@HISTORIES
@given(data=st.data())
def test_a_tricky_model(engine: Engine, name: str, data: st.DataObject) -> None:
    key, sql = LOCAL[name]
    model = model_of(engine, sql, key)
    inputs = {table: COLUMNS[table] for table in model.inputs}
    strategy = strategy_of(model, inputs)
    assert isinstance(strategy, Local), strategy
    fixed = frozenset(item.table for item in strategy.blocked)
    require_same(engine, strategy, inputs, data.draw(changes(inputs, fixed)))


@pytest.mark.parametrize(("project", "name"), MODELS)
@HISTORIES
@given(data=st.data())
def test_a_model_of_a_project(engine: Engine, project: str, name: str, data: st.DataObject) -> None:
    model = PROJECTS[project].models[name]
    inputs = input_columns(PROJECTS[project], model)
    strategy = strategy_of(model, inputs)
    if not isinstance(strategy, Local):
        return
    fixed = frozenset(item.table for item in strategy.blocked)
    require_same(engine, strategy, inputs, data.draw(changes(inputs, fixed)))


NARROW = {
    "filter of what a left join lacks": Change(
        {"t": [(1, 1, "a", None, 1)], "u": [(1, 5, "a", 1)]}, {"t": [(1, 1, "a", None, 1)], "u": []}
    ),
    "left join without a match": Change(
        {"t": [(1, 1, "a", None, 1)], "u": [(1, 1, "a", 1)]}, {"t": [(1, 1, "a", None, 1)], "u": []}
    ),
    "group": Change({"t": [(1, None, "a", None, 1)]}, {"t": [(1, None, "a", None, 2), (1, None, "a", None, 1)]}),
}
"""By model: a change that chance seldom finds, and that a wrong link misses."""


@pytest.mark.parametrize("name", NARROW)
def test_a_change_that_is_easily_missed(engine: Engine, name: str) -> None:
    key, sql = LOCAL[name]
    strategy = strategy_of(model_of(engine, sql, key), COLUMNS)
    assert isinstance(strategy, Local), strategy
    require_same(engine, strategy, {table: COLUMNS[table] for table in strategy.model.inputs}, NARROW[name])
