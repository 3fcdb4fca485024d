"""The history of a dataset: the states of each key, from all its valid records and those of former contents of files.

Only the keys are computed again of which a valid record came or went. Where the order of files tells since when a state
is valid, the places of the valid records in former contents are kept as a table beside the superseded records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from filon.engines.changes import Changes, changes_since, count
from filon.lake import Build, FileVersion, Layer, Ledger, Release, TableFile
from filon.lake.spans import Span, spans_of
from filon.project import PLACE, ColumnType, Contract, Dataset, Kind, TypedColumn, fingerprint_of
from filon.project.functions import Setting
from filon.sql import identifier, identifiers
from filon.stages.context import REVISION, Context, TableReport, TableStatus
from filon.stages.extending import FILE, WhyFull, is_less_work, rewrite, written_rows
from filon.stages.models import contract_columns
from filon.stages.places import PLACES, those_not_at
from filon.stages.rules import BRONZE
from filon.stages.silver.build import SilverResult
from filon.stages.silver.judging import Judging
from filon.stages.silver.queries import JUDGED
from filon.stages.silver.recount import is_of
from filon.stages.silver.states import NUMBER, OPEN, SPANS, UNTIL, former_query, spans_query, states_query

BEFORE, FORMER_BEFORE, FORMER = "history before", "former records before", "former records"
KEYS, CHOSEN = "affected keys", "records of affected keys"
VALID = {Layer.SILVER: "valid records", Layer.SUPERSEDED: "superseded valid records"}
LEAVING, COMING = "states of affected keys", "new states of affected keys"
FORMER_CHANGES = Changes("former records that go", "former records that come")
TEMPORARY = [
    *(BEFORE, FORMER_BEFORE, FORMER, KEYS, CHOSEN, *VALID.values(), LEAVING, COMING, SPANS, JUDGED, BRONZE, PLACES),
    *(FORMER_CHANGES.old, FORMER_CHANGES.new),
]


@dataclass(frozen=True)
class HistoryResult:
    """The history of a dataset, and where the valid records in former contents stand; None when those do not count."""

    history: Build
    former: Build | None


def build_history(
    context: Context,
    dataset: Dataset,
    history: Contract,
    ledger: Ledger,
    bronze: Build,
    silver: SilverResult,
    referenced: Mapping[str, Build],
    published: Release | None,
) -> HistoryResult:
    """Compute the states of all keys, or of those that changed, or use the builds of a run that did.

    Args:
        context: the run
        dataset: whose history it is
        history: the contract of the history
        ledger: the file versions
        bronze: the dataset's bronze table
        silver: what was made of its live records
        referenced: silver tables of the datasets that its references name
        published: the release before this run

    Raises:
        LakeDamaged: a file that is read is not as it was written
        EngineError: the engine cannot compute it

    """
    is_filed = dataset.newest is None
    spans = spans_of(ledger, dataset.name) if is_filed else ()
    former = tuple(span.version for span in spans if span.until is not None)
    is_dated = bool(former) and Setting.AS_OF in dataset.reads
    rules = {
        "revision": REVISION,
        "dataset": dataset.fingerprint,
        "settings": context.project.settings(dataset.reads - {Setting.AS_OF}, None),
    }
    judged_by = fingerprint_of(
        {
            "referenced": {name: build.fingerprint for name, build in referenced.items()},
            "as_of": context.inputs.as_of if is_dated else None,
        }
    )
    fingerprint = fingerprint_of(
        {
            **rules,
            "silver": silver.accepted.fingerprint,
            "spans": [(span.version.number, span.since, span.until, span.version.parse_hash) for span in spans],
            "former": judged_by if former else None,
        }
    )
    places = ((Layer.SILVER, history.name), *([(Layer.SUPERSEDED, history.name)] if is_filed else []))
    if builds := context.find_builds(fingerprint, published, *places):
        return HistoryResult(builds[0], builds[1] if is_filed else None)
    as_of = context.inputs.as_of if Setting.AS_OF in dataset.reads else None
    judging = Judging(context, dataset, ledger, ledger.live(dataset.name), bronze, referenced, as_of)
    work = _Work(judging, history, silver, spans, former, judged_by, fingerprint, fingerprint_of(rules), published)
    return work.run()


@dataclass(frozen=True)
class _Base:
    """The published builds that are extended, and what changed since in the tables of valid records."""

    history: Build
    former: Build | None
    changed: tuple[Changes, ...]


@dataclass(frozen=True)
class _Content:
    """The files of the two tables, how many keys were computed again or why all were, and how many rows were read."""

    files: tuple[TableFile, ...]
    former: tuple[TableFile, ...]
    keys: int | None
    why: WhyFull | None
    read: int
    base: _Base | None = None


@dataclass(frozen=True)
class _Work:
    """A history that is due; ``judged_by`` is the hash of what former records are judged by, beside the rules."""

    judging: Judging
    contract: Contract
    silver: SilverResult
    spans: tuple[Span, ...]
    former: tuple[FileVersion, ...]
    judged_by: str
    fingerprint: str
    recipe: str
    published: Release | None

    def run(self) -> HistoryResult:
        context, name = self.judging.context, self.contract.name
        with context.timed(Layer.SILVER, name) as elapsed:
            try:
                content = self._make()
            finally:
                context.engine.drop(TEMPORARY)
            history = self._keep(Layer.SILVER, content.files, elapsed())
            former = self._keep(Layer.SUPERSEDED, content.former, 0.0) if self._is_filed else None
            took = elapsed()
        report = TableReport(name, Layer.SILVER, TableStatus.BUILT, history.rows, took)
        written = written_rows(content.base.history, history) if content.base else history.rows
        context.report(
            replace(report, keys=content.keys, why_full=content.why, rows_read=content.read, rows_written=written)
        )
        return HistoryResult(history, former)

    def _keep(self, layer: Layer, files: tuple[TableFile, ...], duration_s: float) -> Build:
        return self.judging.context.keep_build(
            layer,
            self.contract.name,
            self.fingerprint,
            files,
            columns=self._columns(layer),
            recipe=self.recipe,
            inputs={self._dataset.name: self.silver.accepted.fingerprint, "former": self.judged_by},
            duration_s=duration_s,
        )

    @property
    def _dataset(self) -> Dataset:
        return self.judging.dataset

    @property
    def _is_filed(self) -> bool:
        """Whether files say since when a state is valid, so that former contents count."""
        return self._dataset.newest is None

    @cached_property
    def _key(self) -> str:
        return identifiers(self._dataset.contract.key)

    def _columns(self, layer: Layer) -> tuple[TypedColumn, ...]:
        if layer is Layer.SILVER:
            return (*contract_columns(self.contract), *PLACE)
        key = (c for c in contract_columns(self._dataset.contract) if c.name in self._dataset.contract.key)
        return (*key, TypedColumn("_until", ColumnType(Kind.TIMESTAMP)), *PLACE)

    def _make(self) -> _Content:
        base = self._base()
        if isinstance(base, WhyFull):
            return self._whole(base)
        return self._extend(base) or self._whole(WhyFull.MOST_CHANGED)

    # the whole history

    def _whole(self, why: WhyFull) -> _Content:
        judging, context = self.judging, self.judging.context
        versions = [*judging.live, *self.former]
        context.engine.cache(SPANS, spans_query(self.spans))
        judging.judge(JUDGED, [judging.records(versions)])
        former = self._write(Layer.SUPERSEDED, former_query(self._dataset)) if self._is_filed else ()
        files = self._write(Layer.SILVER, states_query(self._dataset))
        return _Content(files, former, None, why, sum(version.rows for version in versions))

    def _write(self, layer: Layer, query: str) -> tuple[TableFile, ...]:
        return self.judging.context.write(layer, self.contract.name, query)

    # the states of some keys

    def _base(self) -> _Base | WhyFull:
        """The published history and what changed since, or why it is not extended."""
        context, published = self.judging.context, self.published
        if context.inputs.force:
            return WhyFull.FORCED
        layers = (Layer.SILVER, Layer.SUPERSEDED) if self._is_filed else (Layer.SILVER,)
        builds = [published.build(layer, self.contract.name) if published else None for layer in layers]
        history, former = (*builds, None)[:2]
        valid = published.build(Layer.SILVER, self._dataset.name) if published else None
        if history is None or None in builds or any(b and context.lake.has_damage(b) for b in builds):
            return WhyFull.NO_BASE
        if history.recipe != self.recipe:
            return WhyFull.RECIPE_CHANGED
        if self.former and history.inputs.get("former") != self.judged_by:
            return WhyFull.JUDGED_ANEW
        if valid is None or valid.quality is None or valid.quality.rereads != self.silver.quality.rereads:
            return WhyFull.INPUT_REBUILT  # of records that were read again, values may differ that no table has
        tables = (self.silver.accepted, self.silver.superseded)
        since = history.inputs.get(self._dataset.name, "")
        changed = [changes for table in tables if (changes := context.changes.since(since, table)) is not None]
        return _Base(history, former, tuple(changed)) if len(changed) == len(tables) else WhyFull.INPUT_REBUILT

    def _extend(self, base: _Base) -> _Content | None:
        """The history with other states of the affected keys; None when computing all of it is less work."""
        context = self.judging.context
        engine = context.engine
        engine.cache(SPANS, spans_query(self.spans))
        former = self._change_former(base.former) if base.former is not None else None
        changed = [*base.changed, *([FORMER_CHANGES] if former is not None else [])]
        parts = [f"SELECT {self._key} FROM {identifier(rows)}" for c in changed if c for rows in (c.old, c.new)]
        engine.cache(KEYS, " UNION ".join(parts) if parts else self._no_keys)
        keys, changes = count(engine, KEYS), Changes()
        if not is_less_work(keys, base.history.rows):
            return None
        files = base.history.files
        if keys:
            self._judge_affected(former)
            files = self._replace(base.history)
            changes = changes_since(base.history)
        context.changes.note(base.history, self.fingerprint, changes)
        valid = self.silver.accepted.rows + self.silver.superseded.rows
        read = valid + (base.former.rows if base.former else 0) + base.history.rows
        former_files = self._rewrite_former(base.former) if base.former is not None else ()
        return _Content(files, former_files, keys, None, read, base)

    @property
    def _no_keys(self) -> str:
        return f"SELECT {self._key} FROM {identifier(self._bound(self.silver.accepted))} WHERE FALSE"

    def _bound(self, build: Build) -> str:
        """The name under which the engine knows the rows of a build, from now on."""
        table, context = VALID[build.layer], self.judging.context
        context.engine.bind(table, context.lake.paths(build), build.columns)
        return table

    def _change_former(self, base: Build) -> str:
        """Keep which former records go and which come; returns the name of the table of those there are then.

        They go with the version that they are of, and come anew when it counted until another time.
        """
        engine, judging = self.judging.context.engine, self.judging
        engine.bind(FORMER_BEFORE, self.judging.context.lake.paths(base), base.columns, file=FILE)
        before = identifier(FORMER_BEFORE)
        pairs = f"SELECT DISTINCT _file, CAST(_until AS VARCHAR) FROM {before}"
        ends = f"SELECT {NUMBER}, CAST({UNTIL} AS VARCHAR) FROM {identifier(SPANS)} WHERE {UNTIL} < {OPEN}"
        known, now = set(engine.rows(pairs)), set(engine.rows(ends))
        gone, came = {number for number, _ in known - now}, {number for number, _ in now - known}
        old = f"SELECT * FROM {before} WHERE {is_of(gone)}"
        engine.cache(FORMER_CHANGES.old, old)
        judging.judge(JUDGED, [judging.records([version for version in self.former if version.number in came])])
        engine.cache(FORMER_CHANGES.new, former_query(self._dataset))
        names = identifiers(column.name for column in base.columns)
        staying = f"SELECT {names} FROM {before} WHERE NOT {is_of(gone)}"
        engine.cache(FORMER, f"{staying} UNION ALL SELECT {names} FROM {identifier(FORMER_CHANGES.new)}")
        return FORMER

    def _judge_affected(self, former: str | None) -> None:
        """Judge all valid records of the affected keys: where they stand is known, their values are not kept."""
        engine, judging = self.judging.context.engine, self.judging
        tables = [self._bound(self.silver.accepted), self._bound(self.silver.superseded)]
        tables += [former] if former is not None else []
        parts = [f"SELECT _file, _record FROM ({self._of_keys(table, '_file, _record')}) AS known" for table in tables]
        engine.cache(CHOSEN, " UNION ".join(parts))
        numbers = {number for (number,) in engine.rows(f"SELECT DISTINCT _file FROM {identifier(CHOSEN)}")}
        versions = [v for v in (*judging.live, *self.former) if v.number in numbers]
        judging.judge(JUDGED, [judging.records(versions, CHOSEN)])

    def _of_keys(self, table: str, selected: str) -> str:
        """The rows of a table that have an affected key."""
        names = map(identifier, self._dataset.contract.key)
        same = " AND ".join(f"affected.{name} IS NOT DISTINCT FROM rows.{name}" for name in names)
        return f"SELECT {selected} FROM {identifier(table)} AS rows SEMI JOIN {identifier(KEYS)} AS affected ON {same}"

    def _replace(self, base: Build) -> tuple[TableFile, ...]:
        """The files of the history with the states that affected keys have now; those that stay are not touched."""
        context = self.judging.context
        engine, changes = context.engine, changes_since(base)
        columns = [column.name for column in base.columns]
        names = identifiers(columns)
        context.engine.bind(BEFORE, context.lake.paths(base), base.columns, file=FILE)
        engine.cache(LEAVING, self._of_keys(BEFORE, f"{names}, {FILE}"))
        engine.cache(COMING, states_query(self._dataset))
        engine.cache(changes.old, f"SELECT * FROM {identifier(LEAVING)} AS rows ANTI JOIN {_same(COMING, columns)}")
        engine.cache(changes.new, f"SELECT * FROM {identifier(COMING)} AS rows ANTI JOIN {_same(LEAVING, columns)}")

        def staying(files: str, _: str) -> str:
            return f"SELECT * FROM {identifier(files)} AS rows ANTI JOIN {_same(changes.old, self.contract.key)}"

        return rewrite(context, base, None, changes, staying)

    def _rewrite_former(self, base: Build) -> tuple[TableFile, ...]:
        def staying(files: str, _: str) -> str:
            return f"SELECT * FROM {identifier(files)} AS rows {those_not_at('rows', FORMER_CHANGES.old)}"

        return rewrite(self.judging.context, base, None, FORMER_CHANGES, staying)


def _same(table: str, columns: Sequence[str]) -> str:
    same = " AND ".join(f"other.{name} IS NOT DISTINCT FROM rows.{name}" for name in map(identifier, columns))
    return f"{identifier(table)} AS other ON {same}"
