"""CSV files as they really are: dialects, compression, drift, hostile names, and files that cannot be read."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
import zstandard

from filon.errors import SourcesUnavailable
from filon.lake import Sources, printable_name
from tests.integration.conftest import ACHATS, CLIENTS, Shop, surroundings
from tests.integration.servers import ObjectStore

HEADER = ACHATS.splitlines()[0]
ROW = "50,1,2025-01-05,7.00,souris"


def contract(words: dict[str, Any], **types: str) -> dict[str, Any]:
    """A contract of two or three columns with these custom properties."""
    columns: list[dict[str, Any]] = [{"name": "code", "logicalType": "string", "primaryKey": True, "required": True}]
    for name, kind in types.items():
        column: dict[str, Any] = {"name": name, "logicalType": kind}
        if kind == "number":
            column["physicalType"] = "DECIMAL(10,2)"
        columns.append(column)
    properties = [{"property": name, "value": value} for name, value in {"filePattern": "ventes*", **words}.items()]
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1", "status": "active"}
    return {**head, "schema": [{"name": "ventes", "customProperties": properties, "properties": columns}]}


@pytest.fixture
def sales(tmp_path: Path) -> Shop:
    """A project of one source, `ventes`, whose contract each test writes."""
    project = tmp_path / "project"
    (project / "sources").mkdir(parents=True)
    (project / "filon.yaml").write_text("name: ventes\ntimezone: Europe/Paris\n")
    return Shop(tmp_path, project)


def describe(shop: Shop, words: dict[str, Any], **types: str) -> None:
    assert shop.project is not None
    (shop.project / "sources" / "ventes.yaml").write_text(yaml.safe_dump(contract(words, **types)))


FRENCH = 'code;prix;jour;nom\né1;1 234,50;31/12/2024;Crème brûlée\n\'2;0,5;01/02/2025;"a;b\nc"\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"])
@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
def test_french_files_are_read_in_every_encoding_and_packing(sales: Shop, encoding: str, packing: str) -> None:
    dialect = {"delimiter": ";", "decimal": ",", "grouping": " \u00a0\u202f", "dateFormat": "dd/MM/yyyy"}
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    describe(sales, {"dialect": {**dialect, "encoding": name}}, prix="number", jour="date", nom="string")
    content = FRENCH.encode(encoding)
    packed = {"": content, ".gz": gzip.compress(content), ".zst": zstandard.compress(content)}
    sales.put(f"ventes.csv{packing}", packed[packing])
    sales.run()
    rows = sales.rows("ventes", "code, CAST(prix AS VARCHAR), CAST(jour AS VARCHAR), nom", layer="silver")
    assert rows == [("'2", "0.50", "2025-02-01", "a;b\nc"), ("é1", "1234.50", "2024-12-31", "Crème brûlée")]


def test_timestamps_without_a_zone_are_read_in_the_dialects_zone(sales: Shop) -> None:
    describe(sales, {"dialect": {"timezone": "Europe/Paris"}}, moment="timestamp")
    sales.put("ventes.csv", "code,moment\na,2024-07-01 12:00:00\n")
    sales.run()
    [(moment,)] = sales.rows("ventes", "CAST(epoch(moment) AS BIGINT)", layer="silver")
    assert moment == 1719828000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b" \n\n", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "not_text"),
        ((HEADER + "\n1,1,2025-01-01,5,caf").encode() + b"\xe9\n", "undecodable"),
        ((HEADER + "\n" + "1;2\n" * 50).encode(), "malformed"),
        (b"id_achat,id_client,date_achat,montant\n1,1,2025-01-01,5\n", "missing_column"),
        (HEADER.replace(",", ";").encode() + b"\n1;1;2025-01-01;5;x\n", "missing_column"),
        ((HEADER + ",Produit\n").encode(), "duplicate_header"),
        (gzip.compress(ACHATS.encode())[:-9], "corrupt_archive"),
        (b'"id_achat\n', "malformed_header"),
    ],
)
def test_unreadable_file_is_quarantined_whole_and_the_others_go_on(shop: Shop, content: bytes, reason: str) -> None:
    shop.put("achats-mauvais.csv", content)
    report = shop.run()
    by_file = {file["file"]: file for file in report["files"]}
    assert (by_file["achats-mauvais.csv"]["status"], by_file["achats-mauvais.csv"]["reason"]) == ("quarantined", reason)
    assert by_file["achats-mauvais.csv"]["detail"]
    assert by_file["achats.csv"]["status"] == "ingested"
    assert len(shop.rows("fact_ventes")) == 3


@pytest.mark.parametrize("content", [b"code;nom\n1;a\n", "code;nom\n1;é\n".encode(), b"code;nom\n1;a"])
def test_a_text_that_is_not_in_the_contracts_encoding_does_not_stop_the_others(sales: Shop, content: bytes) -> None:
    describe(sales, {"dialect": {"encoding": "utf-16", "delimiter": ";"}}, nom="string")
    sales.put("ventes-1.csv", content)
    sales.put("ventes-2.csv", "code;nom\n2;b\n".encode("utf-16"))
    files = sales.run()["files"]
    assert [(file["status"], file["reason"]) for file in files] == [("quarantined", "undecodable"), ("ingested", None)]
    assert sales.rows("ventes", "code, nom", layer="silver") == [("2", "b")]


def payments(shop: Shop, **words: Any) -> None:
    """A contract in which no column is required."""
    assert shop.project is not None
    document = contract({"dialect": {"delimiter": ";"}, **words}, montant="number")
    document["schema"][0]["properties"][0] = {"name": "ref", "logicalType": "string"}
    (shop.project / "sources" / "ventes.yaml").write_text(yaml.safe_dump(document))


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("A1;110\nB2;210\n", "A1;110. It looks like data: if the file has no header"),
        ("ref,montant\nA1,110\n", "ref,montant. It looks separated by ,"),
        ("ref\tmontant\nA1\t110\n", "It looks separated by tabs"),
        ("canal;lieu\nweb;Lyon\n", "canal;lieu. Send the file with a header"),
    ],
)
def test_a_file_with_none_of_the_columns_is_refused(sales: Shop, content: str, hint: str) -> None:
    payments(sales)
    sales.put("ventes-1.csv", content)
    sales.put("ventes-2.csv", "montant;canal\n5;web\n")
    refused, accepted = sales.run()["files"]
    assert (refused["status"], refused["reason"]) == ("quarantined", "no_declared_column")
    assert hint in refused["detail"]
    assert accepted["status"] == "ingested"
    assert len(sales.rows("ventes", layer="silver")) == 1


def test_a_renamed_column_is_said_to_be_absent_until_the_contract_knows_its_new_name(sales: Shop) -> None:
    payments(sales)
    sales.put("ventes-1.csv", "ref;montant\nA1;1\n")
    sales.put("ventes-2.csv", "ref;montant_ttc\nA2;two\n")
    first, second = sales.run()["files"]
    assert first["notes"] == []
    assert second["notes"] == [
        "undeclared columns kept as text in _extra: montant_ttc",
        (
            "declared columns absent, null in every record: montant; "
            "if one has another name here, give the column `aliases`"
        ),
    ]
    payments(sales)
    assert sales.project is not None
    path = sales.project / "sources" / "ventes.yaml"
    document = yaml.safe_load(path.read_text())
    document["schema"][0]["properties"][1]["customProperties"] = [{"property": "aliases", "value": ["montant_ttc"]}]
    path.write_text(yaml.safe_dump(document))
    assert [file["status"] for file in sales.run()["files"]] == ["ingested", "ingested"]
    assert sales.rows("ventes", "ref, CAST(montant AS VARCHAR)", layer="silver") == [("A1", "1.00")]
    [row] = sales.json("quarantine", "show", "ventes-2.csv")["rows"]
    assert (row["raw"], row["reasons"]) == ("A2;two", ["montant:type"])


def test_an_absent_column_is_noted_where_nothing_is_undeclared(sales: Shop) -> None:
    payments(sales)
    sales.put("ventes.csv", "ref\nA1\n")
    assert sales.run()["files"][0]["notes"] == ["declared columns absent, null in every record: montant"]


def daily(shop: Shop, **words: Any) -> None:
    """Amounts of days by a key."""
    describe(shop, {"dialect": {"delimiter": ";", "decimal": ","}, **words}, montant="number", jour="date")


def amounts(shop: Shop) -> list[tuple[str, str]]:
    return shop.rows("ventes", "code, CAST(montant AS VARCHAR)", layer="silver")


NINTH, TENTH = "code;montant;jour\nA;9,00;2026-01-09\n", "code;montant;jour\nA;10,00;2026-01-10\n"


@pytest.mark.parametrize("together", [True, False])
def test_of_numbered_files_the_one_with_the_greater_number_is_newer(sales: Shop, together: bool) -> None:
    daily(sales)
    sales.put("ventes_9.csv", NINTH)
    if not together:
        sales.run()
    sales.put("ventes_10.csv", TENTH)
    sales.run()
    assert amounts(sales) == [("A", "10.00")]


@pytest.mark.parametrize("first", ["ventes_9.csv", "ventes_10.csv", None])
def test_the_greatest_value_of_the_column_that_tells_wins_whatever_arrives_first(
    sales: Shop, first: str | None
) -> None:
    daily(sales, newest={"by": "jour"})
    files = {"ventes_9.csv": NINTH, "ventes_10.csv": TENTH}
    if first is not None:
        sales.put(first, files[first])
        sales.run()
    for name, content in files.items():
        sales.put(name, content)
    report = sales.run()
    assert amounts(sales) == [("A", "10.00")]
    assert [report["datasets"][0][name] for name in ("accepted", "superseded", "rejected")] == [1, 1, 0]


def test_an_empty_value_is_the_oldest_and_equal_ones_are_told_apart_by_arrival(sales: Shop) -> None:
    daily(sales, newest={"by": "jour"}, keep="last")
    sales.put("ventes_1.csv", "code;montant;jour\nA;1;2026-01-01\nB;1;2026-01-01\n")
    sales.put("ventes_2.csv", "code;montant;jour\nA;2;\nB;2;2026-01-01\nB;3;2026-01-01\n")
    sales.run()
    assert amounts(sales) == [("A", "1.00"), ("B", "3.00")]


def test_check_warns_of_a_key_whose_newest_row_nothing_tells(sales: Shop) -> None:
    daily(sales)
    sales.put("ventes_9.csv", NINTH)
    assert sales.json("check")["warnings"] == []
    sales.put("ventes_10.csv", TENTH)
    [warning] = sales.json("check")["warnings"]
    assert "2 files match `ventes*`: of two with the same code" in warning["what"]
    assert "newest" in warning["fix"]
    assert "warning: " in sales.filon("check")
    daily(sales, newest={"by": "jour"})
    assert sales.json("check")["warnings"] == []


SALE = "ref;montant\nA1;10\n"
BY_SHOP = {"filePattern": "**/ventes*.csv", "fromFileName": {"column": "boutique", "pattern": "(?<boutique>[a-z]+)/"}}


def shops(shop: Shop, column: dict[str, Any], **words: Any) -> None:
    """The contract of payments with one more column."""
    payments(shop, **words)
    assert shop.project is not None
    path = shop.project / "sources" / "ventes.yaml"
    document = yaml.safe_load(path.read_text())
    document["schema"][0]["properties"].append(column)
    path.write_text(yaml.safe_dump(document))


def counted(report: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Status and accepted rows of each file."""
    return {file["file"]: (file["status"], file["rows_accepted"]) for file in report["files"]}


def test_equal_files_of_two_shops_count_once_where_the_place_is_no_data(sales: Shop) -> None:
    payments(sales, filePattern="**/ventes*.csv")
    sales.put("lyon/ventes.csv", SALE)
    sales.put("paris/ventes.csv", SALE)
    report = sales.run()
    assert counted(report) == {"lyon/ventes.csv": ("ingested", 1), "paris/ventes.csv": ("unchanged", 0)}
    assert report["files"][1]["notes"] == ["same content as lyon/ventes.csv"]


def test_equal_files_of_two_shops_count_each_where_the_shop_is_a_column(sales: Shop) -> None:
    shops(sales, {"name": "boutique", "logicalType": "string", "required": True}, **BY_SHOP)
    sales.put("lyon/ventes.csv", SALE)
    sales.put("paris/ventes.csv", SALE)
    sales.put("paris/ventes-copie.csv", SALE)
    sales.put("paris/ventes.csv.gz", gzip.compress(SALE.encode()))
    sales.put("ventes.csv", "ref;montant;boutique\nB2;5;nice\n")
    report = sales.run()
    assert {name: rows for name, (_, rows) in counted(report).items() if rows} == {
        "lyon/ventes.csv": 1,
        "paris/ventes-copie.csv": 1,
    }
    assert sales.rows("ventes", "ref, boutique", layer="silver") == [("A1", "lyon"), ("A1", "paris")]
    assert report["datasets"][0]["reasons"] == {"boutique:required": 1}
    assert sales.json("quarantine", "show", "ventes.csv")["rows"][0]["raw"] == "B2;5;nice"
    assert sales.run()["status"] == "unchanged"


def test_a_changed_pattern_gives_other_values_and_reads_no_file(sales: Shop) -> None:
    column = {"name": "boutique", "logicalType": "string"}
    shops(sales, column, **BY_SHOP)
    sales.put("lyon/ventes.csv", SALE)
    sales.run()
    sales.sources.joinpath("lyon/ventes.csv").unlink()
    shops(sales, column, **(BY_SHOP | {"fromFileName": {"column": "boutique", "pattern": "^(?P<boutique>.)"}}))
    sales.run()
    assert sales.rows("ventes", "ref, boutique", layer="silver") == [("A1", "l")]


@pytest.mark.parametrize("column", [{"name": "_path"}, {"name": "chemin", "physicalName": "_path"}])
def test_a_path_may_be_a_column(sales: Shop, column: dict[str, Any]) -> None:
    shops(sales, {**column, "logicalType": "string"}, filePattern="**/ventes*.csv")
    for name in ("ventes.csv", "a'b/ventes.csv.gz", "a'b/ventes.csv"):
        sales.put(name, gzip.compress(SALE.encode()) if name.endswith(".gz") else SALE)
    sales.run()
    name = column["name"]
    assert sales.rows("ventes", f'"{name}"', layer="silver") == [("a'b/ventes.csv",), ("ventes.csv",)]


def test_a_file_and_its_archive_count_once(sales: Shop) -> None:
    payments(sales)
    sales.put("ventes.csv.gz", gzip.compress(SALE.encode()))
    assert counted(sales.run()) == {"ventes.csv.gz": ("ingested", 1)}
    sales.put("ventes.csv", SALE)
    sales.put("ventes.csv.zst", zstandard.compress(SALE.encode()))
    sales.put("ventes-2.csv.gz", gzip.compress(SALE.encode())[:-9])
    report = sales.run()
    assert counted(report)["ventes.csv.gz"] == ("unchanged", 1)
    assert {counted(report)[name] for name in ("ventes.csv", "ventes.csv.zst")} == {("unchanged", 0)}
    assert len(sales.rows("ventes", layer="silver")) == 1
    again = sales.run()
    assert counted(again) == counted(report)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("words", "before"),
    [
        ({"skipLines": 2}, 'Ventes "de" janvier\nexporté le 1;2\n'),
        ({"skipLines": 3}, "\n\n\n"),
        ({"skipUntil": "header"}, 'Ventes\n\n"exporté;le 1\nmontant\n'),
        ({"skipUntil": "header"}, ""),
        ({}, "sep=;\n"),
        ({"delimiter": ","}, "sep=;\n"),
        ({"delimiter": ","}, '"SEP=;"\n'),
        ({"skipLines": 1, "delimiter": "\t"}, "Ventes\nsep=;\n"),
        ({"skipUntil": "header", "delimiter": ","}, "sep=;\nVentes\n"),
    ],
)
def test_what_stands_before_the_header_is_left_out(
    sales: Shop, words: dict[str, Any], before: str, mark: str, end: str
) -> None:
    payments(sales, dialect={"delimiter": ";", **words})
    sales.put("ventes.csv", mark + f"{before}ref;montant\nA1;1\nÉ2;2\n".replace("\n", end))
    report = sales.run()
    assert (report["files"][0]["rows_accepted"], report["files"][0]["notes"]) == (2, [])
    assert sales.rows("ventes", "ref, _record", layer="silver") == [("A1", 1), ("É2", 2)]


def test_lines_are_left_out_of_a_file_without_a_header_too(sales: Shop) -> None:
    payments(sales, dialect={"delimiter": ";", "header": False, "skipLines": 1})
    sales.put("ventes.csv", "Ventes\nA1;1\n")
    sales.run()
    assert sales.rows("ventes", "ref", layer="silver") == [("A1",)]


@pytest.mark.parametrize(
    ("words", "content", "reason"),
    [
        ({"skipLines": 5}, "ref;montant\nA1;1\n", "empty"),
        ({"skipUntil": "header"}, "Ventes\nA1;1\n", "no_declared_column"),
        ({}, "sep=;\n", "empty"),
    ],
)
def test_a_file_of_which_nothing_is_left_is_refused(
    sales: Shop, words: dict[str, Any], content: str, reason: str
) -> None:
    payments(sales, dialect={"delimiter": ";", **words})
    sales.put("ventes.csv", content)
    [file] = sales.run()["files"]
    assert (file["status"], file["reason"]) == ("quarantined", reason)


@pytest.mark.parametrize("odd", ["", "\n", "C3|x|y\n"])
def test_a_quote_is_a_character_like_others_where_nothing_is_quoted(sales: Shop, odd: str) -> None:
    describe(
        sales, {"dialect": {"delimiter": "|", "quote": "none"}, "malformedThreshold": 1}, nom="string", jour="date"
    )
    sales.put("ventes.csv", f'code|nom|jour\nA1|12" pipe|\nB2|"open|2026-01-01\n{odd}D4|"x"|hier\n')
    sales.run()
    assert sales.rows("ventes", "code, nom", layer="silver") == [("A1", '12" pipe'), ("B2", '"open')]
    rows = sales.json("quarantine", "show", "ventes.csv")["rows"]
    assert rows[-1]["raw"] == 'D4|"x"|hier'


COMMENTED = """\
# ventes de janvier
ref;montant
A1;1
# une remarque
#B2;2
C3;#3
{quoted}
 #D4;4
"""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quoted", ["", '"E5\n# encore";5', '"#F6";6', '"#G7\n# ";"x'])
def test_lines_that_begin_with_the_mark_of_comments_are_no_records(sales: Shop, quoted: str, end: str) -> None:
    payments(sales, dialect={"delimiter": ";", "comment": "#"}, malformedThreshold=1)
    sales.put("ventes.csv", COMMENTED.format(quoted=quoted).replace("\n", end))
    report = sales.run()
    records = sales.rows("ventes", "_record, ref, montant, _malformed", layer="bronze")
    assert [record for record in records if not (record[1] or "").startswith(("E5", "#F6", "#G7"))] == [
        (1, "A1", "1", None),
        (2, "C3", "#3", None),
        *([] if not quoted else [(3, None, None, "unterminated_quote")] if "G7" in quoted else []),
        (4 if quoted else 3, " #D4", "4", None),
    ]
    assert report["files"][0]["rows_read"] == (4 if quoted else 3)


def test_a_mark_of_comments_may_have_several_characters_and_stand_before_the_header(sales: Shop) -> None:
    payments(sales, dialect={"delimiter": ";", "comment": "//", "skipLines": 1, "skipUntil": "header"})
    sales.put("ventes.csv", "Ventes\n// ref;montant\nsep=,\n//\ntitre\nref,montant\n/A1,1\n//B2,2")
    sales.run()
    assert sales.rows("ventes", "ref, _record", layer="silver") == [("/A1", 1)]


def test_long_comments_are_left_out_whole(sales: Shop) -> None:
    payments(sales, dialect={"delimiter": ";", "comment": "#"})
    sales.put("ventes-1.csv", f"#{'x' * 140_000}\nref;montant\nA1;1\n#{'é' * (9 << 20)}\nB2;2\n")
    sales.put("ventes-2.csv", f'ref;montant\n"A3";1\n#{"x" * (9 << 20)}\nB4;2\n')
    sales.run()
    assert sales.rows("ventes", "ref", layer="silver") == [("A1",), ("A3",), ("B2",), ("B4",)]


@pytest.mark.parametrize("content", ["#\n", "\ufeff# a\n# b"])
def test_a_file_of_comments_is_empty(sales: Shop, content: str) -> None:
    payments(sales, dialect={"delimiter": ";", "comment": "#"})
    sales.put("ventes.csv", content)
    assert sales.run()["files"][0]["reason"] == "empty"


RECORDS = "ref;montant\nA1;1\nB2;2\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("footer", "text", "kept"),
    [
        ({"lines": 1}, f"{RECORDS}Total;3", ["Total;3"]),
        ({"lines": 2}, f"{RECORDS}Total\n\nfait le 1;2;3\n\n", ["Total", "fait le 1;2;3"]),
        ({"lines": 1}, f'{RECORDS}"Total\n";3\n', ['"Total\n";3']),
        ({"lines": 1}, f'{RECORDS}"Total;3\n', ['"Total;3']),
        ({"startsWith": "Total"}, f"{RECORDS}Total;3\nfait le 1\n", ["Total;3", "fait le 1"]),
        ({"startsWith": "Total"}, f"{RECORDS}Total HT;3\nTotal TTC;4", ["Total HT;3", "Total TTC;4"]),
        ({"startsWith": "Total"}, f'{RECORDS}"Total";"3"\n', ['"Total";"3"']),
        ({"startsWith": "Total"}, 'ref;montant\nA1;1\n"B2\nTotal";2\n', []),
        ({"startsWith": "Total"}, RECORDS, []),
        ({"startsWith": ";"}, f"{RECORDS};3\n", [";3"]),
    ],
)
def test_a_footer_is_kept_and_not_judged(
    sales: Shop, footer: dict[str, Any], text: str, kept: list[str], end: str
) -> None:
    payments(sales, dialect={"delimiter": ";", "footer": footer})
    sales.put("ventes.csv", text.replace("\n", end))
    report = sales.run("--strict")
    [file] = report["files"]
    assert (file["rows_read"], file["rows_accepted"], file["rows_rejected"]) == (2, 2, 0)
    lines = sales.rows("ventes", "_record, _raw", layer="bronze")[2:]
    assert lines == [(number, line.replace("\n", end)) for number, line in enumerate(kept, start=3)]
    number = f"{len(kept)} line{'' if len(kept) == 1 else 's'}"
    assert file["notes"] == ([f"{number} of a footer kept, not judged"] if kept else [])
    assert sales.run()["status"] == "unchanged"


def test_a_footer_longer_than_its_file_leaves_the_header(sales: Shop) -> None:
    payments(sales, dialect={"delimiter": ";", "footer": {"lines": 9}})
    sales.put("ventes.csv", RECORDS)
    [file] = sales.run()["files"]
    assert (file["status"], file["rows_read"]) == ("ingested", 0)
    assert file["notes"] == ["2 lines of a footer kept, not judged"]


def test_a_footer_that_the_contract_says_no_more_is_judged(sales: Shop) -> None:
    payments(sales, dialect={"delimiter": ";", "footer": {"lines": 1}})
    sales.put("ventes.csv", f"{RECORDS}Total;3\n")
    assert sales.run()["files"][0]["rows_read"] == 2
    payments(sales)
    assert sales.run()["files"][0]["rows_accepted"] == 3


@pytest.mark.parametrize("odd", ["", '"E5";"x\ny"\n', "F6;5;web;1\n"])
def test_records_that_are_short_are_filled_up_or_rejected(sales: Shop, odd: str) -> None:
    text = f"ref;montant;canal\nA1;1;web\nB2;2\nC3\n;\n \n{odd}"
    sales.put("ventes.csv", text)
    for short, rows in (
        ("nulls", [("A1", "1", "web"), ("B2", "2", None), ("C3", None, None), (None, None, None)]),
        ("reject", [("A1", "1", "web")]),
    ):
        payments(sales, dialect={"delimiter": ";", "shortRecords": short}, malformedThreshold=1)
        report = sales.run()
        assert report["files"][0]["rows_read"] == (5 if odd else 4)
        found = sales.rows("ventes", "_record, ref, montant, json_extract_string(_extra, '$.canal')", layer="bronze")
        assert [row[1:] for row in found[: len(rows)]] == rows


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        (r'"12\" pipe"', '12" pipe'),
        (r'"C:\\temp\\"', "C:\\temp\\"),
        (r'"C:\temp"', "C:\\temp"),
        (r'"a\;b"', r"a\;b"),
        (r"a\b", r"a\b"),
        (r"a\"b", r"a\"b"),
        ('"a ""b"" c"', 'a "b" c'),
        (r'"a\""', 'a"'),
        ('"a\\\nb"', "a\\\nb"),
        ('"\\"\n\\""', '"\n"'),
    ],
)
def test_a_character_takes_the_meaning_of_a_quote_inside_of_quotes(
    sales: Shop, field: str, value: str, end: str
) -> None:
    payments(sales, dialect={"delimiter": ";", "escape": "\\"})
    sales.put("ventes.csv", f"ref;montant\n{field};1\nB;x\n".replace("\n", end))
    sales.run()
    assert sales.rows("ventes", "ref", layer="silver") == [(value.replace("\n", end),)]


def test_a_rejected_record_with_escapes_is_spelled_with_escapes_again(sales: Shop) -> None:
    payments(sales, dialect={"delimiter": ";", "escape": "\\"}, malformedThreshold=1)
    sales.put("ventes.csv", 'ref;montant\n"a\\\\;\\"b";x\n"open\\";1\n')
    sales.run()
    rows = sales.json("quarantine", "show", "ventes.csv")["rows"]
    assert [(row["raw"], row["reasons"]) for row in rows] == [
        ('"a\\\\;""b";x', ["montant:type"]),
        ('"open\\";1', ["record:unterminated_quote"]),
    ]


@pytest.mark.parametrize("delimiter", ["||", "::", ", ", "\t\t", "<sep>", "é|", "whitespace"])
@pytest.mark.parametrize("odd", ["", 'E5D"x\ny"\n', "F6D1D2\n", "G7\n"])
def test_a_delimiter_may_be_several_characters_or_any_blanks(sales: Shop, delimiter: str, odd: str) -> None:
    payments(sales, dialect={"delimiter": delimiter}, malformedThreshold=1)
    mark = " \t " if delimiter == "whitespace" else delimiter
    sales.put("ventes.csv", f"refDmontant\nA1D1\nB2Dx|y\n{odd}C:3D3\n".replace("D", mark))
    sales.run()
    rows = sales.rows("ventes", "ref, CAST(montant AS VARCHAR)", layer="silver")
    assert rows == [("A1", "1.00"), ("C:3", "3.00")]
    raw = sales.json("quarantine", "show", "ventes.csv")["rows"][0]["raw"]
    assert raw == f"B2{' ' if delimiter == 'whitespace' else mark}x|y"


def test_blanks_around_a_line_bring_no_field_and_quotes_keep_them(sales: Shop) -> None:
    payments(sales, dialect={"delimiter": "whitespace"})
    sales.put("ventes-1.csv", "  ref   montant  \n  A1\t\t1  \n\n \t \nB2 2\n")
    sales.put("ventes-2.csv", ' ref montant\n "C 3" 3 \n "" "4"\n"D\n  5"   5\n')
    sales.run()
    assert sales.rows("ventes", "ref, CAST(montant AS VARCHAR)", layer="silver") == [
        ("A1", "1.00"),
        ("B2", "2.00"),
        ("C 3", "3.00"),
        ("D\n  5", "5.00"),
        (None, "4.00"),
    ]


def test_a_file_says_its_delimiter_of_several_characters(sales: Shop) -> None:
    payments(sales)
    sales.put("ventes.csv", "sep=||\nref||montant\nA1||1\n")
    sales.run()
    assert sales.rows("ventes", "ref", layer="silver") == [("A1",)]


BY_PLACE = {"dialect": {"delimiter": ";", "header": False}}


@pytest.mark.parametrize("start", ["", "\ufeff", "\n", "\n \n"])
@pytest.mark.parametrize("odd", ["", 'C3;"5\n"\n'])
def test_a_file_without_a_header_keeps_its_first_record(sales: Shop, start: str, odd: str) -> None:
    payments(sales, **BY_PLACE)
    sales.put("ventes.csv", f"{start}A1;110\nB2;210\n{odd}")
    report = sales.run()
    assert report["files"][0]["rows_read"] == (3 if odd else 2)
    rows = sales.rows("ventes", "ref, CAST(montant AS VARCHAR), _record", layer="silver")
    assert rows[:2] == [("A1", "110.00", 1), ("B2", "210.00", 2)]


def test_fields_beyond_the_columns_of_a_file_without_a_header_are_undeclared_columns(sales: Shop) -> None:
    payments(sales, **BY_PLACE, malformedThreshold=1)
    sales.put("ventes.csv", "A1;1;web;\nB2;2;shop;\nC3;3\n")
    report = sales.run()
    assert report["files"][0]["notes"] == ["undeclared columns kept as text in _extra: column 3"]
    assert sales.rows("ventes", "_extra, _malformed", layer="bronze") == [
        ('{"column 3":"shop"}', None),
        ('{"column 3":"web"}', None),
        ('{"column 3":null}', "too_few_fields"),
    ]
    assert sales.json("quarantine", "show", "ventes.csv")["rows"][0]["raw"] == "C3;3"


def test_a_rejected_record_of_a_file_without_a_header_is_shown_as_it_stood(sales: Shop) -> None:
    payments(sales, **BY_PLACE)
    sales.put("ventes.csv", "A1;1;web\nB2;two;shop\n")
    sales.run()
    [row] = sales.json("quarantine", "show", "ventes.csv")["rows"]
    assert (row["raw"], row["reasons"], row["record"]) == ("B2;two;shop", ["montant:type"], 2)


def test_a_contract_that_says_that_there_is_no_header_reads_the_file_again(sales: Shop) -> None:
    payments(sales)
    sales.put("ventes.csv", "A1;110\nB2;210\n")
    assert sales.run()["files"][0]["reason"] == "no_declared_column"
    payments(sales, **BY_PLACE)
    assert sales.run()["files"][0]["rows_accepted"] == 2


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n"])
def test_a_file_without_a_header_and_without_a_record_is_empty(sales: Shop, content: str) -> None:
    payments(sales, **BY_PLACE)
    sales.put("ventes.csv", content)
    [file] = sales.run()["files"]
    assert file["reason"] == "empty"
    assert "with at least a record" in file["detail"]


def test_refused_new_content_leaves_the_rows_of_the_file_before_it(shop: Shop) -> None:
    shop.run()
    shop.put("achats.csv", b"\x00\x01")
    report = shop.run()
    assert report["status"] == "unchanged"
    assert len(shop.rows("fact_ventes")) == 3


def test_single_malformed_records_go_to_the_row_quarantine_with_their_text(shop: Shop) -> None:
    good = "\n".join(f"{100 + n},1,2025-01-05,7.00,souris" for n in range(40))
    shop.put("achats-2.csv", f'{HEADER}\n{good}\n1,2\n{ROW}\n1,1,2025-01-05,7.00,souris,de trop\n51,1,"2025"x,1,a\n')
    report = shop.run()
    counts = next(file for file in report["files"] if file["file"] == "achats-2.csv")
    assert (counts["rows_read"], counts["rows_accepted"], counts["rows_rejected"]) == (44, 41, 3)
    rows = shop.json("quarantine", "show", "achats-2.csv")["rows"]
    assert [(row["record"], row["reasons"], row["raw"]) for row in rows] == [
        (41, ["record:too_few_fields"], "1,2"),
        (43, ["record:too_many_fields"], "1,1,2025-01-05,7.00,souris,de trop"),
        (44, ["record:stray_quote"], '51,1,"2025"x,1,a'),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read(shop: Shop, newline: str) -> None:
    shop.put("achats.csv", ACHATS.replace("\n", newline))
    assert shop.run()["datasets"][1]["read"] == 6
    assert len(shop.rows("fact_ventes")) == 3


def test_mixed_line_endings_and_blank_lines_lose_nothing(shop: Shop) -> None:
    shop.put("achats.csv", f"{HEADER}\r\n10,1,2025-01-05,1,a\n\n11,1,2025-01-05,2,b\r\n \n12,1,2025-01-05,3,c")
    report = shop.run()
    assert report["datasets"][1] | {"read": 3, "accepted": 3} == report["datasets"][1]


EXTRA = f"{HEADER},canal\n{ROW},web\n"


def test_undeclared_column_evolves_into_bronze_and_is_reported(shop: Shop) -> None:
    shop.put("achats.csv", EXTRA)
    report = shop.run()
    assert "undeclared columns kept as text in _extra: canal" in report["files"][0]["notes"]
    [(extra,)] = shop.rows("achats", "_extra", layer="bronze")
    assert json.loads(extra) == {"canal": "web"}


@pytest.mark.parametrize(("drift", "outcome"), [("freeze", "quarantined"), ("discard", "ingested")])
def test_drift_modes_freeze_and_discard(sales: Shop, drift: str, outcome: str) -> None:
    describe(sales, {"drift": drift}, prix="number")
    sales.put("ventes.csv", "code,prix,canal\na,1.00,web\n")
    report = sales.run()
    assert report["files"][0]["status"] == outcome
    if outcome == "quarantined":
        assert report["files"][0]["reason"] == "drift"
    else:
        assert sales.rows("ventes", "_extra", layer="bronze") == [(None,)]


def test_file_refused_by_a_contract_is_tried_again_when_the_contract_changes(sales: Shop) -> None:
    describe(sales, {"drift": "freeze"}, prix="number")
    sales.put("ventes.csv", "code,prix,canal\na,1.00,web\n")
    assert sales.run()["files"][0]["status"] == "quarantined"
    describe(sales, {"drift": "freeze"}, prix="number", canal="string")
    assert sales.run()["files"][0]["status"] == "ingested"
    assert sales.rows("ventes", "code, canal", layer="silver") == [("a", "web")]


def test_changed_dialect_reads_the_same_bytes_again(sales: Shop) -> None:
    describe(sales, {"dialect": {"encoding": "latin-1"}}, nom="string")
    sales.put("ventes.csv", "code,nom\na,\u20ac\n".encode("cp1252"))
    sales.run()
    assert sales.rows("ventes", "nom", layer="silver") == [("\x80",)]
    describe(sales, {"dialect": {"encoding": "cp1252"}}, nom="string")
    sales.run()
    assert sales.rows("ventes", "nom", layer="silver") == [("€",)]


def test_data_that_does_not_look_like_its_contract_is_reported(sales: Shop) -> None:
    describe(sales, {}, prix="number", jour="date")
    sales.put("ventes.csv", "code,prix,jour\n" + "".join(f"{n},rien,{n}\n" for n in range(30)))
    notes = sales.run()["files"][0]["notes"]
    assert notes == [
        "prix looks like text, the contract says DECIMAL(10,2)",
        "jour looks like integer, the contract says DATE",
    ]


def test_columns_that_are_mostly_blank_are_judged_by_their_values(sales: Shop) -> None:
    describe(sales, {}, prix="number", note="number")
    filled = "".join(f"{n},rien,{n}.50\n" for n in range(30))
    sales.put("ventes.csv", "code,prix,note\n" + filled + "".join(f"{n},,\n" for n in range(30, 600)))
    assert sales.run()["files"][0]["notes"] == ["prix looks like text, the contract says DECIMAL(10,2)"]


def test_data_that_is_spelled_as_its_contract_says_is_not_reported(sales: Shop) -> None:
    dialect = {"delimiter": ";", "decimal": ",", "grouping": " ", "dateFormat": "yyyyMMdd", "true": "1", "false": "0"}
    describe(sales, {"dialect": dialect}, prix="number", jour="date", ouvert="boolean", numero="integer")
    lines = (f"{n};1 {n:03},50;202601{n + 1:02};{n % 2};\u00a0{n}\u00a0\n" for n in range(30))
    sales.put("ventes.csv", "code;prix;jour;ouvert;numero\n" + "".join(lines))
    [file] = sales.run()["files"]
    assert (file["notes"], file["rows_accepted"]) == ([], 30)


def test_data_of_the_right_type_in_another_spelling_is_reported(sales: Shop) -> None:
    dialect = {"delimiter": ";", "dateFormat": "dd/MM/yyyy", "true": "oui", "false": "non"}
    describe(sales, {"dialect": dialect}, prix="number", jour="date", ouvert="boolean", vide="date")
    lines = (f"{n};{n},50;2026-01-{n + 1:02};true;\n" for n in range(30))
    sales.put("ventes.csv", "code;prix;jour;ouvert;vide\n" + "".join(lines))
    assert sales.run()["files"][0]["notes"] == [
        "prix looks like decimal comma, the contract says DECIMAL(10,2) with the decimal mark .",
        "jour looks like date, the contract says DATE as dd/MM/yyyy",
        "ouvert looks like boolean, the contract says BOOLEAN as oui and non",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "achats [1].csv",
        "achats*.csv",
        "achats?%20.csv",
        "achats'; DROP TABLE.csv",
        'achats"é.csv',
        "achats\n2.csv",
        "achats\x1b[2J.csv",
        "achats\udcff.csv",
        "a/achats.csv",
    ],
)
def test_hostile_file_names_are_only_names(shop: Shop, name: str) -> None:
    (shop.sources / "achats.csv").unlink()
    shop.put(name, ACHATS)
    report = shop.run()
    assert [file["file"] for file in report["files"] if file["dataset"] == "achats"] == [
        printable_name(os.fsencode(name))
    ]
    assert len(shop.rows("fact_ventes")) == 3


def test_many_small_files_are_read_together(shop: Shop) -> None:
    for number in range(300):
        shop.put(f"lot/achats-{number:03}.csv", f"{HEADER}\n{1000 + number},1,2025-01-05,1.00,souris\n")
    report = shop.run()
    assert sum(file["rows_accepted"] for file in report["files"] if file["file"].startswith("lot/")) == 300
    assert len(list((shop.lake / "bronze" / "achats").glob("*.parquet"))) <= 4
    shop.put("lot/achats-007.csv", f"{HEADER}\n1007,1,2025-01-05,9.00,souris\n")
    shop.run()
    rows = dict(shop.rows("fact_ventes", "id_achat, CAST(montant AS VARCHAR)"))
    assert len(rows) == 303
    assert (rows[1007], rows[1008]) == ("9.00", "1.00")


def test_clients_keep_rows_of_an_older_layout_when_their_file_is_gone(sales: Shop) -> None:
    describe(sales, {}, prix="number")
    sales.put("ventes.csv", "code,prix\na,1.00\n")
    sales.run()
    (sales.sources / "ventes.csv").unlink()
    describe(sales, {}, prix="number", canal="string")
    sales.put("ventes-2.csv", "code,prix,canal\nb,2.00,web\n")
    sales.run()
    rows = sales.rows("ventes", "code, canal", layer="silver")
    assert rows == [("a", None), ("b", "web")]


def test_decimals_beyond_the_scale_and_odd_numbers_are_rejected(sales: Shop) -> None:
    describe(sales, {}, prix="number")
    texts = [
        "1.50",
        "1.5",
        "1",
        "1.500",
        ".5",
        "+2",
        "1.505",
        "1e2",
        "NaN",
        "inf",
        "1,5",
        "1_000",
        "123456789.00",
        "0x1",
    ]
    sales.put("ventes.csv", "code,prix\n" + "".join(f'{index},"{text}"\n' for index, text in enumerate(texts)))
    report = sales.run()
    accepted = {int(code) for (code,) in sales.rows("ventes", "code", layer="silver")}
    assert accepted == {0, 1, 2, 3, 4, 5}
    assert report["datasets"][0]["reasons"] == {"prix:type": 6, "prix:precision": 1, "prix:scale": 1}


CLIENTS_OF_A_PLATFORM = CLIENTS.replace("Ada", "A\u0065\u0301da")


def test_text_is_stored_in_composed_unicode(shop: Shop) -> None:
    shop.put("clients.csv", CLIENTS_OF_A_PLATFORM)
    shop.run()
    assert shop.rows("clients", "nom", layer="silver")[0] == ("A\u00e9da",)


def test_sources_may_lie_on_an_object_store(shop: Shop, object_store: ObjectStore) -> None:
    place = "s3://arrivals/retail"
    remote = replace(shop, extra={**object_store.environment, "FILON_SOURCES": place})
    object_store.put("arrivals", "retail/clients.csv", CLIENTS.encode())
    object_store.put("arrivals", "retail/2025/achats.csv.gz", gzip.compress(ACHATS.encode()))
    object_store.put("arrivals", "elsewhere/achats.csv", b"not under the prefix")
    report = remote.run()
    assert [file["file"] for file in report["files"]] == ["2025/achats.csv.gz", "clients.csv"]
    assert len(remote.rows("fact_ventes")) == 3
    assert remote.run()["status"] == "unchanged"
    object_store.put(
        "arrivals", "retail/2025/achats.csv.gz", gzip.compress("\n".join(ACHATS.splitlines()[:2]).encode())
    )
    assert remote.run()["status"] == "published"
    assert len(remote.rows("fact_ventes")) == 1


def test_a_file_that_goes_away_after_it_was_listed_is_said(tmp_path: Path, object_store: ObjectStore) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    object_store.put("sources", "vanishing/a.csv", b"x\n1\n")
    with surroundings(object_store.environment):
        for sources in (Sources(str(tmp_path)), Sources("s3://sources/vanishing")):
            [listed] = sources.files()
            assert b"".join(sources.chunks(listed)) == b"x\n1\n"
            gone = replace(listed, path="b.csv", place=listed.place and str(Path(listed.place).with_name("b.csv")))
            with pytest.raises(SourcesUnavailable, match=r"b\.csv was listed, but is no longer in"):
                list(sources.chunks(gone))


def test_a_folder_that_cannot_be_listed_ends_the_run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder, "closed")
        closed.mkdir()
        closed.parent.chmod(0o755)
        closed.chmod(0)
        is_root = os.geteuid() == 0
        os.seteuid(65534 if is_root else os.geteuid())
        try:
            with pytest.raises(SourcesUnavailable, match=r"closed cannot be listed: Permission denied"):
                Sources(folder).files()
        finally:
            os.seteuid(0 if is_root else os.geteuid())
            closed.chmod(0o700)


def test_whole_decimals_take_no_fraction(sales: Shop) -> None:
    describe(sales, {}, prix="number")
    path = sales.folder / "project" / "sources" / "ventes.yaml"
    path.write_text(path.read_text().replace("DECIMAL(10,2)", "DECIMAL(10,0)"))
    sales.put("ventes.csv", "code,prix\na,.5\nb,0.5\nc,.0\nd,7\n")
    sales.run()
    assert sales.rows("ventes", "code", layer="silver") == [("c",), ("d",)]


def test_a_file_that_is_a_link_out_of_the_sources_is_read_from_a_copy(shop: Shop) -> None:
    elsewhere = shop.folder / "elsewhere.csv"
    (shop.sources / "achats.csv").rename(elsewhere)
    (shop.sources / "achats.csv").symlink_to(elsewhere)
    linked = shop.run()
    assert linked["status"] == "published"
    assert {file["file"]: file["status"] for file in linked["files"]} == dict.fromkeys(
        ("achats.csv", "clients.csv"), "ingested"
    )
