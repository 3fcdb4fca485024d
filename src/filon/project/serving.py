"""How gold tables are served: what their contracts say, compiled and checked against their columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from filon.errors import Problem
from filon.project.analysis import Analysis, Dimension, analysis_mistakes, is_discrete, make_analysis
from filon.project.contract import Column, Contract, Model
from filon.project.document import suggestion
from filon.project.types import INTEGER, TEXT, ColumnType, Kind
from filon.project.vocabulary import AggregationSpec, DimensionSpec, EndpointSpec, ServingSpec, Window

RESERVED = {"skip", "limit", "after", "sort", "fields", "release", "format"}
AGGREGATION_PARAMETERS = {"periode", "date_debut", "date_fin", "release"}
ORDERED = (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE, Kind.DATE, Kind.TIMESTAMP)
CUBE = "_cube_"
"""How the name of a table of sums begins; the name of the table of facts follows."""
GROUPING_KEY = "_grouping_key"
"""The column of a cube that says which dimensions have which values; a row sums over all others."""
GROUPING_SEPARATOR = "\x1f"


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
class Order:
    """One step of a sort."""

    column: str
    descending: bool = False


@dataclass(frozen=True)
class StoredTable:
    """What a store must know of a table: its columns, its key, and the columns that readers look rows up by.

    ``sort`` is the order in which readers page through it when they ask for no other; the key breaks ties.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sort: tuple[Order, ...] = ()
    looked_up: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def total_order(self, sort: Iterable[Order]) -> tuple[Order, ...]:
        """A sort, made total by the key."""
        steps = tuple(sort)
        named = {step.column for step in steps}
        return (*steps, *(Order(name) for name in self.key if name not in named))

    @property
    def sortable(self) -> tuple[str, ...]:
        """The columns by which readers may sort, since an index or the key has them."""
        return tuple(dict.fromkeys((*self.key, *self.looked_up, *(step.column for step in self.sort))))


@dataclass(frozen=True)
class Cube:
    """Sums of a table per day, for every choice of dimensions and values, so that any filtered sum reads few rows.

    A row of ``stored`` has its choice as text (``grouping_key``), the day, and the measures. ``measures`` names the
    column that is summed (None: rows are counted).
    """

    table: str
    time: Column
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Column | None]
    total: EndpointSpec
    series: EndpointSpec
    stored: StoredTable

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tables that the cube is computed from."""
        return tuple(dict.fromkeys((self.table, *(item.table for item in self.dimensions.values()))))


def grouping_key(choice: Mapping[str, str]) -> str:
    """A choice of dimensions and values as one text, dimensions in order of name."""
    return GROUPING_SEPARATOR.join(f"{name}={choice[name]}" for name in sorted(choice))


@dataclass(frozen=True)
class ServedTable:
    """A gold table as readers see it. ``timezone`` is the project's: where a day of its window begins."""

    contract: Contract = field(repr=False)
    spec: ServingSpec
    stored: StoredTable
    filters: Mapping[str, Filter]
    timezone: str
    cube: Cube | None = None
    analysis: Analysis | None = None

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.contract.name

    @property
    def window(self) -> Window | None:
        """Which rows are served, if not all."""
        return self.spec.window


def served_tables(models: Mapping[str, Model], timezone: str) -> dict[str, ServedTable]:
    """The tables that are served, by name; their words must have been checked. ``timezone`` is the project's."""
    contracts = {name: model.contract for name, model in models.items()}
    found = {}
    for name, model in models.items():
        if not model.serving.served:
            continue
        contract, spec = model.contract, model.serving
        filters = {item.name: item for item in _filters(contract, spec)}
        looked_up = tuple(name for name in dict.fromkeys(spec.filters) if name not in spec.unindexed)
        stored = StoredTable(name, contract.columns, contract.key, _orders(spec.sort), looked_up)
        cube = _cube(contract, model.aggregations, contracts) if model.aggregations else None
        analysis = None
        if cube is not None and model.aggregations is not None and model.aggregations.analysis is not None:
            analysis = make_analysis(contract, model.aggregations, cube.dimensions, model.aggregations.analysis.path)
        found[name] = ServedTable(contract, spec, stored, filters, timezone, cube, analysis)
    return found


def serving_problems(models: Mapping[str, Model]) -> Iterator[Problem]:
    """What contracts say of serving and cannot be."""
    contracts = {name: model.contract for name, model in models.items()}
    paths: dict[str, str] = {}
    for model in models.values():
        contract, spec, aggregations = model.contract, model.serving, model.aggregations
        mistakes = (
            *_word_mistakes(contract, spec),
            *_aggregation_mistakes(contract, aggregations, contracts),
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


def _orders(sort: Iterable[str]) -> tuple[Order, ...]:
    return tuple(Order(name.removeprefix("-"), name.startswith("-")) for name in sort)


def _filters(contract: Contract, spec: ServingSpec) -> Iterator[Filter]:
    """Each opened column gives a parameter of its name, ordered ones also `_min` and `_max`; then other names."""
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


Mistakes = Iterator[tuple[str, str]]


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
    known = [item.name for item in _filters(contract, spec.model_copy(update={"aliases": {}}))]
    for alias, name in spec.aliases.items():
        if name not in known:
            yield f"serving: the alias `{alias}` stands for the unknown filter `{name}`", suggestion(name, known)
    taken = [*known, *spec.aliases]
    for name in sorted({name for name in taken if taken.count(name) > 1 or name in RESERVED}):
        yield f"serving: the parameter `{name}` has two meanings", "rename the alias, or leave the column out"


def _aggregation_mistakes(
    contract: Contract, spec: AggregationSpec | None, contracts: Mapping[str, Contract]
) -> Mistakes:
    if spec is None:
        return
    names = contract.column_names
    if spec.time not in names or contract.column(spec.time).type.kind is not Kind.DATE:
        yield f"aggregations: `time` must name a date column, not `{spec.time}`", suggestion(spec.time, names)
    for name, measure in spec.measures.items():
        if name in (spec.time, GROUPING_KEY):
            yield f"aggregations: `{name}` cannot be the name of a measure", "give it another name"
        if measure.sum is not None and (measure.sum not in names or not contract.column(measure.sum).type.is_exact):
            what = f"aggregations: the measure `{name}` sums `{measure.sum}`"
            yield what, "name an integer or a decimal column"
    yield from _dimension_mistakes(contract, spec, contracts)
    for answer in (spec.total, spec.series):
        for measure_name in answer.measures.values():
            if measure_name not in spec.measures:
                what = f"aggregations: `{answer.path}` gives the unknown measure `{measure_name}`"
                yield what, suggestion(measure_name, spec.measures)
    yield from analysis_mistakes(contract, spec)


def _dimension_mistakes(contract: Contract, spec: AggregationSpec, contracts: Mapping[str, Contract]) -> Mistakes:
    for name, dimension in spec.dimensions.items():
        owner = _owner(contract, dimension, contracts)
        if owner is None or dimension.column not in owner.column_names:
            what = f"aggregations: the dimension `{name}` names the unknown column `{dimension.column}`"
            yield what, "name a column, or `through` a column with a relationship to the gold table that has it"
        if name in AGGREGATION_PARAMETERS or name in (spec.time, *spec.measures):
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


def _cube(contract: Contract, spec: AggregationSpec, contracts: Mapping[str, Contract]) -> Cube:
    dimensions: dict[str, Dimension] = {}
    for name, item in spec.dimensions.items():
        owner = _owner(contract, item, contracts) or contract
        reference = contract.column(item.through).reference if item.through else None
        dimensions[name] = Dimension(owner.name, owner.column(item.column), item.through, reference)
    time = contract.column(spec.time)
    measures = {
        name: contract.column(item.sum) if item.sum else None
        for name, item in spec.measures.items()
        if item.distinct is None  # distinct values of days do not add up
    }
    sums = (Column(name, _sum_type(column), required=True) for name, column in measures.items())
    columns = (Column(GROUPING_KEY, TEXT, required=True), Column(time.name, time.type, required=True), *sums)
    stored = StoredTable(f"{CUBE}{contract.name}", columns, (GROUPING_KEY, time.name))
    return Cube(contract.name, time, dimensions, measures, spec.total, spec.series, stored)


def _sum_type(column: Column | None) -> ColumnType:
    """A count is an integer; sums of integers may leave its range."""
    return ColumnType(Kind.DECIMAL, 38, column.type.scale) if column is not None else INTEGER
