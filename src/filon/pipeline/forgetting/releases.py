"""All kept releases, with tables that hold nothing of the people who are forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from filon.engines import SqlEngine
from filon.errors import FilonError
from filon.lake import Build, Lake, Layer, NewBuild, Release, TableFile
from filon.pipeline.forgetting.drafts import Draft, SourceTables, unchanged
from filon.pipeline.forgetting.models import ModelTables, NotReproducible, is_reproducible, require_reproducible
from filon.pipeline.forgetting.people import People
from filon.pipeline.forgetting.texts import clean
from filon.project import Dataset, Project

JUDGED = (Layer.SILVER, Layer.QUARANTINE, Layer.SUPERSEDED)
Erased = Mapping[str, Mapping[str, tuple[TableFile, ...]]]
"""By dataset, the Parquet files that took the place of others."""


@dataclass
class ReleasePlan:
    """What becomes of the kept releases: the drafts of their tables, by id, and those that cannot be kept."""

    drafts: dict[int, dict[str, Draft]] = field(default_factory=dict)
    dropped: dict[int, str] = field(default_factory=dict)

    @property
    def erased(self) -> dict[str, int]:
        """By table, the rows that go, of the release that has most of them."""
        return self._most(lambda draft: draft.erased)

    @property
    def counting(self) -> dict[str, int]:
        """By table, the rows whose figures count these people and stay."""
        return self._most(lambda draft: draft.counts_forgotten)

    def _most(self, number: Callable[[Draft], int]) -> dict[str, int]:
        most: dict[str, int] = {}
        for drafts in self.drafts.values():
            for name, draft in drafts.items():
                if number(draft):
                    most[name] = max(number(draft), most.get(name, 0))
        return dict(sorted(most.items()))


@dataclass(frozen=True)
class ReleaseEraser:
    """Plans, and writes, kept releases without people."""

    lake: Lake
    project: Project
    people: People
    engine_at: Callable[[Release], SqlEngine]
    erasure: int
    recompute: bool
    writes: bool = True

    def plan(self, erased: Erased) -> ReleasePlan:
        """The drafts of all kept releases; their files are written, and nothing names them yet."""
        plan, known = ReleasePlan(), dict[object, Draft]()
        numbers = self.lake.releases.numbers()
        for number in numbers:
            release = self.lake.releases.get(number)
            try:
                drafts = self._of_sources(release, erased, known)
                if any(draft.is_new for draft in drafts.values()):
                    require_reproducible(self.project, release)
                drafts |= self._of_models(release, drafts, known)
            except NotReproducible as error:
                if number == numbers[-1]:
                    raise FilonError(
                        f"release {number} holds rows of {error.table} that the project of today does not compute so; "
                        f"{self._way_out(release)} first, then forget; or take the project as it was when that release "
                        "was published"
                    ) from error
                plan.dropped[number] = error.table
                continue
            plan.drafts[number] = drafts
        return plan

    def _way_out(self, release: Release) -> str:
        """What publishes tables that the project of today computes: after a rollback, a run may leave all as it is."""
        kept = (self.lake.releases.get(number) for number in reversed(self.lake.releases.numbers()[:-1]))
        others = kept if release.rollback_of is not None else iter(())
        today = next((other.number for other in others if is_reproducible(self.project, other)), None)
        return "`filon run`" if today is None else f"`filon rollback {today}`"

    def _of_sources(self, release: Release, erased: Erased, known: dict[object, Draft]) -> dict[str, Draft]:
        tables = SourceTables(self.engine_at(release), self.lake, self.project, self.erasure, self.writes)
        drafts = {build.id: unchanged(build) for build in release.tables.values()}
        for name, places in self.people.places.items():
            dataset = self.project.datasets[name]
            bronze = release.build(Layer.BRONZE, name)
            if bronze is not None:
                drafts[bronze.id] = tables.bronze(bronze, erased.get(name, {}))
            builds = {layer: build for layer in JUDGED if (build := release.build(layer, name)) is not None}
            if len(builds) < len(JUDGED):
                continue
            identity = tuple(_identity(build) for build in builds.values())
            if not all((name, part) in known for part in identity):
                found = tables.judged(dataset, builds, places)
                known |= {(name, _identity(builds[layer])): draft for layer, draft in found.items()}
            drafts |= {build.id: known[name, _identity(build)] for build in builds.values()}
            for build in _histories(release, dataset):
                if (name, _identity(build)) not in known:
                    known[name, _identity(build)] = tables.history(build, places)
                drafts[build.id] = known[name, _identity(build)]
        return drafts

    def _of_models(self, release: Release, drafts: Mapping[str, Draft], known: dict[object, Draft]) -> dict[str, Draft]:
        builds = {build.table: build for build in release.tables.values() if build.layer is Layer.GOLD}
        below = {draft.before.table: draft for draft in drafts.values() if draft.before.layer is Layer.SILVER}
        if not all((release.as_of, _identity(build)) in known for build in builds.values()):
            models = ModelTables(
                self.engine_at(release), self.lake, self.project, self.erasure, self.recompute, self.writes
            )
            known |= {
                (release.as_of, _identity(draft.before)): draft for draft in models.drafts(release, below).values()
            }
        found = ((build, known.get((release.as_of, _identity(build)))) for build in builds.values())
        return {build.id: draft for build, draft in found if draft is not None}

    def carry_out(self, plan: ReleasePlan) -> None:
        """Commit the drafts, and write the releases again; those that cannot be kept are deleted."""
        due = {name for drafts in plan.drafts.values() for name, draft in drafts.items() if draft.is_new}
        with_stats = {name: list(self._with_stats(plan, name)) for name in due}
        committed = {name: self._commit(builds) for name, builds in with_stats.items()}
        contents = {}
        for number, drafts in plan.drafts.items():
            release = self.lake.releases.get(number)
            tables = {name: committed[name][number] if name in due else d.before for name, d in drafts.items()}
            checks = tuple(
                check.model_copy(update={"detail": clean(check.detail, self.people.search())})
                for check in release.checks
            )
            contents[number] = release.model_copy(update={"tables": tables, "checks": checks})
        self.lake.releases.rewrite(contents)

    def _with_stats(self, plan: ReleasePlan, name: str) -> Iterator[tuple[int, Draft]]:
        """The drafts of a table by release, oldest first; their files have the bounds that the Delta log has."""
        for number, drafts in plan.drafts.items():
            if (draft := drafts.get(name)) is not None:
                stats = {file.name: file.stats for file in _logged(self.lake, draft.before).files}
                files = tuple(f if f.stats else f.with_stats(stats.get(f.name, {})) for f in draft.files)
                yield number, Draft(**{**vars(draft), "files": files})

    def _commit(self, drafts: list[tuple[int, Draft]]) -> dict[int, Build]:
        """Write another Delta log for a table: the old one holds bounds of what was erased."""
        done: dict[int, Build] = {}
        versions: dict[object, Build] = {}
        self.lake.damaged_logs.add(drafts[0][1].before.id)
        for number, draft in drafts:
            content = (draft.fingerprint, tuple(file.name for file in draft.files))
            if content not in versions:
                versions[content] = self._committed(draft)
            done[number] = versions[content]
        return done

    def _committed(self, draft: Draft) -> Build:
        before = draft.before
        facts = {name: getattr(before, name) for name in NewBuild.model_fields}
        facts |= {"fingerprint": draft.fingerprint, "quality": draft.quality}
        facts |= {"counts_forgotten": draft.counts_forgotten}
        return self.lake.keep_build(NewBuild(**facts), draft.files)


def _histories(release: Release, dataset: Dataset) -> Iterator[Build]:
    """The history of a dataset, and its former records, as far as a release has them."""
    if dataset.history is not None:
        for layer in (Layer.SILVER, Layer.SUPERSEDED):
            if (build := release.build(layer, dataset.history.name)) is not None:
                yield build


def _identity(build: Build) -> object:
    return build.id, build.fingerprint, build.counts_forgotten, tuple(file.name for file in build.files)


def _logged(lake: Lake, build: Build) -> Build:
    """A build with the bounds in its Delta log; without any when a killed erasure has begun another log."""
    try:
        return lake.with_stats(build)
    except FilonError:
        return build
