"""The clients with the highest revenue within the filters."""

from __future__ import annotations

from collections.abc import Sequence

from filon.dashboard import charts
from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.parts import chart

MOST_AT_ONCE = 100
CLIENTS = "dim_clients"
TABLES = ("fact_ventes", CLIENTS)


def best_clients(context: Context, most: int) -> list[Row]:
    """At most 100 rows: rang, id_client, nom, pays, segment, ca, nb_ventes."""
    ranked = context.analyse("id_client", limit=min(most, MOST_AT_ONCE))
    keys = [("id_client", str(row["id_client"])) for row in ranked if row["id_client"] is not None]
    clients = context.rows(context.tables[CLIENTS]["path"], [*keys, ("limit", str(len(keys)))]) if keys else []
    by_id = {row["id_client"]: row for row in clients}
    return [
        {
            "rang": rank,
            "id_client": row["id_client"],
            **{name: by_id.get(row["id_client"], {}).get(name) for name in ("nom", "pays", "segment")},
            "ca": row["ca"],
            "nb_ventes": row["nb_ventes"],
        }
        for rank, row in enumerate(ranked, 1)
    ]


def draw_best(context: Context, key: str, best: Sequence[Row]) -> None:
    """Draw the best clients as bars in the colours of their countries."""
    colours = context.colours("pays")
    unit = context.language.money_unit
    chart(
        context,
        key,
        lambda style: charts.ranked(style, best, "nom", "ca", unit=unit, colours=colours, colour_by="pays"),
        best,
        TABLES,
        about=context.language.text("best.about"),
    )
