"""The files of a new project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from filon.errors import ConfigError
from filon.project.schemas import FOLDER, GOLD, PROJECT, SOURCE, modeline, schema_files
from filon.scaffold.contracts import FirstModel, counts_model, project_file, rows_model, source_contract
from filon.scaffold.guess import TableGuess
from filon.scaffold.names import distinct, project_name

COUNTS = "row_counts"


@dataclass(frozen=True)
class Draft:
    """A project that is to be written: its title, and the folder of its files if that lies inside its own."""

    title: str
    sources: str | None

    @property
    def slug(self) -> str:
        """The name of the project."""
        return project_name(self.title)

    def contents(self, guesses: Sequence[TableGuess]) -> dict[str, str]:
        """The text of each file, by its path in the project."""
        texts = {"filon.yaml": modeline(PROJECT, 0) + _dump(project_file(self.title, self.sources))}
        for guess in guesses:
            texts[f"sources/{guess.name}.yaml"] = modeline(SOURCE, 1) + _dump(source_contract(self.slug, guess))
        for model in self._models(guesses):
            texts[f"gold/{model.name}.sql"] = model.sql
            texts[f"gold/{model.name}.yaml"] = modeline(GOLD, 1) + _dump(model.contract)
        return texts | {f"{FOLDER}/{name}": schema for name, schema in schema_files().items()}

    def _models(self, guesses: Sequence[TableGuess]) -> list[FirstModel]:
        sources = [guess.name for guess in guesses]
        *names, counts = distinct([*sources, *(f"{source}_rows" for source in sources), COUNTS])[len(sources) :]
        models = [rows_model(self.slug, name, guess) for name, guess in zip(names, guesses, strict=True)]
        return [*models, counts_model(self.slug, counts, sources)]


def write_files(folder: Path, contents: Mapping[str, str]) -> None:
    """Write files of a project; ConfigError when one is there already, or the folder cannot be written to."""
    for path in contents:
        if (folder / path).exists():
            raise ConfigError(f"{folder / path} is there already; choose another folder")
    try:
        for path, text in contents.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error.strerror}; choose another folder") from None


def _dump(data: object) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
