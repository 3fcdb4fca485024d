"""Headers of files against the contract: names in any order and case, drift, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filon.project import INTEGER, TEXT, Column, ColumnType, Contract, Dataset, Kind
from filon.project.document import Document
from filon.project.vocabulary import Dialect, Drift, Keep, MissingFile
from filon.stages.bronze.headers import Header, header_by_place, match_header
from filon.stages.bronze.refusals import FileRejected

DECIMAL = ColumnType(Kind.DECIMAL, 12, 2)


def clients(drift: Drift = Drift.EVOLVE, delimiter: str = ",") -> Dataset:
    """Clients with an id and an e-mail that they must have, and a country that they may have."""
    columns = (
        Column("client", INTEGER, required=True, header="N° client"),
        Column("email", TEXT, required=True, header="Email"),
        Column("country", TEXT, header="country"),
    )
    contract = Contract("clients", columns, ("client",), document=Document(Path("clients.yaml"), {}, {}))
    return Dataset(
        contract=contract,
        pattern="clients*.csv",
        dialect=Dialect(delimiter=delimiter),
        keep=Keep.FIRST,
        drift=drift,
        malformed_threshold=0.1,
        on_missing_file=MissingFile.KEEP,
        rules=(),
    )


def payments(drift: Drift = Drift.EVOLVE, **dialect: Any) -> Dataset:
    """Payments, of which nothing is required."""
    columns = (Column("ref", TEXT, header="ref"), Column("amount", DECIMAL, header="Montant"))
    contract = Contract("payments", columns, (), document=Document(Path("payments.yaml"), {}, {}))
    return replace(clients(drift), contract=contract, dialect=Dialect(**dialect))


def refusal(cells: list[str], dataset: Dataset) -> FileRejected:
    with pytest.raises(FileRejected) as caught:
        match_header(cells, dataset)
    return caught.value


def test_columns_are_found_by_the_name_that_they_have_in_the_file() -> None:
    header = match_header(["N° client", "Email", "country"], clients())
    assert header == Header(
        names=("N° client", "Email", "country"),
        columns=(("client", 0), ("email", 1), ("country", 2)),
        extras=(),
    )


def test_columns_may_stand_in_any_order() -> None:
    header = match_header(["country", "N° client", "Email"], clients())
    assert dict(header.columns) == {"country": 0, "client": 1, "email": 2}


@pytest.mark.parametrize("email", ["EMAIL", "email", " Email ", "\tEmail"])
def test_case_and_surrounding_blanks_of_a_name_do_not_matter(email: str) -> None:
    assert dict(match_header(["N° client", email], clients()).columns) == {"client": 0, "email": 1}


def test_composed_and_decomposed_letters_are_the_same() -> None:
    contract = clients()
    column = Column("name", TEXT, required=True, header="Prénom")
    dataset = Dataset(**{**vars(contract), "contract": Contract("c", (column,), (), document=Document(Path(), {}, {}))})
    assert match_header(["Pre\u0301nom"], dataset).columns == (("name", 0),)


def test_an_optional_column_may_be_absent() -> None:
    assert dict(match_header(["N° client", "Email"], clients()).columns) == {"client": 0, "email": 1}


def test_undeclared_columns_are_extras_and_nameless_ones_get_their_place_for_a_name() -> None:
    header = match_header(["N° client", "", "Email", "phone", ""], clients())
    assert header.extras == (("column 2", 1), ("phone", 3), ("column 5", 4))


def test_a_missing_required_column_is_named_as_it_should_stand_in_the_file() -> None:
    refused = refusal(["Email", "country"], clients())
    assert refused.reason == "missing_column"
    assert "the header has no N° client (it has: Email, country)" in refused.detail
    assert "Send the column, or make it optional" in refused.detail


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_header_with_another_delimiter_is_recognised(delimiter: str) -> None:
    refused = refusal([delimiter.join(["N° client", "Email", "country"])], clients())
    assert refused.reason == "missing_column"
    assert f"It looks separated by {delimiter!r}" in refused.detail


def test_commas_are_recognised_where_semicolons_were_announced() -> None:
    refused = refusal(['"N° client","Email"'], clients(delimiter=";"))
    assert "It looks separated by ','" in refused.detail


@pytest.mark.parametrize(("first", "second"), [("Email", "Email"), ("Email", "EMAIL"), ("phone", " Phone ")])
def test_a_name_that_stands_twice_is_refused(first: str, second: str) -> None:
    refused = refusal(["N° client", "Email", first, second], clients())
    assert refused.reason == "duplicate_header"
    assert f"the header names {first.casefold()} twice" in refused.detail


def test_nameless_columns_are_no_duplicates() -> None:
    header = match_header(["N° client", "Email", "", ""], clients())
    assert header.extras == (("column 3", 2), ("column 4", 3))


def test_the_name_made_for_a_nameless_column_is_not_taken_from_another() -> None:
    header = match_header(["N° client", "Email", "column 4", ""], clients())
    names = [name for name, _ in header.extras]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("drift", [Drift.EVOLVE, Drift.DISCARD])
def test_only_a_frozen_contract_refuses_drift(drift: Drift) -> None:
    assert match_header(["N° client", "Email", "phone"], clients(drift)).extras == (("phone", 2),)


def test_a_frozen_contract_names_what_is_too_many_and_what_is_missing() -> None:
    refused = refusal(["N° client", "Email", "phone", ""], clients(Drift.FREEZE))
    assert refused.reason == "drift"
    assert "unexpected: phone, column 4; absent: country" in refused.detail


def test_a_frozen_contract_takes_its_columns_in_any_order() -> None:
    header = match_header(["country", "Email", "N° client"], clients(Drift.FREEZE))
    assert header.extras == ()


@pytest.mark.parametrize(
    ("line", "delimiter", "hint"),
    [
        ("A1;110", ";", "It looks like data: if the file has no header, set `dialect: {header: false}`"),
        ("A1;", ";", "It looks like data"),
        ("A1;-5,00", ";", "It looks like data"),
        ("A1;,5", ";", "It looks like data"),
        ("ref;montant", ",", "It looks separated by ; (set `dialect: {delimiter: ';'}`)"),
        ("ref\tMONTANT", ";", "It looks separated by tabs"),
        ("ref|amount", ",", "It looks separated by |"),
        ("reference;amount", ",", "It looks separated by ;"),
        ("Dupont;Paris", ";", "Send the file with a header, or set `dialect: {header: false}`"),
    ],
)
def test_a_header_without_any_column_is_refused_and_shown(line: str, delimiter: str, hint: str) -> None:
    refused = refusal(line.split(delimiter), payments(delimiter=delimiter))
    assert refused.reason == "no_declared_column"
    assert f"its first line has none of the columns ref, Montant: {line}. " in refused.detail
    assert hint in refused.detail


def test_data_with_another_delimiter_looks_like_both() -> None:
    refused = refusal(["A1;110"], payments())
    assert "It looks separated by ; (set" in refused.detail
    assert "It looks like data" in refused.detail


def test_data_with_equal_values_has_none_of_the_columns_rather_than_one_twice() -> None:
    assert refusal(["7", "7"], payments()).reason == "no_declared_column"


def test_data_where_columns_are_required_looks_like_data_too() -> None:
    refused = refusal(["1", "ada@example.org", "France"], clients())
    assert refused.reason == "missing_column"
    assert "It looks like data" in refused.detail


def test_one_declared_column_is_enough() -> None:
    assert match_header(["montant", "canal"], payments()).columns == (("amount", 0),)


@pytest.mark.parametrize("widths", [[], [2], [1, 1], [2, 9, 2]])
def test_without_a_header_columns_are_found_by_their_place(widths: list[int]) -> None:
    assert header_by_place(widths, payments(header=False)) == Header(
        names=("ref", "Montant"), columns=(("ref", 0), ("amount", 1)), extras=()
    )


def test_most_of_the_first_records_tell_how_many_undeclared_columns_there_are() -> None:
    header = header_by_place([2, 4, 4, 3, 4], payments(header=False))
    assert header.extras == (("column 3", 2), ("column 4", 3))


def test_a_frozen_contract_takes_no_column_by_place_that_it_does_not_declare() -> None:
    with pytest.raises(FileRejected, match="unexpected: column 3"):
        header_by_place([3], payments(Drift.FREEZE, header=False))


def renamed() -> Dataset:
    """Payments whose amount has had other names."""
    amount = Column("amount", DECIMAL, header="Montant TTC", aliases=("montant", "Total dû"))
    columns = (Column("ref", TEXT, header="ref"), amount)
    return replace(payments(), contract=replace(payments().contract, columns=columns))


@pytest.mark.parametrize(
    ("cells", "place"),
    [
        (["ref", "Montant TTC"], 1),
        (["ref", "Montant\u00a0TTC"], 1),
        (["ref", "montant\u202f ttc\u00a0"], 1),
        (["ref", "montant"], 1),
        (["ref", "MONTANT"], 1),
        (["ref", "total\u00a0du\u0302"], 1),
        (["montant", "ref", "Montant TTC"], 2),
        (["total dû", "ref", "Montant"], 2),
        (["MONTANT\u00a0TTC", "ref", "Montant TTC"], 2),
    ],
)
def test_a_column_is_found_by_its_name_or_by_an_alias_whatever_the_blanks(cells: list[str], place: int) -> None:
    header = match_header(cells, renamed())
    assert dict(header.columns)["amount"] == place
    assert len(header.extras) == len(cells) - 2


def test_two_fields_that_fit_a_column_alike_are_refused() -> None:
    refused = refusal(["ref", "MONTANT\u00a0TTC", "montant ttc"], renamed())
    assert refused.reason == "duplicate_header"


def test_a_header_with_an_alias_and_another_delimiter_is_recognised() -> None:
    assert "It looks separated by ; (set" in refusal(["montant;autre"], renamed()).detail
