"""Whether the rules of a guard fit the project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from filon.errors import Problem
from filon.project.document import Document
from filon.project.guard import GuardRule, Subject
from filon.project.models import Project
from filon.suggestions import suggestion


def rule_faults(project: Project, rules: Iterable[GuardRule]) -> Iterator[tuple[GuardRule, str, str]]:
    """The rules that name what a project does not have, each with what is wrong and the fix."""
    for rule in rules:
        if not rule.table:
            continue
        contract = project.contracts.get(rule.table)
        if contract is None:
            yield rule, f"there is no table `{rule.table}`", suggestion(rule.table, list(project.contracts))
        elif rule.subject is Subject.RECORDS_REJECTED and rule.table not in project.datasets:
            yield rule, f"`{rule.table}` is no dataset of records", suggestion(rule.table, list(project.datasets))
        elif rule.column:
            model = project.models.get(rule.table)
            figures = [column.name for column in model.figures] if model else []
            if rule.column not in figures:
                fix = suggestion(rule.column, figures) if figures else "name a gold table with numbers"
                yield rule, f"`{rule.table}` has no figure `{rule.column}`", fix


def guard_problems(document: Document, project: Project) -> list[Problem]:
    """What is wrong with the rules in ``filon.yaml``."""
    problems = []
    for rule, what, fix in rule_faults(project, project.guard):
        line = document.line(("guard", project.guard.index(rule)))
        problems.append(Problem(document.path, line, f"{what}: `{rule.text}`", fix))
    return problems
