"""How tables are served: what their contracts say, checked against their columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from filon.errors import Problem
from filon.project.analysis import Mistakes, analysis_mistakes, is_discrete
from filon.project.contract import Column, Contract, Dataset, Model, Reference
from filon.project.types import Kind
from filon.project.vocabulary import AggregationSpec, ApiSpec, DimensionSpec, ServingSpec
from filon.suggestions import suggestion

RESERVED = {"skip", "limit", "after", "sort", "fields", "release", "format"}
ORDERED = (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE, Kind.DATE, Kind.TIMESTAMP)
OWN = "_"
"""How names begin that Filon keeps for itself."""


class Operator(StrEnum):
    """How a filter compares."""

    EQUAL = "="
    AT_LEAST = ">="
    AT_MOST = "<="
    ONE_OF = "in"


@dataclass(frozen=True)
class Filter:
    """A parameter of a list: rows whose ``column`` compares with the parameter's value."""

    name: str
    column: Column
    operator: Operator


@dataclass(frozen=True)
class Dimension:
    """A dimension: a column of ``table``, reached through a column that refers to it if that is given."""

    table: str
    column: Column
    through: str | None
    reference: Reference | None


def read_dimensions(
    contract: Contract, spec: AggregationSpec, contracts: Mapping[str, Contract]
) -> dict[str, Dimension]:
    """The dimensions of a table, by name; ``contracts`` are those of all gold tables, and must have been checked."""
    dimensions = {}
    for name, item in spec.dimensions.items():
        reference = contract.column(item.through).reference if item.through else None
        owner = contract if reference is None else contracts[reference.table]
        dimensions[name] = Dimension(owner.name, owner.column(item.column), item.through, reference)
    return dimensions


def filters_of(contract: Contract, spec: ServingSpec) -> Iterator[Filter]:
    """The parameters that choose rows of a list.

    Each column that is opened gives one of its name, and ``_min`` and ``_max`` if its values have an order; aliases
    follow.
    """
    plain: dict[str, Filter] = {}
    for name in spec.filters:
        column = contract.column(name)
        plain[name] = Filter(name, column, Operator.EQUAL)
        if column.type.kind in ORDERED:
            plain[f"{name}_min"] = Filter(f"{name}_min", column, Operator.AT_LEAST)
            plain[f"{name}_max"] = Filter(f"{name}_max", column, Operator.AT_MOST)
    yield from plain.values()
    for alias, name in spec.aliases.items():
        yield Filter(alias, plain[name].column, plain[name].operator)


def serving_problems(datasets: Mapping[str, Dataset], models: Mapping[str, Model], words: ApiSpec) -> Iterator[Problem]:
    """Mistakes in what contracts say of serving; ``words`` are the API's names for time."""
    contracts = {name: model.contract for name, model in models.items()}
    paths: dict[str, str] = {}
    said: list[tuple[Contract, ServingSpec, AggregationSpec | None]] = [
        (model.contract, model.serving, model.aggregations) for model in models.values()
    ]
    said += [(dataset.served_contract, dataset.serving, None) for dataset in datasets.values()]
    for contract, spec, aggregations in said:
        mistakes = (
            *_word_mistakes(contract, spec),
            *_aggregation_mistakes(contract, aggregations, contracts, words),
            *(_unserved_mistakes(contract, aggregations, models) if spec.served else ()),
        )
        for what, fix in mistakes:
            yield Problem(contract.document.path, contract.document.line(("schema", 0, "customProperties")), what, fix)
        answers = [aggregations.total.path, aggregations.series.path] if aggregations else []
        if aggregations and aggregations.analysis:
            answers.append(aggregations.analysis.path)
        for path in [*([spec.path] if spec.path else []), *answers]:
            if paths.setdefault(path, contract.name) != contract.name or answers.count(path) > 1:
                what = f"the path `{path}` of `{contract.name}` also belongs to `{paths[path]}`"
                line = contract.document.line(("schema", 0, "customProperties"))
                yield Problem(contract.document.path, line, what, "give each endpoint a path of its own")


def _word_mistakes(contract: Contract, spec: ServingSpec) -> Mistakes:
    names = contract.column_names
    if contract.name.lower().startswith("sqlite_") and spec.served:
        yield f"serving: SQLite keeps names such as `{contract.name}` to itself", "rename the table, or do not serve it"
    yield from _column_mistakes(contract, spec)
    if spec.default_limit > spec.maximum_limit:
        yield "serving: `defaultLimit` is above `maximumLimit`", "correct one of them"
    if spec.item and len(contract.key) != 1:
        yield "serving: `item` needs a key of one column", "remove `item`"
    if spec.window:
        yield from _window_mistakes(contract, spec.window.column)
    if all(name in names for name in spec.filters):
        yield from _parameter_mistakes(contract, spec)


def _column_mistakes(contract: Contract, spec: ServingSpec) -> Mistakes:
    names = contract.column_names
    sort = [name.removeprefix("-") for name in spec.sort]
    for word, columns in (("filters", spec.filters), ("sort", sort)):
        for name in columns:
            if name not in names:
                yield f"serving: `{word}` names the unknown column `{name}`", suggestion(name, names)
    for name in spec.unindexed:
        if name not in spec.filters:
            yield f"serving: `unindexed` names `{name}`, which is no filter", suggestion(name, spec.filters)


def _window_mistakes(contract: Contract, name: str) -> Mistakes:
    if name not in contract.column_names:
        yield f"serving: `window` names the unknown column `{name}`", suggestion(name, contract.column_names)
    elif contract.column(name).type.kind not in (Kind.DATE, Kind.TIMESTAMP):
        yield f"serving: the window's column `{name}` is no date", "name a date or a timestamp"


def _parameter_mistakes(contract: Contract, spec: ServingSpec) -> Mistakes:
    known = [item.name for item in filters_of(contract, spec.model_copy(update={"aliases": {}}))]
    for alias, name in spec.aliases.items():
        if name not in known:
            yield f"serving: the alias `{alias}` stands for the unknown filter `{name}`", suggestion(name, known)
    taken = [*known, *spec.aliases]
    for name in sorted({name for name in taken if taken.count(name) > 1 or name in RESERVED}):
        yield f"serving: the parameter `{name}` has two meanings", "rename the alias, or leave the column out"


def _aggregation_mistakes(
    contract: Contract, spec: AggregationSpec | None, contracts: Mapping[str, Contract], words: ApiSpec
) -> Mistakes:
    if spec is None:
        return
    names = contract.column_names
    if spec.time not in names or contract.column(spec.time).type.kind is not Kind.DATE:
        yield f"aggregations: `time` must name a date column, not `{spec.time}`", suggestion(spec.time, names)
    for name, measure in spec.measures.items():
        if name == spec.time or name.startswith(OWN):
            yield f"aggregations: `{name}` cannot be the name of a measure", "give it another name"
        if measure.sum is not None and (measure.sum not in names or not contract.column(measure.sum).type.is_exact):
            what = f"aggregations: the measure `{name}` sums `{measure.sum}`"
            yield what, "name an integer or a decimal column"
    yield from _dimension_mistakes(contract, spec, contracts, words)
    for answer in (spec.total, spec.series):
        for measure_name in answer.measures.values():
            if measure_name not in spec.measures:
                what = f"aggregations: `{answer.path}` gives the unknown measure `{measure_name}`"
                yield what, suggestion(measure_name, spec.measures)
    if words.period in spec.series.measures:
        what = f"aggregations: `{spec.series.path}` gives a measure under `{words.period}`, the name of the period"
        yield what, "give it another name"
    yield from analysis_mistakes(contract, spec, words)


def _dimension_mistakes(
    contract: Contract, spec: AggregationSpec, contracts: Mapping[str, Contract], words: ApiSpec
) -> Mistakes:
    parameters = {words.period, words.first_day, words.last_day, "release"}
    for name, dimension in spec.dimensions.items():
        owner = _owner(contract, dimension, contracts)
        if owner is None or dimension.column not in owner.column_names:
            what = f"aggregations: the dimension `{name}` names the unknown column `{dimension.column}`"
            yield what, "name a column, or `through` a column with a relationship to the gold table that has it"
        if name in parameters or name in (spec.time, *spec.measures):
            yield f"aggregations: `{name}` cannot be the name of a dimension", "give it another name"
        if owner and dimension.column in owner.column_names and not is_discrete(owner.column(dimension.column)):
            yield (
                f"aggregations: the dimension `{name}` is measured, not counted",
                "name a text, integer, date or boolean",
            )


def _unserved_mistakes(contract: Contract, spec: AggregationSpec | None, models: Mapping[str, Model]) -> Mistakes:
    contracts = {name: model.contract for name, model in models.items()}
    for name, dimension in spec.dimensions.items() if spec else ():
        owner = _owner(contract, dimension, contracts)
        if owner is not None and not models[owner.name].serving.served:
            yield f"aggregations: the dimension `{name}` comes from `{owner.name}`, which is not served", "serve it"


def _owner(contract: Contract, dimension: DimensionSpec, contracts: Mapping[str, Contract]) -> Contract | None:
    """The table that has a dimension's column, if the contracts lead there."""
    if dimension.through is None:
        return contract
    if dimension.through not in contract.column_names:
        return None
    reference = contract.column(dimension.through).reference
    return contracts.get(reference.table) if reference else None
