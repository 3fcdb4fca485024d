"""A difference as one HTML page that needs nothing else."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from filon.differences.document import Difference

TEMPLATE = "page.html"


def page(difference: Difference, title: str) -> str:
    """The page; ``title`` is that of the project."""
    environment = Environment(
        loader=PackageLoader("filon.differences", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: "—" if value is None else f"{value:,}"
    environment.filters["share"] = lambda value: "" if value is None else f"{value:+.2%}"
    return environment.get_template(TEMPLATE).render(difference=difference, title=title)
