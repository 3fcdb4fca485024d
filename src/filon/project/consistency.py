"""Mistakes between the files of a project: names that clash, references and queries that lead nowhere, cycles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from filon.errors import Problem
from filon.project.contract import Contract
from filon.project.dataset import Dataset
from filon.project.grammar import SqlRefused, faults_in
from filon.project.models import Model, contracts_of
from filon.project.query import one_select, table_lines
from filon.project.source_words import value_place
from filon.suggestions import suggestion

HISTORY = "history"


def check_names(datasets: Iterable[Dataset], models: Iterable[Contract]) -> list[Problem]:
    """SQL does not tell upper from lower case, so neither may the names of tables."""
    known: dict[str, tuple[str, Contract]] = {}
    problems = []
    kinds = [
        ("source" if contract is dataset.contract else HISTORY, contract)
        for dataset in datasets
        for contract in dataset.contracts
    ]
    kinds += [("model", contract) for contract in models]
    for kind, contract in kinds:
        other_kind, other = known.setdefault(contract.name.casefold(), (kind, contract))
        if other is not contract:
            what = f"`{contract.name}`{' (a history)' if kind == HISTORY else ''} is also a {other_kind}"
            what += f", `{other.name}`" if other.name != contract.name else ""
            problems.append(Problem(contract.document.path, 1, what, "give the table another name"))
    return problems


def check_references(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> list[Problem]:
    """Columns refer to keys of tables that are there, of the same type, and tables in no circle."""
    contracts = contracts_of(datasets, models)
    problems = []
    for name, contract in contracts.items():
        known = contracts.keys() if name in models else datasets.keys()
        for column in contract.columns:
            if column.reference is None:
                continue
            line = contract.document.line((*contract.place_of(column.name), "relationships", 0))
            target = contracts.get(column.reference.table) if column.reference.table in known else None
            if target is None:
                fix = suggestion(column.reference.table, known)
                what = f"`{column.name}` refers to the unknown table `{column.reference.table}`"
            elif column.reference.column not in target.column_names:
                fix = suggestion(column.reference.column, target.column_names)
                what = f"`{column.reference.table}` has no column `{column.reference.column}`"
            elif target.key != (column.reference.column,) and not target.column(column.reference.column).unique:
                fix = f"refer to the key of `{target.name}`: {', '.join(target.key) or 'it has none'}"
                what = f"`{column.reference.table}.{column.reference.column}` may hold a value several times"
            elif target.column(column.reference.column).type.kind is not column.type.kind:
                other = f"{column.reference.table}.{column.reference.column}"
                fix = "give both columns the same type"
                what = f"`{column.name}` is {column.type}, `{other}` is {target.column(column.reference.column).type}"
            else:
                continue
            problems.append(Problem(contract.document.path, line, what, fix))
    return problems + _cycle(
        {name: referenced_tables(dataset.contract) for name, dataset in datasets.items()},
        {name: dataset.contract.document.path for name, dataset in datasets.items()},
        "references",
    )


def check_inputs(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> list[Problem]:
    """Models read tables that are there, and none reads itself by way of others."""
    problems = []
    known = contracts_of(datasets, models).keys()
    for model in models.values():
        if not model.inputs:
            problems.append(Problem(model.path, 1, "the model reads no table", "add a FROM clause"))
        unknown = set(model.inputs) - known
        lines = table_lines(one_select(model.sql).tree) if unknown else {}
        problems += [
            Problem(model.path, lines[table], f"unknown table `{table}`", suggestion(table, known - {model.name}))
            for table in sorted(unknown)
        ]
    return problems + _cycle(
        {name: model.inputs for name, model in models.items()},
        {name: model.path for name, model in models.items()},
        "models",
    )


def check_tables_of_checks(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> list[Problem]:
    """The queries of checks are SQL of Filon's, and read tables that are there."""
    known = contracts_of(datasets, models).keys()
    folded = {name.casefold() for name in known}
    problems = []
    for contract in contracts_of(datasets, models).values():
        path = contract.document.path
        for check in contract.checks:
            if not check.place:
                continue
            line = contract.document.line(check.place)
            try:
                faults = faults_in(check.query, contract.column_names)
            except SqlRefused as error:
                faults = [error.fault]
            problems += [Problem(path, line, f"the check `{check.name}`: {what}", fix) for _, what, fix in faults]
            if faults:
                continue
            problems += [
                Problem(path, line, f"unknown table `{name}` in `{check.name}`", suggestion(name, known))
                for name in table_lines(one_select(check.query).tree)
                if name.casefold() not in folded
            ]
    return problems


def check_successors(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> list[Problem]:
    """The table that replaces a deprecated one is another one, and is served where that is."""
    contracts = contracts_of(datasets, models)
    served = {name for name, model in models.items() if model.serving.served}
    served |= {name for name, dataset in datasets.items() if dataset.serving.served}
    problems = []
    for contract in contracts_of({name: replace(d, history=None) for name, d in datasets.items()}, models).values():
        successor = contract.deprecated.successor if contract.deprecated else None
        if successor is None:
            continue
        document, others = contract.document, contracts.keys() - {contract.name}
        line = document.line((*value_place(document, "deprecated"), "successor"))
        if successor not in others:
            what = f"`{contract.name}` is replaced by the unknown table `{successor}`"
            problems.append(Problem(document.path, line, what, suggestion(successor, others)))
        elif contract.name in served and successor not in served:
            what = f"`{contract.name}` is served, and `{successor}`, which replaces it, is not"
            problems.append(Problem(document.path, line, what, f"serve `{successor}`, or remove `successor`"))
    return problems


def _cycle(edges: Mapping[str, Iterable[str]], paths: Mapping[str, Path], what: str) -> list[Problem]:
    own = {name: [other for other in others if other in edges] for name, others in edges.items()}
    try:
        TopologicalSorter(own).prepare()
    except CycleError as error:
        ring = list(reversed(error.args[1]))
        return [Problem(paths[ring[0]], 1, f"{what} form a cycle: {' -> '.join(ring)}", "remove one of these steps")]
    return []


def referenced_tables(contract: Contract) -> tuple[str, ...]:
    """The tables that the columns of a contract refer to."""
    return tuple(column.reference.table for column in contract.columns if column.reference and column.is_bound)
