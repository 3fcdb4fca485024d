"""The gold stage: the SELECT of a model, cast to the columns of its contract, becomes a table."""

from __future__ import annotations

from collections.abc import Mapping

from filon.lake import Build, Layer, Release
from filon.project import Model, fingerprint_of
from filon.stages.context import REVISION, Context, TableReport, TableStatus
from filon.stages.models import contract_columns, require_valid, select_as_declared


def build_gold(context: Context, model: Model, inputs: Mapping[str, Build], published: Release | None) -> Build:
    """Compute a model's table, or use a build of the same SQL over the same inputs.

    Args:
        context: the run
        model: the SELECT and its contract
        inputs: the builds of the tables that it reads, by name
        published: the release before this run

    Raises:
        ProjectInvalid: the SELECT does not compile, or has other columns than the contract
        LakeDamaged: a file of an input is not as it was written
        EngineError: the engine cannot compute it

    """
    fingerprint = fingerprint_of(
        {
            "revision": REVISION,
            "model": model.fingerprint,
            "inputs": {name: inputs[name].fingerprint for name in model.inputs},
            "settings": context.project.settings(model.reads, context.inputs.as_of),
        }
    )
    if builds := context.find_builds(fingerprint, published, (Layer.GOLD, model.name)):
        return builds[0]
    engine, location = context.engine, context.lake.table(Layer.GOLD, model.name)
    with context.timed(Layer.GOLD, model.name) as elapsed:
        for name in model.inputs:
            engine.bind(name, context.lake.paths(inputs[name]), inputs[name].columns)
        require_valid(engine, model)
        files = context.lake.seal(Layer.GOLD, model.name, engine.write(select_as_declared(model), location))
        build = context.keep_build(
            Layer.GOLD,
            model.name,
            fingerprint,
            files,
            columns=contract_columns(model.contract),
            key=model.contract.key,
            duration_s=elapsed(),
        )
        duration = elapsed()
    context.report(TableReport(model.name, Layer.GOLD, TableStatus.BUILT, build.rows, duration))
    return build
