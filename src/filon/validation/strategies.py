"""The strategies of a project's models, and those that a contract does not allow."""

from __future__ import annotations

from collections.abc import Iterator

from filon.errors import Problem
from filon.project import Model, Project
from filon.project.vocabulary import Incremental
from filon.stages.incremental import Full, Reason, Strategy, strategy_of
from filon.stages.models import input_columns


def strategies(project: Project) -> dict[str, Strategy]:
    """The strategy of each model, in building order. The project must compile."""
    return {name: strategy_of(model, input_columns(project, model)) for name, model in project.models.items()}


def strict_problems(project: Project, model: Model) -> Iterator[Problem]:
    """Why a model whose contract says ``incremental: strict`` is computed whole, always or when one input changes."""
    if model.incremental is not Incremental.STRICT:
        return
    strategy = strategy_of(model, input_columns(project, model))
    if isinstance(strategy, Full):
        yield _problem(model, f"`{model.name}` is full", strategy.reason, strategy.line)
        return
    for item in strategy.blocked:
        yield _problem(model, f"`{model.name}` is full when `{item.table}` changes", item.reason, item.line)


def _problem(model: Model, what: str, reason: Reason, line: int | None) -> Problem:
    fix = f"{reason.advice}; or drop `incremental: strict` from {model.contract.document.path.name}"
    return Problem(model.path, line or 1, f"{what}: {reason}", fix)
