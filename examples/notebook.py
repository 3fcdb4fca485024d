"""A session in a notebook: open a project, run it, look at its rows, ask where a figure comes from."""

# %% A project, and files for it
from pathlib import Path

import filon
from filon.projects import retail
from filon.projects.retail.generate import generate

data = Path("data")
generate(data, purchases=2_000)
shop = filon.open(retail.FOLDER, sources=data, lake="lake", serving="none")

# %% Bring its tables up to date
report = shop.run()
print(report.status.value, "release", report.release)

# %% What is there
release = shop.release()
for table, rows in release.tables.items():
    print(f"{table:28} {rows:>7,}")

# %% Rows of a table, for pandas
print(shop.table("dim_clients", where="pays = 'France'", limit=5).pandas())

# %% Any SELECT, for Polars
print(shop.sql("SELECT pays, sum(ca_total) AS ca FROM kpi_ca_par_pays GROUP BY pays ORDER BY ca DESC").polars())

# %% What was refused, and why
for row in shop.table("achats", layer="quarantine", limit=3).dicts():
    print(row["raw"], row["reasons"])

# %% Where a figure comes from
country = shop.table("kpi_ca_par_pays", limit=1).dicts()[0]["pays"]
for part in shop.explain("kpi_ca_par_pays", country).contributions:
    print(part.table, part.rows, part.condition)
