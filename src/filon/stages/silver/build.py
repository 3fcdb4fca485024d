"""The silver stage: records are judged, and the accepted and the rejected ones are written; all are counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from filon.errors import ConservationBroken
from filon.lake import Build, FileCounts, FileVersion, Layer, Ledger, Quality, Release, TableFile
from filon.project import PLACE, TEXT, TEXTS, Dataset, TypedColumn, fingerprint_of
from filon.project.functions import Setting
from filon.project.grammar import settings_read
from filon.sql import identifier
from filon.stages.context import REVISION, Context, TableReport, TableStatus, left_by_rollback
from filon.stages.models import contract_columns
from filon.stages.rules import BRONZE, day_of, judged_query
from filon.stages.silver.queries import (
    ACCEPTED,
    JUDGED,
    LOSERS,
    PLACES,
    REJECTED,
    accepted_query,
    compares_with_as_of,
    losers_query,
    raw_text,
    rejected_query,
)
from filon.stages.silver.records import LiveRecords

QUARANTINE_COLUMNS = (*PLACE, TypedColumn("reasons", TEXTS), TypedColumn("raw", TEXT))


@dataclass(frozen=True)
class SilverResult:
    """The silver table and the quarantine table of a dataset."""

    accepted: Build
    rejected: Build

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
    base = fingerprint_of(
        {
            "revision": REVISION,
            "dataset": dataset.fingerprint,
            "files": [(version.number, version.sha256, version.parse_hash) for version in live],
            "referenced": {name: build.fingerprint for name, build in referenced.items()},
            "settings": context.project.settings(dataset.reads - {Setting.AS_OF}, None),
        }
    )
    as_of = _effective_as_of(context, dataset, base, published)
    fingerprint = _fingerprint(base, as_of)
    tables = (Layer.SILVER, dataset.name), (Layer.QUARANTINE, dataset.name)
    if builds := context.find_builds(fingerprint, published, *tables):
        return SilverResult(*builds)
    judgement = _Judgement(context, dataset, ledger, live, bronze, referenced, fingerprint, as_of)
    try:
        return judgement.run()
    finally:
        context.engine.drop([BRONZE, PLACES, JUDGED, LOSERS, ACCEPTED, REJECTED])


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
class _Judgement:
    """The live records of a dataset, and what they are judged by. ``as_of`` is None when no rule reads the date."""

    context: Context
    dataset: Dataset
    ledger: Ledger
    live: tuple[FileVersion, ...]
    bronze: Build
    referenced: Mapping[str, Build]
    fingerprint: str
    as_of: dt.date | None

    def run(self) -> SilverResult:
        context, name = self.context, self.dataset.name
        engine, lake = context.engine, context.lake
        with context.timed(Layer.SILVER, name, sum(version.rows for version in self.live)) as elapsed:
            for table, build in self.referenced.items():
                engine.bind(table, lake.paths(build), build.columns)
            LiveRecords(self.dataset, self.ledger, self.live, self.bronze).bind(engine, lake)
            text = raw_text(self.dataset, self.live, self.ledger.headers)
            engine.cache(JUDGED, judged_query(self.dataset, self.as_of or context.inputs.as_of, text))
            engine.cache(LOSERS, losers_query(self.dataset))
            accepted = self._write(Layer.SILVER, accepted_query(self.dataset))
            rejected = self._write(Layer.QUARANTINE, rejected_query())
            columns = (*contract_columns(self.dataset.contract), *PLACE)
            engine.bind(ACCEPTED, [lake.table(Layer.SILVER, name).path_of(file.name) for file in accepted], columns)
            paths = [lake.table(Layer.QUARANTINE, name).path_of(file.name) for file in rejected]
            engine.bind(REJECTED, paths, QUARANTINE_COLUMNS)
            quality = self._quality()
            self._check_conservation(
                quality, dict(engine.rows(f"SELECT _file, count(*) FROM {identifier(JUDGED)} GROUP BY 1"))
            )
            keep = partial(context.keep_build, table=name, fingerprint=self.fingerprint)
            silver = keep(Layer.SILVER, files=accepted, columns=columns, quality=quality, duration_s=elapsed())
            quarantine = keep(Layer.QUARANTINE, files=rejected, columns=QUARANTINE_COLUMNS, duration_s=0.0)
            duration = elapsed()
        context.report(TableReport(name, Layer.SILVER, TableStatus.BUILT, silver.rows, duration))
        context.report(TableReport(name, Layer.QUARANTINE, TableStatus.BUILT, quarantine.rows, 0.0))
        return SilverResult(silver, quarantine)

    def _write(self, layer: Layer, query: str) -> tuple[TableFile, ...]:
        lake, name = self.context.lake, self.dataset.name
        return lake.seal(layer, name, self.context.engine.write(query, lake.table(layer, name)))

    def _quality(self) -> Quality:
        """Count records and reasons in the files that were written."""
        rows = self.context.engine.rows
        accepted = dict(rows(f"SELECT _file, count(*) FROM {identifier(ACCEPTED)} GROUP BY _file"))
        rejected = dict(rows(f"SELECT _file, count(*) FROM {identifier(REJECTED)} GROUP BY _file"))
        superseded = dict(rows(f"SELECT _file, count(*) FROM {identifier(LOSERS)} GROUP BY _file"))
        reasons: dict[int, dict[str, int]] = {}
        each = f"SELECT _file, unnest(reasons) AS reason FROM {identifier(REJECTED)}"
        query = (
            f"SELECT _file, reason, count(*) FROM ({each}) AS each_reason GROUP BY _file, reason ORDER BY _file, reason"
        )
        for number, reason, count in rows(query):
            reasons.setdefault(number, {})[reason] = count
        counts = {
            version.number: FileCounts(
                read=version.rows,
                accepted=accepted.get(version.number, 0),
                superseded=superseded.get(version.number, 0),
                rejected=rejected.get(version.number, 0),
            )
            for version in self.live
        }
        since, until = self._as_of_bounds()
        return Quality(files=counts, reasons=reasons, as_of=self.as_of, as_of_from=since, as_of_to=until)

    def _as_of_bounds(self) -> tuple[dt.date | None, dt.date | None]:
        """The first and the last as-of date at which all rules give the same result; None: no bound."""
        columns = [c for c in self.dataset.contract.columns if compares_with_as_of(c)]
        if any(Setting.AS_OF in settings_read(rule.expression) for rule in self.dataset.rules):
            return self.as_of, self.as_of  # the result of a free expression on other days is not known
        if not columns or self.as_of is None:
            return None, None
        day = f"DATE '{self.as_of.isoformat()}'"
        parts = []
        for column in columns:
            value = day_of(column)
            parts += [
                f"max({value}) FILTER (WHERE {value} <= {day})",
                f"min({value}) FILTER (WHERE {value} > {day})",
            ]
        last = "DATE '9999-12-30'"  # a local day may be later than any date that clients can represent
        parts = [f"CASE WHEN {part} > {last} THEN {last} ELSE {part} END" for part in parts]
        [bounds] = self.context.engine.rows(f"SELECT {', '.join(parts)} FROM {identifier(JUDGED)}")
        past = [date for date in bounds[0::2] if date is not None]
        future = [date for date in bounds[1::2] if date is not None]
        return max(past, default=None), min(future) - dt.timedelta(days=1) if future else None

    def _check_conservation(self, quality: Quality, judged: Mapping[int, int]) -> None:
        """ConservationBroken unless each record of each file version was judged, and is counted exactly once."""
        paths = {version.number: version.path for version in self.live}
        broken = [
            (paths[number], counts.read, counts.accepted, counts.superseded, counts.rejected)
            for number, counts in quality.files.items()
            if not counts.conserved or judged.get(number, 0) != counts.read
        ]
        broken += [(f"(version {number})", 0, count, 0, 0) for number, count in judged.items() if number not in paths]
        if broken:
            raise ConservationBroken(self.dataset.name, broken)
