"""Parquet as a source: typed columns, nested ones by their path, and files that are damaged or hostile."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
import yaml

from tests.integration.conftest import Shop
from tests.integration.test_archives import states, zipped
from tests.integration.test_files import contract, describe, sales
from tests.integration.test_spreadsheets import file_of, silver

__all__ = ["sales"]

PATTERN = {"filePattern": "**/ventes*.parquet"}
PARIS = dt.timezone(dt.timedelta(hours=2))


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    """A file of these columns."""
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


def describe_columns(shop: Shop, words: dict[str, Any], *columns: dict[str, Any]) -> None:
    assert shop.project is not None
    document = contract({**PATTERN, **words})
    document["schema"][0]["properties"] += columns
    (shop.project / "sources" / "ventes.yaml").write_text(yaml.safe_dump(document))


@pytest.mark.parametrize("version", ["1.0", "2.6"])
def test_values_are_read_by_their_types(sales: Shop, version: str) -> None:
    words = {**PATTERN, "dialect": {"decimal": ",", "true": "oui", "false": "non", "dateFormat": "dd/MM/yyyy"}}
    describe(sales, words, prix="number", n="integer", jour="date", actif="boolean", note="string", vu="timestamp")
    content = parquet(
        {
            "code": ["a", "b", None],
            "prix": pa.array([Decimal("1.50"), None, Decimal("-0.05")], pa.decimal128(30, 2)),
            "n": pa.array([1.0, 2.0, 3.0]),
            "jour": [dt.date(2025, 12, 31), None, dt.date(1, 1, 1)],
            "actif": [True, None, False],
            "note": pa.array(["x", 'y\n"z"', None]).dictionary_encode(),
            "vu": [dt.datetime(2026, 1, 1, 10, 0, 0, 5), None, None],
        },
        version=version,
    )
    sales.put("ventes.parquet", content)
    report = sales.run()
    assert file_of(report, "ventes.parquet")["notes"] == []
    assert silver(sales, "code", "prix", "n", "jour", "actif", "note", "epoch_us(vu)") == [
        ("a", "1.50", "1", "2025-12-31", "true", "x", "1767261600000005"),
        ("b", None, "2", None, None, 'y\n"z"', None),
    ]
    [rejected] = sales.json("quarantine", "show", "ventes")["rows"]
    assert (rejected["record"], rejected["reasons"]) == (3, ["code:required"])
    assert sales.run()["status"] == "unchanged"


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([1, -(2**63), 2**63 - 1], pa.int64(), ["1", "-9223372036854775808", "9223372036854775807"]),
        ([2**64 - 1], pa.uint64(), ["18446744073709551615"]),
        ([0.1, 1e300], pa.float64(), ["0.1", "1e+300"]),
        ([0.1], pa.float32(), ["0.1"]),
        ([Decimal("1E-10")], pa.decimal128(38, 10), ["1E-10"]),
        ([b"abc", b"\xff\x00"], pa.binary(), ["abc", "ff00"]),
        ([dt.time(1, 2, 3)], pa.time32("s"), ["01:02:03"]),
        ([dt.date(2026, 1, 1)], pa.date32(), ["2026-01-01"]),
        ([dt.datetime(2026, 1, 1)], pa.timestamp("ms"), ["2026-01-01 00:00:00"]),
        ([dt.datetime(2026, 7, 1, 12)], pa.timestamp("us", "Europe/Paris"), ["2026-07-01 12:00:00Z"]),
        ([[1, 2], None, []], pa.list_(pa.int32()), ["[1, 2]", None, "[]"]),
        (
            [{"a": Decimal("1.10"), "b": None}],
            pa.struct({"a": pa.decimal128(5, 2), "b": pa.string()}),
            ['{"a": 1.10, "b": null}'],
        ),
        ([[("k", 1)]], pa.map_(pa.string(), pa.int64()), ['{"k": 1}']),
        ([None], pa.null(), [None]),
        ([True], pa.bool_(), ["true"]),
    ],
)
def test_any_value_is_a_text(sales: Shop, values: list[Any], kind: Any, texts: list[str | None]) -> None:
    describe(sales, PATTERN, note="string")
    codes = [str(number) for number in range(len(values))]
    sales.put("ventes.parquet", parquet({"code": codes, "note": pa.array(values, kind)}))
    sales.run()
    assert silver(sales, "code", "note") == list(zip(codes, texts, strict=True))


def test_moments_with_a_zone_are_that_moment_and_others_are_local(sales: Shop) -> None:
    describe_columns(
        sales,
        {"dialect": {"timezone": "Europe/Paris"}},
        {"name": "avec", "logicalType": "timestamp"},
        {"name": "sans", "logicalType": "timestamp"},
        {"name": "jour", "logicalType": "date"},
    )
    twice = [dt.datetime(2025, 10, 26, 0, 30), dt.datetime(2025, 10, 26, 1, 30)]  # both half past two in Paris
    days = [dt.datetime(2025, 10, 25, 22), dt.datetime(2025, 10, 26, 23)]
    content = {
        "code": ["a", "b"],
        "avec": pa.array(twice, pa.timestamp("us", "UTC")),
        "sans": pa.array([dt.datetime(2025, 7, 1, 12)] * 2, pa.timestamp("ns")),
        "jour": pa.array(days, pa.timestamp("ms", "UTC")),
    }
    sales.put("ventes.parquet", parquet(content))
    sales.run()
    assert silver(sales, "epoch_us(avec)", "epoch_us(sans)", "jour") == [
        ("1761438600000000", "1751364000000000", "2025-10-26"),
        ("1761442200000000", "1751364000000000", "2025-10-27"),
    ]


def test_what_a_type_does_not_hold_is_rejected_and_never_cut_off(sales: Shop) -> None:
    describe_columns(
        sales,
        {},
        {"name": "jour", "logicalType": "date"},
        {"name": "vu", "logicalType": "timestamp"},
        {"name": "n", "logicalType": "integer"},
        {"name": "prix", "logicalType": "number", "physicalType": "DECIMAL(10,2)"},
        {"name": "mesure", "logicalType": "number", "physicalType": "DOUBLE"},
    )
    nothing = [None] * 6
    content = {
        "code": list("abcdefg"),
        "jour": pa.array([dt.datetime(2026, 1, 1, 1), *nothing], pa.timestamp("ms")),
        "vu": pa.array([None, 1_767_225_600_000_000_001, *nothing[:5]], pa.timestamp("ns")),
        "n": pa.array([None, None, 1.5, *nothing[:4]]),
        "prix": pa.array([None, None, None, Decimal("1.005"), *nothing[:3]]),
        "mesure": pa.array([*nothing[:4], float("nan"), float("inf"), 1e-5]),
    }
    sales.put("ventes.parquet", parquet(content))
    sales.run()
    rows = sales.json("quarantine", "show", "ventes")["rows"]
    reasons = [row["reasons"][0] for row in rows]
    assert reasons == ["jour:type", "vu:type", "n:type", "prix:scale", "mesure:type", "mesure:type"]
    assert silver(sales, "code", "mesure") == [("g", "1e-05")]


def test_nested_columns_are_found_by_their_path(sales: Shop) -> None:
    describe_columns(sales, {}, {"name": "ville", "logicalType": "string", "physicalName": "client.adresse.ville"})
    clients = [{"adresse": {"ville": "Lyon", "cp": 69000}}, {"adresse": None}, None]
    sales.put("ventes.parquet", parquet({"code": ["a", "b", "c"], "client": clients, "vide": [None, None, "x"]}))
    [note] = file_of(sales.run(), "ventes.parquet")["notes"]
    assert note == "undeclared columns kept as text in _extra: client, vide"
    assert silver(sales, "code", "ville") == [("a", "Lyon"), ("b", None), ("c", None)]


def test_names_with_points_and_old_timestamps_are_read(sales: Shop) -> None:
    names = (
        {"name": "vu", "logicalType": "timestamp"},
        {"name": "ville", "logicalType": "string", "physicalName": "a.b"},
    )
    describe_columns(sales, {}, *names)
    moments = pa.array([dt.datetime(9999, 12, 30, 1, 2, 3, 4), dt.datetime(1600, 1, 1)], pa.timestamp("us"))
    content = {"code": ["a", "b"], "vu": moments, "a.b": ["Lyon", "é"], "a": [{"b": "x"}] * 2}
    sales.put("ventes.parquet", parquet(content, use_deprecated_int96_timestamps=True))
    sales.run()
    assert silver(sales, "code", "ville", "strftime(vu, '%x %X %f')") == [
        ("a", "Lyon", "9999-12-30 01:02:03 000004"),
        ("b", "é", "1600-01-01 00:00:00 000000"),
    ]


def test_rows_of_many_batches_and_row_groups_are_counted(sales: Shop) -> None:
    describe(sales, PATTERN, n="integer")
    numbers = list(range(30_000))
    content = parquet({"code": [str(number) for number in numbers], "n": numbers}, row_group_size=7_000)
    sales.put("ventes.parquet", content)
    assert file_of(sales.run(), "ventes.parquet")["rows_accepted"] == 30_000
    assert silver(sales, "count(*)", "sum(n)", "max(_record)") == [("30000", str(sum(numbers)), "30000")]


def test_a_row_that_is_too_long_is_malformed(sales: Shop) -> None:
    describe(sales, {**PATTERN, "malformedThreshold": 1}, note="string")
    sales.put("ventes.parquet", parquet({"code": ["a", "b"], "note": ["x" * (8 << 20), "y"]}))
    sales.run()
    [rejected] = sales.json("quarantine", "show", "ventes")["rows"]
    assert (rejected["record"], rejected["reasons"]) == (1, ["record:line_too_long"])
    assert silver(sales, "code", "note") == [("b", "y")]


SOUND = parquet({"code": ["a", "b"], "prix": [1.5, 2.5], "note": ["x", "y"]})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"code,prix\na,1\n", "not_parquet"),
        (SOUND[:-20], "not_parquet"),
        (SOUND[:4] + b"\0" * 50 + SOUND[54:], "not_parquet"),
        (b"PARE" + SOUND[4:-4] + b"PARE", "encrypted"),
        (parquet({"x": [1]}), "missing_column"),
        (parquet({"code": ["a"], "CODE": ["b"], "Prix": [1], "PRIX": [2]}), "duplicate_header"),
        (parquet({"code": ["a\0b"]}), "not_text"),
        (parquet({"code": ["a"], **{f"x{number}": [1] for number in range(5_000)}}), "too_large"),
        (parquet({"code": pa.DictionaryArray.from_arrays([0] * 10_000, ["x" * 1_000_000])}), "too_large"),
    ],
    ids=["text", "cut", "zeros", "encrypted", "columns", "names", "nul", "wide", "dictionary"],
)
def test_a_file_that_cannot_be_read_is_refused_and_the_others_go_on(sales: Shop, content: bytes, reason: str) -> None:
    describe(sales, PATTERN, prix="number")
    sales.put("ventes-1.parquet", content)
    sales.put("ventes-2.parquet", parquet({"code": ["z"]}))
    report = sales.run()
    assert (file_of(report, "ventes-1.parquet")["reason"], silver(sales, "code")) == (reason, [("z",)])


def test_damaged_bytes_anywhere_end_with_a_reason(sales: Shop) -> None:
    describe(sales, {**PATTERN, "filePattern": "**/*.parquet"}, prix="number", note="string")
    for place in range(0, len(SOUND), 7):
        broken = bytearray(SOUND)
        broken[place] ^= 0xFF
        sales.put(f"{place}.parquet", bytes(broken))
    report = sales.run("--until", "bronze")
    assert {file["status"] for file in report["files"]} <= {"ingested", "unchanged", "quarantined"}


def test_a_file_without_rows_has_no_records(sales: Shop) -> None:
    describe(sales, PATTERN)
    sales.put("2026.zip", zipped({"ventes.parquet": parquet({"code": pa.array([], pa.string())})}))
    assert states(sales.run()) == {"2026.zip/ventes.parquet": "ingested"}
