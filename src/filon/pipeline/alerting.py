"""Which alerts of a project hold, and who has to be told: once when one begins to hold, once when it is over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from filon.lake import CheckStatus, FileState, Lake, Layer, Ledger, Release
from filon.lake.books import AlertBook, AlertState, read_book, write_book
from filon.pipeline.delivery import deliver_to_all
from filon.pipeline.engine import open_engine
from filon.project import Project
from filon.project.alerts import AlertRule, Trigger
from filon.project.guard import Subject
from filon.settings import Settings
from filon.sql import identifier


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended; ``problem`` is why it failed."""

    problem: str | None


def tell_alerts(
    settings: Settings, project: Project, lake: Lake, now: dt.datetime, outcome: RunOutcome | None = None
) -> AlertBook:
    """Find out which alerts hold, tell people what changed, and what did not reach them before, and note both.

    Args:
        settings: name who is told, and bound the engine
        project: the conditions
        lake: what they look at; keeps which of them hold
        now: the time, in UTC
        outcome: of the run that just ended; None when there was none

    Returns:
        What holds now, and what did not reach anybody. A receiver that is away is noted there and tried again the next
        time; it raises nothing.

    """
    before = read_book(lake, AlertBook)
    is_good = outcome is not None and outcome.problem is None
    last_good_run = now if is_good else before.last_good_run
    found = dict(_Look(settings, project, lake, now, last_good_run, outcome).findings())
    states = {}
    for rule in project.alerts:
        known = before.alerts.get(rule.text)
        state = _state(known, found[rule], now) if rule in found else known
        if state is not None:
            states[rule.text] = _told(settings, project, rule, state)
    after = AlertBook(last_good_run=last_good_run, alerts=states)
    if after != before:
        write_book(lake, after)
    return after


def _state(known: AlertState | None, problem: str | None, now: dt.datetime) -> AlertState:
    """The state of an alert; it is a new one, and to be told, when it begins or is over."""
    if known is None or known.is_on != (problem is not None):
        return AlertState(
            is_on=problem is not None, since=now, what=problem or "", is_told=known is None and not problem
        )
    return known.model_copy(update={"what": problem or ""})


def _told(settings: Settings, project: Project, rule: AlertRule, state: AlertState) -> AlertState:
    """Tell people of a state, unless they were told; nobody is told where no address is set."""
    if state.is_told or settings.alerts is None:
        return state
    title = f"{project.title}: {rule.text}" if state.is_on else f"{project.title}: over: {rule.text}"
    link = f"{settings.dashboard_url.rstrip('/')}/pipeline" if settings.dashboard_url else ""
    body = "\n".join(part for part in (state.what, f"since {state.since:%Y-%m-%d %H:%M} UTC", link) if part)
    facts: dict[str, object] = {
        "project": project.name,
        "alert": rule.text,
        "is_on": state.is_on,
        "since": state.since.isoformat(),
        "what": state.what,
        "link": link,
    }
    reached, problems = deliver_to_all(settings.alerts, state.reached, title, body, facts)
    if not problems:
        return state.model_copy(update={"is_told": True, "problem": "", "reached": reached})
    told = {"attempts": state.attempts + 1, "problem": "; ".join(problems), "reached": reached}
    return state.model_copy(update=told)


@dataclass(frozen=True)
class _Look:
    """One look at a lake for all alerts."""

    settings: Settings
    project: Project
    lake: Lake
    now: dt.datetime
    last_good_run: dt.datetime | None
    outcome: RunOutcome | None

    def findings(self) -> Iterator[tuple[AlertRule, str | None]]:
        """For each alert that can be judged why it holds, or None when it does not."""
        release, ledger = self.lake.release(), self.lake.ledger()
        figures = self._figures(release)
        for rule in self.project.alerts:
            if rule.trigger is Trigger.RUN_FAILED:
                if self.outcome is not None:
                    yield rule, self.outcome.problem
            elif rule.trigger is Trigger.NOTHING_ARRIVED:
                yield rule, self._missing(rule, ledger)
            elif release is not None:
                yield rule, self._of_release(rule, release, ledger, figures)

    def _of_release(
        self, rule: AlertRule, release: Release, ledger: Ledger, figures: Mapping[AlertRule, tuple[str, str]]
    ) -> str | None:
        if rule.trigger is Trigger.LATE:
            return self._late(rule, release)
        if rule.trigger is Trigger.OUTSIDE:
            return _outside(rule, figures)
        subject = rule.limit.subject if rule.limit else None
        if subject is Subject.FILES_REFUSED:
            refused = sorted(
                version.path for version in ledger.current().values() if version.state is FileState.QUARANTINED
            )
            return _over(rule, len(refused), f"refused: {', '.join(refused)}")
        if subject is Subject.CHECKS_FAILED:
            failed = [check for check in release.checks if check.status is not CheckStatus.PASSED]
            names = "; ".join(f"{check.table}: {check.check}: {check.detail}" for check in failed)
            return _over(rule, len(failed), f"do not hold: {names}")
        return _rejected(rule, release)

    def _late(self, rule: AlertRule, release: Release) -> str | None:
        checked = self.last_good_run or release.created_at
        late = [
            name
            for name, model in self.project.models.items()
            if model.latency is not None and rule.table in ("", name) and self.now - checked > model.latency
        ]
        if not late:
            return None
        return f"{', '.join(late)} found up to date last at {checked:%Y-%m-%d %H:%M} UTC, which is longer than promised"

    def _missing(self, rule: AlertRule, ledger: Ledger) -> str | None:
        zone = ZoneInfo(self.project.timezone)
        local = self.now.astimezone(zone)
        if rule.by is None or local.time() < rule.by:
            return None
        missing = []
        for name in [rule.table] if rule.table else self.project.datasets:
            arrived = [version.arrived_at for version in ledger.versions if version.dataset == name]
            last = max(arrived, default=None)
            if last is None or last.astimezone(zone).date() != local.date():
                missing.append(f"{name} (last {last.astimezone(zone):%Y-%m-%d %H:%M})" if last else f"{name} (never)")
        return f"nothing arrived today of {', '.join(missing)}" if missing else None

    def _figures(self, release: Release | None) -> Mapping[AlertRule, tuple[str, str]]:
        """The value of each bounded figure in the last row of its table, and the key of that row."""
        rules = [rule for rule in self.project.alerts if rule.trigger is Trigger.OUTSIDE]
        found = {}
        if release is None or not rules:
            return {}
        with open_engine(self.settings, self.project, release.as_of, self.lake.places) as engine:
            for rule in rules:
                build, key = release.build(Layer.GOLD, rule.table), self.project.contracts[rule.table].key
                if build is None or rule.column not in [column.name for column in build.columns]:
                    continue
                engine.bind(rule.table, self.lake.paths(build), build.columns)
                texts = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in (rule.column, *key))
                order = ", ".join(f"{identifier(name)} DESC" for name in key)
                last = f" ORDER BY {order}" if key else ""
                rows = engine.rows(f"SELECT {texts} FROM {identifier(rule.table)}{last} LIMIT 1")
                if rows and rows[0][0] is not None:
                    found[rule] = rows[0][0], " ".join(rows[0][1:])
        return found


def _outside(rule: AlertRule, figures: Mapping[AlertRule, tuple[str, str]]) -> str | None:
    if rule not in figures:
        return None
    text, key = figures[rule]
    value = Decimal(text)
    is_inside = (rule.low is None or value >= rule.low) and (rule.high is None or value <= rule.high)
    return None if is_inside else f"{rule.table}.{rule.column} is {text} at {key}"


def _rejected(rule: AlertRule, release: Release) -> str | None:
    parts = []
    for build in release.tables.values():
        if build.quality is not None and build.layer is Layer.SILVER and rule.table in ("", build.table):
            total = build.quality.total
            what = f"{build.table}: {total.rejected:,} of {total.read:,} records are rejected"
            parts += [_over(rule, total.rejected, what, of=total.read)]
    return "; ".join(part for part in parts if part) or None


def _over(rule: AlertRule, number: int, what: str, of: int = 0) -> str | None:
    limit = rule.limit
    if limit is None:
        return None
    most = limit.most * of if limit.is_share else limit.most
    return what if number > most else None
