"""Dates and timestamps as people spell them: which texts a format reads, and which moments they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from filon.engines import Engine
from filon.engines.functions import names_in
from filon.project import Column, ColumnType, Kind
from filon.project.loader import load_project
from filon.project.vocabulary import Dialect
from filon.projects import retail
from filon.sql import literal
from filon.stages.moments import moment_form, moment_value, spelled_moments
from tests.unit.stages.bench import opened

DATE, TIMESTAMP = ColumnType(Kind.DATE), ColumnType(Kind.TIMESTAMP)
NARROW, HARD = "\u202f", "\u00a0"
WRONG = None
ISO = "yyyy-MM-dd HH:mm:ss"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with opened(load_project(retail.FOLDER), tmp_path_factory.mktemp("moments")) as bench:
        yield bench.context.engine


def read_all(
    engine: Engine, texts: Sequence[str], formats: Sequence[str], kind: ColumnType, zone: str, locale: str
) -> list[Any]:
    """The values of texts, None where there is none."""
    column = Column("m", kind, format=formats[0], other_formats=tuple(formats[1:]))
    value = moment_value(column, Dialect(timezone=zone), locale)
    shown = value if kind is DATE else f"timezone('UTC', {value})"
    rows = ", ".join(f"({place}, {literal(text)})" for place, text in enumerate(texts))
    spelled = ", ".join(f"{value} AS {name}" for name, value in spelled_moments(column, locale))
    source = f'(SELECT *, {spelled} FROM (VALUES {rows}) AS texts(place, "m text")) AS spelled'
    query = f'SELECT {shown}, regexp_full_match("m text", {literal(moment_form(column))}) FROM {source}'
    found = engine.rows(f"{query} ORDER BY place")
    assert not [
        text for text, (moment, is_form) in zip(texts, found, strict=True) if moment is not None and not is_form
    ]
    return [moment for moment, _ in found]


def moment(engine: Engine, text: str, *formats: str, zone: str = "UTC", locale: str = "fr") -> str | None:
    """The moment in UTC that a text spells."""
    [found] = read_all(engine, [text], formats, TIMESTAMP, zone, locale)
    return found.isoformat(" ") if found else None


def date(engine: Engine, text: str, *formats: str, locale: str = "fr") -> str | None:
    """The date that a text spells."""
    [found] = read_all(engine, [text], formats, DATE, "UTC", locale)
    return found.isoformat() if found else None


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (f"{ISO}[.SSS]", "2026-01-05 10:11:12", "2026-01-05 10:11:12"),
        (f"{ISO}[.SSS]", "2026-01-05 10:11:12.123", "2026-01-05 10:11:12.123000"),
        (f"{ISO}[.SSS]", "2026-01-05 10:11:12.5", "2026-01-05 10:11:12.500000"),
        (f"{ISO}[.SSS]", "2026-01-05 10:11:12.1234", WRONG),
        (f"{ISO}[.SSS]", "2026-01-05 10:11:12.", WRONG),
        (f"{ISO}[.SSSSSS]", "2026-01-05 10:11:12.000001", "2026-01-05 10:11:12.000001"),
        (f"{ISO}[.SSSSSS]", "2026-01-05 10:11:12.1234567", WRONG),
        (f"{ISO}[,SSS]", "2026-01-05 10:11:12,25", "2026-01-05 10:11:12.250000"),
        (f"{ISO}.SS", "2026-01-05 10:11:12.25", "2026-01-05 10:11:12.250000"),
        (f"{ISO}.SS", "2026-01-05 10:11:12.2", WRONG),
        ("yyyy-MM-dd[ HH:mm[:ss[.SSS]]]", "2026-01-05", "2026-01-05 00:00:00"),
        ("yyyy-MM-dd[ HH:mm[:ss[.SSS]]]", "2026-01-05 10:11", "2026-01-05 10:11:00"),
        ("yyyy-MM-dd[ HH:mm[:ss[.SSS]]]", "2026-01-05 10:11:12.5", "2026-01-05 10:11:12.500000"),
        ("yyyy-MM-dd[ HH:mm[:ss[.SSS]]]", "2026-01-05 ", WRONG),
        ("yyyy-MM-dd['T'][' ']HH:mm", "2026-01-05T10:11", "2026-01-05 10:11:00"),
        ("yyyy-MM-dd['T'][' ']HH:mm", "2026-01-05 10:11", "2026-01-05 10:11:00"),
        ("dd/MM/yyyy H:mm", "05/01/2026 9:05", "2026-01-05 09:05:00"),
        ("dd/MM/yyyy H:mm", "05/01/2026 09:05", "2026-01-05 09:05:00"),
        ("'['dd/MM/yyyy']'", "[05/01/2026]", "2026-01-05 00:00:00"),
        ("dd/MM/yy", "31/12/68", "2068-12-31 00:00:00"),
        ("dd/MM/yy", "01/01/69", "1969-01-01 00:00:00"),
        ("dd/MM/yyyy", "01/01/69", WRONG),
    ],
)
def test_sections_in_brackets_may_be_left_out(engine: Engine, pattern: str, text: str, found: str | None) -> None:
    assert moment(engine, text, pattern) == found


@pytest.mark.parametrize(
    "text",
    ["2026-02-29 10:00:00", "2026-04-31 10:00:00", "2026-01-05 24:00:00", "2026-01-05 10:60:00", "2026-01-05 10:00:60",
     "0000-01-01 00:00:00", "2026-13-01 00:00:00", "2026-00-01 00:00:00", "2026-01-00 00:00:00"],
)  # fmt: skip
@pytest.mark.parametrize("rest", ["", "[.SSS]", "[XXX]"])
def test_a_day_and_a_time_exist(engine: Engine, text: str, rest: str) -> None:
    assert moment(engine, text, ISO + rest) is WRONG


OFFSETS = [
    ("XXX", "2026-01-05 10:00:00+02:00", "2026-01-05 08:00:00"),
    ("XXX", "2026-01-05 10:00:00-02:30", "2026-01-05 12:30:00"),
    ("XXX", "2026-01-05 10:00:00+05:45", "2026-01-05 04:15:00"),
    ("XXX", "2026-01-05 10:00:00Z", "2026-01-05 10:00:00"),
    ("XXX", "2026-01-05 10:00:00z", "2026-01-05 10:00:00"),
    ("XXX", "2026-01-05 10:00:00-00:00", "2026-01-05 10:00:00"),
    ("XXX", "2026-01-05 10:00:00+14:00", "2026-01-04 20:00:00"),
    ("XXX", "2026-01-05 10:00:00-14:00", "2026-01-06 00:00:00"),
    ("XXX", "2026-01-05 10:00:00+14:01", WRONG),
    ("XXX", "2026-01-05 10:00:00-15:00", WRONG),
    ("XXX", "2026-01-05 10:00:00+02:60", WRONG),
    ("XXX", "2026-01-05 10:00:00+0200", WRONG),
    ("XXX", "2026-01-05 10:00:00+02", WRONG),
    ("XXX", "2026-01-05 10:00:00", WRONG),
    (" XXX", f"2026-01-05 10:00:00{HARD}+02:00", "2026-01-05 08:00:00"),
    ("XX", "2026-01-05 10:00:00+0200", "2026-01-05 08:00:00"),
    ("XX", "2026-01-05 10:00:00-0930", "2026-01-05 19:30:00"),
    ("XX", "2026-01-05 10:00:00Z", "2026-01-05 10:00:00"),
    ("XX", "2026-01-05 10:00:00+02:00", WRONG),
    ("XX", "2026-01-05 10:00:00+02", WRONG),
    ("X", "2026-01-05 10:00:00+02", "2026-01-05 08:00:00"),
    ("X", "2026-01-05 10:00:00-1400", "2026-01-06 00:00:00"),
    ("X", "2026-01-05 10:00:00Z", "2026-01-05 10:00:00"),
    ("xxx", "2026-01-05 10:00:00+02:00", "2026-01-05 08:00:00"),
    ("xxx", "2026-01-05 10:00:00Z", WRONG),
    ("xx", "2026-01-05 10:00:00-0200", "2026-01-05 12:00:00"),
    ("x", "2026-01-05 10:00:00-02", "2026-01-05 12:00:00"),
    ("[.SSS]XXX", "2026-01-05 10:00:00.25+02:00", "2026-01-05 08:00:00.250000"),
    ("XXX", "2024-10-27 02:30:00+02:00", "2024-10-27 00:30:00"),
    ("XXX", "2024-10-27 02:30:00+01:00", "2024-10-27 01:30:00"),
    ("XXX", "2024-03-31 02:30:00+01:00", "2024-03-31 01:30:00"),
    ("XXX", "9999-12-31 23:59:59-01:00", WRONG),
    ("XXX", "9999-12-31 23:59:59+01:00", "9999-12-31 22:59:59"),
    ("XXX", "0001-01-01 00:00:00+01:00", WRONG),
    ("XXX", "0001-01-01 00:00:00-01:00", "0001-01-01 01:00:00"),
]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "America/Martinique"])
@pytest.mark.parametrize("pattern", sorted({pattern for pattern, _, _ in OFFSETS}))
def test_an_offset_says_the_instant_whatever_the_zone_of_the_table(engine: Engine, zone: str, pattern: str) -> None:
    cases = {text: found for letters, text, found in OFFSETS if letters == pattern}
    found = read_all(engine, list(cases), [ISO + pattern], TIMESTAMP, zone, "fr")
    assert [moment and moment.isoformat(" ") for moment in found] == list(cases.values())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2024-07-01T12:00:00+02:00", "2024-07-01 10:00:00"),
        ("2024-07-01T12:00:00", "2024-07-01 10:00:00"),
        ("2024-07-01T12:00:00Z", "2024-07-01 12:00:00"),
        ("2024-03-31T02:30:00", "2024-03-31 01:30:00"),
        ("2024-10-27T02:30:00", "2024-10-27 01:30:00"),
    ],
)
def test_a_text_without_an_offset_is_of_the_zone_of_the_table(engine: Engine, text: str, found: str) -> None:
    assert moment(engine, text, "yyyy-MM-dd'T'HH:mm:ss[XXX]", zone="Europe/Paris") == found


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("dd/MM/yyyy hh:mm a", "05/01/2026 12:00 AM", "2026-01-05 00:00:00"),
        ("dd/MM/yyyy hh:mm a", "05/01/2026 12:59 am", "2026-01-05 00:59:00"),
        ("dd/MM/yyyy hh:mm a", "05/01/2026 12:00 PM", "2026-01-05 12:00:00"),
        ("dd/MM/yyyy hh:mm a", "05/01/2026 01:30 pm", "2026-01-05 13:30:00"),
        ("dd/MM/yyyy hh:mm a", "05/01/2026 11:59 P.M.", "2026-01-05 23:59:00"),
        ("dd/MM/yyyy hh:mm a", f"05/01/2026 01:30{NARROW}PM", "2026-01-05 13:30:00"),
        ("dd/MM/yyyy hh:mm a", "05/01/2026 00:30 AM", WRONG),
        ("dd/MM/yyyy hh:mm a", "05/01/2026 13:30 PM", WRONG),
        ("dd/MM/yyyy hh:mm a", "05/01/2026 1:30 PM", WRONG),
        ("dd/MM/yyyy hh:mm a", "05/01/2026 01:30", WRONG),
        ("dd/MM/yyyy hh:mm a", "05/01/2026 01:30 XM", WRONG),
        ("M/d/yyyy h:mm:ss a", "1/5/2026 1:30:05 PM", "2026-01-05 13:30:05"),
        ("M/d/yyyy h:mm:ss a", "12/31/2026 12:00:00 AM", "2026-12-31 00:00:00"),
        ("M/d/yyyy h:mma", "1/5/2026 10:30pm", "2026-01-05 22:30:00"),
        ("a h:mm yyyy-MM-dd", "PM 1:30 2026-01-05", "2026-01-05 13:30:00"),
        ("M/d/yyyy h:mm a XXX", "1/5/2026 1:30 PM -05:00", "2026-01-05 18:30:00"),
    ],
)
def test_hours_of_half_a_day(engine: Engine, pattern: str, text: str, found: str | None) -> None:
    assert moment(engine, text, pattern) == found


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("d MMM yyyy", "5 janv. 2026", "2026-01-05"),
        ("d MMM yyyy", "5 janv 2026", "2026-01-05"),
        ("d MMM yyyy", "5 Jan 2026", "2026-01-05"),
        ("d MMM yyyy", "5 févr. 2026", "2026-02-05"),
        ("d MMM yyyy", "5 FEVR 2026", "2026-02-05"),
        ("d MMM yyyy", "5 fév 2026", "2026-02-05"),
        ("d MMM yyyy", "5 fe\u0301v. 2026", "2026-02-05"),
        ("d MMM yyyy", "29 févr. 2026", WRONG),
        ("d MMM yyyy", "5 août 2026", "2026-08-05"),
        ("d MMM yyyy", "5 AOÛT 2026", "2026-08-05"),
        ("d MMM yyyy", "5 aout 2026", "2026-08-05"),
        ("d MMM yyyy", "5 mai 2026", "2026-05-05"),
        ("d MMM yyyy", "5 mars 2026", "2026-03-05"),
        ("d MMM yyyy", "5 juin 2026", "2026-06-05"),
        ("d MMM yyyy", "5 juil. 2026", "2026-07-05"),
        ("d MMM yyyy", "5 jui 2026", WRONG),
        ("d MMM yyyy", "5 ja 2026", WRONG),
        ("d MMM yyyy", "5 décembre 2026", "2026-12-05"),
        ("d MMM yyyy", "5 01 2026", WRONG),
        ("d MMM yyyy", "5 May 2026", WRONG),
        ("d MMM yyyy", "5 mai.. 2026", WRONG),
        ("d MMM yyyy", "5 janv|01|janvier 2026", WRONG),
        ("d MMM yyyy", f"5{HARD}mai{NARROW}2026", "2026-05-05"),
        ("d MMMM yyyy", "14 juillet 1789", "1789-07-14"),
        ("d MMMM yyyy", "1 Décembre 2026", "2026-12-01"),
        ("d MMMM yyyy", "1 janv. 2026", WRONG),
        ("d MMMM yyyy", "31 avril 2026", WRONG),
        ("dd-MMM-yy", "05-SEPT-26", "2026-09-05"),
        ("ddMMMyyyy", "05SEP2026", "2026-09-05"),
        ("EEEE d MMMM yyyy", "lundi 5 janvier 2026", "2026-01-05"),
        ("EEEE d MMMM yyyy", "Lundi 5 Janvier 2026", "2026-01-05"),
        ("EEEE d MMMM yyyy", "mardi 5 janvier 2026", WRONG),
        ("EEE dd/MM/yyyy", "lun. 05/01/2026", "2026-01-05"),
        ("EEE dd/MM/yyyy", "dim 11/01/2026", "2026-01-11"),
        ("EEE dd/MM/yyyy", "mer. 05/01/2026", WRONG),
        ("'le 'd MMMM yyyy", "Le 5 janvier 2026", "2026-01-05"),
    ],
)
def test_names_of_months_and_days_in_french(engine: Engine, pattern: str, text: str, found: str | None) -> None:
    assert date(engine, text, pattern) == found


@pytest.mark.parametrize(
    ("locale", "pattern", "text", "found"),
    [
        ("en", "MMM d, yyyy", "Jan 5, 2026", "2026-01-05"),
        ("en", "MMM d, yyyy", "Sept. 5, 2026", "2026-09-05"),
        ("en", "EEE, dd MMM yyyy", "Mon, 05 Jan 2026", "2026-01-05"),
        ("de", "d. MMM yyyy", "5. Mär. 2026", "2026-03-05"),
        ("de", "d. MMMM yyyy", "5. märz 2026", "2026-03-05"),
        ("ru", "d MMMM yyyy", "5 января 2026", "2026-01-05"),
        ("ru", "d MMMM yyyy", "5 январь 2026", "2026-01-05"),
        ("tr", "d MMMM yyyy", "5 Ağustos 2026", "2026-08-05"),
        ("en", "d MMM yyyy", "5 janv 2026", WRONG),
    ],
)
def test_names_are_those_of_the_locale(engine: Engine, locale: str, pattern: str, text: str, found: str | None) -> None:
    assert date(engine, text, pattern, locale=locale) == found


@pytest.mark.parametrize(
    "locale", ["fr", "en", "de", "es", "it", "pt", "nl", "pl", "ru", "ja", "ar", "hi", "vi", "el", "cs"]
)
@pytest.mark.parametrize(("letters", "width"), [("MMMM", "wide"), ("MMM", "abbreviated")])
def test_every_name_of_a_locale_is_read(engine: Engine, locale: str, letters: str, width: str) -> None:
    names = [
        (name, month)
        for context in ("format", "stand-alone")
        for month, name in names_in(locale, "months")[context][width].items()
    ]
    texts = [f"2026/{name}/05" for name, _ in names]
    found = read_all(engine, texts, [f"yyyy/{letters}/dd"], DATE, "UTC", locale)
    assert found == [dt.date(2026, month, 5) for _, month in names]


def test_of_several_formats_the_first_that_reads_a_text_counts(engine: Engine) -> None:
    formats = ("dd/MM/yyyy", "MM/dd/yyyy", "d MMM yyyy", "dd/MM/yyyy hh:mm a XXX")
    assert date(engine, "03/04/2026", *formats) == "2026-04-03"
    assert date(engine, "03/14/2026", *formats) == "2026-03-14"
    assert date(engine, "3 avr. 2026", *formats) == "2026-04-03"
    assert date(engine, "03/04/2026 11:30 PM -05:00", *formats) == "2026-04-03", "a date is the one that is written"


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    moments=some.lists(
        some.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)),
        min_size=20,
        max_size=20,
    ),
    offset=some.integers(-14 * 60, 14 * 60),
)
def test_every_moment_is_read_again_as_it_was_written(engine: Engine, moments: list[dt.datetime], offset: int) -> None:
    shift = dt.timezone(dt.timedelta(minutes=offset))
    texts = [moment.replace(tzinfo=dt.UTC).astimezone(shift).isoformat(sep=" ") for moment in moments]
    french = names_in("fr", "months")["format"]["abbreviated"]
    names = [
        f"{m.day} {french[m.month]} {m.year:04} "
        f"{m.hour % 12 or 12}:{m:%M:%S}.{m.microsecond:06} {'PM' if m.hour > 11 else 'AM'}"
        for m in moments
    ]
    formats = [f"{ISO}[.SSSSSS]XXX", "d MMM yyyy h:mm:ss.SSSSSS a"]
    assert read_all(engine, [*texts, *names], formats, TIMESTAMP, "UTC", "fr") == [*moments, *moments]
