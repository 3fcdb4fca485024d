"""Which columns of models only count people: sums, numbers and means of many rows, by the lineage of their SQL."""

from __future__ import annotations

from filon.project import Model, Project
from filon.project.column_lineage import lineage_of
from filon.sql import caseless
from filon.stages.models import input_types


def counted_columns(project: Project, model: Model) -> tuple[str, ...]:
    """The numbers of a model that are neither key nor reference, and in which many rows are added up or counted.

    Such a figure says how many people there were, not who they are. A maximum, a first value or a column as it was read
    does, and so may whatever is not understood.
    """
    contract = model.contract
    counted = _counted(project, model)
    return tuple(
        column.name
        for column in contract.columns
        if column.type.is_number
        and column.name not in contract.key
        and column.reference is None
        and caseless(column.name) in counted
    )


def _counted(project: Project, model: Model) -> set[str]:
    """The columns of a model in which rows are counted, in it or in the models that it reads."""
    lineage = lineage_of(model.sql, input_types(project, model))
    if lineage is None:
        return set()
    below = {
        (caseless(name), column)
        for name in model.inputs
        if name in project.models
        for column in _counted(project, project.models[name])
    }
    origins = lineage.columns.items()
    return {name for name, origin in origins if origin.counts_if is not None and origin.counts_if <= below}
