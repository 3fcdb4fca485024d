"""A project with every rule, and every word of dialects that decides what a text means; and dirty files for it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.integration.changes.shop import Documents, contract

INTEGER, TEXT, DATE, MOMENT, TRUTH = (
    {"logicalType": kind} for kind in ("integer", "string", "date", "timestamp", "boolean")
)
MONEY = {"logicalType": "number", "physicalType": "DECIMAL(12,2)"}
SUM = {"logicalType": "number", "physicalType": "DECIMAL(20,2)"}
HUGE = {"logicalType": "number", "physicalType": "DECIMAL(38,0)"}
REAL = {"logicalType": "number", "physicalType": "DOUBLE"}
NOT_AFTER = [{"property": "notAfter", "value": "as_of"}]


def column(name: str, kind: dict[str, Any], *words: dict[str, Any], **keys: object) -> dict[str, Any]:
    """A column with custom properties and other keys."""
    return {"name": name, **kind, **({"customProperties": list(words)} if words else {}), **keys}


def normalised(**how: object) -> dict[str, Any]:
    return {"property": "normalise", "value": how}


def enum(*values: object) -> list[dict[str, object]]:
    return [{"value": value} for value in values]


EUROPEAN = {
    "delimiter": ";",
    "encoding": "cp1252",
    "decimal": ",",
    "grouping": ". ",
    "currency": ["€", "EUR"],
    "percent": "divide",
    "negative": ["minus", "trailing", "parentheses"],
    "dateFormat": ["dd/MM/yyyy", "yyyyMMdd", "EEEE d MMMM yyyy", "d MMM yyyy"],
    "timestampFormat": ["dd/MM/yyyy HH:mm[:ss]", "yyyy-MM-dd'T'HH:mm:ss[.SSSSSS][XXX]", "d/M/yyyy h:mm a"],
    "timezone": "Europe/Paris",
    "nullValues": ["NA", "-"],
    "true": "oui",
    "false": "non",
    "skipUntil": "header",
    "comment": "#",
    "footer": {"startsWith": "Total"},
    "shortRecords": "nulls",
}
PROJECT: Documents = {
    "filon": {"name": "every-rule", "locale": "fr", "currency": "EUR", "timezone": "Europe/Paris"},
    "places": contract(
        "places",
        {
            "filePattern": "**/places*.csv",
            "keep": "last",
            "malformedThreshold": 0.9,
            "history": "scd2",
            "fromFileName": {"column": "origin", "pattern": r"(?<origin>[a-z]+)/places"},
            "drift": "discard",
        },
        column("country", TEXT, normalised(case="upper"), primaryKey=True),
        column("town", TEXT, normalised(case="title"), primaryKey=True),
        column("name", TEXT, normalised(canonical=["Café", "Épicerie fine", "Marché"]), physicalName="Nom affiché"),
        column("code", TEXT, logicalTypeOptions={"pattern": "[A-Z]{2}[0-9]*", "minLength": 2, "maxLength": 6}),
        column("people", INTEGER, logicalTypeOptions={"minimum": 0, "exclusiveMaximum": 10_000_000}),
        column("origin", TEXT),
    ),
    "goods": contract(
        "goods",
        {"filePattern": "goods*.jsonl", "malformedThreshold": 0.9, "newest": {"by": "changed"}},
        column("id", HUGE, primaryKey=True),
        column("label", TEXT, normalised(case="lower"), required=True, physicalName="say.label"),
        column("family", TEXT, enum=enum("food", "Ère", "misc")),
        column("rate", REAL, logicalTypeOptions={"exclusiveMinimum": -1, "maximum": 1.5}),
        column("changed", MOMENT, *NOT_AFTER),
    ),
    "deliveries": contract(
        "deliveries",
        {
            "filePattern": "deliveries*.csv",
            "malformedThreshold": 0.9,
            "dialect": EUROPEAN,
            "partition": {"column": "day", "by": "month"},
            "rules": [
                {"name": "day_first", "expression": "sent IS NULL OR local_date(sent) >= day"},
                {"name": "gift_costs_nothing", "expression": "NOT gift OR amount IS NULL OR amount = 0"},
            ],
        },
        column("id", INTEGER, primaryKey=True),
        column("line", INTEGER, primaryKey=True, logicalTypeOptions={"minimum": 1, "maximum": 99}),
        column("good", HUGE, relationships=[{"to": "goods.id"}]),
        column(
            "day",
            DATE,
            *NOT_AFTER,
            required=True,
            logicalTypeOptions={"minimum": "1960-02-29", "maximum": "9999-12-31"},
        ),
        column("sent", MOMENT, *NOT_AFTER),
        column(
            "amount", MONEY, required=True, logicalTypeOptions={"minimum": -5000, "exclusiveMaximum": 9_999_999_999}
        ),
        column("share", REAL),
        column("gift", TRUTH),
        column("size", MONEY, enum=enum(2.5, 10, 0)),
        column("note", TEXT),
        quality=[{"type": "sql", "query": "SELECT count(*) FROM deliveries", "mustBeGreaterThan": -1}],
    ),
    "lines.sql": """\
SELECT d.id, d.line, d.day, year(d.day) AS year, isoyear(d.day) AS iso_year, week(d.day) AS iso_week,
    isodow(d.day) AS iso_day, quarter(d.day) AS quarter, day_name(d.day) AS day_name, month_name(d.day) AS month_name,
    strftime(d.day, '%Y-%m') AS month, CAST(date_trunc('week', d.day) AS DATE) AS monday,
    local_date(d.sent) AS local_day,
    d.amount, ratio(d.amount, 7) AS seventh, d.amount / 3 AS third, round(d.amount, 1) AS tenths, d.gift, d.size,
    surrogate_key(d.note) AS key, title_case(d.note) AS titled, strip_accents(d.note) AS plain, g.label
FROM deliveries AS d JOIN goods AS g ON g.id = d.good""",
    "lines": contract(
        "lines",
        {"partition": {"column": "day", "by": "year"}},
        column("id", INTEGER, primaryKey=True),
        column("line", INTEGER, primaryKey=True),
        *(column(name, DATE) for name in ("day", "monday", "local_day")),
        *(column(name, INTEGER) for name in ("year", "iso_year", "iso_week", "iso_day", "quarter", "key")),
        *(column(name, TEXT) for name in ("day_name", "month_name", "month", "titled", "plain", "label")),
        *(column(name, MONEY) for name in ("amount", "size")),
        *(column(name, REAL) for name in ("third",)),
        column("seventh", {"logicalType": "number", "physicalType": "DECIMAL(38,4)"}),
        column("tenths", {"logicalType": "number", "physicalType": "DECIMAL(12,1)"}),
        column("gift", TRUTH),
    ),
    "families.sql": """\
SELECT coalesce(g.family, '?') AS family, count(*) AS number, count(DISTINCT d.note) AS notes, sum(d.amount) AS amount,
    min(d.day) AS first_day, max(d.amount) AS most, count(*) FILTER (WHERE d.gift) AS gifts
FROM deliveries AS d LEFT JOIN goods AS g ON g.id = d.good GROUP BY coalesce(g.family, '?')""",
    "families": contract(
        "families",
        {},
        column("family", TEXT, primaryKey=True),
        *(column(name, INTEGER) for name in ("number", "notes", "gifts")),
        column("amount", SUM),
        column("most", MONEY),
        column("first_day", DATE),
    ),
}
LETTERS = (
    "café",
    "Cafe\u0301",
    "ÉPICERIE  FINE",
    " marché ",
    "o'neil-MARTIN",
    "straße",
    "İstanbul",
    "ﬁn",
    "ΑΣ",
    "🙂 ok",
)
EUROPEAN_LETTERS = ("café", "Été", "œuf", "naïve", "a#b", "€", "Total", "x" * 300, "  ", "NA", "-", "na", "")
WHOLE = ("1", "2", "03", "+4", "-5", "6.0", "6.5", "1e2", "", "NA", "99", "100", "9223372036854775808", "un")
HUGE_WHOLE = ("1", "2", "3", "12345678901234567890123456789012345678", "-0", "123456789012345678901234567890123456789")
MONEYS = (
    "1.234,50", "0", "0,00", "1,005", "-1,005", "2,675", "10,50 €", "EUR 3", "1 234,50", "12.34", "(12,00)", "5-",
    "-5001", "-5000", "9999999998,99", "9999999998,999", "9.999.999.999", "", "NA", "1,2,3", "½",
)  # fmt: skip
DAYS = (
    "31/12/2024", "01/01/2025", "29/12/2025", "29/02/2024", "29/02/2023", "29/02/1960", "28/02/1960", "31/12/1969",
    "20250105", "dimanche 5 janvier 2025", "lundi 5 janvier 2025", "5 janv. 2025", "5 août 2025", "01/02/2026",
    "31/01/2026", "31/12/9999", "1/1/2025", "00/01/2025", "",
)  # fmt: skip
MOMENTS = (
    "05/01/2025 10:00", "30/03/2025 02:30", "26/10/2025 02:30:00", "2025-10-26T02:30:00+02:00", "2025-01-05T23:30:00Z",
    "2025-01-05T10:00:00.123456", "5/1/2025 3:04 PM", "5/1/2025 13:04 PM", "31/01/2026 23:59:59", "01/02/2026 00:00",
    "31/12/1969 23:59:59", "", "-", "hier",
)  # fmt: skip
JSON_MOMENTS = ('"2025-01-05 10:00:00"', '"2024-12-31 23:59:59"', '"2026-02-01 00:00:00"', "null", '"x"', '""')
SHARES = ("0", "12,5 %", "50%", "1e3", "-0,1", "nan", "inf", "", "(3)")
REALS = ("0", "1.5", "1.50001", "-1", "-0.999", '"0.25"', "1e-320", "null", '"NaN"', "true")
FAMILIES = ('"food"', '"Ère"', '"E\\u0300re"', '"misc"', '"other"', "null", '" food "', "5")
TRUTHS, SIZES = ("Non", "oui", "OUI", "true", "1", "", "NA"), ("2,5", "2,50", "10", "0", "-0", "3", "")
PEOPLE, CODES = (
    ("0", "-1", "9999999", "10000000", "", "1.0", "7e3"),
    ("FR", "F", "FR1234", "FR12345", "fr", "", "É1", "A\u0301B"),
)


def dirty_files(folder: Path, seed: int, number: int = 150) -> None:
    """Files for the project, with about every value beside every other one; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311
    pick = chance.choice
    for origin in ("nord", "sud"):
        rows = [
            [
                pick(("fr", "FR", "É", "")),
                pick(("lyon", "LYON", "saint-étienne", "")),
                *(mostly(chance, pool) for pool in (LETTERS, CODES, PEOPLE)),
            ]
            for _ in range(number // 3)
        ]
        header = ["country", "town", "Nom affiché", "code", "people"]
        put(folder / origin / f"places{seed}.csv", [header, *rows], ",", "utf-8", chance)
    goods = [good(chance) for _ in range(number)]
    (folder / f"goods{seed}.jsonl").write_text("\n".join(goods) + "\n", encoding="utf-8")
    pools = (DAYS, MOMENTS, MONEYS, SHARES, TRUTHS, SIZES, EUROPEAN_LETTERS)
    numbers = [str(each) for each in range(number)]
    deliveries = [
        [pick(numbers) if chance.random() < 0.9 else pick(WHOLE), mostly(chance, WHOLE)]
        + [pick(HUGE_WHOLE) if chance.random() < 0.1 else f"{chance.randrange(60)}"]
        + [mostly(chance, pool) for pool in pools]
        for _ in range(number * 3)
    ]
    header = ["id", "line", "good", "day", "sent", "amount", "share", "gift", "size", "note"]
    put(
        folder / f"deliveries{seed}.csv",
        [["Livraisons"], header, *deliveries, ["Total", "", "1"]],
        ";",
        "cp1252",
        chance,
    )


def good(chance: random.Random) -> str:
    """A line of JSON, now and then with a member that no contract declares, or broken."""
    pick = chance.choice
    values = {
        "id": f"{chance.randrange(60)}" if chance.random() < 0.8 else pick((*HUGE_WHOLE[:4], "null", "7.5")),
        "say": f'{{"label": "{mostly(chance, ("Vis", "É", "", " a  b "))}"}}',
        "family": mostly(chance, FAMILIES),
        "rate": mostly(chance, REALS),
        "changed": mostly(chance, JSON_MOMENTS),
    }
    if chance.random() < 0.5:
        values["new"] = '[1, "é"]'
    line = ", ".join(f'"{name}": {value}' for name, value in values.items())
    return f"{{{line}}}" if chance.random() < 0.97 else f"{{{line}"


def mostly(chance: random.Random, pool: Sequence[str]) -> str:
    """The first value of a pool, or now and then any other."""
    return pool[0] if chance.random() < 0.8 else chance.choice(pool)


def put(path: Path, rows: Sequence[Sequence[str]], delimiter: str, encoding: str, chance: random.Random) -> None:
    """A CSV file of which some records are quoted, some too short or too long, and one has an open quote."""
    lines = []
    for place, row in enumerate(rows):
        is_body = 2 < place < len(rows) - 1
        fields = [f'"{field}"' if delimiter in field or (is_body and chance.random() < 0.2) else field for field in row]
        if is_body and chance.random() < 0.04:
            fields = fields[:-1] if chance.random() < 0.5 else [*fields, "more", "fields"]
        lines.append(delimiter.join(fields))
        if is_body and chance.random() < 0.02:
            lines.append(chance.choice(("", "# said aside", f'7{delimiter}"open')))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
