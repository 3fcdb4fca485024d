"""What the retail line must say of a set of files, worked out once more in plain Python.

Nothing of Filon or of an engine is used here: the rules are those of ``spec/tables.md`` and of "Semantics that
everything must agree on", over ``csv``, ``fractions`` and ``datetime``. Sums and quotients are exact; rounding happens
once, at the end.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

Row = dict[str, Any]

BLANKS = " \t\n\r\u00a0"
COUNTRIES = ("France", "Belgique", "Suisse", "Allemagne", "Espagne", "Italie", "UK", "USA", "Canada")
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip
COLUMNS = {
    "clients": ("id_client", "nom", "email", "date_inscription", "pays"),
    "achats": ("id_achat", "id_client", "date_achat", "montant", "produit"),
}
OPTIONAL = {"date_inscription"}
KEYS = {"clients": "id_client", "achats": "id_achat"}
GOLD = {
    "dim_clients": (
        "id_client nom email date_inscription pays total_ca nb_achats premiere_commande derniere_commande segment"
    ),
    "dim_produits": "id_produit produit nb_ventes ca_total prix_moyen prix_min prix_max",
    "dim_temps": ("id_date date jour mois annee trimestre semaine jour_semaine nom_jour nom_mois est_weekend"),
    "fact_ventes": "id_achat id_client id_produit date_achat date mois annee produit montant segment_client",
    "kpi_ca_par_jour": "date ca_total nb_transactions panier_moyen",
    "kpi_ca_par_mois": "mois ca_total nb_transactions nb_clients_uniques panier_moyen taux_croissance",
    "kpi_ca_par_pays": "pays ca_total nb_transactions nb_clients panier_moyen part_ca",
    "kpi_volume_par_produit": "produit nb_ventes ca_total prix_moyen nb_clients rang",
    "kpi_top_clients": ("id_client nom pays segment total_ca nb_achats premiere_commande derniere_commande rang"),
    "kpi_stats_distribution": "produit count mean std min 25% 50% 75% max",
}
"""Columns of each gold table, in order; the first one is the key."""

BOM, GZIP = b"\xef\xbb\xbf", b"\x1f\x8b"
LONGEST_RECORD = 1_000_000
MALFORMED_THRESHOLD = Fraction(1, 10)
INTEGER = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIELD = r'(?:"(?:[^"]|"")*+"|[^",\r\n]*+)'
WELL_FORMED = re.compile(rf"{FIELD}(?:(?:,|\r\n|\r|\n){FIELD})*+")

csv.field_size_limit(1 << 30)


# ---- a file: its records, or why it is refused ----


@dataclass(frozen=True)
class Record:
    """One record of a file: its place, its fields, and what is wrong with their number if anything."""

    number: int
    fields: tuple[str, ...]
    fault: str | None


@dataclass(frozen=True)
class Reading:
    """What is in a file. ``regular``: it is text with every quote where RFC 4180 allows one and no endless record.

    Of a regular text there is but one reading.
    """

    header: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    refused: str | None = None
    regular: bool = True


def read_file(dataset: str, content: bytes) -> Reading:
    """Cut a file into records; lines of blanks are none, a delimiter at the end of a line closes its last field."""
    try:
        text = "" if b"\0" in content or content.startswith(GZIP) else content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if not text and content not in (b"", BOM):
        return Reading(refused="not_text", regular=False)
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if not _is_blank_line(row)]
    short = all(sum(map(len, row)) < LONGEST_RECORD for row in rows)
    regular = short and WELL_FORMED.fullmatch(text) is not None
    if not rows:
        return Reading(refused="empty", regular=regular)
    header = tuple(unicodedata.normalize("NFC", name).strip() for name in rows[0])
    if refused := _header_fault(dataset, header):
        return Reading(header, refused=refused, regular=regular)
    records = tuple(_record(number, row, len(header)) for number, row in enumerate(rows[1:], start=1))
    malformed = sum(record.fault is not None for record in records)
    refused = "malformed" if malformed > MALFORMED_THRESHOLD * len(records) else None
    return Reading(header, records, refused, regular)


def _is_blank_line(row: list[str]) -> bool:
    return not row or (len(row) == 1 and row[0] != "" and not row[0].strip(" \t"))


def _header_fault(dataset: str, header: Sequence[str]) -> str | None:
    names = Counter(name.casefold() for name in header if name)
    if any(count > 1 for count in names.values()):
        return "duplicate_header"
    missing = [name for name in COLUMNS[dataset] if name not in OPTIONAL and name not in names]
    return "missing_column" if missing else None


def _record(number: int, row: list[str], width: int) -> Record:
    if len(row) == width + 1 and not row[-1]:
        row = row[:-1]
    fault = None
    if len(row) != width:
        fault = "too_few_fields" if len(row) < width else "too_many_fields"
    return Record(number, tuple(row), fault)


# ---- a record: its values, or the reasons against it ----


@dataclass
class Judged:
    """One record with its typed values and the reasons why it is rejected (none: it is acceptable)."""

    path: str
    record: Record
    values: Row = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def note(self, column: str, reason: str) -> None:
        """Add a reason."""
        self.reasons.append(f"{column}:{reason}")


def title_case(text: str) -> str:
    """The first letter of each blank-separated word upper, the rest lower."""
    words = re.split(f"([{BLANKS}]+)", text)
    return "".join(word[:1].upper() + word[1:].lower() for word in words)


def _text(raw: str) -> str | None:
    return unicodedata.normalize("NFC", raw.strip(BLANKS)) or None


def _integer(judged: Judged, column: str, raw: str) -> None:
    text = raw.strip(BLANKS)
    if not text:
        judged.note(column, "required")
    elif not INTEGER.fullmatch(text):
        judged.note(column, "type")
    elif not -(2**63) <= int(text) < 2**63:
        judged.note(column, "precision")
    else:
        judged.values[column] = int(text)


def _date(judged: Judged, column: str, raw: str, *, required: bool) -> dt.date | None:
    text = raw.strip(BLANKS)
    if not text:
        if required:
            judged.note(column, "required")
        return None
    try:
        found = dt.date.fromisoformat(text) if DATE.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None:
        judged.note(column, "type")
    return found


def _client(judged: Judged, cells: Mapping[str, str]) -> None:
    _integer(judged, "id_client", cells["id_client"])
    name, email, country = (_text(cells[column]) for column in ("nom", "email", "pays"))
    judged.values |= {"nom": name, "email": email, "pays": _country(country)}
    for column in ("nom", "email", "pays"):
        if judged.values[column] is None:
            judged.note(column, "required")
    if email is not None and not (email.count("@") == 1 and all(part.strip() for part in email.split("@"))):
        judged.note("email", "pattern")
    judged.values["date_inscription"] = _date(
        judged, "date_inscription", cells.get("date_inscription", ""), required=False
    )


def _country(text: str | None) -> str | None:
    if text is None:
        return None
    known = {country.lower(): country for country in COUNTRIES}
    return known.get(text.lower()) or title_case(text)


def _purchase(judged: Judged, cells: Mapping[str, str], as_of: dt.date, clients: set[int]) -> None:
    for column in ("id_achat", "id_client"):
        _integer(judged, column, cells[column])
    day = _date(judged, "date_achat", cells["date_achat"], required=True)
    judged.values["date_achat"] = day
    if day is not None and day > as_of:
        judged.note("date_achat", "notAfter")
    _amount(judged, cells["montant"])
    product = _text(cells["produit"])
    judged.values["produit"] = title_case(product) if product else None
    if product is None:
        judged.note("produit", "required")
    if "id_client" in judged.values and judged.values["id_client"] not in clients:
        judged.note("id_client", "reference")


def _amount(judged: Judged, raw: str) -> None:
    text = raw.strip(BLANKS)
    if not text:
        judged.note("montant", "required")
        return
    if not NUMBER.fullmatch(text):
        judged.note("montant", "type")
        return
    cents = Fraction(text) * 100
    if cents.denominator != 1:
        judged.note("montant", "scale")
    elif abs(cents) >= 10**12:
        judged.note("montant", "precision")
    else:
        judged.values["montant"] = money(cents / 100)
        if cents <= 0:
            judged.note("montant", "exclusiveMinimum")
        if cents > 1_000_000:
            judged.note("montant", "maximum")


# ---- files in order of arrival: what is accepted ----


@dataclass(frozen=True)
class Counts:
    """What became of the records of a file."""

    read: int
    accepted: int
    superseded: int
    rejected: int


@dataclass(frozen=True)
class Outcome:
    """Everything that a run must report and publish."""

    counts: dict[str, Counts]
    reasons: dict[str, dict[str, int]]
    accepted: dict[str, tuple[Judged, ...]]
    rejected: dict[str, tuple[Judged, ...]]
    gold: dict[str, list[Row]]

    def silver(self, dataset: str) -> list[Row]:
        """The accepted rows of a dataset, by key."""
        rows = [judged.values for judged in self.accepted[dataset]]
        return sorted(rows, key=lambda row: int(row[KEYS[dataset]]))


def dataset_of(path: str) -> str | None:
    """The dataset that a file belongs to, by its name."""
    name = path.rsplit("/", 1)[-1]
    found = [dataset for dataset in COLUMNS if name.startswith(dataset) and name.endswith(".csv")]
    return found[0] if found else None


def files_of(folder: Path) -> dict[str, bytes]:
    """Contents of the files of a folder, in the order in which a run sees them."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.csv"))
    return {path: (folder / path).read_bytes() for path in paths}


def outcome_of(files: Iterable[tuple[str, bytes]], as_of: dt.date) -> Outcome:
    """What files that arrived in this order give. Files that are refused give nothing."""
    readings: dict[str, list[tuple[str, Reading]]] = {dataset: [] for dataset in COLUMNS}
    for path, content in files:
        dataset = dataset_of(path)
        if dataset is not None:
            reading = read_file(dataset, content)
            if reading.refused is None:
                readings[dataset].append((path, reading))
    clients = _judge("clients", readings["clients"], _client)
    known = {int(judged.values["id_client"]) for judged in _winners("clients", clients)}
    achats = _judge("achats", readings["achats"], lambda judged, cells: _purchase(judged, cells, as_of, known))
    counts: dict[str, Counts] = {}
    reasons, accepted, rejected = {}, {}, {}
    for dataset, judged in (("clients", clients), ("achats", achats)):
        winners = _winners(dataset, judged)
        losers = [one for one in judged if one.reasons]
        for path, reading in readings[dataset]:
            taken, refused = (sum(one.path == path for one in group) for group in (winners, losers))
            read = len(reading.records)
            counts[path] = Counts(read, taken, read - taken - refused, refused)
        reasons[dataset] = dict(Counter(reason for one in losers for reason in one.reasons))
        accepted[dataset], rejected[dataset] = tuple(winners), tuple(losers)
    rows = {dataset: [one.values for one in accepted[dataset]] for dataset in COLUMNS}
    return Outcome(counts, reasons, accepted, rejected, _gold(rows["clients"], rows["achats"]))


def _judge(
    dataset: str, readings: Iterable[tuple[str, Reading]], rules: Callable[[Judged, Mapping[str, str]], None]
) -> list[Judged]:
    result = []
    for path, reading in readings:
        names = [name.casefold() for name in reading.header]
        for record in reading.records:
            judged = Judged(path, record)
            if record.fault is not None:
                judged.note("record", record.fault)
            else:
                rules(judged, dict(zip(names, record.fields, strict=True)))
            judged.values = {name: judged.values.get(name) for name in COLUMNS[dataset]} if not judged.reasons else {}
            result.append(judged)
    return result


def _winners(dataset: str, judged: Iterable[Judged]) -> list[Judged]:
    """One row per key: of the newest file that has an acceptable one, the first."""
    best: dict[int, Judged] = {}
    for one in judged:
        if not one.reasons:
            key = int(one.values[KEYS[dataset]])
            if key not in best or best[key].path != one.path:
                best[key] = one
    return list(best.values())


# ---- a history of sources: which contents count, in which order they arrived ----


@dataclass
class History:
    """Replays what runs see of a folder. ``live`` holds per path the content whose rows count, in order of arrival."""

    live: dict[str, bytes] = field(default_factory=dict)

    def run(self, files: Mapping[str, bytes]) -> None:
        """One run over these files.

        The same bytes change nothing under any name, as long as the path that brought them was not given something
        else; new content at a known path replaces; refused files and files that are gone leave the rows of before.
        """
        good = {path: content for path, content in files.items() if not _is_refused(path, content)}
        owners = {content: path for path, content in self.live.items() if good.get(path, content) == content}
        for path, content in sorted(good.items()):
            owner = owners.setdefault(content, path)
            if self.live.get(path) == content:
                continue
            self.live.pop(path, None)
            if owner == path:
                self.live[path] = content


def _is_refused(path: str, content: bytes) -> bool:
    dataset = dataset_of(path)
    return dataset is None or read_file(dataset, content).refused is not None


# ---- gold ----


def money(value: Fraction) -> Decimal:
    """Two decimals, half away from zero."""
    cents = abs(value) * 100
    rounded = (2 * cents.numerator + cents.denominator) // (2 * cents.denominator)
    return Decimal(rounded if value >= 0 else -rounded).scaleb(-2)


def surrogate(natural: str) -> int:
    """A key below 2^53 that depends on nothing but the natural key."""
    return int(hashlib.md5(natural.encode(), usedforsecurity=False).hexdigest()[:13], 16)


def segment(total: Decimal) -> str:
    """The class of a client by what they spent."""
    for name, least in (("Platinum", 5000), ("Gold", 2000), ("Silver", 500)):
        if total >= least:
            return name
    return "Bronze"


def _gold(clients: list[Row], achats: list[Row]) -> dict[str, list[Row]]:
    dim_clients = [_dim_client(client, achats_of) for client, achats_of in _with_purchases(clients, achats)]
    facts = _facts(dim_clients, achats)
    tables = {
        "dim_clients": dim_clients,
        "dim_produits": [_dim_product(name, rows) for name, rows in _grouped(achats, "produit").items()],
        "dim_temps": _calendar([row["date_achat"] for row in achats]),
        "fact_ventes": facts,
        "kpi_ca_par_jour": [{"date": day, **_basket(rows)} for day, rows in _grouped(facts, "date").items()],
        "kpi_ca_par_mois": _by_month(facts),
        "kpi_ca_par_pays": _by_country(facts, {row["id_client"]: row["pays"] for row in dim_clients}),
        "kpi_volume_par_produit": _volumes(facts),
        "kpi_top_clients": _top(dim_clients),
        "kpi_stats_distribution": [_spread(name, rows) for name, rows in _grouped(facts, "produit").items()],
    }
    return {
        name: sorted(
            ({column: row[column] for column in GOLD[name].split()} for row in rows),
            key=lambda row: row[GOLD[name].split()[0]],
        )
        for name, rows in tables.items()
    }


def _grouped(rows: Iterable[Row], column: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return dict(sorted(groups.items()))


def _total(rows: Iterable[Row]) -> Decimal:
    return sum((row["montant"] for row in rows), start=Decimal("0.00"))


def _mean(total: Decimal, count: int) -> Decimal:
    return money(Fraction(total) / count)


def _with_purchases(clients: list[Row], achats: list[Row]) -> list[tuple[Row, list[Row]]]:
    bought = _grouped(achats, "id_client")
    return [(client, bought.get(client["id_client"], [])) for client in clients]


def _dim_client(client: Row, achats: list[Row]) -> Row:
    days = [row["date_achat"] for row in achats]
    total = _total(achats)
    return {
        **client,
        "total_ca": total,
        "nb_achats": len(achats),
        "premiere_commande": min(days, default=None),
        "derniere_commande": max(days, default=None),
        "segment": segment(total),
    }


def _dim_product(name: str, rows: list[Row]) -> Row:
    amounts = [row["montant"] for row in rows]
    return {
        "id_produit": surrogate(name),
        "produit": name,
        "nb_ventes": len(rows),
        "ca_total": _total(rows),
        "prix_moyen": _mean(_total(rows), len(rows)),
        "prix_min": min(amounts),
        "prix_max": max(amounts),
    }


def _calendar(days: list[dt.date]) -> list[Row]:
    if not days:
        return []
    first, last = min(days), max(days)
    return [_day(first + dt.timedelta(days=offset)) for offset in range((last - first).days + 1)]


def _day(day: dt.date) -> Row:
    return {
        "id_date": day.year * 10_000 + day.month * 100 + day.day,
        "date": day,
        "jour": day.day,
        "mois": day.month,
        "annee": day.year,
        "trimestre": (day.month + 2) // 3,
        "semaine": day.isocalendar().week,
        "jour_semaine": day.weekday(),
        "nom_jour": DAYS[day.weekday()],
        "nom_mois": MONTHS[day.month - 1],
        "est_weekend": day.weekday() >= 5,
    }


def _facts(dim_clients: list[Row], achats: list[Row]) -> list[Row]:
    segments = {row["id_client"]: row["segment"] for row in dim_clients}
    return [
        {
            **row,
            "id_produit": surrogate(row["produit"]),
            "date": row["date_achat"],
            "mois": f"{row['date_achat'].year:04}-{row['date_achat'].month:02}",
            "annee": row["date_achat"].year,
            "segment_client": segments[row["id_client"]],
        }
        for row in achats
    ]


def _basket(rows: list[Row]) -> Row:
    total = _total(rows)
    return {"ca_total": total, "nb_transactions": len(rows), "panier_moyen": _mean(total, len(rows))}


def _buyers(rows: Iterable[Row]) -> int:
    return len({row["id_client"] for row in rows})


def _by_month(facts: list[Row]) -> list[Row]:
    result: list[Row] = []
    for month, rows in _grouped(facts, "mois").items():
        line = {"mois": month, **_basket(rows), "nb_clients_uniques": _buyers(rows), "taux_croissance": None}
        if result:
            before = Fraction(result[-1]["ca_total"])
            line["taux_croissance"] = money(100 * (Fraction(line["ca_total"]) - before) / before)
        result.append(line)
    return result


def _by_country(facts: list[Row], countries: Mapping[int, str]) -> list[Row]:
    placed = [{**row, "pays": countries[row["id_client"]]} for row in facts]
    everything = Fraction(_total(facts))
    return [
        {
            "pays": country,
            **_basket(rows),
            "nb_clients": _buyers(rows),
            "part_ca": money(100 * Fraction(_total(rows)) / everything),
        }
        for country, rows in _grouped(placed, "pays").items()
    ]


def _volumes(facts: list[Row]) -> list[Row]:
    lines = [
        {
            "produit": name,
            "nb_ventes": len(rows),
            "ca_total": _total(rows),
            "prix_moyen": _mean(_total(rows), len(rows)),
            "nb_clients": _buyers(rows),
        }
        for name, rows in _grouped(facts, "produit").items()
    ]
    lines.sort(key=lambda line: (-line["nb_ventes"], line["produit"]))
    return [{**line, "rang": rank} for rank, line in enumerate(lines, start=1)]


def _top(dim_clients: list[Row]) -> list[Row]:
    best = sorted(dim_clients, key=lambda row: (-row["total_ca"], row["id_client"]))[:100]
    return [{**row, "rang": rank} for rank, row in enumerate(best, start=1)]


def _spread(name: str, rows: list[Row]) -> Row:
    amounts = sorted(Fraction(row["montant"]) for row in rows)
    return {
        "produit": name,
        "count": len(amounts),
        "mean": money(sum(amounts, start=Fraction(0)) / len(amounts)),
        "std": _deviation(amounts),
        "min": money(amounts[0]),
        "25%": money(_quantile(amounts, Fraction(1, 4))),
        "50%": money(_quantile(amounts, Fraction(1, 2))),
        "75%": money(_quantile(amounts, Fraction(3, 4))),
        "max": money(amounts[-1]),
    }


def _quantile(ordered: Sequence[Fraction], share: Fraction) -> Fraction:
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _deviation(amounts: Sequence[Fraction]) -> Decimal | None:
    """Of a sample. The root is compared with half cents as whole numbers, so that no digit of it is ever lost."""
    count = len(amounts)
    if count < 2:
        return None
    mean = sum(amounts, start=Fraction(0)) / count
    variance = sum(((amount - mean) ** 2 for amount in amounts), start=Fraction(0)) / (count - 1)
    halves = math.isqrt(math.floor(4 * variance * 10_000))
    return Decimal((halves + 1) // 2).scaleb(-2)
