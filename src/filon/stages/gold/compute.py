"""A gold table that is due is computed: extended where the SQL of its model allows it, else built whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from filon.engines.changes import Changes, count
from filon.lake import Build, Layer, Release, TableFile
from filon.project import Model
from filon.stages.context import Context, TableReport, TableStatus
from filon.stages.extending import WhyFull, partitions_in, written_rows
from filon.stages.gold.extend import Extension
from filon.stages.incremental import Full, StrategyKind, strategy_of
from filon.stages.models import contract_columns, require_valid, select_as_declared

Basis = Build | Extension | str
"""What a table is made of: a build of the same rows, one to extend, or all of its inputs (and why)."""


@dataclass(frozen=True)
class _Made:
    """The files of a table, and how they came about: the affected keys of an extension, or why all was computed."""

    files: tuple[TableFile, ...]
    keys: int | None = None
    why_full: str | None = None
    extension: Extension | None = None


@dataclass(frozen=True)
class Work:
    """A table that is due; ``recipe`` is the hash of all that decides its rows beside its inputs."""

    context: Context
    model: Model
    inputs: Mapping[str, Build]
    published: Release | None
    fingerprint: str
    recipe: str

    def run(self) -> Build:
        """Compute the table and commit it."""
        context, model = self.context, self.model
        with context.timed(Layer.GOLD, model.name) as elapsed:
            for name in model.inputs:
                context.engine.bind(name, context.lake.paths(self.inputs[name]), self.inputs[name].columns)
            require_valid(context.engine, model)
            made = self._make(self._basis())
            build = self._keep(made.files, elapsed())
            duration = elapsed()
        context.report(self._report(build, made, duration))
        return build

    def _report(self, build: Build, made: _Made, duration_s: float) -> TableReport:
        report = TableReport(
            self.model.name,
            Layer.GOLD,
            TableStatus.BUILT,
            build.rows,
            duration_s,
            keys=made.keys,
            why_full=made.why_full,
        )
        extension = made.extension
        if made.why_full is not None:
            read = sum(self.inputs[name].rows for name in self.model.inputs)
            return replace(report, rows_read=read, rows_written=build.rows)
        if extension is None:
            return report
        read, written = sum(file.rows for file in extension.read), written_rows(extension.base, build)
        report = replace(report, rows_read=read, rows_written=written)
        if extension.strategy.kind is not StrategyKind.BY_PARTITION:
            return report
        return replace(report, partitions=made.keys, all_partitions=partitions_in(build))

    def _make(self, basis: Basis) -> _Made:
        if isinstance(basis, Build):
            self.context.changes.note(basis, self.fingerprint, Changes())
            return _Made(basis.files, keys=0)
        if isinstance(basis, Extension):
            return self._extend(basis) or _Made(self._write_all(), why_full=WhyFull.MOST_CHANGED)
        return _Made(self._write_all(), why_full=basis)

    def _extend(self, extension: Extension) -> _Made | None:
        """The extended table; None when a full build is less work."""
        base = extension.base
        try:
            keys = extension.find_keys()
            if keys and not extension.is_less_work(keys):
                return None
            files = extension.run() if keys else base.files
        finally:
            self.context.engine.drop(extension.tables)
        self.context.changes.note(base, self.fingerprint, extension.changes if keys else Changes())
        return _Made(files, keys=keys, extension=extension)

    def _write_all(self) -> tuple[TableFile, ...]:
        contract = self.model.contract
        return self.context.write(Layer.GOLD, contract.name, select_as_declared(self.model), contract.partition)

    def _keep(self, files: tuple[TableFile, ...], duration_s: float) -> Build:
        return self.context.keep_build(
            Layer.GOLD,
            self.model.name,
            self.fingerprint,
            files,
            columns=contract_columns(self.model.contract),
            key=self.model.contract.key,
            recipe=self.recipe,
            inputs={name: self.inputs[name].fingerprint for name in self.model.inputs},
            duration_s=duration_s,
            partition=self.model.contract.partition,
        )

    def _basis(self) -> Basis:
        """What the table is made of: the published build, what changed since it, or why it is built whole."""
        context, model = self.context, self.model
        base = self.published.build(Layer.GOLD, model.name) if self.published else None
        if context.inputs.force:
            return WhyFull.FORCED
        if base is None or context.lake.has_damage(base):
            return WhyFull.NO_BASE
        if base.recipe != self.recipe:
            return WhyFull.RECIPE_CHANGED
        if base.counts_forgotten:
            return WhyFull.COUNTS_FORGOTTEN
        changed = self._changed(base)
        if changed == {}:
            return base
        strategy = strategy_of(model, {name: self.inputs[name].columns for name in model.inputs})
        if isinstance(strategy, Full):
            return strategy.reason
        if changed is None:
            return WhyFull.INPUT_REBUILT
        if (blocked := strategy.blocked_by(changed)) is not None:
            return blocked.reason
        return Extension(context, base, strategy, self.inputs, changed)

    def _changed(self, base: Build) -> dict[str, Changes] | None:
        """The inputs whose rows changed since a build; None when that is not known of one."""
        changed = {}
        for name in self.model.inputs:
            changes = self.context.changes.since(base.inputs.get(name, ""), self.inputs[name])
            if changes is None:
                return None
            if changes and any(count(self.context.engine, table) for table in (changes.old, changes.new)):
                changed[name] = changes
        return changed
