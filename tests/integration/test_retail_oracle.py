"""Every table, count and reason of the retail line against the oracle, on data with every kind of dirt we know."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable

from filon.lake import Lake, Layer, Sources
from filon.pipeline.report import RunReport, RunStatus
from filon.pipeline.run import run_pipeline
from filon.project.loader import load_project
from filon.projects import retail
from filon.projects.retail.generate import generate
from filon.settings import Settings
from tests.oracle import COLUMNS, GOLD, KEYS, Outcome, Row, files_of, outcome_of

AS_OF = dt.date(2026, 1, 1)
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
CLIENTS = "id_client,nom,email,date_inscription,pays\n"
ACHATS = "id_achat,id_client,date_achat,montant,produit\n"
TWO_CLIENTS = CLIENTS + "1,Ann,ann@exemple.fr,2024-01-01,France\n2,Bob,bob@exemple.fr,,UK\n"

MORE_CLIENTS = (
    CLIENTS
    + """1,Replaced by a newer file,neuf@exemple.fr,2024-02-29, uk\u0020
2,"Dupont, Jean",jean@exemple.fr,,BELGIQUE
3,"Anne ""la Grande"" Petit",anne@exemple.fr,2023-12-31,\u00a0suisse\u00a0
4,"Deux
lignes",deux@exemple.fr,2024-01-01,japon
5,Cafe\u0301 Noe\u0308l,noel@exemple.fr,2024-01-01,re\u0301union
5,Second of its key,second@exemple.fr,2024-01-01,France
6,Bad date,six@exemple.fr,2023-02-29,France
7,Not a date,sept@exemple.fr,29/02/2024,France
8,Two signs,huit@@exemple.fr,2024-01-01,France
9,Nothing before,@exemple.fr,2024-01-01,France
10,Nothing after,dix@ ,2024-01-01,France
11,,onze@exemple.fr,2024-01-01,France
12,No country,douze@exemple.fr,2024-01-01,\u0020\u0020
13,   ,,,
900001,Never bought,jamais@exemple.fr,,  ÉTATS   UNIS du\tsud\u0020
900002,Never bought either,jamais2@exemple.fr,2024-01-01,usa
900003,O'BRIEN-smith,x @ y,2024-01-01,Côte d'ivoire
+900004,Signed key,signe@exemple.fr,2024-01-01,CANADA
0900005,Leading zero,zero@exemple.fr,2024-01-01,canada
9223372036854775808,Too large,grand@exemple.fr,2024-01-01,France
1.0,Not whole,un@exemple.fr,2024-01-01,France
"""
    + "".join(f"{910_000 + n},Client {n},c{n}@exemple.fr,2024-01-01,Italie\n" for n in range(120))
)

OLDER_PURCHASES = (
    ACHATS
    + """1,900003,2023-11-30,10.00,older than the generated file
2000001,900003,2023-12-01,0.01,souris
2000002,900003,2023-12-31,10000,SOURIS
2000003,900003,2024-02-29,10000.00,  Souris\u0020
2000004,900003,2024-02-29,12.5,"tapis, ""grand""
format"
2000005,900003,2024-12-30,7.,e\u0301cran  e\u0301TROIT
2000006,900003,2024-12-30,.5,écran  étroit
2000007,900003,2025-12-31,+3.10,l'été\tindien
2000008,900004,2026-01-01,1.500,today
2000009,900005,2026-01-02,1.50,tomorrow
2000010,900001,2024-01-01,1.505,three decimals
2000011,900001,2024-01-01,-1.505,three decimals
2000012,900001,2024-01-01,12345678901.00,too many digits
2000013,900001,2024-01-01,1e3,exponent
2000014,900001,2024-01-01,"1,50",comma
2000015,900001,2024-01-01,NaN,nan
2000016,900001,2024-01-01,0,zero
2000017,777777777,2024-01-01,5.00,orphan
2000018,777777777,2999-12-31,-5.005,\u0020
,,,,
2000019,900003,2024-1-1,5.00,short date
2000020,900003,2024-01-01 00:00:00,5.00,time
2000021,900003,0000-01-01,5.00,no such year
2000022,6,2024-01-01,5.00,of a rejected client
2000023,900003,2024-01-01,5.00
2000024,900003,2024-01-01,5.00,one,too many
2000025,900003,2024-01-01,5.00,one empty too many,
"2000026","900003","2024-01-01","5.00",""
-2000027,900003,2024-01-01,5.00,negative key
2000028,+900003,2024-01-01,\u00a05.00\u0020,signed

2000029,900003,2024-01-01,5.00,after an empty line
"""
    + "".join(
        f"{2_100_000 + n},{910_000 + n % 60},2024-06-{1 + n % 30:02},{n % 7 + 1}.{n % 100:02},Lot\n" for n in range(300)
    )
)

NEWER_PURCHASES = (
    "produit,MONTANT,canal,date_achat, id_client ,id_achat\r\n"
    + "".join(
        f'"Replaced ""{n % 3}""",{n}.{n % 100:02},web,2025-0{1 + n % 9}-15,{1 + n % 50},{n}\r\n' for n in range(1, 400)
    )
    + "clavier,0.00,web,2025-01-01,1,400\r\n"
    + "clavier,20.00,web,2025-01-01,1,3000001\r\n"
    + "clavier,30.00,web,2025-01-01,1,3000001\r\n"
    + "clavier,0.00,web,2025-01-01,1,3000002\r\n"
    + "clavier,40.00,web,2025-01-01,1,3000002\r\n"
)


@dataclass(frozen=True)
class Ran:
    """A finished run, where its tables lie, and what the oracle says of the same files."""

    report: RunReport
    lake: Lake
    expected: Outcome

    def rows(self, layer: Layer, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The columns and rows of a published table, read through Delta."""
        release = self.lake.release()
        assert release is not None
        build = release.build(layer, table)
        assert build is not None
        delta = DeltaTable(self.lake.table(layer, table).uri, version=build.version)
        columns = [column.name for column in delta.schema().fields]
        if not delta.file_uris():
            return columns, []
        with duckdb.connect() as database:
            names = ", ".join(f'"{name}"' for name in columns)
            found = database.execute(f"SELECT {names} FROM read_parquet(?)", [delta.file_uris()]).fetchall()
        return columns, found

    def table(self, layer: Layer, table: str, key: str) -> list[Row]:
        """Rows by key."""
        columns, found = self.rows(layer, table)
        return sorted((dict(zip(columns, row, strict=True)) for row in found), key=lambda row: row[key])

    def paths(self) -> dict[int, str]:
        """The path of each file version."""
        return {version.number: version.path for version in self.lake.ledger().versions}


def run(folder: Path, lake: Path) -> Ran:
    project = load_project(retail.FOLDER)
    place = Lake(str(lake))
    report = run_pipeline(Settings(threads=2), project, place, Sources(str(folder)), as_of=AS_OF, now=NOW)
    assert report.status is RunStatus.PUBLISHED, report.error
    return Ran(report, place, outcome_of(files_of(folder).items(), AS_OF))


def run_on(tmp_path: Path, files: Mapping[str, str]) -> Ran:
    sources = tmp_path / "sources"
    for path, text in files.items():
        (sources / path).parent.mkdir(parents=True, exist_ok=True)
        (sources / path).write_text(text, encoding="utf-8", newline="")
    return run(sources, tmp_path / "lake")


def differences(found: list[Row], expected: list[Row], key: str) -> list[str]:
    """Row by row, column by column, value and type; the first few are enough to find the cause."""
    left, right = ({row[key]: row for row in rows} for rows in (found, expected))
    result = [f"{key}={value!r} only in the lake: {left[value]}" for value in left.keys() - right.keys()]
    result += [f"{key}={value!r} only in the oracle: {right[value]}" for value in right.keys() - left.keys()]
    result += [
        f"{key}={value!r}: {column} is {left[value][column]!r}, not {wanted!r}"
        for value in left.keys() & right.keys()
        for column, wanted in right[value].items()
        if (type(left[value][column]), left[value][column]) != (type(wanted), wanted)
    ]
    return sorted(result)[:10]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    base = tmp_path_factory.mktemp("retail")
    sources = base / "sources"
    generate(sources, 20_000, dirty=0.05)
    written = {
        "clients_b.csv": MORE_CLIENTS,
        "achats-ancien.csv": OLDER_PURCHASES,
        "nouveau/achats.csv": NEWER_PURCHASES,
    }
    for path, text in written.items():
        (sources / path).parent.mkdir(exist_ok=True)
        (sources / path).write_text(text, encoding="utf-8", newline="")
    return run(sources, base / "lake")


@pytest.mark.parametrize("table", GOLD)
def test_gold_table_has_the_columns_of_the_specification(ran: Ran, table: str) -> None:
    columns, _ = ran.rows(Layer.GOLD, table)

    assert columns == GOLD[table].split()


@pytest.mark.parametrize("table", GOLD)
def test_gold_table_equals_the_oracle_in_every_row_and_column(ran: Ran, table: str) -> None:
    key = GOLD[table].split()[0]
    found = ran.table(Layer.GOLD, table, key)

    assert differences(found, ran.expected.gold[table], key) == []
    assert len(found) == len(ran.expected.gold[table]) > 0


@pytest.mark.parametrize("dataset", COLUMNS)
def test_silver_holds_the_accepted_records_with_their_places(ran: Ran, dataset: str) -> None:
    paths = ran.paths()
    found = ran.table(Layer.SILVER, dataset, KEYS[dataset])
    for row in found:
        row["place"] = (paths[row.pop("_file")], row.pop("_record"))
    expected = [{**one.values, "place": (one.path, one.record.number)} for one in ran.expected.accepted[dataset]]

    assert differences(found, expected, KEYS[dataset]) == []
    assert len(found) == len(expected) > 0


@pytest.mark.parametrize("dataset", COLUMNS)
def test_quarantine_holds_the_rejected_records_with_all_their_reasons(ran: Ran, dataset: str) -> None:
    paths = ran.paths()
    _, rows = ran.rows(Layer.QUARANTINE, dataset)
    found = {(paths[file], record): sorted(reasons) for file, record, reasons, _ in rows}
    expected = {(one.path, one.record.number): sorted(one.reasons) for one in ran.expected.rejected[dataset]}

    assert len(rows) == len(found)
    assert _unequal(found, expected) == []


@pytest.mark.parametrize("dataset", COLUMNS)
def test_quarantine_keeps_the_text_of_each_rejected_record(ran: Ran, dataset: str) -> None:
    paths = ran.paths()
    _, rows = ran.rows(Layer.QUARANTINE, dataset)
    expected = {(one.path, one.record.number): one.record for one in ran.expected.rejected[dataset]}
    unequal = []
    for file, record, _, raw in rows:
        fields = [tuple(row) for row in csv.reader(io.StringIO(raw, newline=""))]
        wanted = expected[paths[file], record].fields
        if fields not in ([wanted], [(*wanted, "")]):
            unequal.append((paths[file], record, raw, wanted))

    assert unequal[:5] == []
    assert len(rows) > 0


def _unequal(found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> list[tuple[Any, Any, Any]]:
    places = sorted(found.keys() | expected.keys())
    return [
        (place, found.get(place), expected.get(place)) for place in places if found.get(place) != expected.get(place)
    ][:10]


def test_counts_of_every_file_equal_the_oracle(ran: Ran) -> None:
    found = {
        line.file: (line.rows_read, line.rows_accepted, line.rows_superseded, line.rows_rejected)
        for line in ran.report.files
    }
    expected = {
        path: (counts.read, counts.accepted, counts.superseded, counts.rejected)
        for path, counts in ran.expected.counts.items()
    }

    assert found == expected
    assert len(found) == 5


@pytest.mark.parametrize("dataset", COLUMNS)
def test_reasons_of_every_dataset_equal_the_oracle(ran: Ran, dataset: str) -> None:
    [line] = [line for line in ran.report.datasets if line.dataset == dataset]

    assert line.reasons == ran.expected.reasons[dataset]
    assert sum(line.reasons.values()) >= line.rejected > 0


def test_standard_deviation_is_rounded_only_once(tmp_path: Path) -> None:
    # of two amounts that are d apart it is d / sqrt(2); here one that a first rounding lifts to half a cent
    amounts = _two_amounts_just_below_half_a_cent()
    rows = "".join(f"{n},1,2024-01-0{n},{amount},Paire\n" for n, amount in enumerate(amounts, start=1))

    ran = run_on(tmp_path, {"clients.csv": TWO_CLIENTS, "achats.csv": ACHATS + rows})

    found = ran.table(Layer.GOLD, "kpi_stats_distribution", "produit")
    assert differences(found, ran.expected.gold["kpi_stats_distribution"], "produit") == []
    assert len(found) == 1


def _two_amounts_just_below_half_a_cent() -> tuple[str, str]:
    """0.01 and another amount; their deviation in cents ends in .49995 to .5, and must be rounded down."""
    for cents in range(1, 900_000):
        rest = (cents / 2**0.5) % 1
        if 0.499951 < rest < 0.499999:
            return "0.01", f"{(cents + 1) // 100}.{(cents + 1) % 100:02}"
    raise AssertionError("there are about forty such amounts")


def test_a_no_break_space_separates_words_as_it_is_trimmed(tmp_path: Path) -> None:
    files = {"clients.csv": TWO_CLIENTS, "achats.csv": ACHATS + "1,1,2024-01-01,5.00,\u00a0casque\u00a0AUDIO\u00a0\n"}

    ran = run_on(tmp_path, files)

    [product] = ran.table(Layer.GOLD, "dim_produits", "produit")
    assert product["produit"] == "Casque\u00a0Audio"


def test_the_newest_file_wins_although_an_older_one_has_the_better_place(tmp_path: Path) -> None:
    files = {
        "clients.csv": TWO_CLIENTS,
        "achats-1.csv": ACHATS + "1,1,2024-01-01,5.00,first of the first\n1,1,2024-01-01,6.00,second\n",
        "achats-2.csv": ACHATS + "2,1,2024-01-01,5.00,other\n1,2,2024-01-01,7.00,newest\n1,2,2024-01-01,8.00,later\n",
    }

    ran = run_on(tmp_path, files)

    assert [(row["id_achat"], row["produit"]) for row in ran.table(Layer.SILVER, "achats", "id_achat")] == [
        (1, "Newest"),
        (2, "Other"),
    ]


def test_a_rejected_row_never_hides_a_good_one_of_an_older_file(tmp_path: Path) -> None:
    files = {
        "clients.csv": TWO_CLIENTS,
        "achats-1.csv": ACHATS + "1,1,2024-01-01,5.00,good\n",
        "achats-2.csv": ACHATS + "1,1,2024-01-01,-5.00,bad\n",
    }

    ran = run_on(tmp_path, files)

    assert [row["produit"] for row in ran.table(Layer.SILVER, "achats", "id_achat")] == ["Good"]


def test_without_purchases_every_client_is_there_and_the_rest_is_empty(tmp_path: Path) -> None:
    ran = run_on(tmp_path, {"clients.csv": TWO_CLIENTS, "achats.csv": ACHATS})

    for table, columns in GOLD.items():
        key = columns.split()[0]
        assert differences(ran.table(Layer.GOLD, table, key), ran.expected.gold[table], key) == []
    assert len(ran.expected.gold["dim_clients"]) == len(ran.expected.gold["kpi_top_clients"]) == 2


@pytest.mark.parametrize("before", ["\n", "\r\n", "  \n", "\n\n"])
def test_blank_lines_before_the_header_are_no_records(tmp_path: Path, before: str) -> None:
    end = "\r\n" if "\r" in before else "\n"
    text = (ACHATS + "1,1,2024-01-01,5.00,souris\n2,1,2024-01-01,5.00,souris\n").replace("\n", end)

    ran = run_on(tmp_path, {"clients.csv": TWO_CLIENTS, "achats.csv": before + text})

    [line] = [line for line in ran.report.files if line.file == "achats.csv"]
    assert (line.rows_read, line.rows_accepted, line.rows_rejected) == (2, 2, 0)


def test_blank_lines_between_records_are_no_records(tmp_path: Path) -> None:
    text = ACHATS + "1,1,2024-01-01,5.00,souris\n\n2,1,2024-01-01,5.00,souris\n\n"

    ran = run_on(tmp_path, {"clients.csv": TWO_CLIENTS, "achats.csv": text})

    [line] = [line for line in ran.report.files if line.file == "achats.csv"]
    assert (line.rows_read, line.rows_accepted, line.rows_rejected) == (2, 2, 0)


def test_a_file_of_malformed_records_is_quarantined_and_the_others_go_on(tmp_path: Path) -> None:
    files = {
        "clients.csv": TWO_CLIENTS,
        "achats.csv": ACHATS + "1,1\n",
        "achats-b.csv": ACHATS + "2,1,2024-01-01,5,x\n",
    }

    ran = run_on(tmp_path, files)

    lines = {line.file: (line.status, line.reason) for line in ran.report.files}
    assert lines["achats.csv"] == ("quarantined", "malformed")
    assert lines["achats-b.csv"] == ("ingested", None)
