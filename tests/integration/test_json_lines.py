"""JSON Lines: an object a line, nested columns by their path, and lines that are no objects."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.integration.conftest import Shop
from tests.integration.test_files import contract, describe, sales
from tests.integration.test_spreadsheets import file_of, silver

__all__ = ["sales"]

PATTERN = {"filePattern": "**/ventes*.jsonl"}


def describe_paths(shop: Shop, words: Mapping[str, Any], paths: Mapping[str, str], **types: str) -> None:
    """The contract of columns that are nested in others."""
    assert shop.project is not None
    document = contract({**PATTERN, **words}, **types)
    for column in document["schema"][0]["properties"]:
        if column["name"] in paths:
            column["physicalName"] = paths[column["name"]]
    (shop.project / "sources" / "ventes.yaml").write_text(yaml.safe_dump(document))


@pytest.mark.parametrize(("name", "pack"), [("ventes.jsonl", bytes), ("ventes.jsonl.gz", gzip.compress)])
def test_objects_are_records_and_nested_names_are_paths(sales: Shop, name: str, pack: Any) -> None:
    describe_paths(
        sales, {}, {"ville": "client.adresse.ville"}, prix="number", ville="string", tags="string", actif="boolean"
    )
    lines = (
        '{"code": "a", "prix": 1.50, "client": {"adresse": {"ville": "Lyon"}}, "tags": [1, 2.50, "é"], "actif": true}\n'
        '\n{"code": "b", "prix": null, "client": {}, "actif": false}\r\n'
        '{"client": {"adresse": {"ville": "Dijon"}}, "code": "c"}'
    )
    sales.put(name, pack(lines.encode()))
    report = sales.run()
    assert file_of(report, name)["notes"] == []
    assert silver(sales, "code", "prix", "ville", "tags", "actif") == [
        ("a", "1.50", "Lyon", '[1, 2.50, "é"]', "true"),
        ("b", None, None, None, "false"),
        ("c", None, "Dijon", None, None),
    ]
    assert sales.run()["status"] == "unchanged"


@pytest.mark.parametrize(
    "number",
    ["12345678901234567890123456789012345678", "0.1234567890123456789012345", "1e400", "1E+2", "-0.0", "9" * 5000],
)
def test_numbers_keep_their_digits(sales: Shop, number: str) -> None:
    describe(sales, PATTERN, note="string")
    sales.put("ventes.jsonl", f'{{"code": "a", "note": {number}}}\n')
    sales.run()
    assert silver(sales, "note") == [(number,)]


@pytest.mark.parametrize(
    ("spelled", "value"), [("1e2", "100.00"), ("1.5E-1", "0.15"), ("5", "5.00"), ("-2.50", "-2.50")]
)
def test_numbers_with_exponents_are_numbers(sales: Shop, spelled: str, value: str) -> None:
    describe(sales, {**PATTERN, "dialect": {"decimal": ","}}, prix="number")
    sales.put("ventes.jsonl", f'{{"code": "a", "prix": {spelled}}}\n')
    sales.run()
    assert silver(sales, "prix") == [(value,)]


def test_an_exponent_that_no_type_holds_is_rejected(sales: Shop) -> None:
    describe(sales, PATTERN, prix="number")
    sales.put("ventes.jsonl", '{"code": "a", "prix": 1e999999999}\n{"code": "b", "prix": 1e300}\n')
    assert file_of(sales.run(), "ventes.jsonl")["rows_rejected"] == 2


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("[1]", "not_an_object"),
        ('"text"', "not_an_object"),
        ("null", "not_an_object"),
        ('{"code": "z"', "not_json"),
        ("{'code': 'z'}", "not_json"),
        ('{"code": NaN}', "not_json"),
        ('{"code": -Infinity}', "not_json"),
        ('{"code": "a\tb"}', "not_json"),
        ('{"code": "y", "code": "z"}', "duplicate_key"),
        ('{"code": "z", "x": {"a": 1, "a": 2}}', "duplicate_key"),
        ('{"CODE": "y", "Code": "z"}', "duplicate_key"),
        ('{"code": "\\ud83d"}', "unstorable_text"),
        ('{"code": "z", "\\udc00": 1}', "unstorable_text"),
        ('{"code": "a\\u0000b"}', "unstorable_text"),
        ('{"code": ' + "[" * 101 + "]" * 101 + "}", "too_deep"),
        ('{"code": ' + '{"a":' * 200_000 + "1" + "}" * 200_000 + "}", "too_deep"),
        ("[" * 5_000_000, "too_deep"),
        ('{"code": "' + "x" * (8 << 20) + '"}', "line_too_long"),
    ],
)
def test_a_line_that_is_no_record_is_malformed_and_keeps_its_text(sales: Shop, line: str, fault: str) -> None:
    describe(sales, {**PATTERN, "malformedThreshold": 1})
    sales.put("ventes.jsonl", f'{{"code": "a"}}\n{line}\n{{"code": "b"}}\n')
    report = sales.run()
    assert file_of(report, "ventes.jsonl")["rows_read"] == 3
    assert silver(sales, "code") == [("a",), ("b",)]
    [rejected] = sales.json("quarantine", "show", "ventes")["rows"]
    assert (rejected["record"], rejected["reasons"]) == (2, [f"record:{fault}"])
    assert rejected["raw"] == line[: 8 << 20]


def test_undeclared_names_are_kept_with_all_that_is_in_them(sales: Shop) -> None:
    describe_paths(sales, {}, {"ville": "client.ville"}, ville="string")
    sales.put(
        "ventes.jsonl", '{"code": "a", "client": {"ville": "Lyon", "age": 4.10}, "Note": "x"}\n{"code": "b", "n": []}\n'
    )
    [note] = file_of(sales.run(), "ventes.jsonl")["notes"]
    assert note == "undeclared columns kept as text in _extra: client, Note, n"
    extras = [json.loads(extra) if extra else None for (extra,) in sales.rows("ventes", "_extra", layer="bronze")]
    assert extras == [{"client": {"ville": "Lyon", "age": 4.1}, "Note": "x"}, {"n": []}]


def test_undeclared_names_are_left_out_or_refused_as_the_contract_says(sales: Shop) -> None:
    sales.put("ventes.jsonl", '{"code": "a", "x": 1}\n')
    describe(sales, {**PATTERN, "drift": "discard"})
    assert file_of(sales.run(), "ventes.jsonl")["notes"] == ["undeclared columns left out: x"]
    describe(sales, {**PATTERN, "drift": "freeze"})
    assert file_of(sales.run(), "ventes.jsonl")["reason"] == "drift"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ('{"x": 1}\n', "missing_column"),
        ("code,prix\na,1\n", "malformed"),
        ('[{"code": "a"},\n{"code": "b"}]\n', "malformed"),
        ("".join(f'{{"code": "a", "x{number}": 1}}\n' for number in range(5_000)), "too_large"),
        ('{"code": "a", "' + "x" * 200_000 + '": 1}', "too_large"),
    ],
)
def test_a_file_that_fits_no_contract_is_refused(sales: Shop, content: str, reason: str) -> None:
    describe(sales, PATTERN, prix="number")
    sales.put("ventes-1.jsonl", content)
    sales.put("ventes-2.jsonl", '{"code": "a"}\n')
    report = sales.run()
    assert (file_of(report, "ventes-1.jsonl")["reason"], silver(sales, "code")) == (reason, [("a",)])


def test_a_file_with_none_of_the_columns_is_refused(sales: Shop) -> None:
    assert sales.project is not None
    document = contract(PATTERN)
    document["schema"][0]["properties"] = [{"name": "ref", "logicalType": "string"}]
    (sales.project / "sources" / "ventes.yaml").write_text(yaml.safe_dump(document))
    sales.put("ventes.jsonl", '{"code": "a"}\n')
    file = file_of(sales.run(), "ventes.jsonl")
    assert (file["reason"], "none of the columns ref, but code" in file["detail"]) == ("no_declared_column", True)


def test_a_name_with_points_is_that_name_before_it_is_a_path(sales: Shop) -> None:
    describe_paths(sales, {}, {"ville": "client.ville"}, ville="string")
    sales.put("ventes.jsonl", '{"code": "a", "client": {"ville": "Lyon"}, "client.ville": "Dijon"}\n')
    sales.run()
    assert silver(sales, "ville") == [("Dijon",)]


def test_aliases_and_case_count_for_each_object(sales: Shop) -> None:
    assert sales.project is not None
    document = contract(PATTERN, prix="number")
    document["schema"][0]["properties"][1]["customProperties"] = [{"property": "aliases", "value": ["montant"]}]
    (sales.project / "sources" / "ventes.yaml").write_text(yaml.safe_dump(document))
    sales.put("ventes.jsonl", '{"code": "a", "prix": 1}\n{"CODE": "b", "montant": 2}\n')
    sales.run()
    assert silver(sales, "code", "prix") == [("a", "1.00"), ("b", "2.00")]


def test_rejected_objects_are_shown_with_their_names(sales: Shop) -> None:
    describe(sales, PATTERN, prix="number")
    sales.put("ventes.jsonl", '{"prix": "x", "code": "a", "note": [1]}\n')
    sales.run()
    [rejected] = sales.json("quarantine", "show", "ventes")["rows"]
    assert (rejected["reasons"], rejected["raw"]) == (["prix:type"], "a,x,[1]")


def test_the_encoding_of_the_contract_counts(sales: Shop) -> None:
    describe(sales, {**PATTERN, "dialect": {"encoding": "cp1252"}}, note="string")
    sales.put("ventes.jsonl", '{"code": "a", "note": "été"}\n'.encode("cp1252"))
    sales.run()
    assert silver(sales, "note") == [("été",)]
    describe(sales, PATTERN, note="string")
    assert file_of(sales.run(), "ventes.jsonl")["reason"] == "undecodable"


def test_a_format_may_be_said_whatever_the_name_is(sales: Shop) -> None:
    describe(sales, {"filePattern": "ventes*", "dialect": {"format": "jsonLines"}})
    sales.put("ventes.txt", '{"code": "a"}\n')
    sales.run()
    assert silver(sales, "code") == [("a",)]
    describe(sales, {"filePattern": "ventes*", "dialect": {"format": "json"}})
    assert "jsonLines" in sales.filon("check", exit_code=2)
