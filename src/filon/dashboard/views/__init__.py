"""The pages that every project has, in the order of the menu. One module per page; each fetches and draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from filon.dashboard.context import Context
from filon.dashboard.views import explorer, pipeline, quality
from filon.pages import EXPLORER, PIPELINE, QUALITY


@dataclass(frozen=True)
class View:
    """A page of the menu.

    ``filters``: what the sidebar offers on it.
    """

    name: str
    path: str
    icon: str
    show: Callable[[Context], None]
    filters: Callable[[Context], list[str]] | None = None


VIEWS = (
    View("explorer", EXPLORER, ":material/table_view:", explorer.show, explorer.filters),
    View("quality", QUALITY, ":material/verified:", quality.show),
    View("pipeline", PIPELINE, ":material/conversion_path:", pipeline.show),
)
