"""Tables of a kept release as they will be: which files they consist of, before any of that is committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from filon.engines import SqlEngine
from filon.engines.reader import FOOTER, FORGOTTEN
from filon.lake import Build, FileCounts, Lake, Layer, Quality, TableFile
from filon.project import Dataset, Partition, Project, fingerprint_of
from filon.sql import identifier, identifiers, literal
from filon.stages.bronze.columns import bronze_fingerprint
from filon.stages.forgetting import renamed
from filon.stages.places import those_at, those_not_at

TABLE, PEOPLE = "table of a release", "people in a table"
NOT_FOOTERS = f"_malformed IS DISTINCT FROM {literal(FOOTER)}"


@dataclass(frozen=True)
class Draft:
    """A table of a release: what it was, and what is to be committed in its place.

    ``erased`` is the number of rows that are gone. ``is_new``: it has other files, or is known by another fingerprint.
    ``differs``: models that read it would compute other rows from it. ``view`` is the engine's table of its rows where
    no file is written.
    """

    before: Build
    files: tuple[TableFile, ...]
    fingerprint: str
    quality: Quality | None = None
    erased: int = 0
    counts_forgotten: int = 0
    is_new: bool = False
    differs: bool = False
    view: str = ""


def unchanged(build: Build) -> Draft:
    """The draft of a table that stays as it is."""
    return Draft(build, build.files, build.fingerprint, build.quality, counts_forgotten=build.counts_forgotten)


def erased_fingerprint(build: Build, erasure: int) -> str:
    """The fingerprint of what an erasure leaves of a build."""
    return fingerprint_of({"before": build.fingerprint, "erasure": erasure})


@dataclass(frozen=True)
class SourceTables:
    """Drafts of the tables of a dataset: bronze, silver, quarantine and superseded.

    ``places`` is the engine's table of the places of people's records, ``erasure`` the number of the erasure;
    ``writes``: files are written, else only counted.
    """

    engine: SqlEngine
    lake: Lake
    project: Project
    erasure: int
    writes: bool = True

    def bronze(self, build: Build, erased: Mapping[str, Sequence[TableFile]]) -> Draft:
        """Bronze, whose files were written again."""
        if not any(file.name in erased for file in build.files):
            return unchanged(build)
        files = tuple(renamed(build.files, erased))
        fingerprint = bronze_fingerprint([file.name for file in files], build.columns)
        return Draft(build, files, fingerprint, is_new=True)

    def judged(self, dataset: Dataset, builds: Mapping[Layer, Build], places: str) -> dict[Layer, Draft]:
        """Silver without people's rows, the quarantine with their places, and superseded records without theirs."""
        quality = builds[Layer.SILVER].quality
        found = {layer: self._found(build, places) for layer, build in builds.items()}
        if quality is None or not any(found.values()):
            return {layer: unchanged(build) for layer, build in builds.items()}
        drafts = {}
        for layer, build in builds.items():
            rows = _others(build, places)
            if layer is Layer.QUARANTINE:
                live = ", ".join(map(str, quality.files)) or "NULL"
                # of a column, since an engine fails to write lists that are the same constant in all rows
                reasons = f"string_split({literal(FORGOTTEN)} || left(CAST(_record AS VARCHAR), 0), ',') AS reasons"
                rows += (
                    f" UNION ALL SELECT _file, _record, {reasons}, CAST(NULL AS VARCHAR) AS raw "
                    f"FROM {identifier(places)} WHERE {NOT_FOOTERS} AND _file IN ({live})"
                )
            partition = dataset.contract.partition if layer is Layer.SILVER and build.partition else None
            drafts[layer] = self._draft(build, rows, partition, found[layer])
        if self.writes:
            counted = self._counted(quality, drafts)
            drafts[Layer.SILVER] = replace(drafts[Layer.SILVER], quality=counted)
        return drafts

    def history(self, build: Build, places: str) -> Draft:
        """States of keys, or the places of former records, without people's."""
        found = self._found(build, places)
        return self._draft(build, _others(build, places), None, found) if found else unchanged(build)

    def _draft(self, build: Build, rows: str, partition: Partition | None, found: int) -> Draft:
        """Rows that take the place of a table's, of which so many are people's."""
        self.engine.bind(TABLE, self.lake.paths(build), build.columns)
        files, view = build.files, ""
        if self.writes:
            files = write(self.engine, self.lake, build, rows, partition)
        else:
            view = f"planned {build.id} {build.fingerprint}"
            self.engine.cache(view, rows)
        fingerprint = erased_fingerprint(build, self.erasure)
        return Draft(build, files, fingerprint, None, found, is_new=True, differs=True, view=view)

    def _found(self, build: Build, places: str) -> int:
        """The rows of a table that say something of people."""
        self.engine.bind(TABLE, self.lake.paths(build), build.columns)
        says = "array_to_string(r.reasons, ',') <> " + literal(FORGOTTEN) if build.layer is Layer.QUARANTINE else "TRUE"
        [(count,)] = self.engine.rows(
            f"SELECT count(*) FROM {identifier(TABLE)} AS r {those_at('r', places)} WHERE {says}"
        )
        return int(count)

    def _counted(self, quality: Quality, drafts: Mapping[Layer, Draft]) -> Quality:
        """The counts of a dataset, over the files that were written."""
        counts: dict[Layer, dict[int, int]] = {}
        reasons: dict[int, dict[str, int]] = {}
        for layer, draft in drafts.items():
            location = self.lake.table(layer, draft.before.table)
            self.engine.bind(TABLE, [location.path_of(file.name) for file in draft.files], draft.before.columns)
            counts[layer] = dict(self.engine.rows(f"SELECT _file, count(*) FROM {identifier(TABLE)} GROUP BY _file"))
            if layer is Layer.QUARANTINE:
                each = f"SELECT _file, unnest(reasons) AS reason FROM {identifier(TABLE)}"
                query = f"SELECT _file, reason, count(*) FROM ({each}) AS each_reason GROUP BY _file, reason"
                for file, reason, count in self.engine.rows(query):
                    reasons.setdefault(file, {})[reason] = count
        files = {
            number: FileCounts(
                read=before.read,
                accepted=counts[Layer.SILVER].get(number, 0),
                superseded=counts[Layer.SUPERSEDED].get(number, 0),
                rejected=counts[Layer.QUARANTINE].get(number, 0),
            )
            for number, before in quality.files.items()
        }
        return quality.model_copy(update={"files": files, "reasons": reasons})


def _others(build: Build, places: str) -> str:
    """The rows of a table that are not at these places."""
    return (
        f"SELECT {identifiers(c.name for c in build.columns)} FROM {identifier(TABLE)} AS r {those_not_at('r', places)}"
    )


def write(
    engine: SqlEngine, lake: Lake, build: Build, query: str, partition: Partition | None
) -> tuple[TableFile, ...]:
    """Write the rows of a query as files of a build's table, divided as it is."""
    location = lake.table(build.layer, build.table)
    divided = partition.divided(query) if partition is not None else query
    return lake.seal(build.layer, build.table, engine.write(divided, location, partition=build.partition))
