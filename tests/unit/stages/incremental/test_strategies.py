"""Which strategy a model has, and why it has no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filon.project import INTEGER, Column, Partition, TypedColumn
from filon.project.loader import load_project
from filon.project.vocabulary import PartitionBy
from filon.projects import retail
from filon.stages.incremental import Full, KeyPart, Local, Reason, StrategyKind, strategy_of
from filon.stages.models import input_columns
from tests.unit.stages.incremental.cases import COLUMNS, DOUBLE, REFUSED, Key, model
from tests.unit.stages.incremental.test_incremental_equals_full import EXAMPLE

BY_KEY = {
    "dim_clients": (("id_client",), ("achats", "clients"), ()),
    "dim_produits": (("produit",), ("achats",), ()),
    "fact_ventes": (("id_achat",), ("achats",), ("dim_clients", "dim_produits")),
    "int_ventes_par_client_pays": (("id_client",), ("achats", "clients_history"), ()),
    "int_ventes_par_mois": (("mois",), ("fact_ventes",), ()),
    "kpi_ca_par_jour": (("date",), ("fact_ventes",), ()),
    "kpi_stats_distribution": (("produit",), ("fact_ventes",), ()),
    "dim_households": (("household_id",), ("households", "transactions"), ()),
    "dim_products": (("product_id",), ("products",), ()),
    "fact_basket_lines": (("basket_id", "product_id"), ("transactions",), ("dim_products",)),
    "kpi_basket_size": (("month",), ("fact_basket_lines",), ()),
    "kpi_brand_share": (("department",), ("fact_basket_lines",), ()),
    "kpi_promotion_effect": (("department",), ("fact_basket_lines",), ()),
    "kpi_top_products": (("product_id",), ("dim_products",), ("fact_basket_lines",)),
}
"""By model: its key, and the inputs that are read for affected keys, and whole."""
FULL = {
    "dim_temps": (Reason.AGGREGATE_WITHOUT_GROUP, 3),
    "kpi_ca_par_mois": (Reason.WINDOW_WITHOUT_PARTITION, 2),
    "kpi_ca_par_pays": (Reason.WINDOW_WITHOUT_PARTITION, 18),
    "kpi_ca_par_pays_historique": (Reason.WINDOW_WITHOUT_PARTITION, 17),
    "kpi_top_clients": (Reason.WINDOW_WITHOUT_PARTITION, 17),
    "kpi_volume_par_produit": (Reason.WINDOW_WITHOUT_PARTITION, 17),
    "kpi_category_penetration": (Reason.AGGREGATE_WITHOUT_GROUP, 13),
    "kpi_sales_by_department": (Reason.WINDOW_WITHOUT_PARTITION, 14),
    "kpi_sales_by_week": (Reason.WINDOW_WITHOUT_PARTITION, 16),
}
STRATEGIES = {
    name: strategy_of(found, input_columns(project, found))
    for project in (load_project(retail.FOLDER), load_project(EXAMPLE))
    for name, found in project.models.items()
}


def test_every_model_of_the_projects_is_named_here() -> None:
    assert STRATEGIES.keys() == BY_KEY.keys() | FULL.keys()


@pytest.mark.parametrize("name", BY_KEY)
def test_a_model_is_computed_by_key(name: str) -> None:
    found = STRATEGIES[name]
    assert isinstance(found, Local), found
    assert found.kind is StrategyKind.BY_KEY
    assert (tuple(part.name for part in found.key), found.restricted, found.looked_up) == BY_KEY[name]


def test_names_of_columns_may_have_capitals_of_other_alphabets() -> None:
    sql = 'SELECT "Étage", sum("Prix") AS prix FROM "Eleves" GROUP BY "Étage"'
    inputs = {"Eleves": (TypedColumn("Étage", INTEGER), TypedColumn("Prix", INTEGER))}
    found = strategy_of(replace(model(sql, ("Étage",), columns_of(("Étage",))), inputs=("Eleves",)), inputs)
    assert isinstance(found, Local), found
    assert [part.name for part in found.key] == ["Étage"]


@pytest.mark.parametrize("name", FULL)
def test_a_model_is_computed_whole(name: str) -> None:
    found = STRATEGIES[name]
    assert isinstance(found, Full), found
    assert (found.reason, found.line) == FULL[name]


def test_of_some_models_one_input_makes_them_full() -> None:
    blocked = {name: found.blocked for name, found in STRATEGIES.items() if isinstance(found, Local) and found.blocked}
    assert list(blocked) == ["kpi_top_products"]
    [item] = blocked["kpi_top_products"]
    assert (item.table, item.reason, item.line) == ("fact_basket_lines", Reason.WINDOW_WITHOUT_PARTITION, 12)
    found = STRATEGIES["kpi_top_products"]
    assert isinstance(found, Local)
    assert found.blocked_by(["dim_products"]) is None
    with pytest.raises(ValueError, match="is full when fact_basket_lines changes: WINDOW_WITHOUT_PARTITION"):
        found.affected(["dim_products", "fact_basket_lines"])


def test_what_a_model_does_not_read_affects_nothing_in_it() -> None:
    found = STRATEGIES["dim_clients"]
    assert isinstance(found, Local)
    with pytest.raises(ValueError, match="reads none of transactions"):
        found.affected(["transactions"])


def columns_of(key: Key) -> list[Column]:
    """Columns for a key; the refused queries are never run."""
    return [Column(name, DOUBLE if name == "f" else INTEGER) for name in key]


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_is_refused(name: str) -> None:
    key, sql, reason, line = REFUSED[name]
    found = strategy_of(model(sql, key, columns_of(key)), COLUMNS)
    assert isinstance(found, Full), found
    assert (found.reason, found.line) == (reason, line)


def test_every_reason_is_met() -> None:
    assert {reason for _, _, reason, _ in REFUSED.values()} == set(Reason)


def test_a_reason_comes_with_advice_in_one_line() -> None:
    assert all(reason.advice and "\n" not in reason.advice for reason in Reason)


RANKED_IN_MONTHS = "SELECT id, d, rank() OVER (PARTITION BY strftime(d, '%Y-%m') ORDER BY x) AS r FROM t"
MONTH = (KeyPart("_month", """strftime("d", '%Y-%m')"""),)


def test_a_partition_is_tried_where_the_key_fails() -> None:
    date = Column("d", COLUMNS["t"][3].type)
    ranked = model(RANKED_IN_MONTHS, ("id",), [Column("id", INTEGER), date])
    alone = strategy_of(ranked, COLUMNS)
    assert isinstance(alone, Full)
    assert alone.reason is Reason.WINDOW_ACROSS_KEYS
    divided = replace(ranked, contract=replace(ranked.contract, partition=Partition(date, PartitionBy.MONTH)))
    found = strategy_of(divided, COLUMNS)
    assert isinstance(found, Local), found
    assert (found.kind, found.key) == (StrategyKind.BY_PARTITION, MONTH)
