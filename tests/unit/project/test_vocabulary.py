"""The words of custom properties: their defaults, their spelling, and what they refuse."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from filon.project.vocabulary import (
    Case,
    ColumnSpec,
    Dialect,
    Drift,
    GoldColumnSpec,
    Keep,
    MissingFile,
    Normalise,
    RowRule,
    SourceSpec,
)


def test_a_source_that_says_only_its_pattern_has_the_usual_csv_dialect() -> None:
    words = SourceSpec.model_validate({"filePattern": "clients*.csv"})
    assert words == SourceSpec(
        file_pattern="clients*.csv",
        dialect=Dialect(delimiter=",", quote='"', encoding="utf-8", decimal=".", date_format=("yyyy-MM-dd",)),
        keep=Keep.FIRST,
        drift=Drift.EVOLVE,
        malformed_threshold=0.1,
        on_missing_file=MissingFile.KEEP,
        rules=(),
    )


def test_words_are_written_in_camel_case() -> None:
    words = SourceSpec.model_validate(
        {
            "filePattern": "*.csv",
            "malformedThreshold": 0,
            "onMissingFile": "retract",
            "dialect": {"dateFormat": "dd/MM/yyyy", "timestampFormat": "dd/MM/yyyy HH:mm"},
            "rules": [{"name": "sent_later", "expression": "sent >= ordered"}],
        }
    )
    assert words.malformed_threshold == 0
    assert words.on_missing_file is MissingFile.RETRACT
    assert words.dialect.date_format == ("dd/MM/yyyy",)
    assert words.dialect.timestamp_format == ("dd/MM/yyyy HH:mm",)
    assert words.rules == (RowRule(name="sent_later", expression="sent >= ordered"),)


def test_texts_are_trimmed_and_else_left_as_they_are_unless_said_otherwise() -> None:
    assert ColumnSpec().normalise == Normalise(trim=True, case=Case.KEEP, canonical=())


@pytest.mark.parametrize(
    ("given", "name"),
    [("UTF8", "utf-8"), ("latin-1", "iso8859-1"), ("windows-1252", "cp1252"), ("UTF-16", "utf-16")],
)
def test_an_encoding_is_known_by_any_of_its_names(given: str, name: str) -> None:
    assert Dialect(encoding=given).encoding == name


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoding": "utf-9"}, "no encoding of text files; common ones are utf-8, cp1252 and latin-1"),
        ({"encoding": "rot13"}, "no encoding of text files"),
        ({"delimiter": ""}, "one character is expected"),
        ({"delimiter": "|" * 11}, "one character is expected, several such as ||, or whitespace"),
        ({"delimiter": '|"'}, "delimiter holds the quote or the escape"),
        ({"delimiter": "whitespace", "quote": " "}, "delimiter holds the quote or the escape"),
        ({"delimiter": "\\", "escape": "\\"}, "delimiter holds the quote or the escape"),
        ({"escape": "\\", "quote": "none"}, "nothing is quoted"),
        ({"escape": '"'}, "doubled quotes are understood without it"),
        ({"escape": "ab"}, "one character is expected"),
        ({"shortRecords": "pad"}, "'nulls' or 'reject'"),
        ({"delimiter": "\n"}, "one character is expected"),
        ({"quote": "\0"}, "one character is expected"),
        ({"delimiter": ";", "quote": ";"}, "delimiter and quote are the same"),
        ({"comment": "#" * 11}, "at most 10 characters"),
        ({"comment": ",#"}, "comment begins with the delimiter or the quote"),
        ({"comment": "# "}, "such as #"),
        ({"footer": {}}, "known by its number of `lines`, or by what it `startsWith`"),
        ({"footer": {"lines": 1, "startsWith": "T"}}, "known by its number of `lines`"),
        ({"footer": {"lines": 0}}, "greater than or equal to 1"),
        ({"footer": {"startsWith": " "}}, "at least 1 item"),
        ({"decimal": "·"}, "'.' or ','"),
        ({"delimeter": ";"}, "Extra inputs are not permitted"),
    ],
)
def test_a_dialect_that_no_file_can_have_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        Dialect.model_validate(values)


@pytest.mark.parametrize("threshold", [-0.01, 1.01])
def test_the_malformed_threshold_is_a_share(threshold: float) -> None:
    with pytest.raises(ValidationError, match="malformedThreshold"):
        SourceSpec.model_validate({"filePattern": "*.csv", "malformedThreshold": threshold})


@pytest.mark.parametrize("name", ["", "sent later", "1st", "sent-later", "sent:later"])
def test_the_name_of_a_row_rule_is_one_plain_word(name: str) -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        RowRule(name=name, expression="TRUE")


def test_a_model_has_no_words() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        GoldColumnSpec.model_validate({"keep": "first"})
