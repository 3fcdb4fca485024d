"""Models of a kept release, computed again from tables without the people who are forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from filon.engines import SqlEngine
from filon.explain.figures import counted_columns
from filon.lake import Build, Lake, Layer, Release
from filon.pipeline.forgetting.drafts import Draft, erased_fingerprint, unchanged, write
from filon.project import Model, Project
from filon.sql import identifier, identifiers
from filon.stages.gold import recipe_of
from filon.stages.models import select_as_declared

PUBLISHED = "rows as published"


class NotReproducible(Exception):
    """A release has a table that other SQL computed than that of the project; ``table`` is its name."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(table)


def require_reproducible(project: Project, release: Release) -> None:
    """NotReproducible when the project of today does not say how each table of a release came about."""
    known = {*project.datasets, *(d.history.name for d in project.datasets.values() if d.history is not None)}
    for build in release.tables.values():
        if build.layer is Layer.GOLD:
            model = project.models.get(build.table)
            if model is None or build.recipe != recipe_of(project, model, release.as_of):
                raise NotReproducible(build.table)
        elif build.table not in known:
            raise NotReproducible(build.table)


def is_reproducible(project: Project, release: Release) -> bool:
    """Whether the project of today says how each table of a release came about."""
    try:
        require_reproducible(project, release)
    except NotReproducible:
        return False
    return True


@dataclass(frozen=True)
class ModelTables:
    """Drafts of the models of a release.

    ``recompute``: figures that counted people are computed again; else they stay as they were published, where nothing
    else of their row says who was counted.
    """

    engine: SqlEngine
    lake: Lake
    project: Project
    erasure: int
    recompute: bool
    writes: bool = True

    def drafts(self, release: Release, below: Mapping[str, Draft]) -> dict[str, Draft]:
        """The drafts of all models of a release, by name; ``below`` are those of its silver tables."""
        drafts = dict(below)
        models = [model for name, model in self.project.models.items() if release.build(Layer.GOLD, name)]
        bound: set[str] = set()
        try:
            for model in models:
                build = release.tables[f"{Layer.GOLD}/{model.name}"]
                if not any(drafts[name].differs for name in model.inputs if name in drafts):
                    drafts[model.name] = unchanged(build)
                    continue
                for name in model.inputs:
                    if name not in bound:
                        self._bind(drafts[name])
                        bound.add(name)
                self.engine.cache(model.name, select_as_declared(model))
                bound.add(model.name)
                drafts[model.name] = self._draft(model, build)
        finally:
            self.engine.drop([*bound, PUBLISHED])
        return {model.name: drafts[model.name] for model in models}

    def _bind(self, draft: Draft) -> None:
        build = draft.before
        if draft.view:
            self.engine.view(build.table, f"SELECT * FROM {identifier(draft.view)}")
            return
        paths = self.lake.paths_of(build.layer, build.table, draft.files, self.lake.part_of(build))
        self.engine.bind(build.table, paths, build.columns)

    def _draft(self, model: Model, build: Build) -> Draft:
        """What becomes of a model whose rows without the people are the engine's table of its name."""
        self.engine.bind(PUBLISHED, self.lake.paths(build), build.columns)
        names = identifiers(column.name for column in build.columns)
        published, computed = f"SELECT {names} FROM {identifier(PUBLISHED)}", f"SELECT {names} FROM {_own(model)}"
        differs = self._count(f"{published} EXCEPT ALL {computed}") + self._count(f"{computed} EXCEPT ALL {published}")
        if not differs:
            return unchanged(build)
        merge = _Merge(model, counted_columns(self.project, model))
        erased = self._count(merge.gone) if model.contract.key else 0
        if self.recompute or not model.contract.key:
            return self._written(model, build, f"SELECT {names} FROM {_own(model)}", erased)
        counting, renewed = self._count(merge.counting), self._count(merge.renewed)
        came = self._count(merge.came)
        if not erased and not renewed:
            fingerprint = erased_fingerprint(build, self.erasure)
            kept = counting + came
            return Draft(build, build.files, fingerprint, counts_forgotten=kept, is_new=True, differs=True)
        return self._written(model, build, merge.query, erased, counting + came)

    def _written(self, model: Model, build: Build, query: str, erased: int, counting: int = 0) -> Draft:
        partition = model.contract.partition if build.partition else None
        files = write(self.engine, self.lake, build, query, partition) if self.writes else build.files
        fingerprint = erased_fingerprint(build, self.erasure)
        return Draft(build, files, fingerprint, None, erased, counting, is_new=True, differs=True)

    def _count(self, query: str) -> int:
        [(count,)] = self.engine.rows(f"SELECT count(*) FROM ({query}) AS counted")
        return int(count)


def _own(model: Model) -> str:
    return identifier(model.name)


@dataclass(frozen=True)
class _Merge:
    """SQL over a model's rows as published (``o``) and as computed without people (``n``), matched by key.

    ``figures`` are the columns that keep their published values.
    """

    model: Model
    figures: tuple[str, ...]

    @property
    def _on(self) -> str:
        key = self.model.contract.key
        return " AND ".join(f"o.{identifier(name)} IS NOT DISTINCT FROM n.{identifier(name)}" for name in key)

    @property
    def _others(self) -> str:
        """Whether all that is no kept figure is equal."""
        names = [name for name in self.model.contract.column_names if name not in self.figures]
        return " AND ".join(f"n.{identifier(name)} IS NOT DISTINCT FROM o.{identifier(name)}" for name in names)

    @property
    def _joined(self) -> str:
        return f"FROM {_own(self.model)} AS n JOIN {identifier(PUBLISHED)} AS o ON {self._on}"

    @property
    def gone(self) -> str:
        """The rows that only these people made."""
        return f"SELECT 1 AS one FROM {identifier(PUBLISHED)} AS o ANTI JOIN {_own(self.model)} AS n ON {self._on}"

    @property
    def came(self) -> str:
        """Rows that were not published: without these people they would have been."""
        return f"SELECT 1 AS one FROM {_own(self.model)} AS n ANTI JOIN {identifier(PUBLISHED)} AS o ON {self._on}"

    @property
    def renewed(self) -> str:
        """Rows that said more of these people than figures."""
        return f"SELECT 1 AS one {self._joined} WHERE NOT ({self._others})"

    @property
    def counting(self) -> str:
        """Rows whose figures count these people and stay as they are."""
        differ = " OR ".join(f"n.{identifier(name)} IS DISTINCT FROM o.{identifier(name)}" for name in self.figures)
        return f"SELECT 1 AS one {self._joined} WHERE ({self._others}) AND ({differ or 'FALSE'})"

    @property
    def query(self) -> str:
        """The rows that were published, with nothing of these people but counts."""
        columns = []
        for column in self.model.contract.column_names:
            name = identifier(column)
            kept = f"CASE WHEN {self._others} THEN o.{name} ELSE n.{name} END AS {name}"
            columns.append(kept if column in self.figures else f"n.{name} AS {name}")
        return f"SELECT {', '.join(columns)} {self._joined}"
