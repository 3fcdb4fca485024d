"""Read a column of a contract: its type, its options, and the words of its ``customProperties``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from open_data_contract_standard.model import (
    SchemaProperty,
)

from filon.pages import NumberFormat
from filon.project.columns import AS_THE_TABLE, Bound, Column, Reference, Rule
from filon.project.custom import read_words
from filon.project.dialects import column_formats, report_dialect
from filon.project.document import SHOWN, Document, Place
from filon.project.headers import folded
from filon.project.places import PATH
from filon.project.types import LOGICAL, MAX_PRECISION, ColumnType, Kind, parse_type
from filon.project.values import LONGEST_PATTERN, read_moment, read_number, read_value
from filon.project.vocabulary import ColumnSpec, GoldColumnSpec, Orphan, SourceSpec
from filon.suggestions import suggestion

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
PLACE_NAME = re.compile(PATH)
COLUMN_NAME = re.compile(r"[^\W_][\w%$#@+-]*")  # Delta forbids blanks and ,;{}()= in names; a leading _ is Filon's own
RANGES = [(low, high) for low in ("minimum", "exclusiveMinimum") for high in ("maximum", "exclusiveMaximum")]
RANGES.append(("minLength", "maxLength"))
TEXT_OPTIONS = {"minLength", "maxLength", "pattern"}
RANGE_OPTIONS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
DATE_OPTIONS = RANGE_OPTIONS | {"format"}


def shared_name(column: Column, others: Sequence[Column]) -> str | None:
    """A name of a column in files that another column has too, one of the two as an alias; None when there is none."""
    headers = {folded(other.header) for other in others}
    aliases = {folded(alias) for other in others for alias in other.aliases}
    own = next((alias for alias in column.aliases if folded(alias) in headers | aliases), None)
    return own or (column.header if folded(column.header) in aliases else None)


def is_name(document: Document, place: Place, name: str | None, form: re.Pattern[str] = NAME) -> bool:
    """Whether a table or column has a usable name, of this form; a mistake is reported."""
    if name and form.fullmatch(name):
        return True
    what = f"`{name}` cannot be a name" if name else "`name` is missing"
    document.report(
        (*place, "name"), what, "use letters, digits and _, starting with a letter (CSV name: physicalName)"
    )
    return False


def read_column(
    document: Document, place: Place, prop: SchemaProperty, *, is_source: bool, spec: SourceSpec | None
) -> Column | None:
    """A column of a table; None when its mistakes (reported) leave nothing to use.

    Args:
        document: the contract
        place: where the column stands in it
        prop: the column as the standard has it
        is_source: whether its texts are read from files
        spec: the words of its table, for a source; None when they cannot be read

    """
    if not is_name(document, place, prop.name, PLACE_NAME if is_source and prop.name == PATH else COLUMN_NAME):
        return None
    own: ColumnSpec | GoldColumnSpec | None
    if is_source:
        own = read_words(document, place, prop.customProperties, ColumnSpec)
    else:
        own = read_words(document, place, prop.customProperties, GoldColumnSpec)
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
        number_format=_number_format(document, place, kind, own),
    )


def _number_format(
    document: Document, place: Place, kind: ColumnType, own: ColumnSpec | GoldColumnSpec
) -> NumberFormat | None:
    """How a contract says that numbers of a column are written; reported where they are none."""
    if not isinstance(own, GoldColumnSpec) or own.format is None:
        return None
    if not kind.is_number:
        document.report(place, f"`format` is of numbers, and the column is {kind}", "take it away")
    return own.format


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


def _reference(
    document: Document, place: Place, prop: SchemaProperty, own: ColumnSpec | GoldColumnSpec
) -> Reference | None:
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
