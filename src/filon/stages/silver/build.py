"""The silver stage: records are judged, and the accepted, superseded and rejected ones are written; all are counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from filon.engines.changes import Changes, changes_since
from filon.errors import ConservationBroken
from filon.lake import Build, FileCounts, Layer, Ledger, Quality, Release, TableFile
from filon.project import PLACE, Dataset, fingerprint_of
from filon.project.functions import Setting
from filon.stages.context import REVISION, Context, TableReport, TableStatus, left_by_rollback
from filon.stages.extending import WhyFull, is_less_work, written_rows
from filon.stages.forgetting import block_facts
from filon.stages.models import contract_columns
from filon.stages.places import PLACES
from filon.stages.rules import BRONZE
from filon.stages.silver.extend import Base, Extension
from filon.stages.silver.judging import Judging
from filon.stages.silver.queries import (
    ACCEPTED,
    JUDGED,
    LOSERS,
    QUARANTINE_COLUMNS,
    REJECTED,
    accepted_query,
    losers_query,
    rejected_query,
    superseded_columns,
    superseded_query,
)

LAYERS = (Layer.SILVER, Layer.QUARANTINE, Layer.SUPERSEDED)


@dataclass(frozen=True)
class SilverResult:
    """The silver table, the quarantine table and the table of superseded records of a dataset."""

    accepted: Build
    rejected: Build
    superseded: Build

    @property
    def quality(self) -> Quality:
        """Counts per file version, and per reason."""
        return self.accepted.quality or Quality(files={}, reasons={})


def build_silver(
    context: Context,
    dataset: Dataset,
    ledger: Ledger,
    bronze: Build,
    referenced: Mapping[str, Build],
    published: Release | None,
) -> SilverResult:
    """Judge a dataset's records, or use the builds of a run that judged the same records by the same rules.

    Where the published tables come from the same rules, they are extended by what changed.

    Args:
        context: the run
        dataset: the contract whose records are judged
        ledger: the file versions; the live ones count
        bronze: the dataset's bronze table
        referenced: silver tables of the datasets that its references name
        published: the release before this run

    Raises:
        LakeDamaged: a file that is read is not as it was written
        ConservationBroken: some records are neither accepted, superseded nor rejected, or are counted twice
        EngineError: the engine cannot judge them

    """
    live = ledger.live(dataset.name)
    rules = {
        "revision": REVISION,
        "dataset": dataset.fingerprint,
        "settings": context.project.settings(dataset.reads - {Setting.AS_OF}, None),
        "forgotten": block_facts(context.project, dataset, context.blocked),
    }
    base = fingerprint_of(
        {
            **rules,
            "files": [(version.number, version.sha256, version.parse_hash) for version in live],
            "referenced": {name: build.fingerprint for name, build in referenced.items()},
        }
    )
    as_of = _effective_as_of(context, dataset, base, published)
    fingerprint = _fingerprint(base, as_of)
    if builds := context.find_builds(fingerprint, published, *((layer, dataset.name) for layer in LAYERS)):
        return SilverResult(*builds)
    judging = Judging(context, dataset, ledger, live, bronze, referenced, as_of)
    return _Work(judging, fingerprint, fingerprint_of(rules), published).run()


def _fingerprint(base: str, as_of: dt.date | None) -> str:
    return fingerprint_of({"base": base, "as_of": as_of})


def _effective_as_of(context: Context, dataset: Dataset, base: str, published: Release | None) -> dt.date | None:
    """The as-of date of the judgement; None when no rule reads it.

    If a published build of the same records gives the same result at the as-of date of the run, its date is used, so
    that its fingerprint stays the same. So is that of a release that a rollback replaced: otherwise the same rows would
    be published again on a later date.
    """
    if Setting.AS_OF not in dataset.reads:
        return None
    as_of = context.inputs.as_of
    releases = [published, *left_by_rollback(context.lake, published)] if published else []
    for release in releases:
        build = release.build(Layer.SILVER, dataset.name)
        if build is None or build.quality is None:
            continue
        judged_at = build.quality.as_of
        if build.fingerprint == _fingerprint(base, judged_at) and build.quality.holds_at(as_of):
            return judged_at
    return as_of


@dataclass(frozen=True)
class _Content:
    """The files of the three tables, the counts, and how many records were judged, per file version and in all.

    ``judged`` tells of each file version that was judged whole how many records were.
    """

    files: Mapping[Layer, tuple[TableFile, ...]]
    quality: Quality
    judged: Mapping[int, int]
    whole: frozenset[int]
    why: WhyFull | None
    read: int
    keys: int | None = None


@dataclass(frozen=True)
class _Work:
    """A judgement that is due; ``recipe`` is the hash of the rules, without files and referenced tables."""

    judging: Judging
    fingerprint: str
    recipe: str
    published: Release | None

    def run(self) -> SilverResult:
        judging, name = self.judging, self.judging.dataset.name
        context = judging.context
        extension = self._extension()
        rows = sum(version.rows for version in (extension.came if isinstance(extension, Extension) else judging.live))
        temporary = [BRONZE, PLACES, JUDGED, LOSERS, ACCEPTED, REJECTED]
        temporary += extension.tables if isinstance(extension, Extension) else []
        with context.timed(Layer.SILVER, name, rows) as elapsed:
            try:
                content = self._extend(extension) if isinstance(extension, Extension) else self._whole(extension)
            finally:
                context.engine.drop(temporary)
            self._check_conservation(content)
            builds = [self._keep(layer, content, elapsed()) for layer in LAYERS]
            duration = elapsed()
        result = SilverResult(*builds)
        if isinstance(extension, Extension):
            for base in self._noted(extension.base):
                context.changes.note(base, self.fingerprint, changes_since(base))
        for build, took in ((result.accepted, duration), (result.rejected, 0.0)):
            report = TableReport(name, build.layer, TableStatus.BUILT, build.rows, took)
            written = build.rows
            if isinstance(extension, Extension):
                written = written_rows(extension.base.build(build.layer), build)
            read = content.read if build is result.accepted else 0
            how = replace(report, keys=content.keys, why_full=content.why, rows_read=read, rows_written=written)
            context.report(how)
        return result

    def _keep(self, layer: Layer, content: _Content, duration_s: float) -> Build:
        judging, dataset = self.judging, self.judging.dataset
        columns = {
            Layer.SILVER: (*contract_columns(dataset.contract), *PLACE),
            Layer.QUARANTINE: QUARANTINE_COLUMNS,
            Layer.SUPERSEDED: superseded_columns(dataset),
        }
        is_silver = layer is Layer.SILVER
        return judging.context.keep_build(
            layer,
            dataset.name,
            self.fingerprint,
            content.files[layer],
            columns=columns[layer],
            quality=content.quality if is_silver else None,
            recipe=self.recipe,
            inputs={name: build.fingerprint for name, build in judging.referenced.items()},
            duration_s=duration_s if is_silver else 0.0,
            partition=judging.partition(layer),
        )

    # what is extended

    def _extension(self) -> Extension | WhyFull:
        """What changed since the published tables, or why they are not extended."""
        judging = self.judging
        if judging.context.inputs.force:
            return WhyFull.FORCED
        base = self._base()
        if base is None:
            return WhyFull.NO_BASE
        if base.accepted.recipe != self.recipe:
            return WhyFull.RECIPE_CHANGED
        referenced = {}
        for name, build in judging.referenced.items():
            changes = judging.context.changes.since(base.accepted.inputs.get(name, ""), build)
            if changes is None:
                return WhyFull.INPUT_REBUILT
            referenced[name] = changes
        if judging.has_dated_rule and base.quality.as_of != judging.as_of:
            return WhyFull.DATE_IN_RULE
        return self._changed_files(base, referenced)

    def _base(self) -> Base | None:
        published, name = self.published, self.judging.dataset.name
        builds = [published.build(layer, name) for layer in LAYERS] if published else []
        accepted, rejected, superseded = builds or (None, None, None)
        if accepted is None or rejected is None or superseded is None or accepted.quality is None:
            return None
        if any(self.judging.context.lake.has_damage(build) for build in (accepted, rejected, superseded)):
            return None
        return Base(accepted, superseded, rejected, accepted.quality)

    def _changed_files(self, base: Base, referenced: Mapping[str, Changes]) -> Extension | WhyFull:
        quality, live = base.quality, {version.number: version for version in self.judging.live}
        came = tuple(v for n, v in live.items() if n not in quality.files or v.rereads != quality.rereads.get(n, 0))
        gone = frozenset(quality.files.keys() - live.keys()) | {v.number for v in came if v.number in quality.files}
        changed = sum(v.rows for v in came) + sum(quality.files[number].read for number in gone)
        if not is_less_work(changed, sum(version.rows for version in live.values())):
            return WhyFull.MOST_CHANGED
        return Extension(self.judging, base, came, gone, referenced)

    # the two ways

    def _extend(self, extension: Extension) -> _Content:
        done = extension.run({base.layer: changes_since(base) for base in self._noted(extension.base)})
        whole = frozenset(version.number for version in extension.came)
        base = sum(extension.base.build(layer).rows for layer in LAYERS)
        return _Content(done.files, done.quality, done.judged, whole, None, sum(done.judged.values()) + base, done.keys)

    def _noted(self, base: Base) -> list[Build]:
        """The builds whose changes other tables are told: a history comes from superseded records too."""
        return [base.accepted, base.superseded] if self.judging.dataset.history else [base.accepted]

    def _whole(self, why: WhyFull) -> _Content:
        judging, dataset = self.judging, self.judging.dataset
        engine, lake = judging.context.engine, judging.context.lake
        judging.judge(JUDGED, [judging.records(judging.live)])
        engine.cache(LOSERS, losers_query(dataset))
        queries = {
            Layer.SILVER: accepted_query(dataset),
            Layer.QUARANTINE: rejected_query(),
            Layer.SUPERSEDED: superseded_query(dataset),
        }
        files = {layer: judging.write(layer, query) for layer, query in queries.items()}
        for layer, table in ((Layer.SILVER, ACCEPTED), (Layer.QUARANTINE, REJECTED)):
            columns = QUARANTINE_COLUMNS if table == REJECTED else (*contract_columns(dataset.contract), *PLACE)
            paths = [lake.table(layer, dataset.name).path_of(file.name) for file in files[layer]]
            engine.bind(table, paths, columns)
        judged = judging.count(JUDGED)
        whole = frozenset(version.number for version in judging.live) | judged.keys()
        return _Content(files, self._quality(), judged, whole, why, sum(version.rows for version in judging.live))

    def _quality(self) -> Quality:
        """Count records and reasons in the files that were written."""
        judging = self.judging
        accepted, rejected, superseded = (judging.count(table) for table in (ACCEPTED, REJECTED, LOSERS))
        counts = {
            version.number: FileCounts(
                read=version.rows,
                accepted=accepted.get(version.number, 0),
                superseded=superseded.get(version.number, 0),
                rejected=rejected.get(version.number, 0),
            )
            for version in judging.live
        }
        since, until = self._as_of_bounds()
        return Quality(
            files=counts,
            reasons=judging.count_reasons(REJECTED),
            rereads={version.number: version.rereads for version in judging.live if version.rereads},
            as_of=judging.as_of,
            as_of_from=since,
            as_of_to=until,
        )

    def _as_of_bounds(self) -> tuple[dt.date | None, dt.date | None]:
        """The first and the last as-of date at which all rules give the same result; None: no bound."""
        if self.judging.has_dated_rule:
            return self.judging.as_of, self.judging.as_of
        past, future = self.judging.nearest_days()
        return past, future - dt.timedelta(days=1) if future else None

    def _check_conservation(self, content: _Content) -> None:
        """ConservationBroken unless each record of each file version was judged, and is counted exactly once."""
        paths = {version.number: version.path for version in self.judging.live}
        broken = [
            (paths[number], counts.read, counts.accepted, counts.superseded, counts.rejected)
            for number, counts in content.quality.files.items()
            if not counts.conserved or (number in content.whole and content.judged.get(number, 0) != counts.read)
        ]
        strangers = {number: rows for number, rows in content.judged.items() if number not in paths}
        broken += [(f"(version {number})", 0, rows, 0, 0) for number, rows in strangers.items()]
        if broken:
            raise ConservationBroken(self.judging.dataset.name, broken)
