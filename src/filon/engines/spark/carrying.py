"""Filon as a package that travels to the executors, and the values that come back."""

from __future__ import annotations

import io
import pickle
import zipfile
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

ARCHIVE = "filon.zip"
ROOT = Path(__file__).parents[2]
"""The package of Filon."""
OLDEST_TIME = (1980, 1, 1, 0, 0, 0)


def write_package(folder: Path) -> Path:
    """Write Filon's modules into a zip archive, from which Python imports them; the same bytes for the same modules."""
    target = folder / ARCHIVE
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(ROOT.rglob("*.py")):
            name = path.relative_to(ROOT.parent).as_posix()
            archive.writestr(zipfile.ZipInfo(name, OLDEST_TIME), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return target


def unpack_result(content: bytes) -> Any:
    """What an executor returned: values of Filon's classes, and of no others, so that it runs nothing here."""
    return _PlainValues(io.BytesIO(content)).load()


class _PlainValues(pickle.Unpickler):
    """Makes data, documents and errors of Filon, and calls no function."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if module.startswith("filon.") else None
        if isinstance(found, type) and (is_dataclass(found) or issubclass(found, (BaseModel, Exception))):
            return found
        raise pickle.UnpicklingError(f"an executor returned {module}.{name}, which is no value of Filon")
