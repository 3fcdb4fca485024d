"""Parts of pages: files of rows, tables, and access."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]
import pytest

from filon.dashboard.access import is_listed
from filon.dashboard.language import Code, Language
from filon.dashboard.launch import read_secrets
from filon.dashboard.parts import column, escape_formulas, headings, lines_of
from filon.dashboard.takeaway.csvs import as_csv
from filon.errors import ConfigError
from filon.settings import Settings


def test_rows_become_csv_that_a_spreadsheet_neither_misreads_nor_runs() -> None:
    rows = [{"nom": "=1+1", "ca": Decimal("12.50"), "stats": {"min": Decimal("-1.00")}, "raisons": ["=a", "b"]}]
    text = as_csv(lines_of(rows), Language(Code.ENGLISH))
    assert text.startswith(b"\xef\xbb\xbf")
    assert text.decode("utf-8-sig") == "nom,ca,min,raisons\r\n'=1+1,12.50,-1.00,\"'=a, b\"\r\n"


def test_formulas_in_a_table_are_escaped_in_its_file_and_shown_as_they_are() -> None:
    frame = pd.DataFrame({"texte": ["=1+1", "a", None, "\n@A1"], "nom": ["b", "c", "d", "e"]})
    formatters = escape_formulas(frame)
    assert frame["texte"].dropna().tolist() == ["'=1+1", "a", "'\n'@A1"]
    assert list(map(formatters["texte"], ["'=1+1", "a", "'\n'@A1"])) == ["=1+1", "a", "\n@A1"]
    assert list(formatters) == ["texte"]


def test_no_rows_are_an_empty_file() -> None:
    assert as_csv(lines_of([]), Language(Code.ENGLISH)).decode("utf-8-sig") == ""


@pytest.mark.parametrize(
    ("mail", "users", "may"),
    [
        ("ada@exemple.fr", None, True),
        ("Ada@Exemple.fr", "ada@exemple.fr", True),
        ("ada@exemple.fr", "bob@exemple.fr, @exemple.fr", True),
        ("ada@exemple.fr.evil.org", "@exemple.fr", False),
        ("ada@sub.exemple.fr", "@exemple.fr", False),
        ("", "@exemple.fr", False),
        ("exemple.fr", "@exemple.fr", False),
    ],
)
def test_who_is_on_the_list_may_see_the_dashboard(mail: str, users: str | None, may: bool) -> None:
    assert is_listed(mail, users) is may


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read"),
        ("[auth", "cannot be read"),
        ("", "redirect_uri"),
        ("auth = 1", "client_secret"),
        ('[auth]\nredirect_uri = "x"\ncookie_secret = "x"\nclient_id = "x"\nclient_secret = ""', "client_secret"),
    ],
)
def test_a_provider_that_could_sign_nobody_in_is_an_error_not_an_open_door(
    tmp_path: Path, content: str | None, what: str
) -> None:
    file = tmp_path / "secrets.toml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=what):
        read_secrets(Settings(dashboard_secrets=file))


def test_columns_that_are_called_alike_say_their_own_names() -> None:
    titles = headings(
        Language(
            Code.ENGLISH, labels={name: {"fr": "Genre", "en": "Segment"} for name in ("segment", "segment_client")}
        ),
        ["segment", "segment_client", "pays"],
    )
    assert titles == {"segment": "Segment (segment)", "segment_client": "Segment (segment_client)", "pays": "Pays"}


def test_numbers_of_a_column_keep_their_digits_and_have_one_type() -> None:
    large, small = 2**53 + 1, Decimal("10.5") / 3
    for values in ([large, None, 1], [Decimal("1234567890123456.79"), Decimal("1.50")]):
        assert [None if value is None else Decimal(value) for value in values] == list(column(values))
    assert column([small, Decimal(1), None]).dtype == float
    assert list(column([Decimal("1e99"), Decimal("1e-99")])) == [1e99, 1e-99]
    assert [str(value) for value in column([1, None])] == ["1", "<NA>"]
    assert list(column([["a", "b"], ["c"]])) == ["a, b", "c"]
