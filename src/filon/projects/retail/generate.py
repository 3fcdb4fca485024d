"""Sample data for the retail project, deterministic for a seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from filon.errors import SystemFailed
from filon.sql import identifier, literal, literals

COUNTRIES = ("France", "Belgique", "Suisse", "Allemagne", "Espagne", "Italie", "UK", "USA", "Canada")
FIRST_NAMES = (
    "Amélie",
    "Benoît",
    "Chloé",
    "Damien",
    "Élise",
    "François",
    "Gaëlle",
    "Hugo",
    "Inès",
    "Jérôme",
    "Karim",
    "Léa",
)
LAST_NAMES = (
    "Martin",
    "Lefèvre",
    "Moreau",
    "O'Brien",
    "Müller",
    "García",
    "Rossi",
    "Dupont",
    "Nguyen",
    "Bernard",
    "Petit",
)
PRODUCTS = (
    "Casque Audio", "Clavier", "Enceinte", "Imprimante", "Ordinateur Portable",
    "Souris", "Tablette", "Téléphone", "Webcam", "Écran",
)  # fmt: skip
FIRST_DAY, DAYS = "2024-01-01", 731
PER_CLIENT = 5.5

BAD_CLIENTS = (
    "concat_ws(',', id, nom, replace(email, '@', ''), inscrit, pays)",
    "concat_ws(',', id, '', email, inscrit, pays)",
    "concat_ws(',', 'C' || id, nom, email, inscrit, pays)",
    "concat_ws(',', id, nom, email, '31/02/2024', pays)",
)
BAD_PURCHASES = (
    "concat_ws(',', id, client, jour, 'n/a', produit)",
    "concat_ws(',', id, client, jour, '-' || montant, produit)",
    "concat_ws(',', id, client, jour, '0.00', produit)",
    "concat_ws(',', id, client, jour, montant || '5', produit)",
    "concat_ws(',', id, client, jour, '10000.01', produit)",
    "concat_ws(',', id, client, '2999-01-01', montant, produit)",
    "concat_ws(',', id, client, '2024-02-30', montant, produit)",
    "concat_ws(',', id, 900000000 + client, jour, montant, produit)",
    "concat_ws(',', id, client, jour, '', produit)",
    "concat_ws(',', id, client, jour, montant, ' ')",
    "concat_ws(',', 'A' || id, client, jour, montant, produit)",
    "concat_ws(',', id, client, jour, montant)",
    "concat_ws(',', id, client, jour, montant, produit, 'de trop')",
)


@dataclass(frozen=True)
class Sample:
    """The folder of the sample files, and their numbers of clients and purchases."""

    folder: Path
    clients: int
    purchases: int


def generate(folder: Path, purchases: int, clients: int | None = None, seed: int = 42, dirty: float = 0.01) -> Sample:
    """Write ``clients.csv`` and ``achats.csv``: clients buy 1 to 10 times over two years, for 10 to 2,000 EUR.

    Args:
        folder: where the files are written; created when it is not there
        purchases: number of purchases
        clients: number of clients; purchases / 5.5 if None
        seed: the same seed gives the same files, byte for byte
        dirty: share, from 0 to 1, of purchases that repeat the id of another one, and of rows with one bad value

    Raises:
        SystemFailed: a file cannot be written

    """
    clients = clients or max(1, round(purchases / PER_CLIENT))
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as database:
        database.execute("SET enable_progress_bar = false")
        for macro in (
            # all fields of a row are drawn from one or two 64-bit numbers
            f"chance(number, salt) AS md5_number_lower(concat_ws('/', {seed}, salt, number))",
            "pick(choices, dice) AS choices[CAST(1 + dice % len(choices) AS BIGINT)]",
        ):
            database.execute(f"CREATE MACRO {macro}")
        _write(database, folder / "clients.csv", "id_client,nom,email,date_inscription,pays", _clients(clients, dirty))
        rows = _purchases(database, purchases, clients, dirty)
        _write(database, folder / "achats.csv", "id_achat,id_client,date_achat,montant,produit", rows)
    return Sample(folder, clients, purchases)


def _write(database: duckdb.DuckDBPyConnection, path: Path, header: str, lines: str) -> None:
    try:
        database.execute(
            f"COPY (SELECT line AS {identifier(header)} FROM ({lines})) TO {literal(str(path))} "
            "(FORMAT csv, HEADER true, DELIMITER '\x01', QUOTE '', ESCAPE '', COMPRESSION none)"
        )
    except duckdb.IOException as error:
        raise SystemFailed(error, path) from error


def _clients(clients: int, dirty: float) -> str:
    return f"""
        WITH dice AS (SELECT range AS id, chance(range, 'client') AS a FROM range(1, {clients + 1})),
        people AS (
            SELECT
                id, a,
                pick([{literals(FIRST_NAMES)}], a) AS prenom,
                pick([{literals(LAST_NAMES)}], a >> 8) AS famille,
                CAST(DATE {literal(FIRST_DAY)} - CAST((a >> 16) % 900 AS INTEGER) AS VARCHAR) AS inscrit,
                pick([{literals(COUNTRIES)}], a >> 28) AS pays
            FROM dice
        ),
        written AS (
            SELECT
                id, a, inscrit, prenom || ' ' || famille AS nom,
                lower(strip_accents(prenom)) || '.' || id || '@exemple.fr' AS email,
                CASE (a >> 36) % 10 WHEN 0 THEN ' ' || lower(pays) WHEN 1 THEN upper(pays) || ' ' ELSE pays END AS pays
            FROM people
        )
        SELECT {_maybe_bad("a >> 40", "concat_ws(',', id, nom, email, inscrit, pays)", BAD_CLIENTS, dirty)} AS line
        FROM written
    """


def _purchases(database: duckdb.DuckDBPyConnection, purchases: int, clients: int, dirty: float) -> str:
    most = max(1, round(2 * purchases / clients - 1))
    database.execute(
        f"CREATE TABLE shares AS SELECT range AS client, CAST(1 + chance(range, 'share') % {most} AS BIGINT) AS share "
        f"FROM range(1, {clients + 1})"
    )
    [(total,)] = database.execute("SELECT CAST(sum(share) AS BIGINT) FROM shares").fetchall()
    return f"""
        WITH buyers AS (
            SELECT row_number() OVER () AS id, client FROM (SELECT client, unnest(range(share)) FROM shares)
            UNION ALL
            SELECT range, 1 + chance(range, 'extra') % {clients} FROM range({total} + 1, {purchases} + 1)
        ),
        dice AS (
            SELECT id, client, chance(id, 'a') AS a, chance(id, 'b') AS b FROM buyers WHERE id <= {purchases}
        ),
        bought AS (
            SELECT
                CASE WHEN id > 1 AND a % 1000000 < {dirty * 1_000_000} THEN id - 1 ELSE id END AS id,
                client, b,
                CAST(DATE {literal(FIRST_DAY)} + CAST((a >> 24) % {DAYS} AS INTEGER) AS VARCHAR) AS jour,
                CAST(CAST((1000 + (b >> 40) % 199001) * 0.01 AS DECIMAL(10, 2)) AS VARCHAR) AS montant,
                pick([{literals(PRODUCTS)}], a >> 44) AS produit
            FROM dice
        )
        SELECT {_maybe_bad("b", "concat_ws(',', id, client, jour, montant, produit)", BAD_PURCHASES, dirty)} AS line
        FROM bought
    """


def _maybe_bad(dice: str, good: str, bad: tuple[str, ...], dirty: float) -> str:
    choices = " ".join(f"WHEN {index} THEN {line}" for index, line in enumerate(bad))
    return (
        f"CASE WHEN ({dice}) % 1000000 < {dirty * 1_000_000} "
        f"THEN CASE (({dice}) // 1000000) % {len(bad)} {choices} END ELSE {good} END"
    )
