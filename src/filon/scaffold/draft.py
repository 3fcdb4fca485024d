"""The files of a new project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from filon.errors import ConfigError
from filon.project.schemas import FOLDER, GOLD, PAGE, PROJECT, SOURCE, modeline, schema_files
from filon.scaffold.analysis import FirstAnalysis, analysis_of
from filon.scaffold.contracts import (
    FirstModel,
    Words,
    counts_model,
    is_servable,
    project_file,
    rows_model,
    source_contract,
)
from filon.scaffold.guess import TableGuess
from filon.scaffold.names import distinct, project_name, title_of
from filon.scaffold.pages import LABELS, first_page
from filon.scaffold.relations import TableFacts

COUNTS = "row_counts"
MOST_PAGES = 12
"""Pages of the largest tables; a longer menu is read by nobody."""


@dataclass(frozen=True)
class Draft:
    """A project that is to be written: its title, and the folder of its files if that lies inside its own."""

    title: str
    sources: str | None

    @property
    def slug(self) -> str:
        """The name of the project."""
        return project_name(self.title)

    def contents(self, guesses: Sequence[TableGuess], facts: Mapping[str, TableFacts] | None = None) -> dict[str, str]:
        """The text of each file, by its path in the project.

        ``facts`` of the tables, once they are known, are what analyses and pages are made from.
        """
        servable = [guess for guess in guesses if facts is not None and is_servable(guess)]
        analyses = {guess.name: analysis_of(guess, facts[guess.name]) for guess in servable} if facts else {}
        labels: Words = {item.count: dict(LABELS) for item in analyses.values() if item is not None}
        texts = {"filon.yaml": modeline(PROJECT, 0) + _dump(project_file(self.title, self.sources, labels))}
        for guess in guesses:
            texts[f"sources/{guess.name}.yaml"] = modeline(SOURCE, 1) + _dump(source_contract(self.slug, guess))
        models = self._models(guesses, analyses)
        for model in models:
            texts[f"gold/{model.name}.sql"] = model.sql
            texts[f"gold/{model.name}.yaml"] = modeline(GOLD, 1) + _dump(model.contract)
        tables = {guess.name: model.name for guess, model in zip(guesses, models, strict=False)}
        largest = sorted(analyses, key=lambda name: -facts[name].rows if facts else 0)[:MOST_PAGES]
        for order, name in enumerate(largest, start=1):
            page = first_page(title_of(name), tables[name], order, analyses[name])
            texts[f"pages/{name}.yaml"] = modeline(PAGE, 1) + _dump(page)
        return texts | {f"{FOLDER}/{name}": schema for name, schema in schema_files().items()}

    def _models(self, guesses: Sequence[TableGuess], analyses: Mapping[str, FirstAnalysis | None]) -> list[FirstModel]:
        """A model for each table, in their order, and one that counts."""
        sources = [guess.name for guess in guesses]
        *names, counts = distinct([*sources, *(f"{source}_rows" for source in sources), COUNTS])[len(sources) :]
        models = [
            rows_model(self.slug, name, guess, analyses.get(guess.name))
            for name, guess in zip(names, guesses, strict=True)
        ]
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
