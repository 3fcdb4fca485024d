"""One record against a contract: its typed values, or every reason to reject it, as docs/semantics.md says."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from filon.sql import identifier, literal
from filon.stages.rules import judged_query, raw_record, typed_query
from tests.unit.stages.bench import AS_OF, Bench, opened, write_project

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: things
version: 1.0.0
status: active
schema:
  - name: things
    customProperties:
      - {property: filePattern, value: "things*.csv"}
      - property: dialect
        value: {delimiter: ";", decimal: ",", grouping: " ", dateFormat: dd/MM/yyyy, true: oui, false: non}
      - property: rules
        value: [{name: sold_after_made, expression: sold >= made}]
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: price, logicalType: number, physicalType: "DECIMAL(5,2)", logicalTypeOptions: {exclusiveMinimum: 0}}
      - {name: weight, logicalType: number, physicalType: DOUBLE}
      - name: made
        logicalType: date
        customProperties: [{property: notAfter, value: as_of}]
      - {name: sold, logicalType: date}
      - {name: open, logicalType: boolean}
      - {name: code, logicalType: string, logicalTypeOptions: {pattern: "[A-Z]{2}", maxLength: 2}}
      - name: title
        logicalType: string
        customProperties: [{property: normalise, value: {case: title, canonical: [iPhone]}}]
"""
GOOD = {"id": "1"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("rules")
    with opened(write_project(folder / "project", {"sources/things.yaml": CONTRACT}), folder) as bench:
        yield bench


def judged(bench: Bench, **fields: str | None) -> dict[str, Any]:
    """What the contract makes of one record; ``reasons`` as a list."""
    dataset, engine = bench.dataset("things"), bench.context.engine
    build = bench.receive(dataset, [{**GOOD, **fields}])
    [file] = bench.ledger.versions[-1].bronze
    location = bench.context.lake.table(build.layer, build.table)
    engine.bind("bronze records", [location.path_of(file.name)], build.columns)
    names = [(column.name, True) for column in dataset.contract.columns]
    query = judged_query(dataset, AS_OF, raw_record(names, dataset.dialect))
    columns = [*dataset.contract.column_names, "_reasons", "_text"]
    [row] = engine.rows(f"SELECT {', '.join(identifier(name) for name in columns)} FROM ({query}) AS judged")
    values = dict(zip(columns, row, strict=True))
    return {**values, "reasons": [reason for reason in values["_reasons"].split("\x1f") if reason]}


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("id", " +0007 ", 7),
        ("id", "1 000", 1000),
        ("id", "-9223372036854775808", -(2**63)),
        ("price", "1,5", Decimal("1.50")),
        ("price", ",5", Decimal("0.50")),
        ("price", "999,9900", Decimal("999.99")),
        ("weight", "1,5e3", 1500.0),
        ("made", "31/01/2026", dt.date(2026, 1, 31)),
        ("made", "01/01/0001", dt.date(1, 1, 1)),
        ("open", "OUI", True),
        ("open", "non", False),
        ("title", "  e\u0301lan  vital ", "\u00c9lan  Vital"),
        ("title", "IPHONE", "iPhone"),
        ("title", " \u00a0 ", None),
        ("code", None, None),
    ],
)
def test_a_text_that_spells_a_value_becomes_it(bench: Bench, column: str, text: str | None, value: object) -> None:
    row = judged(bench, **{column: text})
    assert (row[column], row["reasons"], row["_text"]) == (value, [], None)


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"id": None}, ["id:required"]),
        ({"id": "1.0"}, ["id:type"]),
        ({"id": "9223372036854775808"}, ["id:precision"]),
        ({"price": "1,234"}, ["price:scale"]),
        ({"price": "1000"}, ["price:precision"]),
        ({"price": "1e2"}, ["price:type"]),
        ({"price": "1.5"}, ["price:type"]),
        ({"price": "0"}, ["price:exclusiveMinimum"]),
        ({"weight": "nan"}, ["weight:type"]),
        ({"made": "2026-01-31"}, ["made:type"]),
        ({"made": "31/02/2025"}, ["made:type"]),
        ({"made": "01/02/2026"}, ["made:notAfter"]),
        ({"open": "yes"}, ["open:type"]),
        ({"code": "abc"}, ["code:pattern", "code:maxLength"]),
        ({"made": "02/01/2026", "sold": "01/01/2026"}, ["sold_after_made"]),
        ({"id": "x", "price": "x", "code": "x"}, ["id:type", "price:type", "code:pattern"]),
    ],
)
def test_every_reason_is_kept_in_the_order_of_the_columns(
    bench: Bench, fields: dict[str, str | None], reasons: list[str]
) -> None:
    assert judged(bench, **fields)["reasons"] == reasons


def test_a_rule_on_a_null_is_met(bench: Bench) -> None:
    assert judged(bench, made="01/01/2026", sold=None)["reasons"] == []


def test_a_malformed_record_is_rejected_for_that_alone_and_shown_as_it_arrived(bench: Bench) -> None:
    row = judged(bench, id=None, _malformed="too_few_fields", _raw="1;2")
    assert (row["reasons"], row["_text"]) == (["record:too_few_fields"], "1;2")


def test_a_rejected_record_is_spelled_again_as_csv(bench: Bench) -> None:
    row = judged(bench, id="x", title='a;"b"', code="line\nend")
    assert row["_text"] == 'x;;;;;;"line\nend";"a;""b"""'


PLAIN = """\
apiVersion: v3.1.0
kind: DataContract
id: plain
version: 1.0.0
status: active
schema:
  - name: plain
    customProperties:
      - {property: filePattern, value: "plain*.csv"}
      - {property: dialect, value: {nullValues: ["0", "1900-01-01", "NA"]}}
    properties:
      - {name: whole, logicalType: integer}
      - {name: money, logicalType: number, physicalType: "DECIMAL(5,2)"}
      - {name: units, logicalType: number, physicalType: "DECIMAL(3,0)"}
      - {name: weight, logicalType: number, physicalType: DOUBLE}
      - {name: day, logicalType: date}
"""
SPELLED = [
    *("", "0", "-0", "+0", "00", "007", "+7", "1.", ".5", "1.5", "1.50", "1.500", "1.505", "999.99", "999.999", "1000"),
    *("1e5", "1E400", "-1e-400", "nan", "NaN", "inf", "-infinity", "0x10", "1_000", "1,5", "١٢", "1\u00a0000", "true"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "NA", "na", "N/A"),
    *("2024-02-29", "2023-02-29", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "0044-03-15 (BC)", "epoch"),
    *("2024-2-9", "2024-02-09T00:00:00", "2024-02-09 00:00", "+2024-02-09", "1900-01-01", "infinity", "20240209"),
]


def test_a_field_that_needs_no_cleaning_gives_the_value_that_cleaning_it_would(tmp_path: Path) -> None:
    choice = random.Random(20260101)  # noqa: S311 - no secret
    mixed = ["".join(choice.choices("0123456789+-.eE", k=choice.randint(1, 10))) for _ in range(3000)]
    days = [f"{choice.randint(0, 10000):04}-{choice.randint(0, 13):02}-{choice.randint(0, 32):02}" for _ in range(1000)]
    with opened(write_project(tmp_path / "project", {"sources/plain.yaml": PLAIN}), tmp_path) as bench:
        dataset, engine = bench.dataset("plain"), bench.context.engine
        names = dataset.contract.column_names

        def typed(around: str) -> list[tuple[Any, ...]]:
            texts = enumerate(SPELLED + mixed + days)
            fields = ", ".join(f"({place}, {literal(f'{around}{text}{around}')})" for place, text in texts)
            columns = ", ".join(f"field AS {identifier(name)}" for name in names)
            nothing = "NULL AS _malformed, NULL AS _raw, NULL AS _extra"
            records = f"(VALUES {fields}) AS records(place, field)"
            engine.view("bronze records", f"SELECT 1 AS _file, place AS _record, {columns}, {nothing} FROM {records}")
            return engine.rows(f"SELECT * FROM ({typed_query(dataset, names)}) AS typed ORDER BY _record")

        bare = typed("")
        assert bare == typed("\t ")
    read = {name: sum(row[place] is not None for row in bare) for place, name in enumerate(names, start=2)}
    assert all(count > 50 for count in read.values()), read
    assert bare[SPELLED.index("0")][2:] == (None,) * 5
    assert bare[SPELLED.index("007")][2:] == (7, Decimal("7.00"), Decimal(7), 7.0, None)
    assert bare[SPELLED.index("2024-02-29")][6] == dt.date(2024, 2, 29)
