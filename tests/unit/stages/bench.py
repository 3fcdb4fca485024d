"""A small project on a lake of its own, whose stages are called one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filon.lake import Build, FileState, FileVersion, HeaderProfile, Lake, Layer, Ledger, Sources
from filon.pipeline.engine import Backends
from filon.project import Dataset, Project
from filon.project.loader import load_project
from filon.settings import Settings
from filon.sql import identifier, identifiers, literal
from filon.stages.bronze import bronze_columns
from filon.stages.context import Context, Inputs

NOW = dt.datetime(2026, 1, 31, 6, tzinfo=dt.UTC)
AS_OF = NOW.date()
Record = Mapping[str, str | None]


def write_project(folder: Path, files: Mapping[str, str]) -> Project:
    """A project with these files."""
    for name, text in {"filon.yaml": "name: shop\nlocale: fr\ntimezone: Europe/Paris\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return load_project(folder)


@contextmanager
def opened(project: Project, folder: Path) -> Iterator[Bench]:
    """The stages of a project, with an engine that is closed afterwards; its sources may lie in ``in``."""
    workspace = folder / "workspace"
    workspace.mkdir()
    lake = Lake(str(folder / "lake"))
    places = [*lake.places, Sources(str(folder / "in")).places[0]] if (folder / "in").exists() else lake.places
    backends = Backends(Settings(threads=1), workspace, places)
    inputs = Inputs("run", NOW, AS_OF, "duckdb")
    context = Context(
        project, lake, inputs, workspace, backends.make_reader, lambda: backends.make_engine(project, AS_OF)
    )
    try:
        yield Bench(context)
    finally:
        context.close()


@dataclass
class Bench:
    """Keeps bronze records, and reads tables."""

    context: Context
    ledger: Ledger = field(default_factory=Ledger)

    def dataset(self, name: str) -> Dataset:
        """A dataset of the project."""
        return self.context.project.datasets[name]

    def again(self, **inputs: Any) -> Context:
        """The context of another run on the same lake and engine."""
        return replace(self.context, inputs=replace(self.context.inputs, **inputs), tables=[], steps=[])

    def receive(self, dataset: Dataset, *files: Sequence[Record], counted: int | None = None) -> Build:
        """Bronze, and a ledger, with a file version for each list of records.

        A record names its columns; ``_malformed`` and ``_raw`` too, where it could not be cut. ``counted`` is what the
        ledger says of each file instead of its number of records.
        """
        lake, engine = self.context.lake, self.context.engine
        columns = bronze_columns(dataset)
        versions: list[FileVersion] = []
        for records in files:
            number = self.ledger.next_number + len(versions)
            rows = [{**record, "_file": number, "_record": ordinal} for ordinal, record in enumerate(records, start=1)]
            query = _values(rows, [(column.name, column.type.sql) for column in columns])
            written = lake.seal(Layer.BRONZE, dataset.name, engine.write(query, lake.table(Layer.BRONZE, dataset.name)))
            versions.append(
                FileVersion(
                    number=number,
                    dataset=dataset.name,
                    path=f"{dataset.name}-{number}.csv",
                    sha256=f"{number:064}",
                    size=1,
                    state=FileState.LIVE,
                    arrived_at=NOW,
                    run_id="run",
                    rows=len(records) if counted is None else counted,
                    bronze=written,
                    parse_hash=dataset.parse_hash,
                    header="h",
                )
            )
        header = HeaderProfile(header=tuple(c.header for c in dataset.contract.columns), inferred={})
        self.ledger = self.ledger.model_copy(
            update={"versions": (*self.ledger.versions, *versions), "headers": {"h": header}}
        )
        everything = [file for version in self.ledger.live(dataset.name) for file in version.bronze]
        return self.context.keep_build(
            Layer.BRONZE, dataset.name, f"b{len(everything)}", everything, columns=columns, duration_s=0.0
        )

    def rows(self, build: Build, *columns: str) -> list[tuple[Any, ...]]:
        """Rows of a table, sorted by the columns that are shown."""
        engine = self.context.engine
        engine.bind("shown", self.context.lake.paths(build), build.columns)
        names = identifiers(columns or [column.name for column in build.columns])
        return engine.rows(f"SELECT {names} FROM shown ORDER BY ALL")


def _values(rows: Sequence[Mapping[str, Any]], columns: Sequence[tuple[str, str]]) -> str:
    chosen = ", ".join(f"CAST({identifier(name)} AS {sql_type}) AS {identifier(name)}" for name, sql_type in columns)
    names = [name for name, _ in columns]
    lines = ", ".join(f"({', '.join(_value(row.get(name)) for name in names)})" for row in rows)
    return f"SELECT {chosen} FROM (VALUES {lines}) AS given({identifiers(names)})"


def _value(value: str | int | None) -> str:
    return "NULL" if value is None else str(value) if isinstance(value, int) else literal(value)
