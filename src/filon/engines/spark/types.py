"""The types of expressions in Filon's SQL, and their spelling in Spark's.

An expression has the type that it has in DuckDB, whose rules are those of Filon's SQL; Spark holds it in a type of its
own. A ``HUGEINT`` lies in a ``DECIMAL(38,0)`` there, so who reads a result must know which of the two it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from filon.engines.types import FoundType, Nature, OtherType
from filon.project.types import MAX_PRECISION, ColumnType, Kind, parse_type


@dataclass(frozen=True)
class Type:
    """A type; ``item`` is that of a list's elements or a map's values, ``key`` that of its keys."""

    name: str
    precision: int = 0
    scale: int = 0
    item: Type | None = None
    key: Type | None = None
    fields: tuple[tuple[str, Type], ...] = ()

    def __str__(self) -> str:
        if self.name == "DECIMAL":
            return f"DECIMAL({self.precision},{self.scale})"
        if self.name == "LIST":
            return f"{self.item}[]"
        if self.name == "MAP":
            return f"MAP({self.key}, {self.item})"
        if self.name == "STRUCT":
            return f"STRUCT({', '.join(f'{name} {kind}' for name, kind in self.fields)})"
        return self.name

    @property
    def is_whole(self) -> bool:
        """Whether values are whole numbers."""
        return self.name in WIDTHS

    @property
    def is_exact(self) -> bool:
        """Whether values are exact numbers."""
        return self.is_whole or self.name == "DECIMAL"

    @property
    def is_floating(self) -> bool:
        """Whether values are binary floating point."""
        return self.name in ("DOUBLE", "FLOAT")

    @property
    def is_number(self) -> bool:
        """Whether values are numbers."""
        return self.is_exact or self.is_floating

    @property
    def is_moment(self) -> bool:
        """Whether values are days or points in time."""
        return self.name in ("DATE", "TIMESTAMP", "TIMESTAMPTZ")

    @property
    def digits(self) -> int:
        """The digits of an exact number before its decimal mark."""
        return WIDTHS.get(self.name, self.precision - self.scale)

    @property
    def spark(self) -> str:
        """The spelling of the type that holds it in Spark."""
        if self.name == "LIST" and self.item:
            return f"ARRAY<{self.item.spark}>"
        if self.name == "MAP" and self.item and self.key:
            return f"MAP<{self.key.spark},{self.item.spark}>"
        if self.name == "STRUCT":
            return f"STRUCT<{','.join(f'`{name}`: {kind.spark}' for name, kind in self.fields)}>"
        return SPELLINGS.get(self.name, str(self))


WIDTHS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 38}
"""Whole numbers, each with the most digits that DuckDB counts for it."""
SPELLINGS = {
    "INTEGER": "INT",
    "HUGEINT": f"DECIMAL({MAX_PRECISION},0)",
    "VARCHAR": "STRING",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "TIMESTAMPTZ": "TIMESTAMP",
    "BLOB": "BINARY",
    "NULL": "VOID",
}

NULL, BOOLEAN, TEXT, BLOB, INTERVAL = (Type(name) for name in ("NULL", "BOOLEAN", "VARCHAR", "BLOB", "INTERVAL"))
INTEGER, BIGINT, HUGEINT, DOUBLE = (Type(name) for name in ("INTEGER", "BIGINT", "HUGEINT", "DOUBLE"))
DATE, TIMESTAMP, TIMESTAMPTZ = (Type(name) for name in ("DATE", "TIMESTAMP", "TIMESTAMPTZ"))

_NAMES = {
    **dict.fromkeys((exp.DType.INT128,), "HUGEINT"),
    exp.DType.TINYINT: "TINYINT",
    exp.DType.SMALLINT: "SMALLINT",
    exp.DType.INT: "INTEGER",
    exp.DType.BIGINT: "BIGINT",
    exp.DType.FLOAT: "FLOAT",
    exp.DType.DOUBLE: "DOUBLE",
    exp.DType.BOOLEAN: "BOOLEAN",
    exp.DType.DATE: "DATE",
    exp.DType.TIMESTAMP: "TIMESTAMP",
    exp.DType.TIMESTAMPNTZ: "TIMESTAMP",
    exp.DType.TIMESTAMPTZ: "TIMESTAMPTZ",
    exp.DType.VARBINARY: "BLOB",
    exp.DType.INTERVAL: "INTERVAL",
    **dict.fromkeys((exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.CHAR), "VARCHAR"),
}


def decimal(precision: int, scale: int) -> Type:
    """A decimal, of at most as many digits as there can be."""
    return Type("DECIMAL", min(precision, MAX_PRECISION), scale)


def list_of(item: Type) -> Type:
    """A list."""
    return Type("LIST", item=item)


def struct_of(*fields: tuple[str, Type]) -> Type:
    """A struct."""
    return Type("STRUCT", fields=fields)


def type_named(node: exp.DataType) -> Type | None:
    """The type that a statement names; None when Spark has none for it."""
    inner = [part for part in node.expressions if isinstance(part, exp.DataType)]
    if node.this in (exp.DType.ARRAY, exp.DType.LIST):
        item = type_named(inner[0]) if inner else None
        return list_of(item) if item and not node.args.get("values") else None
    if node.this is exp.DType.DECIMAL:
        sizes = [int(part.name) for part in node.expressions]
        precision, scale = [*sizes, 0][:2] if sizes else (18, 3)
        return decimal(precision, scale) if precision <= MAX_PRECISION else None
    name = _NAMES.get(node.this) if isinstance(node.this, exp.DType) else None
    return Type(name) if name else None


def type_of_column(kind: ColumnType) -> Type:
    """The type of a table's column."""
    if kind.kind is Kind.DECIMAL:
        return decimal(kind.precision, kind.scale)
    if kind.kind is Kind.TEXTS:
        return list_of(TEXT)
    return TIMESTAMPTZ if kind.kind is Kind.TIMESTAMP else Type(kind.sql)


_NATURES = {
    **dict.fromkeys(WIDTHS, Nature.WHOLE),
    "FLOAT": Nature.FLOATING,
    "TIMESTAMP": Nature.LOCAL,
    "NULL": Nature.NULL,
}


def found_type(kind: Type) -> FoundType:
    """What an engine says of a type."""
    column = parse_type(str(kind)) if kind.name != "INTEGER" else None
    return column or OtherType(str(kind), _NATURES.get(kind.name, Nature.OTHER))


_READ = {spark: name for name, spark in SPELLINGS.items() if name != "HUGEINT"}


def read_type(spelling: str) -> Type | None:
    """A type as Spark spells it, where that is enough to know it."""
    upper = spelling.upper().removesuffix(" COLLATE UTF8_BINARY")
    if upper.startswith("ARRAY<"):
        item = read_type(upper[len("ARRAY<") : -1])
        return list_of(item) if item else None
    if column := parse_type(upper):
        return INTEGER if upper == "INTEGER" else type_of_column(column)
    name = _READ.get(upper, upper)
    return Type(name) if name in _NATURES or name in ("BOOLEAN", "BLOB", "VARCHAR", "TIMESTAMPTZ") else None


def common_type(kinds: list[Type]) -> Type | None:
    """The type of values of several types, one of which is chosen; None where they have none."""
    known = [kind for kind in dict.fromkeys(kinds) if kind != NULL]
    if not known:
        return NULL
    if len(known) == 1:
        return known[0]
    if all(kind.is_number for kind in known):
        return _common_number(known)
    if all(kind.is_moment for kind in known):
        names = {kind.name for kind in known}
        return TIMESTAMPTZ if "TIMESTAMPTZ" in names else TIMESTAMP
    if all(kind.name == "LIST" and kind.item for kind in known):
        item = common_type([kind.item for kind in known if kind.item])
        return list_of(item) if item else None
    return None


def _common_number(known: list[Type]) -> Type:
    if any(kind.is_floating for kind in known):
        return DOUBLE
    scale = max(kind.scale for kind in known)
    if any(kind.name == "DECIMAL" for kind in known):
        return decimal(max(kind.digits for kind in known) + scale, scale)
    return max(known, key=lambda kind: WIDTHS[kind.name])
