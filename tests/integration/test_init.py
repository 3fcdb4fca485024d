"""``filon init``: the project that it writes compiles, and a run of it accepts the files that it was written from."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import yaml
import zstandard

from filon.errors import ConfigError
from filon.pages import Chart
from filon.project.loader import load_project
from filon.scaffold import write_project
from tests.integration.conftest import Shop
from tests.integration.spreadsheets import archive, cell, row, worksheet, xlsx, xlsx_parts
from tests.integration.test_archives import zipped
from tests.integration.test_parquet import parquet

Files = Mapping[str, str | bytes]


@dataclass(frozen=True)
class InitOutcome:
    """A project that ``init`` wrote, and the report of a run of it on the same files."""

    shop: Shop
    report: dict[str, Any]

    @property
    def accepted(self) -> dict[str, int]:
        """Accepted rows per dataset; any other row fails the test that asks."""
        for dataset in self.report["datasets"]:
            assert dataset["accepted"] == dataset["read"], dataset
        assert not [file for file in self.report["files"] if file["status"] != "ingested"]
        return {dataset["dataset"]: dataset["accepted"] for dataset in self.report["datasets"]}

    def schema(self, name: str) -> dict[str, Any]:
        """The table that a contract describes."""
        text = (self.shop.folder / "project" / "sources" / f"{name}.yaml").read_text(encoding="utf-8")
        [schema] = yaml.safe_load(text)["schema"]
        assert isinstance(schema, dict)
        return schema

    def words(self, name: str) -> dict[str, Any]:
        """The custom properties of a contract."""
        return {entry["property"]: entry["value"] for entry in self.schema(name)["customProperties"]}

    def columns(self, name: str) -> dict[str, dict[str, Any]]:
        """The columns of a contract by name."""
        return {column["name"]: column for column in self.schema(name)["properties"]}

    def types(self, name: str) -> dict[str, str]:
        """The columns of a contract with their types."""
        columns = self.columns(name).items()
        return {column: properties.get("physicalType", properties["logicalType"]) for column, properties in columns}


def started(folder: Path, files: Files, sample_bytes: int | None = None) -> InitOutcome:
    """Describe files, by samples of so many bytes if given, compile the project, and run it on them."""
    shop = Shop(folder, folder / "project")
    for name, content in files.items():
        shop.put(name, content)
    paths = [shop.sources / name for name in files]
    if sample_bytes is None:
        shop.filon("init", str(shop.project), *map(str, paths), "--name", "essai")
    else:
        write_project(folder / "project", paths, "essai", sample_bytes=sample_bytes)
    shop.filon("check")
    return InitOutcome(shop, shop.run())


def described_each(folder: Path, contents: Sequence[str | bytes]) -> tuple[InitOutcome, list[str]]:
    """The same for files that have nothing to do with each other, in one project; and the names of their datasets."""
    names = [f"case_{ascii_lowercase[number // 26]}{ascii_lowercase[number % 26]}" for number in range(len(contents))]
    files = {f"{name}.csv": content for name, content in zip(names, contents, strict=True)}
    return started(folder, files), names


def described(folder: Path, content: str | bytes, sample_bytes: int | None = None) -> InitOutcome:
    """The same for one file."""
    return started(folder, {"data.csv": content}, sample_bytes)


def refusal(folder: Path, files: Files) -> str:
    """What ``init`` says of files that it cannot describe: one line, and nothing is written."""
    shop = Shop(folder)
    for name, content in files.items():
        shop.put(name, content)
    message = shop.filon("init", "project", *(str(shop.sources / name) for name in files), exit_code=2)
    assert len(message.splitlines()) == 1
    assert not (folder / "project").exists()
    return message


def column(*values: str) -> str:
    """A file of numbered values."""
    return "n;value\n" + "".join(f"{number};{value}\n" for number, value in enumerate(values))


# headers


def test_names_that_are_nearly_equal_become_distinct_columns(tmp_path: Path) -> None:
    outcome = described(tmp_path, "a b,a_b,A-B,%,#,été,2024,_x\n1,2,3,4,5,6,7,8\n")
    assert list(outcome.types("data")) == ["a_b", "a_b_2", "A_B_3", "column", "column_2", "été", "c_2024", "x"]
    assert outcome.accepted == {"data": 1}
    assert outcome.shop.rows("data", '"a_b", "a_b_2", "A_B_3", "column", "column_2"', "silver") == [(1, 2, 3, 4, 5)]


def test_a_column_without_a_name_is_left_to_the_extras(tmp_path: Path) -> None:
    outcome = described(tmp_path, "a,,b\n1,2,3\n4,5,6\n")
    assert list(outcome.types("data")) == ["a", "b"]
    assert outcome.accepted == {"data": 2}


@pytest.mark.parametrize("header", ["a,b,a", "a,b,A ", "c,e\u0301,\u00e9"])
def test_a_name_that_stands_twice_is_refused_as_the_line_would(tmp_path: Path, header: str) -> None:
    assert "twice; rename or remove one of them" in refusal(tmp_path, {"data.csv": f"{header}\n1,2,3\n"})


def test_a_header_of_empty_cells_is_refused(tmp_path: Path) -> None:
    assert "names no column" in refusal(tmp_path, {"data.csv": ",,\n1,2,3\n"})


def test_a_header_that_cannot_be_cut_is_refused(tmp_path: Path) -> None:
    assert "the header cannot be cut into fields" in refusal(tmp_path, {"data.csv": 'a,"b\n1,2\n'})


def test_names_that_mean_something_to_engines_are_names_like_others(tmp_path: Path) -> None:
    outcome = described(tmp_path, "select,rowid,f0,judged,rank,null,raw,Order by\n" + "1,2,3,4,5,6,7,8\n" * 3)
    assert outcome.accepted == {"data": 3}


def test_blank_lines_before_the_header_do_not_count(tmp_path: Path) -> None:
    outcome = described(tmp_path, "\n  \n\r\na;b\n1;x\n")
    assert outcome.types("data") == {"a": "integer", "b": "string"}
    assert outcome.accepted == {"data": 1}


def test_a_header_alone_makes_columns_of_text(tmp_path: Path) -> None:
    outcome = described(tmp_path, "id;montant\n")
    assert outcome.columns("data") == {
        "id": {"name": "id", "logicalType": "string"},
        "montant": {"name": "montant", "logicalType": "string"},
    }
    assert outcome.accepted == {"data": 0}


# delimiters


@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_the_delimiter_is_the_one_that_cuts_most_records_alike(tmp_path: Path, delimiter: str) -> None:
    rows = [("nom, prénom; etc", "âge"), ("Durand, Ève | fils", "12"), ('dit ""le\tGrand""; roi', "7")]
    outcome = described(tmp_path, "".join(f'"{text}"{delimiter}{age}\n' for text, age in rows))
    assert outcome.words("data").get("dialect", {}).get("delimiter", ",") == delimiter
    assert outcome.types("data") == {"nom_prénom_etc": "string", "âge": "integer"}
    assert outcome.accepted == {"data": 2}


def test_commas_in_texts_do_not_outdo_another_delimiter(tmp_path: Path) -> None:
    outcome = described(tmp_path, "nom, prénom;âge\nDurand, Ève;12\nRoy, Léa;7\n")
    assert outcome.types("data") == {"nom_prénom": "string", "âge": "integer"}


def test_a_single_column_may_hold_commas(tmp_path: Path) -> None:
    outcome = described(tmp_path, "phrase\n" + "un, deux\ntrois\nquatre, cinq, six\n" * 5)
    assert outcome.accepted == {"data": 15}
    outcome = described(tmp_path / "other", "nom, prénom\n" + "Durand, Ève\n" + "Roy\n" * 20)
    assert outcome.types("data") == {"nom_prénom": "string"}
    assert outcome.accepted == {"data": 21}


def test_a_file_that_would_be_quarantined_as_malformed_is_refused(tmp_path: Path) -> None:
    rows = "1,2\n" * 8 + "1,2,3\n" * 2
    assert "only 8 of 10 records have the 2 fields of the header" in refusal(tmp_path, {"data.csv": f"a,b\n{rows}"})
    assert "only 0 of 2 records" in refusal(tmp_path, {"data.csv": "a,b\n1,2,3\n4,5,6\n"})


def test_delimiters_at_the_end_of_lines_are_no_columns(tmp_path: Path) -> None:
    outcome = described(tmp_path, "a;b\n1;2;\n3;4;\n")
    assert outcome.types("data") == {"a": "integer", "b": "integer"}
    assert outcome.accepted == {"data": 2}


def test_a_long_cell_is_a_cell_like_others(tmp_path: Path) -> None:
    outcome = described(tmp_path, f'a,b\n1,{"x" * 200_000}\n2,"{"y, " * 60_000}"\n')
    assert outcome.types("data") == {"a": "integer", "b": "string"}
    assert outcome.accepted == {"data": 2}


# numbers


NUMBERS = [
    (["1", "-2", "+3"], "integer"),
    (["999999999999999999", "1"], "integer"),
    (["1234567890123456789", "1"], "string"),
    (["00123", "75001"], "string"),
    (["0612345678", "0712345678"], "string"),
    (["+33612345678", "+33712345678"], "string"),
    (["1.5", "2"], "DECIMAL(18,2)"),
    (["10,50", "12"], "DECIMAL(18,2)"),
    ([",5", "5,", "-0,25"], "DECIMAL(18,2)"),
    (["0.123456789012345678901"], "DOUBLE"),
    (["1234567890123456.789"], "DECIMAL(23,3)"),
    (["12345678901234567890123456789.123456789"], "DECIMAL(38,9)"),
    (["0." + "1" * 38], "DOUBLE"),
    (["1" * 39 + ".5"], "string"),
    (["1e5", "2e5"], "DOUBLE"),
    (["1 234,56", "12,50"], "DECIMAL(18,2)"),
    (["1,234.56", "12.50"], "DECIMAL(18,2)"),
    (["10,50", "10.50"], "string"),
    (["true", "FALSE", ""], "boolean"),
    (["oui", "non"], "boolean"),
    (["\u00a012 ", "13"], "integer"),
    (["12\u202f", "13"], "string"),
    (["1'234'567", "12"], "integer"),
    (["1 234", "12 000"], "integer"),
    (["12 €", "1 234,50 €", "-3 €"], "DECIMAL(18,2)"),
    (["$12.50", "$1,234.00"], "DECIMAL(18,2)"),
    (["12,5 %", "7 %"], "DECIMAL(18,2)"),
    (["(12,50)", "3,00"], "DECIMAL(18,2)"),
    (["12,50-", "3,00"], "DECIMAL(18,2)"),
    (["41.1304722", "-80.6195833"], "DOUBLE"),
    (["NA", "12", "13"], "integer"),
    (["N/A", "1,5", "-"], "DECIMAL(18,2)"),
    (["NULL", "a", "b"], "string"),
    (["Y", "N", "?"], "boolean"),
    (["Oui", "non", ""], "boolean"),
    (["no", "se", "dk"], "string"),
    (["no", "no"], "string"),
]


def test_numbers_get_the_type_that_holds_their_digits(tmp_path: Path) -> None:
    outcome, names = described_each(tmp_path, [column(*values) for values, _ in NUMBERS])
    found = {name: outcome.types(name)["value"] for name in names}
    assert found == {name: kind for name, (_, kind) in zip(names, NUMBERS, strict=True)}
    assert outcome.accepted == {name: len(values) for name, (values, _) in zip(names, NUMBERS, strict=True)}


def test_decimals_keep_every_digit(tmp_path: Path) -> None:
    outcome = described(tmp_path, column("10,50", "12", "-0,125"))
    values = outcome.shop.rows("data", "CAST(value AS VARCHAR)", "silver")
    assert sorted(value for (value,) in values) == ["-0.125", "10.500", "12.000"]


@pytest.mark.parametrize("values", [["1,234", "56,000", "999"], ["1.234", "56.000", "999"]])
def test_what_may_be_thousands_is_no_decimal(tmp_path: Path, values: list[str]) -> None:
    assert described(tmp_path, column(*values)).types("data")["value"] == "string"


def test_what_may_be_thousands_is_a_decimal_where_another_column_shows_the_mark(tmp_path: Path) -> None:
    outcome = described(tmp_path, "poids;prix;habitants\n1,250;9,90;1.234\n2,500;0,5;800\n")
    assert outcome.types("data") == {"poids": "DECIMAL(18,3)", "prix": "DECIMAL(18,2)", "habitants": "integer"}
    assert outcome.accepted == {"data": 2}


def test_the_mark_that_most_columns_use_is_the_mark_of_the_file(tmp_path: Path) -> None:
    outcome = described(tmp_path, 'a,b,c\n"1,5","2,5",3.5\n"1,25","2",3.25\n')
    assert outcome.types("data") == {"a": "DECIMAL(18,2)", "b": "DECIMAL(18,2)", "c": "DECIMAL(18,2)"}
    assert outcome.words("data")["dialect"] == {"decimal": ","}
    assert outcome.columns("data")["c"]["customProperties"] == [{"property": "dialect", "value": {"decimal": "."}}]
    assert outcome.accepted == {"data": 2}


def test_a_few_values_that_are_no_numbers_are_mistakes(tmp_path: Path) -> None:
    outcome = described(tmp_path, column(*(str(number) for number in range(99)), "inconnu"))
    assert outcome.types("data")["value"] == "integer"
    [dataset] = outcome.report["datasets"]
    assert (dataset["accepted"], dataset["reasons"]) == (99, {"value:type": 1})


# dates


DATES: list[tuple[list[str], str, str | None]] = [
    (["2024-01-31"], "date", None),
    (["31/01/2024", "01/02/2024"], "date", "dd/MM/yyyy"),
    (["01/02/2024"], "date", "dd/MM/yyyy"),
    (["1/2/2024", "31/12/2024"], "date", "d/M/yyyy"),
    (["01/02/2024", "12/31/2024"], "date", "MM/dd/yyyy"),
    (["1/2/2024", "1/13/2024"], "date", "M/d/yyyy"),
    (["31.01.2024"], "date", "dd.MM.yyyy"),
    (["1.2.2024", "11.12.2024"], "date", "d.M.yyyy"),
    (["31-01-2024"], "date", "dd-MM-yyyy"),
    (["2024/01/31"], "date", "yyyy/MM/dd"),
    (["2024-01-31 10:20:30"], "timestamp", None),
    (["2024-01-31 10:20"], "timestamp", "yyyy-MM-dd HH:mm"),
    (["2024-01-31T10:20"], "timestamp", "yyyy-MM-dd'T'HH:mm"),
    (["2024-01-31T10:20:30"], "timestamp", "yyyy-MM-dd'T'HH:mm:ss"),
    (["2024-01-31T10:20:30Z"], "timestamp", "yyyy-MM-dd'T'HH:mm:ss'Z'"),
    (["2024-01-31T10:20:30.123Z"], "timestamp", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"),
    (["2024-01-31 10:20:30.123456"], "timestamp", "yyyy-MM-dd HH:mm:ss.SSSSSS"),
    (["31/01/2024 10:20"], "timestamp", "dd/MM/yyyy HH:mm"),
    (["2024-01-31T10:20:30+02:00"], "timestamp", "yyyy-MM-dd'T'HH:mm:ssXXX"),
    (["2024-01-31 10:20:30.1"], "string", None),
    (["2024-01-31 10:20", "2024-01-31 10:20:30"], "string", None),
    (["2024-01-31", "31/01/2024"], "string", None),
    (["13/01/2024", "01/13/2024"], "string", None),
    (["0000-00-00", "2024-01-31"], "date", None),
    (["2024-01-31", "inconnu"], "string", None),
    (["31/02/2024"], "string", None),
    ([f"202401{day:02}" for day in range(1, 32)], "date", "yyyyMMdd"),
    (["20240131", "20240201"], "integer", None),
    ([str(20240101 + number) for number in range(40)], "integer", None),
]


def test_dates_get_the_format_that_all_of_them_have(tmp_path: Path) -> None:
    outcome, names = described_each(tmp_path, [column(*values, "") for values, _, _ in DATES])
    found = {}
    for name in names:
        dialect = outcome.words(name)["dialect"]
        found[name] = (outcome.types(name)["value"], dialect.get("dateFormat", dialect.get("timestampFormat")))
    assert found == {name: (kind, form) for name, (_, kind, form) in zip(names, DATES, strict=True)}
    assert outcome.accepted == {name: len(values) + 1 for name, (values, _, _) in zip(names, DATES, strict=True)}


def test_a_moment_that_ends_in_z_is_one_of_utc(tmp_path: Path) -> None:
    outcome = described(tmp_path, column("2024-07-31T10:20:30.125Z"))
    [(moment,)] = outcome.shop.rows("data", "CAST(value AT TIME ZONE 'UTC' AS VARCHAR)", "silver")
    assert moment == "2024-07-31 10:20:30.125"


def test_columns_of_different_formats_each_say_theirs(tmp_path: Path) -> None:
    outcome = described(tmp_path, "a,b,c\n2024-01-31,31/01/2024,31.01.2024 10:20\n")
    assert "dateFormat" not in outcome.words("data")["dialect"]
    assert [properties.get("logicalTypeOptions") for properties in outcome.columns("data").values()] == [
        None,
        {"format": "dd/MM/yyyy"},
        None,
    ]
    assert outcome.accepted == {"data": 1}


def test_a_column_that_has_the_month_first_decides_for_the_others(tmp_path: Path) -> None:
    outcome = described(tmp_path, "ordered,shipped\n03/04/2024,03/13/2024\n")
    assert outcome.words("data")["dialect"] == {"dateFormat": "MM/dd/yyyy"}
    assert outcome.shop.rows("data", "CAST(ordered AS VARCHAR)", "silver") == [("2024-03-04",)]


def test_a_day_that_does_not_exist_is_a_mistake(tmp_path: Path) -> None:
    outcome = described(tmp_path, column("05/01/2026", "06/01/2026", "31/02/2026"))
    [dataset] = outcome.report["datasets"]
    assert (dataset["accepted"], dataset["reasons"]) == (2, {"value:type": 1})


# keys and required columns


def keys(outcome: InitOutcome, table: str = "data") -> list[str]:
    """The columns of the key, in its order."""
    parts = [
        (column.get("primaryKeyPosition", 1), name)
        for name, column in outcome.columns(table).items()
        if column.get("primaryKey")
    ]
    return [name for _, name in sorted(parts)]


KEYS = {
    "nom;id": ["id"],
    "nom;IdClient": ["IdClient"],
    "nom;client_id": ["client_id"],
    "nom;Numéro de client": ["Numéro_de_client"],
    "nom;code": ["code"],
    "nom;prix": [],
    "nom;idée": [],
}


def test_a_key_is_called_like_one(tmp_path: Path) -> None:
    outcome, names = described_each(tmp_path, [f"{header}\nAda;1\nBob;2\nCléo;3\n" for header in KEYS])
    assert [keys(outcome, name) for name in names] == list(KEYS.values())
    assert outcome.accepted == dict.fromkeys(names, 3)


NO_KEYS = [
    ["1", "2"],
    ["1", "2", "2"],
    ["1", "2", ""],
    ["1.5", "2.5", "3.5"],
    ["2024-01-01", "2024-01-02", "2024-01-03"],
    ["2024-01-01 10:00", "2024-01-02 10:00", "2024-01-03 10:00"],
    ["e\u0301", "\u00e9", "a"],
]


def test_a_key_is_a_number_or_text_that_is_always_there_and_never_twice(tmp_path: Path) -> None:
    outcome, names = described_each(
        tmp_path, ["id,n\n" + "".join(f"{value},1\n" for value in values) for values in NO_KEYS]
    )
    assert [keys(outcome, name) for name in names] == [[]] * len(NO_KEYS)
    assert outcome.accepted == {name: len(values) for name, values in zip(names, NO_KEYS, strict=True)}


def test_a_column_is_required_when_many_rows_fill_it(tmp_path: Path) -> None:
    rows = [f"{number};{'x' if number else ''};y\n" for number in range(100)]
    outcome = described(tmp_path, "n;a;b\n" + "".join(rows))
    assert [name for name, properties in outcome.columns("data").items() if properties.get("required")] == ["n", "b"]
    assert outcome.accepted == {"data": 100}
    few = described(tmp_path / "few", "n;a;b\n" + "".join(rows[1:20]))
    assert [name for name, properties in few.columns("data").items() if properties.get("required")] == ["n"]


def test_a_file_that_is_only_looked_at_in_part_requires_its_key_alone(tmp_path: Path) -> None:
    rows = "".join(f'{number},"a\nb",2024-01-01,été\n' for number in range(500))
    outcome = described(tmp_path, f"id,text,day,word\n{rows}999,,,\n", sample_bytes=2_000)
    assert outcome.types("data") == {"id": "integer", "text": "string", "day": "date", "word": "string"}
    assert [name for name, properties in outcome.columns("data").items() if properties.get("required")] == ["id"]
    assert outcome.accepted == {"data": 501}


def test_a_sample_may_end_inside_a_long_text(tmp_path: Path) -> None:
    long = "line\n" * 1_000
    outcome = described(tmp_path, f'n,text,day\n1,a,2024-01-01\n2,"{long}",2024-01-02\n', sample_bytes=2_000)
    assert outcome.types("data") == {"n": "integer", "text": "string", "day": "date"}
    assert outcome.accepted == {"data": 2}


# files and their names


TABLES_OF_FILES = [
    ("fête.csv", "fete"),
    ("select.csv", "select"),
    ("order.csv", "order"),
    ("日本.csv", "data"),
    ("2024.csv", "t_2024"),
    ("orders_2024.csv", "orders"),
    ("orders-2024-01-31.csv", "orders"),
    ("lines.of.2024.csv.txt", "lines_of"),
    ("my orders (new).csv", "my_orders_new"),
    ('d\'été "x".csv', "d_ete_x"),
    ("two\nlines.csv", "two_lines"),
    ("all*or?.csv", "all_or"),
    ("[a]{b}.csv", "a_b"),
    ("orders", "orders"),
    ("-.csv", "data"),
    ("bronze.csv", "bronze"),
    ("accepted.csv", "accepted"),
    ("records.csv", "records"),
    ("x" * 250 + ".csv", "x" * 60),
    ("fe\u0302te.csv", "fete"),
    ("sub/folder 1/orders.csv", "orders"),
]


def test_a_file_of_any_name_makes_a_table(tmp_path: Path) -> None:
    projects: list[dict[str, str]] = []
    for file, table in TABLES_OF_FILES:  # files whose tables would have one name are described apart
        free = next((project for project in projects if table not in project.values()), None)
        if free is None:
            free = {}
            projects.append(free)
        free[file] = table
    for number, project in enumerate(projects):
        columns = {file: f"id,n{place}\n1,2\n" for place, file in enumerate(project)}
        assert started(tmp_path / str(number), columns).accepted == dict.fromkeys(project.values(), 1)


def test_a_name_that_is_no_unicode_makes_a_table(tmp_path: Path) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    path = folder / "f\udce9te.csv"
    path.write_text("id,n\n1,2\n")
    write_project(tmp_path / "project", [path], "essai")
    shop = Shop(tmp_path, tmp_path / "project")
    shop.filon("check")
    assert InitOutcome(shop, shop.run()).accepted == {"f_te": 1}


def test_files_of_one_form_are_one_dataset(tmp_path: Path) -> None:
    outcome = started(tmp_path, {"orders_2023.csv": "id,n\n1,2\n", "orders_2024.csv": "id,n\n2,2.5\n3,x\n"})
    assert outcome.words("orders")["filePattern"] == "**/orders_*.csv"
    assert outcome.types("orders") == {"id": "integer", "n": "string"}
    assert outcome.accepted == {"orders": 3}


@pytest.mark.parametrize(
    ("files", "tables"),
    [
        (["orders_2024.csv", "orders_lines.csv"], {"orders_2024": 1, "orders_lines": 1}),
        (["a1.csv", "a2.csv"], {"a1": 1, "a2": 1}),
        (["a1.csv", "a2.csv", "ab.csv"], {"a1": 1, "a2": 1, "ab": 1}),
        (["fête.csv", "fete.csv"], {"fete": 1, "fete_2": 1}),
        (["orders.csv", "orders_count.csv"], {"orders": 1, "orders_count": 1}),
        (["orders.csv", "Orders.csv"], {"orders": 1, "Orders_2": 1}),
    ],
)
def test_files_of_different_forms_are_different_datasets(
    tmp_path: Path, files: list[str], tables: dict[str, int]
) -> None:
    outcome = started(tmp_path, {name: f"id,n{number}\n1,{number}\n" for number, name in enumerate(files)})
    assert outcome.accepted == tables


def test_files_of_one_form_are_apart_when_their_pattern_would_take_in_another(tmp_path: Path) -> None:
    files = {"orders_1.csv": "a\n1\n", "orders_2.csv": "a\n2\n", "orders_lines.csv": "b\n3\n"}
    assert started(tmp_path, files).accepted == {"orders_1": 1, "orders_2": 1, "orders_lines": 1}


def test_files_that_no_pattern_tells_apart_are_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, {"2023/orders.csv": "a,b\n1,2\n", "2024/orders.csv": "a,c\n1,2\n"})
    assert "no filePattern tells it from the other files" in message
    message = refusal(tmp_path, {"2023/or*.csv": "a,b\n1,2\n", "orders.csv": "a,c\n1,2\n"})
    assert "* and ? in a name stand for anything" in message


def test_a_file_that_is_given_twice_counts_once(tmp_path: Path) -> None:
    outcome = started(tmp_path, {"data.csv": "id,n\n1,a\n2,b\n3,c\n", "../sources/data.csv": "id,n\n1,a\n2,b\n3,c\n"})
    assert outcome.accepted == {"data": 3}


def test_a_file_whose_name_starts_with_a_dot_is_refused(tmp_path: Path) -> None:
    assert "starts with a dot" in refusal(tmp_path, {".data.csv": "a,b\n1,2\n"})


# bytes


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-8", None), ("utf-8-sig", None), ("utf-16", "utf-16"), ("cp1252", "cp1252")]
)
def test_encodings_are_recognised(tmp_path: Path, encoding: str, declared: str | None) -> None:
    outcome = described(tmp_path, "numéro,prix\n1,œuvre\n2,été\n".encode(encoding))
    assert outcome.words("data").get("dialect", {}).get("encoding") == declared
    assert list(outcome.types("data")) == ["numéro", "prix"]
    assert outcome.accepted == {"data": 2}
    assert outcome.shop.rows("data", "prix", "silver") == [("été",), ("œuvre",)]


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("zst", zstandard.compress)])
def test_packed_files_are_unpacked(tmp_path: Path, ending: str, pack: Any) -> None:
    outcome = started(tmp_path, {f"orders_1.csv.{ending}": pack(b"id;n\n1;2\n"), "orders_2.csv": "id;n\n2;3\n"})
    assert outcome.words("orders")["filePattern"] == "**/orders_*.csv"
    assert outcome.types("orders") == {"id": "integer", "n": "integer"}
    assert outcome.accepted == {"orders": 2}


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_damaged_archive_is_refused(tmp_path: Path, pack: Any) -> None:
    packed = pack(random.Random(1).randbytes(5_000))  # noqa: S311
    assert "damaged or cut short" in refusal(tmp_path, {"data.csv.gz": packed[:3_000]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n \r\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no text"),
        ("a,b\n1,2\n".encode("utf-16-le"), "is no text"),
        ("a,b\n1,ü\n".encode("cp850"), "is no text"),
        (b"\xff\xfea", "is no text"),
    ],
)
def test_a_file_that_holds_no_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in refusal(tmp_path, {"data.csv": content})


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        write_project(tmp_path / "project", [tmp_path], "essai")
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        write_project(tmp_path / "project", [tmp_path / "none.csv"], "essai")


# the project


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    project = tmp_path / "project"
    (project / "sources").mkdir(parents=True)
    (project / "sources" / "data.yaml").write_text("mine")
    with pytest.raises(ConfigError, match=r"data\.yaml is there already"):
        write_project(project, [tmp_path / "data.csv"], "essai")
    assert not (project / "filon.yaml").exists()
    with pytest.raises(ConfigError, match="cannot be written to"):
        write_project(tmp_path / "data.csv", [tmp_path / "data.csv"], "essai")
    write_project(tmp_path / "new", [tmp_path / "data.csv"], "essai")
    with pytest.raises(ConfigError, match="already holds a project"):
        write_project(tmp_path / "new", [tmp_path / "data.csv"], "essai")


@pytest.mark.parametrize(
    ("name", "slug"), [("Épicerie", "epicerie"), ("2024", "p-2024"), ("日本", "project"), ("", "project")]
)
def test_a_project_of_any_name_compiles(tmp_path: Path, name: str, slug: str) -> None:
    shop = Shop(tmp_path, tmp_path / "project")
    shop.put("data.csv", "a,b\n1,2\n")
    write_project(tmp_path / "project", [tmp_path / "sources" / "data.csv"], name)
    assert f"project {slug} compiles" in shop.filon("check")


# keys of several columns, and references


def shop_files(rows: int = 60) -> dict[str, str]:
    """A shop as its tables would be exported: clients, orders of a month, and their lines."""
    clients = "id_client,nom,pays\n" + "".join(f"{n},Nom {n},{'FR' if n % 3 else 'BE'}\n" for n in range(1, 31))
    orders = "num,client,jour\n" + "".join(f"C{n:04},{n % 30 + 1},2026-01-{n % 28 + 1:02}\n" for n in range(rows))
    lines = "commande,ligne,produit,prix\n" + "".join(
        f"C{n // 2:04},{n % 2 + 1},P{n % 7},{n % 5 + 1}.50\n" for n in range(rows)
    )
    return {"clients.csv": clients, "orders_2026-01.csv": orders, "lines_2026-01.csv": lines}


def references(outcome: InitOutcome, table: str) -> dict[str, str]:
    """What the columns of a contract refer to."""
    columns = outcome.columns(table).items()
    return {name: found["relationships"][0]["to"] for name, found in columns if "relationships" in found}


def test_keys_and_references_are_found_in_all_rows(tmp_path: Path) -> None:
    outcome = started(tmp_path, shop_files())
    assert keys(outcome, "clients") == ["id_client"]
    assert keys(outcome, "orders") == ["num"]
    assert keys(outcome, "lines") == ["commande", "ligne"]
    assert references(outcome, "orders") == {"client": "clients.id_client"}
    assert references(outcome, "lines") == {"commande": "orders.num"}
    assert outcome.words("orders")["filePattern"] == "**/orders_*.csv"
    assert outcome.accepted == {"clients": 30, "orders": 60, "lines": 60}


def test_a_guessed_reference_warns_and_rejects_nothing(tmp_path: Path) -> None:
    outcome = started(tmp_path, shop_files())
    outcome.shop.put("orders_2026-02.csv", "num,client,jour\nD1,77,2026-02-01\n")
    report = outcome.shop.run()
    assert {d["dataset"]: d["rejected"] for d in report["datasets"]} == {"clients": 0, "orders": 0, "lines": 0}
    warned = {(c["table"], c["check"], c["detail"]) for c in report["checks"] if c["status"] == "warned"}
    assert warned == {("orders", "reference(client)", "found 1, must be 0")}


def test_few_rows_give_no_key_where_more_files_may_come(tmp_path: Path) -> None:
    outcome = started(tmp_path, {"orders_2026-01.csv": "id,n\n1,2\n2,2\n3,2\n", "places.csv": "id,n\n1,2\n2,2\n3,2\n"})
    assert keys(outcome, "orders") == []
    assert keys(outcome, "places") == ["id"]


def test_small_numbers_refer_to_nothing_by_chance(tmp_path: Path) -> None:
    clients = "id,nom\n" + "".join(f"{n},N{n}\n" for n in range(1, 100))
    sales = "day,month,clients\n" + "".join(f"2026-01-{n % 28 + 1:02},{n % 12 + 1},{n}\n" for n in range(1, 40))
    outcome = started(tmp_path, {"clients.csv": clients, "sales.csv": sales})
    assert "month" not in references(outcome, "sales")


# what stands around the records


def test_a_file_without_a_header_is_read_by_place(tmp_path: Path) -> None:
    outcome = described(tmp_path, "A1;110\nB2;210\nC3;310\n")
    assert outcome.words("data")["dialect"] == {"delimiter": ";", "header": False}
    assert outcome.types("data") == {"column_1": "string", "column_2": "integer"}
    assert outcome.accepted == {"data": 3}


@pytest.mark.parametrize("header", ["pays;2023;2024", "ref;1;2;3;4"])
def test_numbers_that_count_name_columns(tmp_path: Path, header: str) -> None:
    width = header.count(";")
    outcome = described(tmp_path, f"{header}\nFR{';10' * width}\nBE{';20' * width}\n")
    assert outcome.words("data")["dialect"] == {"delimiter": ";"}
    assert outcome.accepted == {"data": 2}


def test_titles_before_the_header_are_left_out(tmp_path: Path) -> None:
    text = "Population légale\nSource : état civil\n\ncode;commune;population\n" + "".join(
        f"{n:05};Ville {n};{n * 7}\n" for n in range(1, 30)
    )
    outcome = described(tmp_path, text)
    assert outcome.words("data")["dialect"] == {"delimiter": ";", "skipUntil": "header"}
    assert outcome.types("data") == {"code": "string", "commune": "string", "population": "integer"}
    assert outcome.accepted == {"data": 29}


def test_a_text_for_null_is_null_in_every_column(tmp_path: Path) -> None:
    text = "plane,seats\n" + "".join(f"N{n},{n if n % 3 else 'NA'}\n" for n in range(1, 20)) + "NA,7\n"
    outcome = described(tmp_path, text)
    assert outcome.words("data")["dialect"] == {"nullValues": ["NA"]}
    assert outcome.shop.rows("data", "count(*), count(plane), count(seats)", "silver") == [(20, 19, 14)]


def test_namibia_is_no_null(tmp_path: Path) -> None:
    text = "country,n\nFR,1\nDE,NA\nBE,2\nNA,3\nIT,4\nES,5\nPT,6\n"
    outcome = described(tmp_path, text)
    assert outcome.shop.rows("data", "count(country), count(n)", "silver") == [(7, 6)]


# types of values that the sample does not show


def test_values_beyond_the_sample_widen_their_type(tmp_path: Path) -> None:
    rows = "".join(f"{number},{number},{number % 9}\n" for number in range(2_000))
    text = f"n,price,kind\n{rows}" + "".join(f"{n},{n}.25,a{n}\n" for n in range(2_000, 4_000)) + "4000,NA,x\n"
    outcome = described(tmp_path, text, sample_bytes=5_000)
    assert outcome.types("data") == {"n": "integer", "price": "DECIMAL(18,2)", "kind": "string"}
    assert outcome.accepted == {"data": 4_001}


# what is said, and where the files are looked for


def test_what_a_run_makes_of_the_files_is_said(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.put("data.csv", "n;day;note\n" + "".join(f"{n};{n % 28 + 1:02}/01/2026;x\n" for n in range(99)) + "7;zz;\n")
    said = shop.filon("init", "project", str(shop.sources / "data.csv"))
    assert "data: 99 rows, key n" in said
    assert "rejected: 1 of 100 records, day:type, must be: DATE as dd/MM/yyyy" in said
    assert "data.csv, record 100: 7;zz;" in said
    assert "filon run --project project" in said


def test_a_run_finds_the_files_without_being_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.put("data.csv", "id,n\n1,2\n")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "raw.csv").write_text("id,n\n1,2\n2,3\n")
    apart, inside = tmp_path / "apart", tmp_path / "project"
    for project, file, rows in ((apart, shop.sources / "data.csv", 1), (inside, inside / "raw.csv", 2)):
        shop.filon("init", str(project), str(file), "--name", project.name)
        bare = Shop(tmp_path, project, {"FILON_SOURCES": "", "FILON_LAKE": ""})
        assert [d["accepted"] for d in bare.run()["datasets"]] == [rows]
    assert yaml.safe_load((inside / "filon.yaml").read_text())["defaults"] == {"sources": "."}
    assert (tmp_path / ".filon" / "apart" / "sources").resolve() == shop.sources.resolve()


# files that are no CSV


def test_files_of_every_format_are_described(tmp_path: Path) -> None:
    sold = [dt.datetime(2026, 1, day, 10, 30) for day in range(1, 13)]
    rows = [{"ref": f"A{n}", "amount": Decimal(n) / 4, "sold": at} for n, at in enumerate(sold)]
    event = '{"id": %d, "at": "2026-01-01T10:00:00+02:00", "user": {"name": "u%d", "age": %d}}\n'
    cells = [row("code", "prix", "jour"), *(row(f"C{n}", n / 8, cell(46_000 + n, "date")) for n in range(12))]
    outcome = started(
        tmp_path,
        {
            "sales.parquet": parquet(pa.Table.from_pylist(rows)),
            "events_2026-01.jsonl": "".join(event % (n, n, n % 5) for n in range(60)),
            "prices.xlsx": xlsx(row("Prix de janvier"), row(None), *cells),
            "shops.zip": zipped({"shops_1.csv": "shop;city\nL1;Lyon\n", "shops_2.csv": "shop;city\nP1;Paris\n"}),
        },
    )
    assert outcome.accepted == {"sales": 12, "events": 60, "prices": 12, "shops": 2}
    assert outcome.types("sales") == {"ref": "string", "amount": "DECIMAL(18,2)", "sold": "timestamp"}
    assert outcome.types("events") == {
        "id": "integer", "at": "timestamp", "user_name": "string", "user_age": "integer",
    }  # fmt: skip
    assert outcome.types("prices") == {"code": "string", "prix": "DECIMAL(18,3)", "jour": "date"}
    assert outcome.words("prices")["dialect"] == {"skipUntil": "header"}
    assert outcome.words("shops")["filePattern"] == "**/shops_*.csv"
    assert keys(outcome, "events") == ["id"]
    assert outcome.shop.rows("events", "max(\"at\" AT TIME ZONE 'UTC')", "silver") == [(dt.datetime(2026, 1, 1, 8),)]


def test_the_first_pages_show_totals_time_dimensions_and_latest_rows(tmp_path: Path) -> None:
    moments = [dt.datetime(2025, 1, 1) + dt.timedelta(hours=7 * number) for number in range(400)]
    lines = [
        f"{number};{moment:%Y-%m-%d %H:%M};{['Lyon', 'Nice', 'Écully'][number % 3]};{number % 7};{number},50;x\n"
        for number, moment in enumerate(moments)
    ]
    sales = "sale_id;sold at;shop;pieces;price;note\n" + "".join(lines)
    outcome = started(
        tmp_path,
        {
            "sales.csv": sales,
            "shops.csv": "name\nLyon\nNice\n",
            "days.csv": "day,n\n2025-01-01,3\n2025-01-02,4\n2025-01-03,5\n",
        },
    )
    project = load_project(tmp_path / "project")
    assert not project.page_problems
    assert list(project.pages) == ["sales", "days", "shops"]
    page = project.pages["sales"]
    assert page.filters == ("sold_at_date", "shop")
    cards, over_time, by_shop, latest = page.rows
    assert [card.measure for card in cards.cards or ()] == ["price", "pieces", "nb_rows"]
    assert over_time.chart is not None
    assert over_time.chart.drill == ("year", "month", "day", "rows")
    assert [block.by for block in by_shop.blocks if isinstance(block, Chart)] == [("shop",)]
    assert latest.table is not None
    assert (latest.table.of, latest.table.sort) == ("sales_rows", "-sold_at_date")
    assert project.pages["days"].filters == ("day_date",), "a day is also a period of the API"
    assert [card.count for card in project.pages["shops"].rows[0].cards or ()] == ["shops_rows"]
    assert outcome.report["serving"]["inserted"]


def test_editors_find_the_schema_of_each_file(tmp_path: Path) -> None:
    outcome = described(tmp_path, "id,n\n1,2\n")
    project = tmp_path / "project"
    for path in (project / "filon.yaml", *project.glob("*/*.yaml")):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        schema = path.parent / first.removeprefix("# yaml-language-server: $schema=")
        assert json.loads(schema.read_text(encoding="utf-8"))["properties"]
        schema.unlink(missing_ok=True)
        outcome.shop.filon("schema")
        assert schema.is_file()
    assert "is no project folder" in outcome.shop.filon("schema", "--project", str(tmp_path), exit_code=2)


# what would lose values in silence


def test_a_text_that_means_null_in_one_column_is_a_value_in_the_next(tmp_path: Path) -> None:
    rows = "".join(
        f"{n},{('s', 'm', 'kg')[n % 3]},{('none', 'some', '-')[n % 3]},{('NA', 'A', 'B')[n % 3]},{('-', n, n)[n % 3]},"
        f"{('NA', n, n)[n % 3]}\n"
        for n in range(60)
    )
    outcome = described(tmp_path, f"id,unit,answer,grade,value,score\n{rows}")
    counts = outcome.shop.rows("data", "count(unit), count(answer), count(grade), count(value), count(score)", "silver")
    assert counts == [(60, 60, 60, 40, 40)]


def test_a_column_that_becomes_text_beyond_the_sample_is_text(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n}\n" for n in range(25_000)) + "".join(f"{n},X{n}\n" for n in range(25_000, 30_000))
    outcome = described(tmp_path, f"id,value\n{rows}", sample_bytes=250_000)
    assert outcome.types("data") == {"id": "integer", "value": "string"}
    assert outcome.accepted == {"data": 30_000}


def test_letters_in_a_few_keys_make_them_text(tmp_path: Path) -> None:
    rows = "".join(f"{'C' if n % 50 == 0 else ''}{536_365 + n},{n % 7}\n" for n in range(200))
    outcome = described(tmp_path, f"InvoiceNo,Quantity\n{rows}")
    assert outcome.types("data") == {"InvoiceNo": "string", "Quantity": "integer"}
    assert (keys(outcome), outcome.accepted) == (["InvoiceNo"], {"data": 200})


def test_links_are_described_by_their_own_names(tmp_path: Path) -> None:
    shop = Shop(tmp_path, tmp_path / "project")
    for name, target in (("orders.csv", "ab12"), ("clients.csv", "cd34")):
        shop.put(f"../store/{target}", f"id,{target}\n1,2\n")
        shop.sources.mkdir(exist_ok=True)
        (shop.sources / name).symlink_to(tmp_path / "store" / target)
    shop.filon("init", str(shop.project), *(str(shop.sources / name) for name in ("orders.csv", "clients.csv")))
    assert InitOutcome(shop, shop.run()).accepted == {"orders": 1, "clients": 1}


def test_a_table_of_very_many_columns_is_described(tmp_path: Path) -> None:
    names = ",".join(f"c{number}" for number in range(300))
    outcome = described(
        tmp_path, f"{names}\n" + "".join(f"{','.join(str(n * m) for m in range(300))}\n" for n in range(5))
    )
    assert outcome.accepted == {"data": 5}


def test_sheets_that_are_not_read_are_named(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    sheet = worksheet(row("id", "n"), row(1, 2))
    shop.put("book.xlsx", archive(xlsx_parts({"Clients": sheet, "Orders": sheet})))
    said = shop.filon("init", "project", str(shop.sources / "book.xlsx"))
    assert "book.xlsx: other sheets are not read: Orders" in said
