"""One table in every format: whatever the dialect, silver has the same rows."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import tempfile
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.conftest import Shop
from tests.integration.spreadsheets import cell, ods, ods_cell, ods_row, row, xlsx
from tests.integration.test_archives import zipped
from tests.integration.test_files import contract
from tests.integration.test_parquet import parquet

TYPES = {
    "note": {"logicalType": "string"},
    "prix": {"logicalType": "number", "physicalType": "DECIMAL(12,2)"},
    "n": {"logicalType": "integer"},
    "jour": {"logicalType": "date"},
    "vu": {"logicalType": "timestamp"},
    "actif": {"logicalType": "boolean"},
}
NAMES = ("code", *TYPES)
Row = tuple[str, str | None, Decimal | None, int | None, dt.date | None, dt.datetime | None, bool | None]
EPOCH = dt.datetime(1899, 12, 30)
FIRST, LAST = dt.datetime(1900, 3, 1), dt.datetime(9999, 12, 30)

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=20)
MOMENTS = st.datetimes(FIRST, LAST).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
VALUES = st.tuples(
    st.none() | TEXTS,
    st.none() | st.decimals(Decimal("-99999999.99"), Decimal("99999999.99"), places=2),
    st.none() | st.integers(-(10**15), 10**15),
    st.none() | st.dates(FIRST.date(), LAST.date()),
    st.none() | MOMENTS,
    st.none() | st.booleans(),
)
ROWS = st.lists(VALUES, min_size=1, max_size=8).map(
    lambda values: [(f"c{number}", *value) for number, value in enumerate(values)]
)
DIALECTS = st.fixed_dictionaries(
    {
        "decimal": st.sampled_from([".", ","]),
        "negative": st.sampled_from(["minus", "trailing", "parentheses"]),
        "true": st.sampled_from(["true", "oui", "1"]),
        "false": st.sampled_from(["false", "non", "0"]),
        "timezone": st.sampled_from(["UTC", "Europe/Paris", "America/New_York"]),
    }
)
NEGATIVES = {"minus": "-{}", "trailing": "{}-", "parentheses": "({})"}
MILLISECONDS = "yyyy-MM-dd HH:mm:ss.SSSSSS"


def spelled(value: object, dialect: dict[str, Any]) -> str:
    """A value as a field of CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(dialect["true"] if value else dialect["false"])
    if isinstance(value, (int, Decimal)):
        digits = str(abs(value)).replace(".", dialect["decimal"])
        return NEGATIVES[dialect["negative"]].format(digits) if value < 0 else digits
    return value.isoformat(" ", "microseconds") if isinstance(value, dt.datetime) else str(value)


def as_csv(rows: Sequence[Row], dialect: dict[str, Any]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=";")
    writer.writerows([NAMES, *([spelled(value, dialect) for value in values] for values in rows)])
    return stream.getvalue().encode()


def as_json_lines(rows: Sequence[Row], _dialect: dict[str, Any]) -> bytes:
    lines = []
    for values in rows:
        fields = []
        for name, value in zip(NAMES, values, strict=True):
            is_number = isinstance(value, Decimal)
            text = str(value) if is_number else json.dumps(value, default=lambda one: spelled(one, {}))
            fields.append(f"{json.dumps(name)}: {text}")
        lines.append("{" + ", ".join(fields) + "}")
    return "\n".join(lines).encode()


def as_parquet(rows: Sequence[Row], _dialect: dict[str, Any]) -> bytes:
    types = [pa.string(), pa.string(), pa.decimal128(12, 2), pa.int64(), pa.date32(), pa.timestamp("ms"), pa.bool_()]
    columns = zip(*rows, strict=True)
    return parquet({name: pa.array(column, kind) for name, column, kind in zip(NAMES, columns, types, strict=True)})


def excel_cell(value: object) -> str:
    if isinstance(value, dt.datetime):
        return cell((value - EPOCH) / dt.timedelta(days=1), "moment")
    if isinstance(value, dt.date):
        return cell((value - EPOCH.date()).days, "date")
    return cell(float(value) if isinstance(value, Decimal) else value)


def as_excel(rows: Sequence[Row], _dialect: dict[str, Any]) -> bytes:
    return xlsx(row(*NAMES), *(row(*map(excel_cell, values)) for values in rows))


def open_cell(value: object) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, bool):
        return ods_cell("?", "boolean", str(value).lower())
    if isinstance(value, (int, Decimal)):
        return ods_cell("?", "float", repr(float(value)))
    if isinstance(value, dt.date):
        return ods_cell("?", "date", value.isoformat())
    return ods_cell(str(value))


def as_open_document(rows: Sequence[Row], _dialect: dict[str, Any]) -> bytes:
    return ods(ods_row(*NAMES), *(ods_row(*map(open_cell, values)) for values in rows))


FORMATS: dict[str, tuple[str, Callable[[Sequence[Row], dict[str, Any]], bytes]]] = {
    "texts": ("csv", as_csv),
    "lines": ("jsonl", as_json_lines),
    "columns": ("parquet", as_parquet),
    "excel": ("xlsx", as_excel),
    "open": ("ods", as_open_document),
}


def describe(shop: Shop, dialect: dict[str, Any]) -> None:
    """A source of each format, all with the same columns."""
    assert shop.project is not None
    for name, (ending, _) in FORMATS.items():
        own = {**dialect, "timestampFormat": MILLISECONDS, **({"delimiter": ";"} if ending == "csv" else {})}
        document = contract({"filePattern": f"**/t.{ending}", "dialect": own})
        document["schema"][0]["name"] = name
        document["schema"][0]["properties"] += [{"name": column, **kind} for column, kind in TYPES.items()]
        (shop.project / "sources" / f"{name}.yaml").write_text(yaml.safe_dump(document))


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(rows=ROWS, dialect=DIALECTS, is_packed=st.booleans())
def test_one_table_has_the_same_rows_in_every_format(rows: list[Row], dialect: dict[str, Any], is_packed: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="filon-test-") as folder:
        project = Path(folder) / "project"
        (project / "sources").mkdir(parents=True)
        (project / "filon.yaml").write_text("name: formats\n")
        shop = Shop(Path(folder), project)
        describe(shop, dialect)
        files = {f"t.{ending}": write(rows, dialect) for ending, write in FORMATS.values()}
        for name, content in {"all.zip": zipped(files)}.items() if is_packed else files.items():
            shop.put(name, content)
        report = shop.run()
        assert {file["rows_rejected"] for file in report["files"]} == {0}, shop.filon("quarantine", "list")
        found = {name: shop.rows(name, ", ".join(NAMES), layer="silver") for name in FORMATS}
        assert len(found["texts"]) == len(rows)
        for name in FORMATS:
            assert found[name] == found["texts"], name
