"""What a project folder is called, for those that need nothing else of it: reading all of it takes much longer."""

from __future__ import annotations

import re
from pathlib import Path

from filon.errors import ProjectInvalid
from filon.project.document import read_document

FILE = "filon.yaml"
NAME = r"^[a-z][a-z0-9_-]*$"


def read_name(folder: Path) -> str | None:
    """The name of the project in a folder; None when the file does not say it as it must."""
    try:
        data = read_document(folder / FILE).data
    except ProjectInvalid:
        return None
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and re.fullmatch(NAME, name) else None
