"""Gold: each model is one SELECT over tables that are already there, written with the columns of its contract."""

from __future__ import annotations

from collections.abc import Mapping

from filon.lake import Build, Layer, Release
from filon.project import Model, digest
from filon.stages.context import REVISION, Context, TableReport, TableStatus
from filon.stages.models import contract_columns, require_valid, select_as_declared


def build_gold(context: Context, model: Model, inputs: Mapping[str, Build], published: Release | None) -> Build:
    """Compute a model's table, or find it where the same SQL met the same inputs before."""
    as_of = context.inputs.as_of if model.uses_as_of else None
    content = [(name, inputs[name].fingerprint) for name in model.inputs]
    fingerprint = digest(
        repr((REVISION, model.fingerprint, content, as_of, context.project.locale, context.project.timezone))
    )
    if not context.inputs.force and (found := context.find(Layer.GOLD, model.name, fingerprint, published)):
        context.report_found(found)
        return found.build
    engine, location = context.engine, context.lake.table(Layer.GOLD, model.name)
    with context.timed(Layer.GOLD, model.name) as elapsed:
        for name in model.inputs:
            engine.bind(name, context.lake.paths(inputs[name]), inputs[name].columns)
        require_valid(engine, model)
        files = context.lake.seal(Layer.GOLD, model.name, engine.write(select_as_declared(model), location))
        build = Build(
            table=model.name,
            layer=Layer.GOLD,
            fingerprint=fingerprint,
            columns=contract_columns(model.contract),
            key=model.contract.key,
            built_at=context.inputs.now,
            run_id=context.inputs.run_id,
            duration_s=elapsed(),
        )
        build = context.lake.keep_build(build, files)
        duration = elapsed()
    context.report(TableReport(model.name, Layer.GOLD, TableStatus.BUILT, build.rows, duration))
    return build
