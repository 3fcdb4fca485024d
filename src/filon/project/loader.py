"""Read a project folder: ``filon.yaml``, ``sources/*.yaml``, ``gold/*.sql`` with ``gold/*.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, TypeVar

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from filon.errors import ConfigError, Problem, ProjectInvalid
from filon.project.charts import chart_problems
from filon.project.contract import Contract, Dataset, Model, Project, contracts_of
from filon.project.document import MOST_FILES, Document, read_document, suggestion, validated
from filon.project.grammar import SqlRefused, faults_in
from filon.project.odcs import read_model_contract, read_source
from filon.project.query import one_select, read_model, table_lines
from filon.project.serving import serving_problems
from filon.project.vocabulary import Timezone

FILE = "filon.yaml"
Table = TypeVar("Table", Dataset, Model)


def _known_locale(name: str) -> str:
    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError):
        raise ValueError("no such locale; examples are fr, en, de_CH") from None
    return name


class Defaults(BaseModel):
    """Settings that a project brings along; an option or a FILON_ variable wins over them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sources: str | None = None


class ProjectFile(BaseModel):
    """The content of ``filon.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    title: str = ""
    locale: Annotated[str, AfterValidator(_known_locale)] = "en"
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    timezone: Timezone = "UTC"
    defaults: Defaults = Defaults()


def load_project(folder: Path) -> Project:
    """Read a project folder; ProjectInvalid lists every mistake in it with file, line and fix."""
    if not (folder / FILE).is_file():
        raise ConfigError(f"{folder} is no project folder: it has no {FILE}. `filon init` makes one from CSV files.")
    settings_document = read_document(folder / FILE)
    settings = validated(ProjectFile, settings_document)
    problems = list(settings_document.problems)
    if settings is not None and not _is_inside(folder, settings.defaults.sources):
        line = settings_document.line(("defaults", "sources"))
        what = f"`{settings.defaults.sources}` leads out of the project's folder"
        problems.append(Problem(folder / FILE, line, what, "whoever runs it may say so: --sources, or FILON_SOURCES"))
    datasets, found = _read_sources(folder)
    problems += found
    models, found = _read_models(folder)
    problems += found
    if not problems:
        problems += _check_names(datasets, models)
    if not problems:
        models = _with_inputs_as_named(datasets, models)
        problems += _check_references(datasets, models)
        problems += _check_inputs(datasets, models)
        problems += _check_check_tables(datasets, models)
        problems += serving_problems(models)
        problems += chart_problems(models)
    if problems or settings is None:
        raise ProjectInvalid(problems)
    return Project(
        folder=folder,
        name=settings.name,
        title=settings.title or settings.name,
        locale=settings.locale,
        currency=settings.currency,
        timezone=settings.timezone,
        datasets=_ordered(datasets, {name: _referenced(dataset.contract) for name, dataset in datasets.items()}),
        models=_ordered(models, {name: model.inputs for name, model in models.items()}),
        sources=settings.defaults.sources,
    )


def _is_inside(folder: Path, sources: str | None) -> bool:
    """Whether the sources that a project brings along are its own, or on an object store that credentials guard."""
    if sources is None or sources.startswith(("s3://", "s3a://")):
        return True
    try:
        return "://" not in sources and (folder / sources).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):  # a name that no file can have, or links in a circle
        return False


def _read_sources(folder: Path) -> tuple[dict[str, Dataset], list[Problem]]:
    datasets: dict[str, Dataset] = {}
    paths, problems = _contract_files(folder / "sources")
    if not paths:
        fix = "describe each source by a contract there; `filon init` writes them from CSV files"
        problems.append(Problem(folder / FILE, 1, "the folder sources/ holds no contract", fix))
    for path in paths:
        document, found = _document(path)
        if document is not None:
            dataset = read_source(document)
            found = document.problems
            if dataset is not None:
                found = found + _name_is_file(dataset.contract)
                datasets[dataset.name] = dataset
        problems += found
    return datasets, problems


def _read_models(folder: Path) -> tuple[dict[str, Model], list[Problem]]:
    models: dict[str, Model] = {}
    contracts, problems = _contract_files(folder / "gold")
    described = {path.stem for path in contracts}
    problems += [
        Problem(path, 1, "the model has no contract", f"describe its columns in {path.stem}.yaml")
        for path in sorted((folder / "gold").glob("*.sql"))
        if path.stem not in described
    ]
    for path in contracts:
        document, found = _document(path)
        if document is not None:
            read = read_model_contract(document)
            found = list(document.problems)
            if read is not None:
                found += _name_is_file(read.contract)
                model, mistakes = read_model(path.with_suffix(".sql"), read.contract)
                found += mistakes
                if model is not None:
                    spec = read.spec
                    models[model.name] = replace(
                        model,
                        serving=spec.serving,
                        aggregations=spec.aggregations,
                        chart=spec.chart,
                        latency=read.latency,
                    )
        problems += found
    return models, problems


def _contract_files(folder: Path) -> tuple[list[Path], list[Problem]]:
    """The contracts in a folder, and those that stand in two files."""
    paths = sorted(path for path in folder.glob("*") if path.suffix in (".yaml", ".yml"))
    if len(paths) > MOST_FILES:
        what = f"the folder has {len(paths):,} contracts, more than {MOST_FILES:,}"
        return [], [Problem(folder, 1, what, "divide the project")]
    first: dict[str, Path] = {}
    problems = [
        Problem(path, 1, f"{first[path.stem].name} is a contract of the same table", "keep one of the two")
        for path in paths
        if first.setdefault(path.stem, path) != path
    ]
    return paths, problems


def _document(path: Path) -> tuple[Document | None, list[Problem]]:
    try:
        return read_document(path), []
    except ProjectInvalid as error:
        return None, list(error.problems)


def _name_is_file(contract: Contract) -> list[Problem]:
    path = contract.document.path
    if path.stem == contract.name:
        return []
    line = contract.document.line(("schema", 0, "name"))
    return [
        Problem(
            path,
            line,
            f"the table `{contract.name}` stands in {path.name}",
            f"rename the file {contract.name}.yaml",
        )
    ]


def _check_names(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> list[Problem]:
    """SQL does not tell upper from lower case, so neither may the names of tables."""
    known: dict[str, Contract] = {}
    problems = []
    for contract in [*(d.contract for d in datasets.values()), *(m.contract for m in models.values())]:
        other = known.setdefault(contract.name.casefold(), contract)
        if other is not contract:
            what = f"`{contract.name}` is also a {'source' if other.name in datasets else 'model'}"
            what += f", `{other.name}`" if other.name != contract.name else ""
            problems.append(Problem(contract.document.path, 1, what, "give the table another name"))
    return problems


def _with_inputs_as_named(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> dict[str, Model]:
    """Models whose inputs carry the names of the contracts, however the SQL spells them."""
    named = {name.casefold(): name for name in (*datasets, *models)}
    return {
        name: replace(model, inputs=tuple(sorted({named.get(table.casefold(), table) for table in model.inputs})))
        for name, model in models.items()
    }


def _check_references(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> list[Problem]:
    contracts = contracts_of(datasets, models)
    problems = []
    for name, contract in contracts.items():
        known = datasets.keys() if name in datasets else contracts.keys()
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
        {name: _referenced(dataset.contract) for name, dataset in datasets.items()},
        {name: dataset.contract.document.path for name, dataset in datasets.items()},
        "references",
    )


def _check_inputs(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> list[Problem]:
    problems = []
    known = datasets.keys() | models.keys()
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


def _check_check_tables(datasets: Mapping[str, Dataset], models: Mapping[str, Model]) -> list[Problem]:
    known = datasets.keys() | models.keys()
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


def _cycle(edges: Mapping[str, Iterable[str]], paths: Mapping[str, Path], what: str) -> list[Problem]:
    own = {name: [other for other in others if other in edges] for name, others in edges.items()}
    try:
        TopologicalSorter(own).prepare()
    except CycleError as error:
        ring = list(reversed(error.args[1]))
        return [Problem(paths[ring[0]], 1, f"{what} form a cycle: {' -> '.join(ring)}", "remove one of these steps")]
    return []


def _referenced(contract: Contract) -> tuple[str, ...]:
    return tuple(column.reference.table for column in contract.columns if column.reference)


def _ordered(tables: Mapping[str, Table], edges: Mapping[str, Iterable[str]]) -> dict[str, Table]:
    own = {name: sorted(other for other in edges[name] if other in tables) for name in sorted(tables)}
    return {name: tables[name] for name in TopologicalSorter(own).static_order()}
