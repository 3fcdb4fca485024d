"""A model as one SELECT with exactly the columns, order and types of its contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from filon.engines import FoundType, Nature, SqlEngine, StatementInvalid, has_nature
from filon.errors import Problem, ProjectInvalid
from filon.project import PLACE, Column, ColumnType, Contract, Kind, Model, Project, TypedColumn
from filon.sql import identifier


def contract_columns(contract: Contract) -> tuple[TypedColumn, ...]:
    """The columns that a contract declares, without its rules."""
    return tuple(TypedColumn(column.name, column.type) for column in contract.columns)


def input_columns(project: Project, model: Model) -> dict[str, tuple[TypedColumn, ...]]:
    """The columns of each input of a model, as it reads them: those of a dataset say where the record stands too."""
    place = {name: PLACE if name in project.silver else () for name in model.inputs}
    return {name: (*contract_columns(project.contracts[name]), *place[name]) for name in model.inputs}


def input_types(project: Project, model: Model) -> dict[str, dict[str, str]]:
    """The types of the columns of each input of a model, as SQL spells them."""
    return {name: {c.name: c.type.sql for c in columns} for name, columns in input_columns(project, model).items()}


def require_valid(engine: SqlEngine, model: Model) -> None:
    """ProjectInvalid when a model and its contract disagree about columns; its inputs must be bound."""
    if problems := list(model_problems(engine, model)):
        raise ProjectInvalid(problems)


def model_problems(engine: SqlEngine, model: Model) -> Iterator[Problem]:
    """The problems of a SELECT that does not compile, or has other columns than its contract; inputs must be bound."""
    try:
        columns = engine.describe(model.sql)
    except StatementInvalid as error:
        yield Problem(model.path, error.line, error.message, "mend the SQL at that line")
        return
    contract, types = model.contract, dict(columns)
    for name, count in Counter(name for name, _ in columns).items():
        if count > 1:
            yield Problem(model.path, 1, f"the SELECT gives the column `{name}` twice", "rename or drop one of them")
    for name in [name for name in types if name not in contract.column_names]:
        line = contract.document.line(("schema", 0, "properties"))
        fix = f"declare it (type {types[name]}), or drop it from {model.path.name}"
        yield Problem(contract.document.path, line, f"the SELECT gives a column `{name}` that the contract lacks", fix)
    for column in contract.columns:
        line = contract.document.line(contract.place_of(column.name))
        if column.name not in types:
            what = f"the SELECT of {model.path.name} gives no column `{column.name}`"
            yield Problem(contract.document.path, line, what, "select it, or drop it from the contract")
        elif not _fits(types[column.name], column.type):
            what = f"`{column.name}` is {types[column.name]} in the SELECT, {column.type} in the contract"
            yield Problem(contract.document.path, line, what, _type_fix(types[column.name], column))


def select_as_declared(model: Model) -> str:
    """A SELECT of the model's rows with exactly the columns, order and types of its contract."""
    columns = ", ".join(
        f"CAST({identifier(column.name)} AS {column.type.sql}) AS {identifier(column.name)}"
        for column in model.contract.columns
    )
    return f"SELECT {columns} FROM (\n{model.sql}\n) AS model"


def _fits(actual: FoundType, declared: ColumnType) -> bool:
    """Whether a cast to the declared type keeps every value, or raises an error when one is too large."""
    if actual == declared or has_nature(actual, Nature.NULL):
        return True
    if declared.kind is Kind.TIMESTAMP:
        return has_nature(actual, Nature.LOCAL)
    if not declared.is_exact:
        return False
    if isinstance(actual, ColumnType):
        return actual.is_exact and actual.scale <= declared.scale and actual.kind in (Kind.INTEGER, declared.kind)
    return has_nature(actual, Nature.WHOLE)


def _type_fix(actual: FoundType, column: Column) -> str:
    if actual == ColumnType(Kind.DOUBLE) and column.type.kind is Kind.DECIMAL:
        return "binary floating point loses cents: use ratio(a, b) for quotients, and CAST(... AS DECIMAL) otherwise"
    return f"CAST it to {column.type} in the SELECT, or change the contract"
