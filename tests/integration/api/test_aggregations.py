"""Sums over time, to the cent, whatever they are filtered by."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest
from httpx import Client

from tests.integration.api.conftest import ServedApi, exact

LENGTHS = {"jour": 10, "mois": 7, "annee": 4}


def sales(served: ServedApi) -> list[dict[str, Any]]:
    """Sales with what they can be filtered by."""
    countries = {row["id_client"]: row["pays"] for row in served.gold("dim_clients")}
    return [
        {
            "pays": countries[row["id_client"]],
            "produit": row["produit"],
            "segment": row["segment_client"],
            "day": row["date_achat"].isoformat(),
            "montant": row["montant"],
        }
        for row in served.gold("fact_ventes")
    ]


def test_totals_for_every_choice_of_filters(api: Client, served: ServedApi) -> None:
    rows = sales(served)
    chosen = {
        "pays": "France",
        "produit": "Souris",
        "segment": "Gold",
        "date_debut": "2025-03-01",
        "date_fin": "2025-09-30",
    }
    for size in range(len(chosen) + 1):
        for names in itertools.combinations(chosen, size):
            found = [row for row in rows if all(_meets(row, name, chosen[name]) for name in names)]
            answer = exact(api.get("/api/v1/aggregations/ca-total", params={name: chosen[name] for name in names}))
            assert answer == {"ca_total": sum((r["montant"] for r in found), Decimal(0)), "nb_ventes": len(found)}


@pytest.mark.parametrize("period", LENGTHS)
@pytest.mark.parametrize("choice", [{}, {"pays": "France"}, {"segment": "Gold", "produit": "Souris"}])
def test_series_are_newest_first_and_exact(api: Client, served: ServedApi, period: str, choice: dict[str, str]) -> None:
    expected: dict[str, dict[str, Any]] = {}
    for row in sales(served):
        if all(_meets(row, name, value) for name, value in choice.items()):
            name = row["day"][: LENGTHS[period]]
            entry = expected.setdefault(name, {"periode": name, "ca": Decimal(0), "nb_ventes": 0})
            entry["ca"] += row["montant"]
            entry["nb_ventes"] += 1
    data = [expected[name] for name in sorted(expected, reverse=True)]
    answer = exact(api.get("/api/v1/aggregations/ca-par-periode", params={"periode": period, **choice}))
    assert answer == {"granularite": period, "total": len(data), "data": data}


def test_months_are_the_default_and_agree_with_the_kpi(api: Client) -> None:
    series = exact(api.get("/api/v1/aggregations/ca-par-periode"))
    months = exact(api.get("/api/v1/kpis/ca-par-mois"))
    assert [(row["periode"], row["ca"], row["nb_ventes"]) for row in series["data"]] == [
        (row["mois"], row["ca_total"], row["nb_transactions"]) for row in months["data"]
    ]


def test_an_unknown_value_has_no_sales(api: Client) -> None:
    assert exact(api.get("/api/v1/aggregations/ca-total?pays=Atlantide")) == {"ca_total": 0, "nb_ventes": 0}
    assert exact(api.get("/api/v1/aggregations/ca-par-periode?pays=Atlantide&periode=annee"))["data"] == []


def test_a_value_cannot_pretend_to_be_another_choice(api: Client) -> None:
    answer = api.get("/api/v1/aggregations/ca-total", params={"pays": "France\x1fproduit=Souris"})
    assert answer.status_code == 422


def _meets(row: dict[str, Any], name: str, value: str) -> bool:
    if name == "date_debut":
        return bool(row["day"] >= value)
    return bool(row["day"] <= value) if name == "date_fin" else bool(row[name] == value)
