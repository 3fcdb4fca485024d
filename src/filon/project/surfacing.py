"""What readers of a project rely on today, as a release keeps it."""

from __future__ import annotations

from collections.abc import Iterator

from filon.pages import Block, Page, parts_of
from filon.project.columns import Column
from filon.project.contract import Contract
from filon.project.dataset import Dataset
from filon.project.fingerprints import fingerprint_of
from filon.project.models import Model, Project
from filon.project.serving import filters_of, read_dimensions
from filon.project.surface import UNBOUND, ColumnSurface, EndpointsSurface, Surface, TableSurface
from filon.project.vocabulary import AggregationSpec, ApiSpec, EndpointSpec, ServingSpec


def surface_of(project: Project) -> Surface:
    """What readers of a project rely on today."""
    tables = {}
    for dataset in project.datasets.values():
        for contract in dataset.contracts:
            tables[contract.name] = _source(project, dataset, contract)
    for model in project.models.values():
        tables[model.name] = _gold(project, model)
    return Surface(tables=tables, pages={name: _shown(project, page) for name, page in project.pages.items()})


def _source(project: Project, dataset: Dataset, contract: Contract) -> TableSurface:
    is_own = contract is dataset.contract
    is_served = dataset.serving.served and is_own
    return TableSurface(
        layer="silver",
        version=str(contract.version),
        key=contract.key,
        columns={column.name: _column(column, is_judged=is_own) for column in contract.columns},
        rows=fingerprint_of(dataset.choosing_facts)[:16] if is_own else "",
        files=fingerprint_of(dataset.file_facts)[:16] if is_own else "",
        checks=_checks(contract),
        endpoints=_endpoints(project, dataset.served_contract, dataset.serving, None) if is_served else None,
        deprecated=contract.deprecated,
    )


def _gold(project: Project, model: Model) -> TableSurface:
    contract, spec, drawn = model.contract, model.serving, model.chart
    named = [drawn.x, *drawn.y, drawn.color] if drawn else []
    return TableSurface(
        layer="gold",
        version=str(contract.version),
        key=contract.key,
        columns={column.name: _column(column, is_judged=False) for column in contract.columns},
        rows=fingerprint_of({"sql": model.statement})[:16],
        sql=model.sql,
        checks=_checks(contract),
        endpoints=_endpoints(project, contract, spec, model.aggregations) if spec.served else None,
        chart=tuple(dict.fromkeys(name for name in named if name)) or (contract.column_names if drawn else ()),
        latency_s=model.latency.total_seconds() if model.latency else None,
        deprecated=contract.deprecated,
    )


def _column(column: Column, *, is_judged: bool) -> ColumnSurface:
    listed = next((rule.bound for rule in column.rules if rule.name == "enum"), None)
    facts = {name: fact for name, fact in column.row_facts.items() if name not in ("name", "type", "required")}
    facts["rules"] = [(rule.name, rule.bound) for rule in column.rules if rule.name != "enum"] or None
    facts |= {"reference": None, "aliases": column.aliases or None}
    refers = f"{column.reference.table}.{column.reference.column}" if column.reference else None
    return ColumnSurface(
        type=column.type.sql,
        required=column.required,
        unique=column.unique,
        values=tuple(map(str, listed)) if isinstance(listed, tuple) else None,
        accepts=fingerprint_of(facts)[:16] if is_judged else "",
        refers=refers if refers is None or column.is_bound else f"{refers}{UNBOUND}",
    )


def _checks(contract: Contract) -> dict[str, str]:
    return {check.name: fingerprint_of(check.facts)[:16] for check in contract.checks if check.place}


def _endpoints(
    project: Project, contract: Contract, spec: ServingSpec, sums: AggregationSpec | None
) -> EndpointsSurface:
    plain = EndpointsSurface(
        path=spec.path,
        item=spec.item,
        paged=spec.paged,
        default_limit=spec.default_limit,
        maximum_limit=spec.maximum_limit,
        sort=spec.sort,
        filters=tuple(item.name for item in filters_of(contract, spec)),
        window=f"{spec.window.last} of {spec.window.column}" if spec.window else None,
    )
    if sums is None:
        return plain
    gold = {name: model.contract for name, model in project.models.items()}
    dimensions = read_dimensions(contract, sums, gold)
    return plain.model_copy(
        update={
            "time": sums.time,
            "measures": {name: _measure(item.sum, item.distinct) for name, item in sums.measures.items()},
            "dimensions": {name: f"{item.table}.{item.column.name}" for name, item in dimensions.items()},
            "answers": dict(_answers(sums)),
            "words": _words(project.api),
        }
    )


def _measure(total: str | None, distinct: str | None) -> str:
    return f"sum {total}" if total else f"distinct {distinct}" if distinct else "rows"


def _answers(sums: AggregationSpec) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The paths of aggregations, each with what its answers hold: names, and the measures under them."""

    def fields(spec: EndpointSpec) -> tuple[str, ...]:
        return tuple(f"{shown} ({measure})" for shown, measure in spec.measures.items())

    yield sums.total.path, fields(sums.total)
    yield sums.series.path, fields(sums.series)
    if sums.analysis is not None:
        yield sums.analysis.path, ()


def _words(words: ApiSpec) -> tuple[str, ...]:
    return tuple(f"{name} = {value}" for name, value in words)


def _shown(project: Project, page: Page) -> dict[str, tuple[str, ...]]:
    """The columns that a page shows, by table."""
    shown: dict[str, set[str]] = {}
    for block in page.blocks:
        table = block.of if isinstance(block, Block) or block.measure else block.count
        model = project.models.get(table or "")
        contract = model.contract if model else project.contracts.get(table or "")
        if contract is None:
            continue
        words = {*_texts(block.model_dump(exclude={"title", "about", "help"})), *page.filters}
        shown.setdefault(contract.name, set()).update(words & set(contract.column_names))
        if model is not None and model.aggregations is not None:
            for owner, column in _summed(project, model, model.aggregations, words):
                shown.setdefault(owner, set()).add(column)
    return {table: tuple(sorted(columns)) for table, columns in sorted(shown.items())}


def _summed(project: Project, model: Model, sums: AggregationSpec, words: set[str]) -> Iterator[tuple[str, str]]:
    """Tables and columns behind the measures and dimensions that are among some words."""
    for name, item in sums.measures.items():
        if name in words:
            yield model.name, item.sum or item.distinct or sums.time
    gold = {name: other.contract for name, other in project.models.items()}
    for name, dimension in read_dimensions(model.contract, sums, gold).items():
        if name in words:
            yield dimension.table, dimension.column.name


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from (part.lstrip("-") for part in parts_of(value))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
