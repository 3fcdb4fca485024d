"""Whether the rules of a guard, the conditions of alerts and the reports fit the project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from filon.errors import Problem
from filon.project.alerts import AlertRule, Trigger
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


def alert_faults(project: Project, rules: Iterable[AlertRule]) -> Iterator[tuple[AlertRule, str, str]]:
    """The conditions that name what a project does not have, each with what is wrong and the fix."""
    promising = [name for name, model in project.models.items() if model.latency is not None]
    for rule in rules:
        if rule.trigger is Trigger.LATE and rule.table not in ("", *promising):
            what = (
                f"`{rule.table}` promises no latency" if rule.table in project.contracts else f"no table `{rule.table}`"
            )
            yield rule, what, suggestion(rule.table, promising) if promising else "promise one in `slaProperties`"
        elif rule.trigger is Trigger.LATE and not promising:
            yield rule, "no table promises a latency", "promise one in `slaProperties` of a gold contract"
        elif rule.trigger is Trigger.NOTHING_ARRIVED and rule.table not in ("", *project.datasets):
            yield rule, f"there is no dataset `{rule.table}`", suggestion(rule.table, list(project.datasets))
        elif rule.trigger is Trigger.OUTSIDE:
            figure = GuardRule(Subject.MOVES, rule.low or rule.high or Decimal(), True, rule.table, rule.column)
            yield from ((rule, what, fix) for _, what, fix in rule_faults(project, [figure]))
        elif rule.limit is not None:
            yield from ((rule, what, fix) for _, what, fix in rule_faults(project, [rule.limit]))


def alert_problems(document: Document, project: Project) -> list[Problem]:
    """What is wrong with the conditions in ``filon.yaml``."""
    problems = []
    for rule, what, fix in alert_faults(project, project.alerts):
        line = document.line(("alerts", project.alerts.index(rule)))
        problems.append(Problem(document.path, line, f"{what}: `{rule.text}`", fix))
    return problems


def report_problems(document: Document, project: Project) -> list[Problem]:
    """What is wrong with the reports in ``filon.yaml``; a page with a mistake of its own is not known here."""
    problems = []
    for name, rule in project.reports.items():
        page = project.pages.get(rule.page)
        if page is None:
            if not project.page_problems:
                line, fix = document.line(("reports", name, "page")), suggestion(rule.page, project.pages)
                problems.append(Problem(document.path, line, f"there is no page `{rule.page}`", fix))
            continue
        for filtered in rule.filters:
            if filtered not in page.filters:
                line, fix = document.line(("reports", name, "filters", filtered)), suggestion(filtered, page.filters)
                problems.append(Problem(document.path, line, f"the page has no filter `{filtered}`", fix))
    return problems


def guard_problems(document: Document, project: Project) -> list[Problem]:
    """What is wrong with the rules in ``filon.yaml``."""
    problems = []
    for rule, what, fix in rule_faults(project, project.guard):
        line = document.line(("guard", project.guard.index(rule)))
        problems.append(Problem(document.path, line, f"{what}: `{rule.text}`", fix))
    return problems
