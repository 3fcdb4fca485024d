"""Read a contract: an Open Data Contract Standard 3.1 document plus the words of ``vocabulary``."""

from __future__ import annotations

import datetime as dt
import re
import typing
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from sqlglot.errors import SqlglotError

from filon.project.checks import contract_checks, written_checks
from filon.project.contract import AS_THE_TABLE, NOT_SERVED, Bound, Column, Contract, Dataset, Reference, Rule
from filon.project.dialects import DATE_FIX, column_formats, report_dialect
from filon.project.document import SHOWN, Document, Place, keys_at
from filon.project.fileformats import report_format, with_typed_formats
from filon.project.grammar import SqlRefused, faults_in
from filon.project.headers import folded
from filon.project.places import PATH, PlaceColumn, path_pattern
from filon.project.promises import read_latency
from filon.project.query import describe_error, one_expression
from filon.project.types import LOGICAL, MAX_PRECISION, ColumnType, Kind, parse_type
from filon.project.values import LONGEST_PATTERN, read_moment, read_number, read_value
from filon.project.vocabulary import ColumnSpec, EmptySpec, FileNameSpec, ModelSpec, Orphan, SourceSpec
from filon.suggestions import suggestion

Spec = TypeVar("Spec", bound=BaseModel)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
PLACE_NAME = re.compile(PATH)
COLUMN_NAME = re.compile(r"[^\W_][\w%$#@+-]*")  # Delta forbids blanks and ,;{}()= in names; a leading _ is Filon's own
SCHEMA: Place = ("schema", 0)

RANGES = [(low, high) for low in ("minimum", "exclusiveMinimum") for high in ("maximum", "exclusiveMaximum")]
RANGES.append(("minLength", "maxLength"))
TEXT_OPTIONS = {"minLength", "maxLength", "pattern"}
RANGE_OPTIONS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
DATE_OPTIONS = RANGE_OPTIONS | {"format"}


def read_source(document: Document) -> Dataset | None:
    """The dataset that a document of ``sources/`` describes; None when its mistakes (reported) leave nothing to use."""
    schema = _schema(document, _standard(document))
    if schema is None:
        return None
    spec = _words(document, SCHEMA, schema.customProperties, SourceSpec)
    contract = _contract(document, schema, is_source=True, spec=spec)
    if spec is None or contract is None:
        return None
    report_format(document, _value_place(document, "dialect"), spec)
    contract = with_typed_formats(contract, spec)
    _report_repeated_rules(document, spec)
    _report_faulty_rules(document, contract, spec)
    return Dataset(
        contract=contract,
        pattern=spec.file_pattern,
        dialect=spec.dialect,
        keep=spec.keep,
        drift=spec.drift,
        malformed_threshold=spec.malformed_threshold,
        on_missing_file=spec.on_missing_file,
        rules=spec.rules,
        place_columns=place_columns(document, contract, spec),
        newest=_newest(document, contract, spec),
        serving=spec.serving if spec.serving is not None else NOT_SERVED,
    )


def _report_repeated_rules(document: Document, spec: SourceSpec) -> None:
    names = [rule.name for rule in spec.rules]
    for name in sorted({name for name in names if names.count(name) > 1}):
        document.report(SCHEMA, f"two rules are named `{name}`", "give each rule a name of its own")


def _report_faulty_rules(document: Document, contract: Contract, spec: SourceSpec) -> None:
    for index, rule in enumerate(spec.rules):
        place = rule_place(document, index)
        try:
            one_expression(rule.expression)
            faults = faults_in(rule.expression, contract.column_names)
        except SqlglotError as error:
            fix = (
                error.fault.fix
                if isinstance(error, SqlRefused)
                else "write a condition over the columns of this contract"
            )
            document.report(place, f"the rule `{rule.name}` cannot be compiled: {describe_error(error)}", fix)
            continue
        for _, what, fix in faults:
            document.report(place, f"the rule `{rule.name}`: {what}", fix)


def rule_place(document: Document, index: int) -> Place:
    """Where a row rule stands in its contract."""
    return (*_place_of_word(document, "rules"), index)


@dataclass(frozen=True)
class ModelContract:
    """What the contract of a gold table says: its columns, how it is served and drawn, how fresh it promises to be."""

    contract: Contract
    spec: ModelSpec
    latency: dt.timedelta | None


def read_model_contract(document: Document) -> ModelContract | None:
    """The contract of a gold table; None when mistakes (reported) leave nothing to use."""
    whole = _standard(document)
    schema = _schema(document, whole)
    if whole is None or schema is None:
        return None
    latency = read_latency(document, whole.slaProperties)
    spec = _words(document, SCHEMA, schema.customProperties, ModelSpec)
    contract = _contract(document, schema, is_source=False, spec=None)
    if contract is not None and not contract.key:
        document.report(
            SCHEMA, f"`{contract.name}` has no key", "mark the columns of its grain with `primaryKey: true`"
        )
    return ModelContract(contract, spec, latency) if contract is not None and spec is not None else None


def _standard(document: Document) -> OpenDataContractStandard | None:
    if not isinstance(document.data, dict):
        document.report((), "a contract is a mapping", "start with `apiVersion: v3.1.0`")
        return None
    _report_unknown_keys(document, OpenDataContractStandard, document.data, ())
    known = {info.alias or name for name, info in OpenDataContractStandard.model_fields.items()}
    try:
        whole = OpenDataContractStandard.model_validate({k: v for k, v in document.data.items() if k in known})
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            if mistake["type"] != "extra_forbidden":
                name = ".".join(str(part) for part in mistake["loc"])
                document.report(mistake["loc"], f"`{name}`: {mistake['msg']}", "give a value of that type")
        return None
    return whole


def _schema(document: Document, whole: OpenDataContractStandard | None) -> SchemaObject | None:
    if whole is None:
        return None
    for key in ("apiVersion", "kind", "id", "version", "status"):
        if getattr(whole, key) is None:
            document.report((), f"`{key}` is missing", f"add `{key}: …`, as the standard asks")
    if whole.apiVersion is not None and not str(whole.apiVersion).startswith("v3."):
        document.report(("apiVersion",), f"version {whole.apiVersion} is not read", "write `apiVersion: v3.1.0`")
    if not whole.schema_ or len(whole.schema_) != 1:
        document.report(("schema",), "one table per contract is expected under `schema`", "split the file")
        return None
    return whole.schema_[0]


def _report_unknown_keys(document: Document, model: type[BaseModel], data: object, place: Place) -> None:
    if not isinstance(data, dict):
        return
    fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
    for key, value in data.items():
        if key not in fields:
            document.report((*place, key), f"unknown key `{key}`", suggestion(str(key), fields))
            continue
        for nested in _models_in(fields[key]):
            items = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, item in items:
                inner = (*place, key) if index is None else (*place, key, index)
                _report_unknown_keys(document, nested, item, inner)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The one model that an annotation may hold (none where several compete, as in ``team``)."""
    models = set(_every_model(annotation))
    if len(models) == 1:
        yield from models


def _every_model(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _every_model(argument)


def _words(document: Document, place: Place, properties: list[CustomProperty] | None, spec: type[Spec]) -> Spec | None:
    known = {to_camel(name) for name in spec.model_fields}
    values: dict[str, Any] = {}
    places: dict[str, Place] = {}
    for index, entry in enumerate(properties or []):
        here = (*place, "customProperties", index)
        if entry.vendor not in (None, "filon"):
            continue
        name = entry.property or ""
        if name not in known:
            fix = suggestion(name, known) if known else "remove it, or name its `vendor`"
            document.report((*here, "property"), f"unknown custom property `{name}`", fix)
            continue
        values[name], places[name] = entry.value, (*here, "value")
    try:
        return spec.model_validate(values)
    except ValidationError as error:
        for mistake in error.errors(include_url=False):
            first, *rest = mistake["loc"]
            name = ".".join(str(part) for part in mistake["loc"])
            where = (*places[str(first)], *rest) if first in places else place
            if mistake["type"] == "extra_forbidden":
                document.report(
                    where, f"unknown key `{name}`", suggestion(str(mistake["loc"][-1]), keys_at(spec, mistake["loc"]))
                )
            elif mistake["type"] == "missing" and not rest:
                fix = f"add to its customProperties: `- {{property: {first}, value: …}}`"
                document.report(where, f"custom property `{first}` is missing", fix)
            else:
                fix = DATE_FIX if name.endswith("Format") else "see the vocabulary in docs/contracts.md"
                document.report(where, f"`{name}`: {mistake['msg']}", fix)
        return None


def _contract(document: Document, schema: SchemaObject, *, is_source: bool, spec: SourceSpec | None) -> Contract | None:
    if not _is_name(document, SCHEMA, schema.name):
        return None
    if not schema.properties:
        document.report(SCHEMA, f"`{schema.name}` has no columns", "list them under `properties`")
        return None
    columns: list[Column] = []
    for index, prop in enumerate(schema.properties):
        place = (*SCHEMA, "properties", index)
        column = _column(document, place, prop, is_source=is_source, spec=spec)
        if column is None:
            continue
        if column.name.lower() in {other.name.lower() for other in columns}:
            document.report(place, f"column `{column.name}` stands twice", "remove one of the two")
            continue
        if is_source and column.header.casefold() in {other.header.casefold() for other in columns}:
            what = f"two columns are read from the header `{column.header}`"
            document.report(place, what, "give each a `physicalName` of its own")
            continue
        if (alias := _shared_name(column, columns)) is not None:
            document.report(place, f"two columns are read from the header `{alias}`", "let one column have that alias")
            continue
        columns.append(column)
    if len(columns) != len(schema.properties):
        return None
    keyed = [(p.primaryKeyPosition or 0, i) for i, p in enumerate(schema.properties) if p.primaryKey]
    key = tuple(columns[index].name for _, index in sorted(keyed))
    contract = Contract(
        name=str(schema.name),
        columns=tuple(columns),
        key=key,
        description=schema.description or "",
        grain=schema.dataGranularityDescription or "",
        document=document,
    )
    checks = (*contract_checks(contract), *written_checks(document, contract, _qualities(schema)))
    return replace(contract, checks=checks)


def _newest(document: Document, contract: Contract, spec: SourceSpec) -> str | None:
    """The column of ``newest``; None when there is none, or a mistake, which is reported."""
    if spec.newest is None:
        return None
    column = spec.newest.by
    place = (*_place_of_word(document, "newest"), "by")
    if column not in contract.column_names:
        document.report(
            place, f"`newest` compares `{column}`, which is no column", suggestion(column, contract.column_names)
        )
    elif not contract.key:
        document.report(
            place, "`newest` decides between rows of one key, and there is no key", "mark it with `primaryKey`"
        )
    else:
        return column
    return None


def place_columns(document: Document, contract: Contract, spec: SourceSpec) -> tuple[PlaceColumn, ...]:
    """The columns that are read from a file's path; mistakes in ``fromFileName`` are reported."""
    columns = [PlaceColumn(column.name) for column in contract.columns if column.header == PATH]
    for index, named in enumerate(spec.from_file_name):
        mistake = _mistake_in(named, contract, [column.column for column in columns])
        if mistake is None:
            columns.append(PlaceColumn(named.column, named.pattern))
        else:
            what, fix = mistake
            here = _place_of_word(document, "fromFileName")
            is_one = isinstance(_value_of_word(document, "fromFileName"), dict)
            document.report(here if is_one else (*here, index), what, fix)
    return tuple(columns)


def _mistake_in(named: FileNameSpec, contract: Contract, before: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with an entry of ``fromFileName``, and the fix; None when nothing is."""
    if named.column not in contract.column_names:
        return f"`fromFileName` fills `{named.column}`, which is no column", suggestion(
            named.column, contract.column_names
        )
    if named.column in before:
        return f"`{named.column}` is read from the path twice", "remove one of the two"
    group = f"(?<{named.column}>…)"
    try:
        groups = path_pattern(named.pattern).groupindex
    except re.error as error:
        return f"`{named.pattern[:SHOWN]}` is no pattern: {error}", f"write it like `{group}/`"
    if named.column not in groups:
        return f"the pattern has no group `{named.column}`", f"put brackets around what the column holds: {group}"
    return None


def _position_of_word(document: Document, word: str) -> int:
    entries = document.data["schema"][0].get("customProperties", [])
    return next(position for position, entry in enumerate(entries) if entry.get("property") == word)


def _place_of_word(document: Document, word: str) -> Place:
    """Where the value of a word of the table stands."""
    return (*SCHEMA, "customProperties", _position_of_word(document, word), "value")


def _value_place(document: Document, word: str) -> Place:
    """Where the value of a word of the table stands; the table itself when it has no such word."""
    entries = [entry.get("property") for entry in document.data["schema"][0].get("customProperties") or []]
    return _place_of_word(document, word) if word in entries else SCHEMA


def _value_of_word(document: Document, word: str) -> object:
    return document.data["schema"][0]["customProperties"][_position_of_word(document, word)]["value"]


def _shared_name(column: Column, others: Sequence[Column]) -> str | None:
    """A name of a column in files that another column has too, one of the two as an alias; None when there is none."""
    headers = {folded(other.header) for other in others}
    aliases = {folded(alias) for other in others for alias in other.aliases}
    own = next((alias for alias in column.aliases if folded(alias) in headers | aliases), None)
    return own or (column.header if folded(column.header) in aliases else None)


def _qualities(schema: SchemaObject) -> Iterator[tuple[Place, str | None, DataQuality]]:
    for index, quality in enumerate(schema.quality or []):
        yield (*SCHEMA, "quality", index), None, quality
    for column, prop in enumerate(schema.properties or []):
        for index, quality in enumerate(prop.quality or []):
            yield (*SCHEMA, "properties", column, "quality", index), prop.name, quality


def _is_name(document: Document, place: Place, name: str | None, form: re.Pattern[str] = NAME) -> bool:
    if name and form.fullmatch(name):
        return True
    what = f"`{name}` cannot be a name" if name else "`name` is missing"
    document.report(
        (*place, "name"), what, "use letters, digits and _, starting with a letter (CSV name: physicalName)"
    )
    return False


def _column(
    document: Document, place: Place, prop: SchemaProperty, *, is_source: bool, spec: SourceSpec | None
) -> Column | None:
    if not _is_name(document, place, prop.name, PLACE_NAME if is_source and prop.name == PATH else COLUMN_NAME):
        return None
    own: ColumnSpec | EmptySpec | None
    if is_source:
        own = _words(document, place, prop.customProperties, ColumnSpec)
    else:
        own = _words(document, place, prop.customProperties, EmptySpec)
    kind = _type(document, place, prop)
    if kind is None or own is None:
        return None
    rules = tuple(_rules(document, place, prop, kind)) if is_source else ()
    _report_empty_ranges(document, place, rules)
    if not is_source and (prop.logicalTypeOptions or prop.enum):
        where = (*place, "logicalTypeOptions" if prop.logicalTypeOptions else "enum")
        document.report(where, "a model's column is not judged row by row", "write a `quality` check instead")
    if isinstance(own, ColumnSpec) and own.not_after:
        if kind.kind not in (Kind.DATE, Kind.TIMESTAMP):
            document.report(place, "`notAfter` needs a date or a timestamp", "remove it, or change the type")
        rules = (*rules, Rule("notAfter", own.not_after))
    formats: tuple[str, ...] = ("",)
    if isinstance(own, ColumnSpec):
        report_dialect(document, place, prop, kind, spec, own)
        formats = column_formats(document, place, prop, kind, spec, own)
    return Column(
        name=str(prop.name),
        type=kind,
        required=bool(prop.required or prop.primaryKey),
        unique=bool(prop.unique),
        header=unicodedata.normalize("NFC", prop.physicalName or str(prop.name)).strip(),
        aliases=own.aliases if isinstance(own, ColumnSpec) else (),
        format=formats[0],
        other_formats=formats[1:],
        normalise=own.normalise if isinstance(own, ColumnSpec) else ColumnSpec().normalise,
        dialect=own.dialect if isinstance(own, ColumnSpec) else AS_THE_TABLE,
        rules=rules,
        reference=_reference(document, place, prop, own),
        description=prop.description or "",
    )


def _type(document: Document, place: Place, prop: SchemaProperty) -> ColumnType | None:
    logical = prop.logicalType or ""
    if logical not in LOGICAL:
        what = f"logical type `{logical}` of `{prop.name}` is not one a table holds"
        document.report((*place, "logicalType"), what, suggestion(logical, LOGICAL))
        return None
    if logical != "number":
        return ColumnType(LOGICAL[logical])
    number_type = parse_type(prop.physicalType or "")
    if number_type is None or number_type.kind not in (Kind.DECIMAL, Kind.DOUBLE):
        what = f"`{prop.name}` is a number without a usable physicalType ({prop.physicalType})"
        document.report(
            (*place, "physicalType"), what, "write `physicalType: DECIMAL(12,2)`, or DOUBLE for measurements"
        )
        return None
    return number_type


def _rules(document: Document, place: Place, prop: SchemaProperty, kind: ColumnType) -> Iterator[Rule]:
    allowed = TEXT_OPTIONS if kind.kind is Kind.TEXT else RANGE_OPTIONS if kind.is_number else DATE_OPTIONS
    if kind.kind is Kind.BOOLEAN:
        allowed = set()
    for name, bound in (prop.logicalTypeOptions or {}).items():
        here = (*place, "logicalTypeOptions", name)
        if name not in allowed:
            what = f"`{name}` does not apply to the {kind.kind} column `{prop.name}`"
            document.report(here, what, suggestion(name, allowed) if allowed else "remove it")
        elif name != "format":
            rule = _rule(name, bound, kind)
            if rule is None:
                document.report(
                    here,
                    f"`{str(bound)[:SHOWN]}` is no bound for a {kind.kind} column",
                    "write a value of the column's type",
                )
            else:
                yield rule
    if prop.enum is not None:
        yield from _enum(document, (*place, "enum"), [item.value for item in prop.enum], kind)


def _enum(document: Document, place: Place, given: list[object], kind: ColumnType) -> Iterator[Rule]:
    values = [read_value(value, kind) for value in given]
    for index, value in enumerate(values):
        if value is None:
            fix = "put it in quotes" if kind.kind is Kind.TEXT else "write a value of the column's type"
            document.report((*place, index), f"`{given[index]}` is no value of a {kind.kind} column", fix)
    if not values:
        document.report(place, "an enum without values rejects every row", "list the values, or remove it")
    yield Rule("enum", tuple(value for value in values if value is not None))


def _rule(name: str, given: object, kind: ColumnType) -> Rule | None:
    bound: Bound | None
    if name in ("minLength", "maxLength"):
        bound = given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else None
    elif name == "pattern":
        bound = given if isinstance(given, str) and len(given) <= LONGEST_PATTERN else None
    elif kind.is_number:
        number = read_number(given)
        bound = number if number is not None and abs(number) < 10 ** (MAX_PRECISION - kind.scale) else None
    else:
        bound = read_moment(given, kind)
    return Rule(name, bound) if bound is not None else None


def _report_empty_ranges(document: Document, place: Place, rules: Sequence[Rule]) -> None:
    bounds = {rule.name: rule.bound for rule in rules}
    for low, high in RANGES:
        if low in bounds and high in bounds and bounds[low] > bounds[high]:  # type: ignore[operator]
            what = f"`{low}` {bounds[low]} is above `{high}` {bounds[high]}: no value can meet both"
            document.report((*place, "logicalTypeOptions", low), what, "correct one of them")


def _reference(document: Document, place: Place, prop: SchemaProperty, own: ColumnSpec | EmptySpec) -> Reference | None:
    on_orphan = own.on_orphan if isinstance(own, ColumnSpec) else Orphan.REJECT
    if on_orphan is Orphan.WARN and not prop.relationships:
        document.report(place, "`onOrphan` needs a relationship", "add `relationships: [{to: table.column}]`")
    for index, relationship in enumerate(prop.relationships or []):
        here = (*place, "relationships", index)
        parts = str(relationship.to).split(".")
        if len(parts) != 2 or index > 0:
            document.report(
                here,
                "one relationship `to: table.column` per column is read",
                "write `to: clients.id_client`",
            )
            return None
        return Reference(parts[0], parts[1], binding=on_orphan is Orphan.REJECT)
    return None
