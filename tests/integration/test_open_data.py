"""Small files in the style of French open data: what ``filon init`` makes of them, as ``docs/open-data.md`` says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.test_init import InitOutcome, keys, started

PAGE = Path(__file__).parents[2] / "docs" / "open-data.md"


@dataclass(frozen=True)
class OpenFile:
    """A file in the style of a publisher, and what its contract says without an edit."""

    name: str
    content: bytes
    table: str
    rows: int
    dialect: Mapping[str, object]
    types: Mapping[str, str]
    key: tuple[str, ...] = ()


def fec() -> bytes:
    """The accounting entries that a French company hands to the tax authority."""
    header = (
        "JournalCode JournalLib EcritureNum EcritureDate CompteNum CompteLib CompAuxNum CompAuxLib PieceRef PieceDate"
    )
    header += " EcritureLib Debit Credit EcritureLet DateLet ValidDate Montantdevise Idevise"
    lines = [header.replace(" ", "\t")]
    for n in range(1, 9):
        day, piece = f"202503{n + 3:02}", f"F2025-{n:03}"
        for account, label, debit, credit in (
            ("411000", "Clients", f"{1200 + n},00", "0,00"),
            ("707000", "Ventes de marchandises", "0,00", f"{1000 + n},00"),
            ("445710", "TVA collectée", "0,00", "200,00"),
        ):
            fields = ["VE", "Ventes", str(n), day, account, label, "", "", piece, day, f"Facture n° {n}", debit, credit]
            lines.append("\t".join([*fields, "", "", "20250430", "", ""]))
    return ("\r\n".join(lines) + "\r\n").encode("cp1252")


def sirene() -> bytes:
    """The register of establishments."""
    header = "siren,nic,siret,dateCreationEtablissement,trancheEffectifsEtablissement,anneeEffectifsEtablissement,"
    header += "dateDernierTraitementEtablissement,etablissementSiege,codePostalEtablissement,codeCommuneEtablissement"
    lines = [header]
    for n in range(30):
        siren, nic = f"{5_520 + n // 2:05}0100", f"{10 + n:05}"
        staff = ("NN", "01", "11", "[ND]")[n % 4]
        commune = "2A004" if n % 7 == 0 else f"{69_380 + n}"
        lines.append(
            f"{siren},{nic},{siren}{nic},{1990 + n}-0{1 + n % 9}-11,{staff},{2022 if n % 3 else ''},"
            f"2024-0{1 + n % 9}-11T08:00:52.000,{'true' if n % 2 else 'false'},{69_000 + n},{commune}"
        )
    return ("\n".join(lines) + "\n").encode()


def dvf() -> bytes:
    """The prices of real estate that was sold."""
    header = "No disposition|Date mutation|Nature mutation|Valeur fonciere|No voie|Voie|Code postal|Commune|"
    header += "Code departement|Section|Surface Carrez du 1er lot|Nombre de lots|Type local|Surface reelle bati"
    lines = [header]
    for n in range(40):
        department = "2A" if n == 25 else f"{1 + n // 20:02}"
        lines.append(
            f"00000{1 + n % 3}|{1 + n % 28:02}/0{1 + n % 6}/2024|Vente|{100_000 + n * 1_500},{'00' if n % 3 else '50'}|"
            f"{n + 1 if n % 4 else ''}|RUE DES FLEURS|{1_000 + n}|LYON|{department}|AB|"
            f"{f'{30 + n},{n:02}' if n % 5 == 0 else ''}|{n % 3}|{'Maison' if n % 2 else 'Appartement'}|{60 + n}"
        )
    return ("\n".join(lines) + "\n").encode()


def la_poste() -> bytes:
    """The postal codes of communes; a commune may have several."""
    lines = ["#Code_commune_INSEE;Nom_de_la_commune;Code_postal;Libellé_d_acheminement;Ligne_5"]
    lines += [
        f"{1_001 + n // 2:05};L ABERGEMENT {n // 2};{1_400 + n:05};L ABERGEMENT;{'ST ANDRE' if n % 9 == 0 else ''}"
        for n in range(60)
    ]
    return ("\n".join(lines) + "\n").encode("cp1252")


def insee() -> bytes:
    """Incomes by commune, some of them secret."""
    lines = ['"CODGEO";"LIBGEO";"P21_POP";"MED21";"TP6021"']
    for n in range(30):
        incomes = ("s", "s") if n % 6 == 0 else (str(21_000 + n * 10), f"{12 + n % 9}.{n % 10}")
        lines.append(f'"{1_001 + n:05}";"Commune {n}";{800 + n * 13}.{n % 10};{incomes[0]};{incomes[1]}')
    return ("\n".join(lines) + "\n").encode()


def departments() -> bytes:
    """A table as it is exported from a page, with its title and its source above."""
    lines = ["Population légale;;;", "Source : recensement de la population;;;", ""]
    lines.append('"Code département";"Nom du département";"Nombre de communes";"Population totale"')
    for n in range(1, 60):
        population = f"{500_000 + n * 1_234:,}".replace(",", "\u202f")
        lines.append(f'"{n:02}";"Département {n}";{300 + n};{population}')
    return ("\r\n".join(lines) + "\r\n").encode()


FILES = (
    OpenFile(
        "732829320FEC20251231.txt",
        fec(),
        "FEC",
        24,
        {"delimiter": "\t", "encoding": "cp1252", "decimal": ",", "dateFormat": "yyyyMMdd"},
        {"EcritureDate": "date", "Debit": "DECIMAL(18,2)", "ValidDate": "date", "DateLet": "string"},
    ),
    OpenFile(
        "StockEtablissement_utf8.csv",
        sirene(),
        "StockEtablissement_utf8",
        30,
        {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS", "nullValues": ["[ND]"]},
        {
            "siret": "string",
            "dateDernierTraitementEtablissement": "timestamp",
            "etablissementSiege": "boolean",
            "codePostalEtablissement": "string",
            "codeCommuneEtablissement": "string",
        },
        ("siret",),
    ),
    OpenFile(
        "ValeursFoncieres-2024-S1.txt",
        dvf(),
        "ValeursFoncieres_S",
        40,
        {"delimiter": "|", "decimal": ",", "dateFormat": "dd/MM/yyyy"},
        {
            "No_disposition": "string",
            "Date_mutation": "date",
            "Valeur_fonciere": "DECIMAL(18,2)",
            "Code_postal": "string",
            "Surface_Carrez_du_1er_lot": "DECIMAL(18,2)",
        },
    ),
    OpenFile(
        "laposte_hexasmal.csv",
        la_poste(),
        "laposte_hexasmal",
        60,
        {"delimiter": ";", "encoding": "cp1252"},
        {"Code_commune_INSEE": "string", "Code_postal": "string"},
        ("Code_postal",),
    ),
    OpenFile(
        "base_cc_filosofi_COM.csv",
        insee(),
        "base_cc_filosofi_COM",
        30,
        {"delimiter": ";"},
        {"CODGEO": "string", "P21_POP": "DECIMAL(18,2)", "MED21": "integer", "TP6021": "DECIMAL(18,2)"},
        ("CODGEO",),
    ),
    OpenFile(
        "departements_2021.csv",
        departments(),
        "departements",
        59,
        {"delimiter": ";", "skipUntil": "header", "grouping": " "},
        {"Code_département": "string", "Population_totale": "integer"},
        ("Code_département",),
    ),
)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> InitOutcome:
    """One project of all these files, as ``init`` wrote it."""
    return started(tmp_path_factory.mktemp("open"), {file.name: file.content for file in FILES})


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.table)
def test_a_file_is_read_without_an_edit(outcome: InitOutcome, file: OpenFile) -> None:
    assert outcome.accepted[file.table] == file.rows
    assert outcome.words(file.table).get("dialect", {}) == file.dialect
    found = outcome.types(file.table)
    assert {name: found[name] for name in file.types} == file.types
    assert keys(outcome, file.table) == list(file.key)


def test_the_page_tells_of_each_of_them() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE) == [file.name for file in FILES]
