"""The silver stage: bronze records become accepted, superseded or rejected, and the three are counted apart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from filon.errors import ConservationBroken
from filon.lake import Build, FileCounts, FileVersion, Layer, Ledger, Quality, Release, TableFile
from filon.project import PLACE, TEXT, TEXTS, Column, Dataset, TypedColumn, fingerprint_of
from filon.project.functions import Setting
from filon.project.grammar import settings_read
from filon.project.vocabulary import Drift, Keep
from filon.sql import identifier, identifiers
from filon.stages.context import REVISION, Context, TableReport, TableStatus, left_by_rollback
from filon.stages.models import contract_columns
from filon.stages.rules import BRONZE, SEPARATOR, day_of, judged_query, raw_record

QUARANTINE_COLUMNS = (*PLACE, TypedColumn("reasons", TEXTS), TypedColumn("raw", TEXT))
# names with a blank, which no table of a project can have
JUDGED, LOSERS, ACCEPTED, REJECTED = "judged records", "losing records", "accepted records", "rejected records"


@dataclass(frozen=True)
class SilverResult:
    """Accepted and rejected rows of a dataset."""

    accepted: Build
    rejected: Build

    @property
    def quality(self) -> Quality:
        """What the dataset's rules said."""
        return self.accepted.quality or Quality(files={}, reasons={})


def build_silver(
    context: Context,
    dataset: Dataset,
    ledger: Ledger,
    bronze: Build,
    referenced: Mapping[str, Build],
    published: Release | None,
) -> SilverResult:
    """Judge a dataset's records, or find the result of an earlier run that judged the same."""
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
    if found := context.find_builds(fingerprint, published, *tables):
        return SilverResult(*found)
    work = _Work(context, dataset, ledger, live, bronze, referenced, fingerprint, as_of)
    try:
        return work.run()
    finally:
        context.engine.drop([BRONZE, JUDGED, LOSERS, ACCEPTED, REJECTED])


def _fingerprint(base: str, as_of: dt.date | None) -> str:
    return fingerprint_of({"base": base, "as_of": as_of})


def _effective_as_of(context: Context, dataset: Dataset, base: str, published: Release | None) -> dt.date | None:
    """The date to judge at: that of a build of the same records whose verdicts still hold, so that it is found again.

    Builds that a rollback took away count as well: otherwise a later date would make the same rows look new.
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
class _Work:
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
            self._bind_bronze()
            raw = self._raw_text()
            engine.cache(JUDGED, judged_query(self.dataset, self.as_of or context.inputs.as_of, raw))
            engine.cache(LOSERS, self._losers())
            accepted = self._write(Layer.SILVER, self._accepted())
            rejected = self._write(Layer.QUARANTINE, self._rejected())
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

    def _bind_bronze(self) -> None:
        """All live records, each from the files that its version names; files cut by an older layout may lack columns.

        Most files hold nothing else. Where some versions were read again, the files are taken apart by the versions of
        that kind which name them, so that former records of the others in them do not count.
        """
        again = {version.number for version in self.live if version.rereads}
        naming: dict[str, set[int]] = {}
        for version in self.live:
            for file in version.bronze:
                naming.setdefault(file.name, set()).add(version.number)
        files = {file.name: file for version in self.live for file in version.bronze}
        older = {
            f.name for version in self.live if version.parse_hash != self.dataset.parse_hash for f in version.bronze
        }
        groups: dict[tuple[bool, frozenset[int]], list[str]] = {}
        for name, numbers in naming.items():
            groups.setdefault((name in older, frozenset(numbers & again)), []).append(name)
        parts = []
        for index, ((lenient, _), names) in enumerate(groups.items() or [((False, frozenset()), [])]):
            table = f"live records {index}"
            part = self.context.lake.part_of(self.bronze)
            paths = self.context.lake.paths_of(Layer.BRONZE, self.dataset.name, [files[name] for name in names], part)
            self.context.engine.bind(table, paths, self.bronze.columns, lenient=lenient)
            numbers = set().union(*(naming[name] for name in names))
            parts.append(f"SELECT * FROM {identifier(table)}{self._only(numbers, set(names), whole=not again)}")
        self.context.engine.view(BRONZE, " UNION ALL ".join(parts))

    def _only(self, numbers: set[int], names: set[str], *, whole: bool) -> str:
        """Only the records of these versions; nothing to say when the files hold no others."""
        versions = [v for v in self.ledger.versions if v.dataset == self.dataset.name]
        sharing = {v.number for v in versions if names & {file.name for file in v.bronze}}
        none_dropped = self.ledger.next_number == len(self.ledger.versions) + 1
        if whole and none_dropped and sharing == numbers and all(v.bronze for v in versions):
            return ""
        return f" WHERE _file IN ({', '.join(str(number) for number in sorted(numbers)) or 'NULL'})"

    def _raw_text(self) -> str:
        """How to spell a record again: as the header of its file had it."""
        by_header: dict[tuple[str, ...], list[int]] = {}
        for version in self.live:
            profile = self.ledger.headers.get(version.header)
            by_header.setdefault(profile.header if profile else (), []).append(version.number)
        spellings = {header: raw_record(self._fields(header), self.dataset.dialect) for header in by_header}
        if not spellings:
            return "_raw"
        *others, last = sorted(by_header, key=lambda header: len(by_header[header]))
        cases = " ".join(
            f"WHEN _file IN ({', '.join(map(str, by_header[header]))}) THEN {spellings[header]}" for header in others
        )
        return f"CASE {cases} ELSE {spellings[last]} END" if cases else spellings[last]

    def _fields(self, header: Iterable[str]) -> list[tuple[str, bool]]:
        columns = {column.header.casefold(): column.name for column in self.dataset.contract.columns}
        fields = []
        for name in header:
            if name.casefold() in columns:
                fields.append((columns[name.casefold()], True))
            elif self.dataset.drift is not Drift.DISCARD:
                fields.append((name, False))
        return fields

    def _losers(self) -> str:
        """Places of the acceptable records that another one of the same key outranks."""
        key = self.dataset.contract.key
        if not key:
            return f"SELECT _file, _record FROM {identifier(JUDGED)} WHERE FALSE"
        direction = "ASC" if self.dataset.keep is Keep.FIRST else "DESC"
        return (
            f"SELECT _file, _record FROM (SELECT _file, _record, row_number() OVER (PARTITION BY {identifiers(key)} "
            f"ORDER BY _file DESC, _record {direction}) AS rank FROM {identifier(JUDGED)} WHERE _reasons = '') "
            "WHERE rank > 1"
        )

    def _accepted(self) -> str:
        names = identifiers(self.dataset.contract.column_names)
        return (
            f"SELECT {names}, _file, _record FROM {identifier(JUDGED)} AS judged WHERE _reasons = '' AND NOT EXISTS "
            f"(SELECT 1 FROM {identifier(LOSERS)} AS losers "
            "WHERE losers._file = judged._file AND losers._record = judged._record)"
        )

    def _rejected(self) -> str:
        return (
            f"SELECT _file, _record, string_split(_reasons, {SEPARATOR}) AS reasons, _text AS raw "
            f"FROM {identifier(JUDGED)} WHERE _reasons <> ''"
        )

    def _quality(self) -> Quality:
        """Counts from what was written, not from what should have been."""
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
        """The dates between which every rule that compares with the as-of date says what it said now."""
        columns = [c for c in self.dataset.contract.columns if _compares_with_as_of(c)]
        if any(Setting.AS_OF in settings_read(rule.expression) for rule in self.dataset.rules):
            return self.as_of, self.as_of  # what a free expression says on other days is not known
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
        last = "DATE '9999-12-30'"  # a local day may lie beyond the calendar of a client
        parts = [f"CASE WHEN {part} > {last} THEN {last} ELSE {part} END" for part in parts]
        [found] = self.context.engine.rows(f"SELECT {', '.join(parts)} FROM {identifier(JUDGED)}")
        past = [date for date in found[0::2] if date is not None]
        future = [date for date in found[1::2] if date is not None]
        return max(past, default=None), min(future) - dt.timedelta(days=1) if future else None

    def _check_conservation(self, quality: Quality, judged: Mapping[int, int]) -> None:
        """What was judged is what was read, and all of it is accounted for."""
        paths = {version.number: version.path for version in self.live}
        broken = [
            (paths[number], counts.read, counts.accepted, counts.superseded, counts.rejected)
            for number, counts in quality.files.items()
            if not counts.conserved or judged.get(number, 0) != counts.read
        ]
        broken += [(f"(version {number})", 0, count, 0, 0) for number, count in judged.items() if number not in paths]
        if broken:
            raise ConservationBroken(self.dataset.name, broken)


def _compares_with_as_of(column: Column) -> bool:
    return any(rule.name == "notAfter" for rule in column.rules)
