"""The pages, in the order of the menu. One module per page; each fetches and draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from filon.dashboard.context import Context, Need
from filon.dashboard.views import clients, explorer, overview, pipeline, products, quality, revenue


@dataclass(frozen=True)
class View:
    """A page of the menu, offered when the project serves the tables of its ``needs``.

    ``is_filtered``: the sidebar's filters apply. ``follows_runs``: it is drawn again after every run.
    """

    name: str
    path: str
    icon: str
    show: Callable[[Context], None]
    needs: tuple[Need, ...] = ()
    is_filtered: bool = True
    follows_runs: bool = False

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it needs."""
        return tuple(need.table for need in self.needs)


FACTS = "fact_ventes"
PERIODS = ("jour", "mois", "annee")
SALES = Need(
    FACTS, ("ca", "nb_ventes", "nb_clients", "nb_produits", "pays", "produit", "segment", "id_client", *PERIODS)
)
DAYS = Need(FACTS, ("ca", "nb_ventes", "nb_clients", *PERIODS))
PRODUCTS = Need(FACTS, ("ca", "nb_ventes", "nb_produits", "produit", *PERIODS))
CLIENTS = Need("dim_clients", columns=clients.SHOWN, filters=("id_client", "pays", "segment", "total_ca"))

VIEWS = (
    View("overview", "", ":material/dashboard:", overview.show, (SALES, CLIENTS)),
    View("revenue", "chiffre-d-affaires", ":material/trending_up:", revenue.show, (DAYS,)),
    View("clients", "clients", ":material/group:", clients.show, (SALES, CLIENTS)),
    View("products", "produits", ":material/inventory_2:", products.show, (PRODUCTS,)),
    View("explorer", "explorateur", ":material/table_view:", explorer.show),
    View("quality", "qualite", ":material/verified:", quality.show, is_filtered=False, follows_runs=True),
    View("pipeline", "pipeline", ":material/conversion_path:", pipeline.show, is_filtered=False, follows_runs=True),
)
