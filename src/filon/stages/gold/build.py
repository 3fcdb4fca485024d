"""The gold stage: the SELECT of a model, cast to the columns of its contract, becomes a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from filon.lake import Build, Layer, Release
from filon.project import Model, Project, fingerprint_of
from filon.stages.context import REVISION, Context


def build_gold(context: Context, model: Model, inputs: Mapping[str, Build], published: Release | None) -> Build:
    """Compute a model's table, or use a build of the same SQL over the same inputs.

    The published table is extended where the model's SQL lets the affected rows be told from the others.

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
    rules = _rules(context.project, model, context.inputs.as_of)
    fingerprint = fingerprint_of({**rules, "inputs": {name: inputs[name].fingerprint for name in model.inputs}})
    if builds := context.find_builds(fingerprint, published, (Layer.GOLD, model.name)):
        return builds[0]
    # brings the SQL parser, which a run that finds every table does not need
    from filon.stages.gold.compute import Work

    return Work(context, model, inputs, published, fingerprint, fingerprint_of(rules)).run()


def recipe_of(project: Project, model: Model, as_of: dt.date) -> str:
    """What the recipe of a model's table is at a date: another one says that other SQL computed the table."""
    return fingerprint_of(_rules(project, model, as_of))


def _rules(project: Project, model: Model, as_of: dt.date) -> dict[str, object]:
    settings = project.settings(model.reads, as_of)
    return {"revision": REVISION, "model": model.fingerprint, "settings": settings}
