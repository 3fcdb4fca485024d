"""Datasets as somebody may spell them: a contract with any words, files written by it, and the rows that are meant."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

ZONE = "Europe/Paris"
MONTHS = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]
DAYS = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"]
COLUMNS = ("ref", "amount", "rate", "day", "moment", "flag", "note")
SHOPS = ("lyon", "nice")
"""Folders of the files, in the order in which they arrive."""
Value = str | Decimal | dt.date | dt.datetime | bool | None


@dataclass(frozen=True)
class Row:
    """A row as it is meant."""

    ref: str
    amount: Decimal | None
    rate: Decimal | None
    day: dt.date | None
    moment: dt.datetime | None
    flag: bool | None
    note: str | None


@dataclass(frozen=True)
class Spelled:
    """A contract and its files; ``silver`` are the rows that must come of them, ``counts`` those of each file.

    Counts are of records that are accepted, superseded and rejected.
    """

    words: Mapping[str, Any]
    own: Mapping[str, Mapping[str, Any]]
    aliases: Mapping[str, Sequence[str]]
    files: Mapping[str, bytes]
    silver: Sequence[tuple[Value, ...]]
    counts: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)


ROWS = st.builds(
    Row,
    ref=st.integers(1, 4).map(lambda number: f"R{number}"),
    amount=st.one_of(st.none(), st.integers(-(10**8), 10**8).map(lambda cents: Decimal(cents).scaleb(-2))),
    rate=st.one_of(st.none(), st.integers(-(10**4), 10**4).map(lambda number: Decimal(number).scaleb(-4))),
    day=st.one_of(st.none(), st.dates(dt.date(1970, 1, 1), dt.date(2068, 12, 31))),
    # clock changes are at night; what they do to local times stands in the tests of moments
    moment=st.one_of(
        st.none(), st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2060, 1, 1)).map(lambda m: m.replace(hour=12))
    ),
    flag=st.sampled_from([None, True, False]),
    note=st.sampled_from([None, "a", "x y", "é", 'a "b" c', '"q', "a;b", "a,b|c::d", "l\nm", "#x", "\\", "a\\", "\\n"]),
)


@st.composite
def dialects(draw: st.DrawFn) -> dict[str, Any]:
    """Every word of a table's dialect, with a value that the texts of this module can be written in."""
    quote = draw(st.sampled_from(['"', "'", "none"]))
    unquoted, quoted = ["|", "\t", "||", "<>"], [",", ";", "|", "\t", "::", ", ", "whitespace", " "]
    header = draw(st.booleans())
    return {
        "delimiter": draw(st.sampled_from(unquoted if quote == "none" else quoted)),
        "quote": quote,
        **draw(st.sampled_from([{}] if quote == "none" else [{}, {"escape": "\\"}])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8", "cp1252", "latin-1", "utf-16"])),
        "header": header,
        "skipLines": draw(st.sampled_from([0, 2])),
        **draw(st.sampled_from([{}, {"skipUntil": "header"}] if header else [{}])),
        "comment": draw(st.sampled_from(["", "#", "//"])),
        **draw(st.sampled_from([{}, {"footer": {"lines": 2}}, {"footer": {"startsWith": "Total"}}])),
        "shortRecords": draw(st.sampled_from(["nulls", "reject"])),
        "decimal": draw(st.sampled_from([".", ","])),
        "grouping": draw(st.sampled_from(["", " ", "'"] if quote != "'" else ["", " "])),
        "currency": draw(st.sampled_from([[], ["EUR", "F"]])),
        "percent": draw(st.sampled_from(["none", "keep"])),
        "negative": draw(st.sampled_from([["minus"], ["trailing"], ["parentheses", "minus"]])),
        "nullValues": draw(st.sampled_from([[], ["NA", "-"]])),
        "dateFormat": draw(st.lists(st.sampled_from(sorted(DATES)), min_size=1, max_size=3, unique=True)),
        "timestampFormat": draw(st.lists(st.sampled_from(sorted(TIMES)), min_size=1, max_size=2, unique=True)),
        "timezone": draw(st.sampled_from(["UTC", ZONE])),
        **draw(st.sampled_from([{}, {"true": "oui", "false": "non"}])),
    }


DATES: Mapping[str, Callable[[dt.date], str]] = {
    "dd/MM/yyyy": lambda d: f"{d:%d/%m/%Y}",
    "yyyyMMdd": lambda d: f"{d:%Y%m%d}",
    "d MMM yyyy": lambda d: f"{d.day} {MONTHS[d.month - 1]} {d.year}",
    "EEEE d MMM yy": lambda d: f"{DAYS[d.weekday()].upper()} {d.day} {MONTHS[d.month - 1].rstrip('.')} {d:%y}",
}
OFFSET = dt.timezone(dt.timedelta(hours=-9, minutes=-30))
TIMES: Mapping[str, Callable[[dt.datetime], str]] = {
    "yyyy-MM-dd HH:mm:ss.SSSSSS": lambda m: f"{m:%Y-%m-%d %H:%M:%S.%f}",
    "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS][XXX]": lambda m: m.astimezone(OFFSET).isoformat(),
    "dd/MM/yyyy h:mm:ss.SSSSSS a": lambda m: f"{m:%d/%m/%Y} {m.hour % 12 or 12}{m:%M:%S.%f %p}".replace(
        f"{m.hour % 12 or 12}{m:%M}", f"{m.hour % 12 or 12}:{m:%M}", 1
    ),
}


@dataclass(frozen=True)
class Writer:
    """Writes rows in a dialect."""

    words: Mapping[str, Any]
    always_quotes: bool

    @property
    def mark(self) -> str:
        return " " if self.words["delimiter"] == "whitespace" else str(self.words["delimiter"])

    @property
    def null(self) -> str:
        return next(iter(self.words["nullValues"]), "")

    def number(self, value: Decimal | None) -> str:
        """As the table spells numbers."""
        if value is None:
            return self.null
        whole, fraction = f"{abs(value):,.2f}".split(".")
        text = whole.replace(",", self.words["grouping"]) + self.words["decimal"] + fraction
        if value < 0:
            text = {"minus": f"-{text}", "trailing": f"{text}-", "parentheses": f"({text})"}[self.words["negative"][0]]
        return f"{text} EUR" if self.words["currency"] else f"{text}%" if self.words["percent"] == "keep" else text

    def fields(self, row: Row, choice: int) -> list[str]:
        """The texts of a row; ``choice`` tells which of several formats is taken."""
        day = DATES[self.words["dateFormat"][choice % len(self.words["dateFormat"])]]
        time = TIMES[self.words["timestampFormat"][choice % len(self.words["timestampFormat"])]]
        local = row.moment and row.moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(self.words["timezone"]))
        flag = {None: None, True: self.words.get("true", "true"), False: self.words.get("false", "false")}[row.flag]
        texts = [
            row.ref,
            self.number(row.amount),
            None if row.rate is None else f"{row.rate * 100:f}%",
            row.day and day(row.day),
            local and time(local),
            flag,
            row.note,
        ]
        return [self.null if text is None else text for text in texts]

    def field(self, text: str) -> str:
        """A field, in quotes where it needs them."""
        quote, escape = self.words["quote"], self.words.get("escape")
        if quote == "none":
            return text
        needs = self.mark in text or quote in text or "\n" in text or (self.mark == " " and ("\t" in text or not text))
        if not needs and not self.always_quotes:
            return text
        inside = (
            text.replace(escape, escape * 2).replace(quote, escape + quote)
            if escape
            else text.replace(quote, quote * 2)
        )
        return f"{quote}{inside}{quote}"

    def line(self, texts: Sequence[str]) -> str:
        """A record."""
        fields = [self.field(text) for text in texts]
        while self.words["shortRecords"] == "nulls" and len(fields) > 1 and not texts[len(fields) - 1]:
            fields.pop()
        return self.mark.join(fields)


def _fitting(row: Row, words: Mapping[str, Any]) -> Row:
    """The row, without a note that the dialect cannot write."""
    mark = words["delimiter"]
    bad = words["quote"] == "none" and row.note is not None and (mark in row.note or "\n" in row.note)
    return Row(row.ref, row.amount, row.rate, row.day, row.moment, row.flag, None if bad else row.note)


@st.composite
def spelled(draw: st.DrawFn) -> Spelled:
    """A contract, files of two shops, and the rows that must come of them."""
    words = draw(dialects())
    newest = draw(st.sampled_from([None, "day", "amount"]))
    aliases = {"amount": ["montant", "montant_ttc"]} if words["header"] and draw(st.booleans()) else {}
    files: dict[str, bytes] = {}
    rows_of: dict[str, list[Row]] = {}
    bad_of: dict[str, int] = {}
    for place, shop in enumerate(SHOPS, start=9):
        path = f"{shop}/sales_{place}.csv"
        rows_of[path] = [_fitting(row, words) for row in draw(st.lists(ROWS, max_size=6))]
        bad_of[path] = draw(st.integers(0, 1))
        files[path] = draw(_text(words, rows_of[path], bad_of[path], aliases)).encode(words["encoding"])
    kept = _kept(rows_of, newest)
    accepted = Counter(path for path, _ in kept.values())
    counts = {path: (accepted[path], len(rows) - accepted[path], bad_of[path]) for path, rows in rows_of.items()}
    silver = sorted((*_values(row), path.split("/", maxsplit=1)[0]) for path, row in kept.values())
    table = {"dialect": words, "fromFileName": {"column": "shop", "pattern": "(?<shop>[a-z]+)/"}}
    own = {"rate": {"decimal": ".", "grouping": "", "currency": [], "percent": "divide", "negative": ["minus"]}}
    return Spelled({**table, **({"newest": {"by": newest}} if newest else {})}, own, aliases, files, silver, counts)


def _kept(rows_of: Mapping[str, Sequence[Row]], newest: str | None) -> dict[str, tuple[str, Row]]:
    """The row of each key that stays, with its file: the newest value, the last file, the first record."""
    kept: dict[str, tuple[tuple[Any, ...], str, Row]] = {}
    for place, (path, rows) in enumerate(rows_of.items()):
        for ordinal, row in enumerate(rows):
            value = getattr(row, newest) if newest else None
            rank = (value is not None, value, place, -ordinal)
            if row.ref not in kept or _greater(rank, kept[row.ref][0]):
                kept[row.ref] = (rank, path, row)
    return {ref: (path, row) for ref, (_, path, row) in kept.items()}


def _greater(rank: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether a row wins: values are compared only where both have one."""
    if rank[0] != other[0] or not rank[0]:
        return bool((rank[0], *rank[2:]) > (other[0], *other[2:]))
    return bool(rank > other)


def _values(row: Row) -> tuple[Value, ...]:
    return row.ref, row.amount, row.rate, row.day, row.moment, row.flag, row.note


@st.composite
def _text(
    draw: st.DrawFn, words: Mapping[str, Any], rows: Sequence[Row], bad: int, aliases: Mapping[str, Sequence[str]]
) -> str:
    writer = Writer(words, draw(st.booleans()))
    lines = [writer.line(writer.fields(row, draw(st.integers(0, 2)))) for row in rows]
    lines += [writer.mark.join(["z"] * (len(COLUMNS) + 2))] * bad
    if words["comment"]:
        for _ in range(draw(st.integers(0, 2))):
            lines.insert(draw(st.integers(0, len(lines))), f"{words['comment']} remark; 1, 2")
    if words["header"]:
        names = [draw(st.sampled_from([name, *aliases.get(name, [])])) for name in COLUMNS]
        lines.insert(0, writer.mark.join(map(writer.field, names)))
    if "skipUntil" in words:
        lines[:0] = draw(st.lists(st.sampled_from(["Sales", "", "day"]), max_size=2))
    lines[:0] = ['Sales of "January', "exported; by the till"][: words["skipLines"]]
    if "footer" in words:
        lines += ["Total", "exported by the till"]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines) + draw(st.sampled_from(["", end, end * 2]))
