"""The pages, in the order of the menu. One module per page; each fetches and draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from filon.dashboard.context import Context
from filon.dashboard.views import clients, explorer, overview, pipeline, products, quality, revenue


@dataclass(frozen=True)
class View:
    """A page. It is shown when the project serves its ``tables``; ``is_filtered``: the sidebar's filters act on it."""

    name: str
    path: str
    icon: str
    show: Callable[[Context], None]
    tables: tuple[str, ...] = ()
    is_filtered: bool = True


FACTS, CLIENTS = "fact_ventes", "dim_clients"

VIEWS = (
    View("overview", "", ":material/dashboard:", overview.show, (FACTS, CLIENTS)),
    View("revenue", "chiffre-d-affaires", ":material/trending_up:", revenue.show, (FACTS,)),
    View("clients", "clients", ":material/group:", clients.show, (FACTS, CLIENTS)),
    View("products", "produits", ":material/inventory_2:", products.show, (FACTS,)),
    View("explorer", "explorateur", ":material/table_view:", explorer.show),
    View("quality", "qualite", ":material/verified:", quality.show, is_filtered=False),
    View("pipeline", "pipeline", ":material/conversion_path:", pipeline.show, is_filtered=False),
)
