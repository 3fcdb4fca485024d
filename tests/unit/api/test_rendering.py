from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest

from filon.api.parameters import Format
from filon.api.rendering import json_bytes, make_writer
from filon.project import TEXT, Column, ColumnType, Kind
from filon.serving.query import Value

MOMENT = dt.datetime(2025, 1, 31, 12, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0.10"), b"0.10"),
        (Decimal(12345678901234567890123456789012345678), b"12345678901234567890123456789012345678"),
        (Decimal("1E+3"), b"1000"),
        (dt.date(2025, 1, 31), b'"2025-01-31"'),
        (MOMENT, b'"2025-01-31T12:30:00Z"'),
        (None, b"null"),
    ],
)
def test_values_in_json(value: object, text: bytes) -> None:
    assert json_bytes(value) == text
    json.loads(text)


def test_what_is_no_number_is_no_json() -> None:
    with pytest.raises(TypeError):
        json_bytes({"value": Decimal("NaN")})


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_a_formula_becomes_text(text: str) -> None:
    writer = make_writer(Format.CSV, [Column("note", TEXT)])
    assert writer.rows([{"note": text}]).decode().strip('\r\n"').endswith(f"'{text}")


def test_csv_spells_every_type_and_guards_no_number() -> None:
    kinds = {"n": Kind.INTEGER, "d": Kind.DOUBLE, "b": Kind.BOOLEAN, "day": Kind.DATE, "at": Kind.TIMESTAMP}
    columns = [Column(name, ColumnType(kind)) for name, kind in kinds.items()]
    columns.append(Column("money", ColumnType(Kind.DECIMAL, 12, 2)))
    row: dict[str, Value] = {"n": -5, "d": -0.5, "b": True, "day": dt.date(2025, 1, 31)}
    row |= {"at": MOMENT, "money": Decimal("-1.50")}
    writer = make_writer(Format.CSV, columns)
    assert writer.rows([row, dict.fromkeys(row)]).decode().split("\r\n") == [
        "n,d,b,day,at,money",
        "-5,-0.5,true,2025-01-31,2025-01-31T12:30:00+00:00,-1.50",
        ",,,,,",
        "",
    ]
