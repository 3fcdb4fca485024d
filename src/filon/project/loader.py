"""Read a project folder: ``filon.yaml``, ``sources/*.yaml``, ``gold/*.sql`` with ``gold/*.yaml``, ``pages/*.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Annotated, TypeVar

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from filon.errors import ConfigError, Problem, ProjectInvalid
from filon.pages import Text
from filon.project.alerts import parse_alert
from filon.project.charts import chart_problems
from filon.project.consistency import (
    check_inputs,
    check_names,
    check_references,
    check_successors,
    check_tables_of_checks,
    referenced_tables,
)
from filon.project.contract import Contract
from filon.project.dataset import Dataset
from filon.project.document import MOST_FILES, Document, read_document, validated
from filon.project.folder import FILE, GOLD, NAME, SOURCES, is_inside
from filon.project.guard import parse_rule
from filon.project.guarding import alert_problems, guard_problems, report_problems
from filon.project.models import Model, Project, contracts_of
from filon.project.odcs import ModelContract, read_model_contract, read_source
from filon.project.pages import read_pages, subjects_of
from filon.project.query import ModelQuery, read_query
from filon.project.reports import ReportRule
from filon.project.serving import serving_problems
from filon.project.vocabulary import ApiSpec, Timezone

Table = TypeVar("Table", Dataset, Model)


def _known_locale(name: str) -> str:
    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError):
        raise ValueError("no such locale; examples are fr, en, de_CH") from None
    return name


def _known_rule(text: str) -> str:
    parse_rule(text)
    return text


def _known_alert(text: str) -> str:
    parse_alert(text)
    return text


class Defaults(BaseModel):
    """Settings that a project brings along; an option or a FILON_ variable wins over them."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    sources: str | None = None


class ProjectFile(BaseModel):
    """The content of ``filon.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    name: str = Field(pattern=NAME)
    title: str = ""
    locale: Annotated[str, AfterValidator(_known_locale)] = "en"
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    timezone: Timezone = "UTC"
    defaults: Defaults = Defaults()
    api: ApiSpec = ApiSpec()
    guard: tuple[Annotated[str, AfterValidator(_known_rule)], ...] = ()
    alerts: tuple[Annotated[str, AfterValidator(_known_alert)], ...] = ()
    reports: dict[Annotated[str, Field(pattern=NAME)], ReportRule] = Field(default={})
    labels: dict[str, Text] = Field(default={})


def load_project(folder: Path) -> Project:
    """Read a project folder; ProjectInvalid lists every mistake in it with file, line and fix.

    Mistakes in pages are in ``page_problems`` instead: data flow without pages.
    """
    if not (folder / FILE).is_file():
        raise ConfigError(f"{folder} is no project folder: it has no {FILE}. `filon init` makes one from CSV files.")
    settings, problems = _read_settings(folder)
    datasets, source_problems = _read_sources(folder)
    files, model_problems = _read_models(folder)
    problems += [*source_problems, *model_problems]
    if not problems:
        problems += check_names(datasets.values(), (item.contract for item in files))
    if problems or settings is None:
        raise ProjectInvalid(problems)
    datasets = {name: replace(dataset, locale=settings.locale) for name, dataset in datasets.items()}
    models = _make_models(contracts_of(datasets, {}), files)
    problems += check_references(datasets, models)
    problems += check_inputs(datasets, models)
    problems += check_tables_of_checks(datasets, models)
    problems += check_successors(datasets, models)
    problems += serving_problems(datasets, models, settings.api)
    problems += chart_problems(models)
    if problems:
        raise ProjectInvalid(problems)
    pages = read_pages(folder, subjects_of(datasets, models, settings.api))
    project = Project(
        folder=folder,
        name=settings.name,
        title=settings.title or settings.name,
        locale=settings.locale,
        currency=settings.currency,
        timezone=settings.timezone,
        datasets=_ordered(datasets, {name: referenced_tables(dataset.contract) for name, dataset in datasets.items()}),
        models=_ordered(models, {name: model.inputs for name, model in models.items()}),
        sources=settings.defaults.sources,
        api=settings.api,
        guard=tuple(map(parse_rule, settings.guard)),
        alerts=tuple(map(parse_alert, settings.alerts)),
        reports=settings.reports,
        labels=settings.labels,
        pages=pages.sound,
        page_problems=pages.problems,
    )
    if project.guard or project.alerts or project.reports:
        document, checks = read_document(folder / FILE), (guard_problems, alert_problems, report_problems)
        if problems := [problem for check in checks for problem in check(document, project)]:
            raise ProjectInvalid(problems)
    return project


def _read_settings(folder: Path) -> tuple[ProjectFile | None, list[Problem]]:
    document = read_document(folder / FILE)
    settings = validated(ProjectFile, document)
    problems = list(document.problems)
    if settings is not None and not is_inside(folder, settings.defaults.sources):
        what = f"`{settings.defaults.sources}` leads out of the project's folder"
        fix = "give it when you run: --sources, or FILON_SOURCES"
        problems.append(Problem(folder / FILE, document.line(("defaults", "sources")), what, fix))
    return settings, problems


def _read_sources(folder: Path) -> tuple[dict[str, Dataset], list[Problem]]:
    datasets: dict[str, Dataset] = {}
    paths, problems = _contract_files(folder / SOURCES)
    if not paths:
        fix = "describe each source by a contract there; `filon init` writes them from CSV files"
        problems.append(Problem(folder / FILE, 1, "the folder sources/ holds no contract", fix))
    for path in paths:
        document, mistakes = _document(path)
        problems += mistakes
        if document is None:
            continue
        dataset = read_source(document)
        problems += document.problems
        if dataset is not None:
            problems += _name_is_file(dataset.contract)
            datasets[dataset.name] = dataset
    return datasets, problems


@dataclass(frozen=True)
class _ModelFiles:
    """What the two files of a model say."""

    described: ModelContract
    query: ModelQuery

    @property
    def contract(self) -> Contract:
        return self.described.contract


def _read_models(folder: Path) -> tuple[list[_ModelFiles], list[Problem]]:
    models: list[_ModelFiles] = []
    contracts, problems = _contract_files(folder / GOLD)
    with_contract = {path.stem for path in contracts}
    problems += [
        Problem(path, 1, "the model has no contract", f"describe its columns in {path.stem}.yaml")
        for path in sorted((folder / GOLD).glob("*.sql"))
        if path.stem not in with_contract
    ]
    for path in contracts:
        document, mistakes = _document(path)
        problems += mistakes
        if document is None:
            continue
        described = read_model_contract(document)
        problems += document.problems
        if described is not None:
            problems += _name_is_file(described.contract)
            query, mistakes = read_query(path.with_suffix(".sql"), described.contract)
            problems += mistakes
            if query is not None:
                models.append(_ModelFiles(described, query))
    return models, problems


def _make_models(silver: Iterable[str], files: Sequence[_ModelFiles]) -> dict[str, Model]:
    """The models by name. Their inputs carry the names of the contracts, however the SQL spells them."""
    names = {name.casefold(): name for name in (*silver, *(item.contract.name for item in files))}
    models = {}
    for item in files:
        described, query = item.described, item.query
        models[item.contract.name] = Model(
            contract=item.contract,
            path=query.path,
            sql=query.sql,
            inputs=tuple(sorted({names.get(table.casefold(), table) for table in query.inputs})),
            reads=query.reads,
            serving=described.spec.serving,
            aggregations=described.spec.aggregations,
            chart=described.spec.chart,
            latency=described.latency,
            incremental=described.spec.incremental,
        )
    return models


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


def _ordered(tables: Mapping[str, Table], edges: Mapping[str, Iterable[str]]) -> dict[str, Table]:
    own = {name: sorted(other for other in edges[name] if other in tables) for name in sorted(tables)}
    return {name: tables[name] for name in TopologicalSorter(own).static_order()}
