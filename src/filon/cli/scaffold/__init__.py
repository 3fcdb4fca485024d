"""Write a first project from CSV files: a contract for each, with types inferred from its values."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import yaml

from filon.cli.scaffold.contracts import model_contract, project_file, source_contract
from filon.cli.scaffold.names import distinct
from filon.cli.scaffold.sample import SAMPLE_BYTES, read_sample
from filon.cli.scaffold.sources import arrange
from filon.errors import ConfigError
from filon.sql import identifier

__all__ = ["common_folder", "write_project"]


def write_project(folder: Path, files: Sequence[Path], name: str, *, sample_bytes: int = SAMPLE_BYTES) -> list[Path]:
    """Write ``filon.yaml``, a contract per dataset and a first model.

    Args:
        folder: the folder of the project; created when it is not there
        files: CSV files to infer contracts from
        name: the title of the project, from which its name is derived
        sample_bytes: the most bytes to read of each file, unpacked

    Returns:
        The paths of the files that were written.

    Raises:
        ConfigError: a file cannot be described, or a file to be written exists already

    """
    if (folder / "filon.yaml").exists():
        raise ConfigError(f"{folder} already holds a project; choose another folder")
    sources = arrange([read_sample(path, sample_bytes) for path in {path.absolute(): path for path in files}.values()])
    settings = project_file(name)
    slug, first = str(settings["name"]), sources[0].name
    *_, model = distinct([*(source.name for source in sources), f"{first}_count"])
    contents = {folder / "filon.yaml": _dump(settings)}
    for source in sources:
        contents[folder / "sources" / f"{source.name}.yaml"] = _dump(source_contract(slug, source))
    contents[folder / "gold" / f"{model}.sql"] = f"SELECT 1 AS id, count(*) AS nb_rows\nFROM {identifier(first)}\n"
    contents[folder / "gold" / f"{model}.yaml"] = _dump(model_contract(slug, model, first))
    _write(folder, contents)
    return list(contents)


def common_folder(files: Sequence[Path]) -> Path:
    """The deepest folder that holds all files; the folder of a single file as it was written."""
    if len(files) == 1:
        return files[0].parent
    return Path(os.path.commonpath([path.resolve().parent for path in files]))


def _write(folder: Path, contents: dict[Path, str]) -> None:
    for path in contents:
        if path.exists():
            raise ConfigError(f"{path} is there already; choose another folder")
    try:
        for path, text in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error.strerror}; choose another folder") from None


def _dump(data: object) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
