"""What is known of a project folder without reading all of it, which takes much longer: its name, its parts."""

from __future__ import annotations

import re
from pathlib import Path

from filon.errors import ProjectInvalid
from filon.project.document import read_document

FILE = "filon.yaml"
SOURCES, GOLD, PAGES = FOLDERS = ("sources", "gold", "pages")
"""The folders whose files are the project, beside that file."""
NAME = r"^[a-z][a-z0-9_-]*$"


def read_name(folder: Path) -> str | None:
    """The name of the project in a folder; None when the file does not say it as it must."""
    try:
        data = read_document(folder / FILE).data
    except ProjectInvalid:
        return None
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and re.fullmatch(NAME, name) else None


def is_inside(folder: Path, sources: str | None) -> bool:
    """Whether the sources that a project brings along are its own, or on an object store that credentials guard."""
    if sources is None or sources.startswith(("s3://", "s3a://")):
        return True
    try:
        return "://" not in sources and (folder / sources).resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):  # a name that no file can have, or links in a circle
        return False
