"""The retail tables by one hand-written DuckDB script: no provenance, no reasons, no quarantine, no transactions.

This is the reference that Filon's speed is compared with. It reads, cleans, joins and writes the same ten tables as
plain Parquet, and comes to the same rows: ``python -m benchmarks.by_hand SOURCES OUT AS_OF``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

READ = """read_csv('{sources}/{name}.csv', all_varchar = true, header = true, auto_detect = false, delim = ',',
    quote = '"', escape = '"', ignore_errors = true, columns = {columns})"""
COLUMNS = {
    "clients": ("id_client", "nom", "email", "date_inscription", "pays"),
    "achats": ("id_achat", "id_client", "date_achat", "montant", "produit"),
}
CLEAN = """
CREATE MACRO title(x) AS
    array_to_string(list_transform(string_split(x, ' '), lambda w: upper(w[1]) || lower(w[2:])), ' ');
CREATE TEMP TABLE valid_clients AS
SELECT * FROM (
    SELECT try_cast(id_client AS BIGINT) AS id_client, nullif(trim(nom), '') AS nom, trim(email) AS email,
        try_cast(date_inscription AS DATE) AS date_inscription, date_inscription AS inscription,
        CASE lower(trim(pays)) WHEN 'uk' THEN 'UK' WHEN 'usa' THEN 'USA' ELSE title(trim(pays)) END AS pays
    FROM {clients})
WHERE id_client IS NOT NULL AND nom IS NOT NULL AND regexp_full_match(email, '[^@]+@[^@]+') AND pays IS NOT NULL
    AND (date_inscription IS NOT NULL OR inscription IS NULL);
CREATE TEMP TABLE valid_achats AS
SELECT * FROM (
    SELECT try_cast(id_achat AS BIGINT) AS id_achat, try_cast(id_client AS BIGINT) AS id_client,
        try_cast(date_achat AS DATE) AS date_achat,
        CASE WHEN regexp_full_match(montant, '[+-]?[0-9]+([.][0-9]{{0,2}})?')
            THEN try_cast(montant AS DECIMAL(12, 2)) END AS montant,
        nullif(trim(produit), '') AS produit
    FROM {achats})
WHERE id_achat IS NOT NULL AND date_achat <= DATE '{as_of}' AND produit IS NOT NULL AND montant > 0
    AND montant <= 10000;
SET preserve_insertion_order = false;
CREATE TEMP TABLE clients AS
WITH repeated AS MATERIALIZED (SELECT id_client FROM valid_clients GROUP BY id_client HAVING count(*) > 1)
SELECT id_client, nom, email, date_inscription, pays FROM valid_clients ANTI JOIN repeated USING (id_client)
UNION ALL
SELECT id_client, arg_min(nom, rowid), arg_min(email, rowid), first(date_inscription ORDER BY rowid),
    arg_min(pays, rowid)
FROM valid_clients SEMI JOIN repeated USING (id_client) GROUP BY id_client;
CREATE TEMP TABLE achats AS
WITH known AS (SELECT rowid AS record, * FROM valid_achats SEMI JOIN clients USING (id_client)),
repeated AS MATERIALIZED (SELECT id_achat FROM known GROUP BY id_achat HAVING count(*) > 1),
spelled AS (SELECT produit AS as_written, title(produit) AS produit FROM (SELECT DISTINCT produit FROM valid_achats)),
firsts AS (
    SELECT id_achat, id_client, date_achat, montant, produit FROM known ANTI JOIN repeated USING (id_achat)
    UNION ALL
    SELECT id_achat, arg_min(id_client, record), arg_min(date_achat, record), arg_min(montant, record),
        arg_min(produit, record)
    FROM known SEMI JOIN repeated USING (id_achat) GROUP BY id_achat)
SELECT id_achat, id_client, date_achat, montant, spelled.produit
FROM firsts JOIN spelled ON as_written = firsts.produit;
"""

TABLES = {
    "dim_clients": """
        SELECT c.*, coalesce(total_ca, 0) AS total_ca, coalesce(nb_achats, 0) AS nb_achats, premiere_commande,
            derniere_commande, CASE WHEN total_ca >= 5000 THEN 'Platinum' WHEN total_ca >= 2000 THEN 'Gold'
            WHEN total_ca >= 500 THEN 'Silver' ELSE 'Bronze' END AS segment
        FROM clients c LEFT JOIN (
            SELECT id_client, sum(montant) AS total_ca, count(*) AS nb_achats, min(date_achat) AS premiere_commande,
                max(date_achat) AS derniere_commande FROM achats GROUP BY id_client) USING (id_client)""",
    "dim_produits": """
        SELECT CAST('0x' || substr(md5(produit), 1, 13) AS BIGINT) AS id_produit, produit, count(*) AS nb_ventes,
            sum(montant) AS ca_total, round(avg(montant), 2) AS prix_moyen, min(montant) AS prix_min,
            max(montant) AS prix_max FROM achats GROUP BY produit""",
    "dim_temps": """
        SELECT year(d) * 10000 + month(d) * 100 + day(d) AS id_date, d::DATE AS date, day(d) AS jour, month(d) AS mois,
            year(d) AS annee, quarter(d) AS trimestre, week(d) AS semaine, isodow(d) - 1 AS jour_semaine,
            dayname(d) AS nom_jour, monthname(d) AS nom_mois, isodow(d) >= 6 AS est_weekend
        FROM (SELECT unnest(generate_series(min(date_achat), max(date_achat), INTERVAL 1 DAY)) AS d FROM achats)""",
    "fact_ventes": """
        SELECT id_achat, a.id_client, id_produit, date_achat, date_achat AS date, strftime(date_achat, '%Y-%m') AS mois,
            year(date_achat) AS annee, a.produit, montant, segment AS segment_client
        FROM achats a JOIN '{out}/dim_clients.parquet' USING (id_client)
        JOIN '{out}/dim_produits.parquet' USING (produit)""",
    "kpi_ca_par_jour": """
        SELECT date, sum(montant) AS ca_total, count(*) AS nb_transactions, round(avg(montant), 2) AS panier_moyen
        FROM '{out}/fact_ventes.parquet' GROUP BY date""",
    "kpi_ca_par_mois": """
        SELECT *, round(100 * (ca_total - lag(ca_total) OVER w) / lag(ca_total) OVER w, 2) AS taux_croissance FROM (
            SELECT mois, sum(montant) AS ca_total, count(*) AS nb_transactions,
                count(DISTINCT id_client) AS nb_clients_uniques, round(avg(montant), 2) AS panier_moyen
            FROM '{out}/fact_ventes.parquet' GROUP BY mois)
        WINDOW w AS (ORDER BY mois)""",
    "kpi_ca_par_pays": """
        SELECT *, round(100 * ca_total / sum(ca_total) OVER (), 2) AS part_ca FROM (
            SELECT pays, sum(montant) AS ca_total, count(*) AS nb_transactions, count(DISTINCT id_client) AS nb_clients,
                round(avg(montant), 2) AS panier_moyen
            FROM '{out}/fact_ventes.parquet' JOIN '{out}/dim_clients.parquet' USING (id_client) GROUP BY pays)""",
    "kpi_volume_par_produit": """
        SELECT *, row_number() OVER (ORDER BY nb_ventes DESC, produit) AS rang FROM (
            SELECT produit, count(*) AS nb_ventes, sum(montant) AS ca_total, round(avg(montant), 2) AS prix_moyen,
                count(DISTINCT id_client) AS nb_clients FROM '{out}/fact_ventes.parquet' GROUP BY produit)""",
    "kpi_top_clients": """
        SELECT id_client, nom, pays, segment, total_ca, nb_achats, premiere_commande, derniere_commande,
            row_number() OVER (ORDER BY total_ca DESC, id_client) AS rang
        FROM '{out}/dim_clients.parquet' QUALIFY rang <= 100""",
    "kpi_stats_distribution": """
        SELECT produit, count(*) AS count, round(avg(montant), 2) AS mean, round(stddev_samp(montant), 2) AS std,
            min(montant) AS min, quantile_cont(montant, [0.25, 0.5, 0.75]) AS quartiles, max(montant) AS max
        FROM '{out}/fact_ventes.parquet' GROUP BY produit""",
}


def _texts(columns: tuple[str, ...]) -> str:
    """The argument of ``read_csv`` that makes every column a text."""
    return "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in columns) + "}"


def main(sources: str, out: str, as_of: str) -> None:
    """Build the ten tables. Values are converted while they are read; only keys that occur twice are ranked."""
    Path(out).mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"temp_directory": f"{out}/spill"}) as database:
        database.execute("SET enable_progress_bar = false")
        readers = {name: READ.format(sources=sources, name=name, columns=_texts(COLUMNS[name])) for name in COLUMNS}
        database.execute(CLEAN.format(**readers, as_of=as_of))
        for name, query in TABLES.items():
            database.execute(f"COPY ({query.format(out=out)}) TO '{out}/{name}.parquet' (FORMAT parquet)")


if __name__ == "__main__":
    main(*sys.argv[1:])
