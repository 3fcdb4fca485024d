"""Filon: raw CSV in, gold that people can trust out.

From Python, ``filon.open`` gives what the command line works with::

    shop = filon.open("shop")
    shop.run()
    shop.table("orders").pandas()
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from filon.version import __version__

if TYPE_CHECKING:
    from filon.access import Pipeline

__all__ = ["__version__", "open"]


def open(  # noqa: A001 (as people call it: filon.open)
    project: str | Path | None = None,
    *,
    sources: str | Path | None = None,
    lake: str | Path | None = None,
    serving: str | None = None,
) -> Pipeline:
    """Open a project: to run it, and to read what it published.

    Args:
        project: the project's folder; else that of ``FILON_PROJECT``, the current folder, or the shipped project
        sources: folder or URI of the files that arrive; else what the settings or ``filon.yaml`` say
        lake: folder or URI of the lake; else what the settings say, or ``.filon/PROJECT/lake``
        serving: the store that a run loads, or ``"none"``; else what the settings say, or ``.filon/PROJECT/serving.db``

    Returns:
        The pipeline of the project. Nothing is read or written yet but the project's folder.

    Raises:
        ProjectInvalid: the project holds mistakes; the error lists them by file and line
        ConfigError: there is no such folder, or a setting has a value that cannot be used

    """
    from filon.access import Pipeline
    from filon.settings import read_settings

    places = {"sources": sources, "lake": lake}
    given = {name: str(place) for name, place in places.items() if place is not None}
    return Pipeline(read_settings(project=project, serving=serving, **given))
