"""A guessed project, run on the files that it was guessed from: what it accepts, and what it rejects and why."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filon.access import Pipeline
from filon.engines import Engine
from filon.errors import ConfigError
from filon.explain.demands import demand_of
from filon.explain.rejected import RejectedRow, rejected_rows
from filon.lake import Layer
from filon.pipeline.engine import open_engine
from filon.pipeline.report import RunReport, RunStatus
from filon.pipeline.runner import Until
from filon.scaffold.draft import write_files
from filon.scaffold.guess import TableGuess
from filon.scaffold.relations import TableFacts, facts_of
from filon.serving.stores import NONE
from filon.settings import Settings
from filon.sql import identifier, literal
from filon.stages.context import RunListener
from filon.workspace import temporary_folder

SPELLING = ("type", "scale", "precision")
"""Reasons of rejected values that another type, or another spelling of it, would accept."""
MOST_VALUES = 1_000


@dataclass(frozen=True)
class Rejection:
    """A reason for which rows of a table are rejected: how many, what is demanded, and one of the rows."""

    reason: str
    rows: int
    demand: str
    example: RejectedRow | None


@dataclass(frozen=True)
class Misread:
    """How many rows were rejected for a column, and the most frequent values, each with its rows."""

    rows: int
    values: Mapping[str, int]


@dataclass(frozen=True)
class TableProof:
    """What a run made of the files of a dataset."""

    guess: TableGuess
    facts: TableFacts
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True)
class Proof:
    """What a run of a project made of its files; ``refused`` are files with the reason and its detail."""

    tables: tuple[TableProof, ...]
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Trial:
    """A project that is run again and again on some files, in a lake that is thrown away.

    ``settings`` name the files and the lake; the project is written into ``folder``.
    """

    settings: Settings
    folder: Path
    listener: RunListener | None = None

    def run(self, contents: Mapping[str, str]) -> Outcome:
        """Run a project of these files; ConfigError when that is not possible."""
        project = Path(tempfile.mkdtemp(dir=self.folder))
        write_files(project, contents)
        pipeline = Pipeline(self.settings.model_copy(update={"project": project}))
        report = pipeline.run(until=Until.RELEASE, listener=self.listener)
        if report.status is RunStatus.FAILED:
            raise ConfigError(f"the files cannot be read with the contracts guessed from them: {report.error}")
        return Outcome(self.settings, pipeline, report)


@contextmanager
def open_trial(
    settings: Settings, files: Sequence[Path], common: Path, listener: RunListener | None
) -> Iterator[Trial]:
    """A trial on files, each by its path in the folder ``common`` that holds them all."""
    with temporary_folder(settings.workspace) as folder:
        sources = folder / "sources"
        for file in files:
            place = file.parent.resolve() / file.name  # as the file is called, wherever a link of this name leads
            link = sources / (file.name if len(files) == 1 else place.relative_to(common))
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():  # a file may be given twice, by two paths
                link.symlink_to(file.resolve())
        places = {"sources": str(sources), "lake": str(folder / "lake"), "serving": NONE}
        yield Trial(settings.model_copy(update=places), folder, listener)


@dataclass(frozen=True)
class Outcome:
    """A run of a trial, and the tables that it made."""

    settings: Settings
    pipeline: Pipeline
    report: RunReport

    @contextmanager
    def engine(self, layer: Layer = Layer.SILVER) -> Iterator[Engine]:
        """An engine in which the tables of a layer are bound under their names."""
        release = self.pipeline.release().release
        lake = self.pipeline.lake
        with open_engine(self.settings, self.pipeline.project, release.as_of, lake.places) as engine:
            for build in release.tables.values():
                if build.layer is layer:
                    engine.bind(build.table, lake.paths(build), build.columns)
            yield engine

    def misread(self, guess: TableGuess) -> dict[str, Misread]:
        """By header, what was rejected since the type of the column, or its spelling, does not fit it."""
        reasons = self._reasons(guess.name)
        found: dict[str, Misread] = {}
        for column in guess.columns:
            words = [f"{column.name}:{word}" for word in SPELLING if f"{column.name}:{word}" in reasons]
            if words:
                values = self._rejected_values(guess.name, column.name, words)
                found[column.header] = Misread(sum(reasons[word] for word in words), values)
        return found

    def facts(self, guesses: Sequence[TableGuess]) -> dict[str, TableFacts]:
        """What stands in the columns of each silver table."""
        with self.engine() as engine:
            return {guess.name: facts_of(engine, guess, self.rows_read(guess.name)) for guess in guesses}

    def prove(self, guesses: Sequence[TableGuess], facts: Mapping[str, TableFacts]) -> Proof:
        """What the run made of the files; ``facts`` are of tables with the same rows."""
        with self.engine() as engine:
            tables = [TableProof(guess, facts[guess.name], self._rejections(engine, guess)) for guess in guesses]
        refused = [
            (line.file, f"{line.reason}: {line.detail}") for line in self.report.files if line.status == "quarantined"
        ]
        return Proof(tuple(tables), tuple(refused))

    def rows_read(self, table: str) -> int:
        """How many records the files of a table have."""
        return next((line.read for line in self.report.datasets if line.dataset == table), 0)

    def _reasons(self, table: str) -> dict[str, int]:
        lines = (line for line in self.report.datasets if line.dataset == table)
        return next((dict(line.reasons) for line in lines), {})

    def _rejected_values(self, table: str, column: str, reasons: Sequence[str]) -> dict[str, int]:
        release, lake = self.pipeline.release().release, self.pipeline.lake
        build = release.build(Layer.QUARANTINE, table)
        if build is None:
            return {}
        with self.engine(Layer.BRONZE) as engine:
            engine.bind("rejected rows", lake.paths(build), build.columns)
            has_reason = " OR ".join(f"list_contains(reasons, {literal(reason)})" for reason in reasons)
            rejected = f"SELECT _file, _record FROM {identifier('rejected rows')} WHERE {has_reason}"
            value = identifier(column)
            query = (
                f"SELECT {value}, count(*) AS times FROM {identifier(table)} JOIN ({rejected}) AS rejected "
                f"USING (_file, _record) GROUP BY {value} ORDER BY times DESC, {value} LIMIT {MOST_VALUES}"
            )
            return {value: times for value, times in engine.rows(query) if value is not None}

    def _rejections(self, engine: Engine, guess: TableGuess) -> tuple[Rejection, ...]:
        lake, dataset = self.pipeline.lake, self.pipeline.project.datasets[guess.name]
        found = []
        for reason, rows in self._reasons(guess.name).items():
            first = rejected_rows(engine, lake, lake.ledger(), [guess.name], reason=reason, limit=1).rows
            found.append(Rejection(reason, rows, demand_of(dataset, reason), first[0] if first else None))
        return tuple(sorted(found, key=lambda rejection: -rejection.rows))
