"""Spreadsheets as people send them: sheets, titles, typed cells, hidden and merged ones, and hostile files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import Shop
from tests.integration.spreadsheets import (
    archive,
    cell,
    ods,
    ods_cell,
    ods_parts,
    ods_row,
    row,
    worksheet,
    xlsx,
    xlsx_parts,
)
from tests.integration.test_archives import claiming, states
from tests.integration.test_files import describe, sales

__all__ = ["sales"]

PATTERN = {"filePattern": "**/ventes*.xlsx"}
OPEN = {"filePattern": "**/ventes*.ods"}
FRENCH = {"decimal": ",", "dateFormat": "dd/MM/yyyy", "true": "oui", "false": "non"}


def silver(shop: Shop, *columns: str) -> list[Any]:
    return shop.rows("ventes", ", ".join(f"CAST({name} AS VARCHAR)" for name in columns), layer="silver")


def file_of(report: dict[str, Any], name: str) -> dict[str, Any]:
    [file] = [file for file in report["files"] if file["file"] == name]
    return dict(file)


EXCEL = xlsx(
    row("code", "prix", "jour", "actif", "note"),
    row("a", cell("0.30000000000000004", kind="n"), cell(46022, "date"), True, cell(75001)),
    row("b", cell("1234.5", kind="n"), cell(46022, "custom"), False, cell(0.12, "percent")),
    row("c", "12,50", "31/12/2025", "OUI", "x\ny"),
)
OPEN_DOCUMENT = ods(
    ods_row("code", "prix", "jour", "actif", "note"),
    ods_row(
        "a",
        ods_cell("0,3", "float", "0.30000000000000004"),
        ods_cell("31/12/25", "date", "2025-12-31"),
        ods_cell("VRAI", "boolean", "true"),
        ods_cell("75001", "float", "75001"),
    ),
    ods_row(
        "b",
        ods_cell("1 234,50 €", "currency", "1234.5"),
        ods_cell("31 déc.", "date", "2025-12-31T00:00:00"),
        ods_cell("FAUX", "boolean", "false"),
        ods_cell("12 %", "percentage", "0.12"),
    ),
    ods_row(
        "c",
        "12,50",
        "31/12/2025",
        "OUI",
        '<table:table-cell office:value-type="string"><text:p>x</text:p><text:p>y</text:p></table:table-cell>',
    ),
)


@pytest.mark.parametrize(("name", "content"), [("ventes.xlsx", EXCEL), ("ventes.ods", OPEN_DOCUMENT)])
def test_cells_are_read_by_their_types_and_texts_by_the_dialect(sales: Shop, name: str, content: bytes) -> None:
    describe(
        sales,
        {"filePattern": f"**/{name}", "dialect": FRENCH},
        prix="number",
        jour="date",
        actif="boolean",
        note="string",
    )
    sales.put(name, content)
    report = sales.run()
    assert file_of(report, name)["rows_accepted"] == 3
    assert silver(sales, "code", "prix", "jour", "actif", "note") == [
        ("a", "0.30", "2025-12-31", "true", "75001"),
        ("b", "1234.50", "2025-12-31", "false", "0.12"),
        ("c", "12.50", "2025-12-31", "true", "x\ny"),
    ]
    assert file_of(report, name)["notes"] == []
    assert sales.run()["status"] == "unchanged"


def test_a_moment_is_read_with_its_time(sales: Shop) -> None:
    describe(
        sales, {**PATTERN, "dialect": {"timezone": "Europe/Paris"}}, moment="timestamp", jour="date", note="string"
    )
    moment, day = cell(45474.5000115741, "moment"), cell(45474, "date")
    sales.put(
        "ventes.xlsx",
        xlsx(row("code", "moment", "jour", "note"), row("a", moment, day, moment), row("b", day, day, day)),
    )
    sales.run()
    assert silver(sales, "code", "epoch_us(moment)", "jour", "note") == [
        ("a", "1719828001000000", "2024-07-01", "2024-07-01 12:00:01"),
        ("b", "1719784800000000", "2024-07-01", "2024-07-01"),
    ]


def test_a_moment_is_no_date(sales: Shop) -> None:
    describe(sales, PATTERN, jour="date")
    sales.put(
        "ventes.xlsx", xlsx(row("code", "jour"), row("a", cell(45474.5, "moment")), row("b", cell(45474, "moment")))
    )
    sales.run()
    assert silver(sales, "code", "jour") == [("b", "2024-07-01")]
    [rejected] = sales.json("quarantine", "show", "ventes")["rows"]
    assert (rejected["reasons"], rejected["raw"]) == (["jour:type"], "a,2024-07-01 12:00:00")


@pytest.mark.parametrize(
    ("starts_1904", "serial", "day"),
    [
        (False, 1, "1900-01-01"),
        (False, 59, "1900-02-28"),
        (False, 61, "1900-03-01"),
        (False, 46022, "2025-12-31"),
        (False, 2_958_465, "9999-12-31"),
        (True, 0, "1904-01-01"),
        (True, 44_560, "2025-12-31"),
    ],
)
def test_days_of_both_calendars(sales: Shop, starts_1904: bool, serial: int, day: str) -> None:
    describe(sales, PATTERN, jour="date")
    sheet = worksheet(row("code", "jour"), row("a", cell(serial, "date")))
    sales.put("ventes.xlsx", archive(xlsx_parts({"F": sheet}, starts_1904=starts_1904)))
    sales.run()
    assert silver(sales, "jour") == [(day,)]


@pytest.mark.parametrize("serial", [60, 0, -1, 2_958_466, "1e300"])
def test_what_is_no_day_of_the_calendar_is_rejected(sales: Shop, serial: object) -> None:
    describe(sales, PATTERN, jour="date")
    sales.put("ventes.xlsx", xlsx(row("code", "jour"), row("a", cell(serial, "date", "n"))))
    report = sales.run()
    assert file_of(report, "ventes.xlsx")["rows_rejected"] == 1


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("0.1", "0.1"),
        ("0.30000000000000004", "0.3"),
        ("1234567890123456", "1234567890123456"),
        ("12345678901234567890", "12345678901234600000"),
        ("1E-3", "0.001"),
        ("1.5E+20", "150000000000000000000"),
        ("-0", "0"),
        ("75001.0", "75001"),
    ],
)
def test_numbers_have_the_digits_that_programs_show(sales: Shop, stored: str, shown: str) -> None:
    describe(sales, PATTERN, note="string", prix="number")
    sales.put("ventes.xlsx", xlsx(row("code", "note"), row("a", cell(stored, kind="n"))))
    sales.run()
    [(note,)] = silver(sales, "note")
    assert float(note) == float(shown)
    assert note == shown or "e" in note


def test_negative_numbers_are_numbers_however_texts_spell_them(sales: Shop) -> None:
    describe(sales, {**PATTERN, "dialect": {"negative": "parentheses", "decimal": ","}}, prix="number")
    sales.put("ventes.xlsx", xlsx(row("code", "prix"), row("a", cell(-1.5)), row("b", "(2,5)"), row("c", "-3")))
    sales.run()
    assert silver(sales, "code", "prix") == [("a", "-1.50"), ("b", "-2.50")]


def test_error_cells_are_their_text_unless_they_mean_null(sales: Shop) -> None:
    fault = cell("#N/A", kind="e")
    sales.put("ventes.xlsx", xlsx(row("code", "prix"), row("a", fault), row("b", cell("#DIV/0!", kind="e"))))
    describe(sales, PATTERN, prix="number")
    assert file_of(sales.run(), "ventes.xlsx")["rows_rejected"] == 2
    describe(sales, {**PATTERN, "dialect": {"nullValues": ["#N/A"]}}, prix="number")
    sales.run()
    assert silver(sales, "code", "prix") == [("a", None)]


TWO_SHEETS = {"Notice": worksheet(row("Lisez-moi")), "Janvier": worksheet(row("code"), row("a"))}


@pytest.mark.parametrize("sheet", ["Janvier", " janvier"])
def test_a_sheet_is_found_by_its_name(sales: Shop, sheet: str) -> None:
    describe(sales, {**PATTERN, "dialect": {"sheet": sheet}})
    sales.put("ventes.xlsx", archive(xlsx_parts(TWO_SHEETS, hidden=["Janvier"])))
    assert file_of(sales.run(), "ventes.xlsx")["notes"] == []
    assert silver(sales, "code") == [("a",)]


def test_the_first_sheet_that_is_shown_is_read_and_the_others_are_named(sales: Shop) -> None:
    describe(sales, PATTERN)
    sales.put("ventes.xlsx", archive(xlsx_parts(TWO_SHEETS, hidden=["Notice"])))
    report = sales.run()
    assert file_of(report, "ventes.xlsx")["notes"] == ["read the sheet Janvier, not Notice; choose one by `sheet`"]
    parts = ods_parts({"Notice": ods_row("Lisez-moi"), "Janvier": ods_row("code") + ods_row("b")}, hidden=["Notice"])
    describe(sales, OPEN)
    sales.put("ventes.ods", archive(parts))
    assert file_of(sales.run(), "ventes.ods")["notes"] == ["read the sheet Janvier, not Notice; choose one by `sheet`"]
    assert silver(sales, "code") == [("b",)]


def test_a_missing_sheet_is_said_with_those_that_there_are(sales: Shop) -> None:
    describe(sales, {**PATTERN, "dialect": {"sheet": "Mars"}})
    sales.put("ventes.xlsx", archive(xlsx_parts(TWO_SHEETS)))
    file = file_of(sales.run(), "ventes.xlsx")
    assert (file["reason"], "Notice, Janvier" in file["detail"]) == ("missing_sheet", True)


TITLED = (row("Ventes de janvier"), row(), row("", "code", "prix"), row("", "a", 1), row(), row("", "b", 2))


@pytest.mark.parametrize("words", [{"skipLines": 2}, {"skipUntil": "header"}])
def test_titles_before_the_header_are_left_out(sales: Shop, words: dict[str, Any]) -> None:
    describe(sales, {**PATTERN, "dialect": words}, prix="number")
    sales.put("ventes.xlsx", xlsx(*TITLED))
    report = sales.run()
    assert file_of(report, "ventes.xlsx")["notes"] == []
    assert silver(sales, "code", "prix") == [("a", "1.00"), ("b", "2.00")]


@pytest.mark.parametrize("footer", [{"lines": 2}, {"startsWith": "Total"}])
def test_totals_behind_the_rows_are_kept_and_not_judged(sales: Shop, footer: dict[str, Any]) -> None:
    describe(sales, {**PATTERN, "dialect": {"skipUntil": "header", "footer": footer}}, prix="number")
    total = "Total TTC"
    rows = (
        row("Ventes"),
        row("code", "prix"),
        row("a", 1),
        row('Total "x', 5),
        row("b", 2),
        row(),
        row(total, 3),
        row("Total\nHT"),
    )
    sales.put("ventes.xlsx", xlsx(*rows))
    file = file_of(sales.run(), "ventes.xlsx")
    assert (file["rows_read"], file["notes"]) == (3, ["2 lines of a footer kept, not judged"])
    assert silver(sales, "code", "prix") == [('Total "x', "5.00"), ("a", "1.00"), ("b", "2.00")]
    kept = sales.rows("ventes", "_record, _raw", layer="bronze")
    assert [text for _, text in kept if text] == ["Total TTC | 3", "Total HT"]


def test_columns_without_a_header_are_found_by_their_place(sales: Shop) -> None:
    describe(sales, {**PATTERN, "dialect": {"header": False}}, prix="number")
    sales.put("ventes.xlsx", xlsx(row("a", 1, "x"), row("b", 2, "y")))
    assert "column 3" in file_of(sales.run(), "ventes.xlsx")["notes"][0]
    assert silver(sales, "code", "prix") == [("a", "1.00"), ("b", "2.00")]


def test_cells_beside_the_columns_of_the_header_make_a_malformed_record(sales: Shop) -> None:
    describe(sales, {**PATTERN, "malformedThreshold": 1}, prix="number")
    sales.put("ventes.xlsx", xlsx(row("code", "prix"), row("a", 1), row("b", 2, None, "note en marge")))
    sales.run()
    [rejected] = sales.json("quarantine", "show", "ventes")["rows"]
    assert (rejected["reasons"], rejected["raw"]) == (["record:too_many_fields"], "b | 2 |  | note en marge")


def test_hidden_and_merged_cells_and_formulas_are_said(sales: Shop) -> None:
    describe(sales, PATTERN, prix="number")
    rows = (
        row("code", "prix"),
        row("a", "<c><f>1+1</f><v>2</v></c>", attributes=' hidden="1"'),
        row("b", "<c><f>1+1</f></c>"),
    )
    before, after = (
        '<cols><col min="2" max="2" hidden="1"/></cols>',
        '<mergeCells><mergeCell ref="A3:B3"/></mergeCells>',
    )
    sales.put("ventes.xlsx", archive(xlsx_parts({"F": worksheet(*rows, before=before, after=after)})))
    hidden, merged, formulas = file_of(sales.run(), "ventes.xlsx")["notes"]
    assert hidden == "hidden 1 rows and 1 columns were read like the others"
    assert merged.startswith("merged cells (1)")
    assert formulas.startswith("formulas without a stored value (1)")
    assert silver(sales, "code", "prix") == [("a", "2.00"), ("b", None)]


def test_texts_are_read_as_they_are_seen(sales: Shop) -> None:
    describe(sales, PATTERN, note="string")
    texts = [
        "<t>code</t>",
        "<t>note</t>",
        "<r><t>Cr\u00e8me </t></r><r><t xml:space='preserve'>br\u00fbl\u00e9e</t></r><rPh><t>x</t></rPh>",
    ]
    rows = (
        row(cell(0, kind="s"), cell(1, kind="s")),
        row("a", cell(2, kind="s")),
        row("b", "l1_x000D_\nl2 _x005F_x41_"),
    )
    sales.put("ventes.xlsx", archive(xlsx_parts({"F": worksheet(*rows)}, texts=texts)))
    sales.run()
    assert silver(sales, "code", "note") == [("a", "Cr\u00e8me br\u00fbl\u00e9e"), ("b", "l1\r\nl2 _x41_")]


def test_repeated_rows_and_cells_of_open_documents(sales: Shop) -> None:
    describe(sales, OPEN, prix="number", note="string")
    empty = '<table:table-cell table:number-columns-repeated="16000"/>'
    content = ods(
        ods_row("code", "prix", "note", empty),
        ods_row(
            "a",
            ods_cell("1", "float", "1", ' table:number-columns-repeated="2"'),
            empty,
            attributes=' table:number-rows-repeated="2"',
        ),
        ods_row(empty, attributes=' table:number-rows-repeated="1048000"'),
    )
    sales.put("ventes.ods", content)
    report = sales.run()
    assert (file_of(report, "ventes.ods")["rows_read"], silver(sales, "code", "prix", "note")) == (
        2,
        [("a", "1.00", "1")],
    )


def test_a_changed_word_reads_the_cells_again(sales: Shop) -> None:
    describe(sales, PATTERN, prix="number")
    sales.put("ventes.xlsx", xlsx(row("code", "prix"), row("a", cell(1.5))))
    sales.run()
    describe(sales, {**PATTERN, "dialect": {"decimal": ","}}, prix="number")
    assert file_of(sales.run(), "ventes.xlsx")["status"] == "ingested"
    assert silver(sales, "prix") == [("1.50",)]


SHEET = "xl/worksheets/sheet1.xml"
LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'


def with_sheet(content: str) -> bytes:
    return archive({**xlsx_parts({"F": ""}), SHEET: content})


HOSTILE: dict[str, tuple[bytes, set[str]]] = {
    "no archive": (b"code;prix\na;1\n", {"not_a_spreadsheet"}),
    "no workbook": (archive({"a.txt": "x"}), {"not_a_spreadsheet"}),
    "no parts": (archive({}), {"empty"}),
    "cut short": (EXCEL[:-40], {"corrupt_archive"}),
    "old": (b"\xd0\xcf\x11\xe0" + b"\0" * 2000, {"not_a_spreadsheet"}),
    "locked": (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), {"encrypted"}),
    "broken XML": (with_sheet(worksheet(row("code"))[:-20]), {"not_a_spreadsheet"}),
    "entities": (with_sheet(LAUGHS + f"<worksheet>{row('code', '&b;')}</worksheet>"), {"not_a_spreadsheet"}),
    "nothing": (with_sheet(worksheet()), {"empty"}),
    "nested": (with_sheet("<a>" * 100_000), {"not_a_spreadsheet"}),
    "long tag": (with_sheet(f'<a b="{"x" * 40_000_000}"/>'), {"too_large"}),
    "long cell": (with_sheet(worksheet(row("code", "x" * 3_000_000))), {"too_large"}),
    "wide": (
        with_sheet(worksheet(row("code"), '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')),
        {"malformed"},
    ),
    "wide header": (with_sheet(worksheet('<row><c r="A1"><v>1</v></c><c r="XFD1"><v>1</v></c></row>')), {"too_large"}),
    "far row": (with_sheet(worksheet('<row r="99999999"><c><v>1</v></c></row>')), {"not_a_spreadsheet"}),
    "no such text": (with_sheet(worksheet(row(cell("9", kind="s")))), {"not_a_spreadsheet"}),
    "bomb": (
        claiming(archive({SHEET: "x", **xlsx_parts({"F": "x"})}), 4_000_000_000),
        {"too_large", "not_a_spreadsheet", "duplicate_member"},
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_cannot_be_read_is_refused_and_the_others_go_on(sales: Shop, name: str) -> None:
    content, reasons = HOSTILE[name]
    describe(sales, PATTERN)
    sales.put("ventes-1.xlsx", xlsx(row("code"), row("a")))
    sales.put("ventes-2.xlsx", content)
    report = sales.run()
    file = file_of(report, "ventes-2.xlsx")
    assert (file["reason"] in reasons, file["status"]) == (True, "quarantined"), file
    assert silver(sales, "code") == [("a",)]


REPEATING: dict[str, Callable[[], bytes]] = {
    "rows": lambda: ods(
        ods_row("code", "note"),
        ods_row("a", "x" * 30_000, attributes=' table:number-rows-repeated="1000000"'),
    ),
    "far rows": lambda: ods(ods_row("code"), ods_row("a", attributes=' table:number-rows-repeated="99999999999"')),
    "cells": lambda: ods(ods_row("code", ods_cell("x", attributes=' table:number-columns-repeated="16383"'))),
    "too many cells": lambda: ods(ods_row("code", ods_cell("x", attributes=' table:number-columns-repeated="99999"'))),
    "blanks": lambda: ods(
        ods_row("code", '<table:table-cell><text:p><text:s text:c="9999999999"/></text:p></table:table-cell>')
    ),
    "locked": lambda: archive(
        {**ods_parts({"F": ""}), "META-INF/manifest.xml": "<manifest><encryption-data/></manifest>"}
    ),
    "entities": lambda: archive({"content.xml": LAUGHS + "<x>&b;</x>"}),
}


@pytest.mark.parametrize("name", REPEATING)
def test_a_hostile_open_document_ends_with_a_reason(sales: Shop, name: str) -> None:
    describe(sales, OPEN)
    sales.put("ventes.ods", REPEATING[name]())
    assert states(sales.run()) in [{"ventes.ods": reason} for reason in ("too_large", "not_a_spreadsheet", "encrypted")]


@pytest.mark.parametrize(("ending", "content"), [("xlsx", EXCEL), ("ods", OPEN_DOCUMENT)])
def test_damaged_bytes_anywhere_end_with_a_reason(sales: Shop, ending: str, content: bytes) -> None:
    describe(sales, {"filePattern": f"**/*.{ending}", "malformedThreshold": 1})
    for place in range(0, len(content), 23):
        broken = bytearray(content)
        broken[place] ^= 0xFF
        sales.put(f"{place}.{ending}", bytes(broken))
    report = sales.run("--until", "bronze")
    assert {file["status"] for file in report["files"]} <= {"ingested", "unchanged", "quarantined"}


def test_a_spreadsheet_in_an_archive_is_read(sales: Shop) -> None:
    describe(sales, PATTERN)
    sales.put("2026.zip", archive({"ventes.xlsx": xlsx(row("code"), row("a"))}))
    assert states(sales.run()) == {"2026.zip/ventes.xlsx": "ingested"}


@pytest.mark.parametrize(("word", "value"), [("delimiter", ";"), ("quote", "none"), ("encoding", "cp1252")])
def test_words_of_texts_do_not_apply(sales: Shop, word: str, value: str) -> None:
    describe(sales, {**PATTERN, "dialect": {word: value}})
    assert f"`dialect.{word}` does not apply to files of the format spreadsheet" in sales.filon("check", exit_code=2)
