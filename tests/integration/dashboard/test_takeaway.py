"""Pages and tables that are taken away, opened by readers of their formats."""

from __future__ import annotations

import csv
import datetime as dt
import io
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook  # type: ignore[import-untyped]
from pypdf import PdfReader

from filon.dashboard.blocks.asking import ask
from filon.dashboard.client import ApiClient
from filon.dashboard.context import Context
from filon.dashboard.filters import Filters, Period
from filon.dashboard.language import Code, Language
from filon.dashboard.takeaway.content import Column, Kind, Part, Report
from filon.dashboard.takeaway.csvs import as_zip, respelled
from filon.dashboard.takeaway.pages import report_of
from filon.dashboard.takeaway.pdf import as_pdf
from filon.dashboard.takeaway.rows import rows_part
from filon.dashboard.takeaway.xlsx import as_xlsx
from filon.pages import Chart, Page, read_page
from tests.integration.api.conftest import ServedApi

NOW = dt.datetime(2026, 1, 2, 10, 30, tzinfo=dt.UTC)
YEAR = Filters(Period(dt.date(2025, 1, 1), dt.date(2025, 12, 31)), {"pays": ("France", "UK")}, "2025")


@pytest.fixture
def context(api_url: str) -> Iterator[Context]:
    """A page in French, of the release that is served."""
    client = ApiClient(api_url)
    project = client.get("project").data
    language = Language(Code.FRENCH, project["currency"], project["timezone"], project["labels"], project["locale"])
    yield Context(client, language, project, client.release(), granularity=project["api"]["month"])
    client.close()


def page_of(context: Context, path: str) -> tuple[Context, Page]:
    """A page of the project, prepared to be shown."""
    pages = [read_page(item["page"]) for item in context.client.get("pages").data["data"]]
    page = next(page for page in pages if page.path == path)
    return context.with_choice(offered=page.filters), page


def report(context: Context, path: str) -> Report:
    """The report of a page with the limits of its file."""
    context, page = page_of(context, path)
    return report_of(context, page, [getattr(block, "limit", None) for block in page.blocks], NOW)


def opened(content: bytes) -> Workbook:
    """A workbook as a reader sees it."""
    return load_workbook(io.BytesIO(content))


def words(content: bytes) -> str:
    """All texts of a PDF, in its order."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).split())


def test_a_workbook_has_typed_cells_and_says_what_they_are_of(context: Context, served: ServedApi) -> None:
    book = opened(as_xlsx(report(context.with_filters(YEAR), "apercu")))
    assert book.sheetnames[:3] == ["Vue d'ensemble", "Chiffre d'affaires par mois", "Chiffre d'affaires par pays"]
    summary = {row[0].value: row[1] for row in book["Vue d'ensemble"].iter_rows()}
    assert summary["Version"].value == str(context.release)
    assert summary["Pays"].value == "France, UK"
    assert summary["Période"].value == "1 janv. 2025 \N{EN DASH} 31 déc. 2025"
    months = book["Chiffre d'affaires par mois"]
    assert [cell.value for cell in months[4]] == ["Mois", "Chiffre d'affaires", "un an plus tôt", "Part"]
    rows = list(months.iter_rows(min_row=5))
    assert [row[0].value for row in rows] == [dt.datetime(2025, month, 1) for month in range(1, 13)]
    assert all(row[0].number_format == "mmm yyyy" and row[1].number_format == '#,##0.00" €"' for row in rows)
    clients = {
        key for key, country in served.shop.rows("dim_clients", "id_client, pays") if country in ("France", "UK")
    }
    sold: dict[str, Decimal] = {}
    for month, client, amount in served.shop.rows("fact_ventes", "mois, id_client, montant"):
        if client in clients and month.startswith("2025"):
            sold[month] = sold.get(month, Decimal(0)) + amount
    shown = {row[0].value.strftime("%Y-%m"): Decimal(str(row[1].value)) for row in rows if row[1].value}
    assert shown == sold
    assert summary["Chiffre d'affaires"].value == float(sum(sold.values()))
    assert sum(row[3].value for row in rows) == pytest.approx(1, abs=1e-5)


def test_a_workbook_has_the_rows_of_a_table_with_their_dates(context: Context, served: ServedApi) -> None:
    book = opened(as_xlsx(report(context, "clients")))
    sheet = book["Liste des clients"]
    names = [cell.value for cell in sheet[4]]
    found = [dict(zip(names, row, strict=True)) for row in sheet.iter_rows(min_row=5, values_only=True)]
    gold = served.shop.rows("dim_clients", "id_client, total_ca, premiere_commande, email")
    assert {
        (row["N° client"], row["CA total"], row["Premier achat"] and row["Premier achat"].date(), row["E-mail"])
        for row in found
    } == {(key, float(total), day, mail) for key, total, day, mail in gold}


def test_a_document_has_the_texts_of_the_page(context: Context) -> None:
    text = words(as_pdf(report(context.with_filters(YEAR), "apercu")))
    assert text.startswith("Vue d'ensemble")
    for part in ("Chiffre d'affaires par mois", "janv. 2025", "Pays: France, UK", f"Version: {context.release}"):
        assert part in text
    prepared, page = page_of(context.with_filters(YEAR), "apercu")
    ranking = next(block for block in page.blocks if isinstance(block, Chart) and block.by == ("pays",))
    for row in ask(prepared, ranking, None):
        assert " ".join(prepared.language.money(row["ca"]).split()) in text


def test_every_page_is_taken_away_in_both_languages(context: Context) -> None:
    for code in Code:
        spoken = replace(context, language=replace(context.language, code=code))
        for path in ("apercu", "chiffre-d-affaires", "clients", "produits"):
            made = report(spoken, path)
            assert made.title in words(as_pdf(made))
            assert len(opened(as_xlsx(made)).sheetnames) == len(made.parts) + 1
            assert len(zipfile.ZipFile(io.BytesIO(as_zip(made))).namelist()) == len(made.parts)


def test_csv_files_have_the_marks_of_the_language(context: Context, served: ServedApi) -> None:
    archive = zipfile.ZipFile(io.BytesIO(as_zip(report(context, "apercu"))))
    text = archive.read("02-chiffre-d-affaires-par-pays.csv").decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert lines[0] == ["Pays", "Chiffre d'affaires", "Part"]
    total = sum(Decimal(line[1].replace(",", ".")) for line in lines[1:])
    [(expected,)] = served.shop.rows("fact_ventes", "sum(montant)")
    assert total == expected
    described = context.tables["fact_ventes"]
    content = b"".join(context.client.stream(described["path"], [("format", "csv"), ("limit", "3")]))
    french = list(
        csv.DictReader(io.StringIO(respelled(content, described, context.language).decode("utf-8-sig")), delimiter=";")
    )
    plain = list(csv.DictReader(io.StringIO(content.decode())))
    assert [row["montant"] for row in french] == [row["montant"].replace(".", ",") for row in plain]
    assert [row["date_achat"] for row in french] == [row["date_achat"] for row in plain]


def test_rows_of_a_large_table_are_read_page_by_page_and_what_is_left_out_is_said(context: Context) -> None:
    described = {**context.tables["fact_ventes"], "maximum_limit": 500}
    assert len(rows_part(context, described, [], "t", 10_000).rows) == described["rows"]
    part = rows_part(context, described, [], "t", 3)
    assert len(part.rows) == 3
    assert part.note == f"les 3 premières lignes sur {context.language.number(described['rows'])}"


def test_cells_hold_what_spreadsheets_cannot(context: Context) -> None:
    rows: list[dict[str, Any]] = [
        {
            "n": 12345678901234567890,
            "d": "1850-03-04",
            "t": "=1+1",
            "b": True,
            "m": None,
            "s": "2025-07-01T22:30:00+00:00",
        }
    ]
    kinds = {"n": Kind.NUMBER, "d": Kind.DAY, "t": Kind.TEXT, "b": Kind.TRUTH, "m": Kind.MONEY, "s": Kind.MOMENT}
    part = Part("[a]: b/c" * 9, [Column(name, name.upper(), kind) for name, kind in kinds.items()], rows)
    made = Report("t", [("x", "y")], [], [part, part], context.language)
    book = opened(as_xlsx(made))
    assert len(set(book.sheetnames)) == 3
    [cells] = book.worksheets[1].iter_rows(min_row=5, max_row=5)
    assert [cell.value for cell in cells] == [
        "12345678901234567890", "1850-03-04", "=1+1", True, None, dt.datetime(2025, 7, 2, 0, 30),
    ]  # fmt: skip
    assert cells[2].data_type == "s"
    assert "=1+1" in words(as_pdf(made))


@pytest.mark.parametrize(
    "name", ["Привет", "Ωμέγα", "Łódź Ñandú", "საქართველო", "東京タワー", "中国餐馆", "서울", "ไทย"]
)
def test_documents_have_names_in_other_scripts(context: Context, name: str) -> None:
    text = words(as_pdf(_named(context, name)))
    assert text.count(name) == 4, "in the title, the bar, the table and at the foot"
    assert ("polices du lecteur" in text) == (name in ("東京タワー", "中国餐馆", "서울"))
    assert "manquent" not in text


@pytest.mark.parametrize("name", ["שלום", "شركة النور", "Café شركة"])
def test_names_from_right_to_left_are_found_in_documents(context: Context, name: str) -> None:
    joined = unicodedata.normalize("NFKC", words(as_pdf(_named(context, name))))
    assert all(joined.count(word) >= 3 for word in name.split()), joined


def test_what_the_fonts_of_a_document_lack_is_said_on_it(context: Context) -> None:
    text = words(as_pdf(_named(context, "Tea 🎉\ufe0f & <b>", "Tea 🎁 & <b>")))
    assert "Tea [1F389] & <b>" in text
    assert "Tea [1F381] & <b>" in text
    assert "[1F381] wrapped present, [1F389] party popper" in text


def _named(context: Context, *names: str) -> Report:
    columns = [Column("n", "Nom"), Column("v", "Valeur", Kind.NUMBER)]
    rows = [{"n": name, "v": 1} for name in names]
    return Report(names[0], [], [], [Part("Part", columns, rows, by="n", measures=["v"])], context.language)
