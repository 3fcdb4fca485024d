"""Reports: pages of a project as files, made over the API and sent to people by the calendar."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from filon.dashboard.client import ApiClient
from filon.errors import ConfigError, FilonError
from filon.lake import Lake
from filon.lake.books import ReportBook, ReportState, read_book, write_book
from filon.pipeline.delivery import deliver_to_all
from filon.project import Project
from filon.project.reports import ReportRule
from filon.settings import Settings

Send = Callable[[], ReportState]


def due_reports(
    settings: Settings, project: Project, lake: Lake, now: dt.datetime, only: str | None = None
) -> Iterator[tuple[str, Send]]:
    """The reports that are to be sent, each with what sends it and notes in the lake what became of it.

    Args:
        settings: the API that is asked, and who is sent reports
        project: its reports
        lake: knows what was sent, and to whom
        now: the time, in UTC
        only: the report that is sent, due or not; else those that are due, and those that did not reach everybody

    Raises:
        ConfigError: the project has no such report, or nobody is sent any

    """
    if only is not None and only not in project.reports:
        raise ConfigError(f"the project has no report {only}; it has {', '.join(project.reports) or 'none'}")
    if settings.reports is None:
        raise ConfigError("nobody is sent reports; set FILON_REPORTS to addresses")
    zone = ZoneInfo(project.timezone)
    for name, rule in project.reports.items():
        known, due = read_book(lake, ReportBook).reports.get(name), rule.due(now, zone)
        is_begun = known is not None and known.due == due and not known.is_sent
        if only is None and (known is None or known.due < due or is_begun):
            yield name, _sender(settings, project, lake, name, known if is_begun else None, due, now)
        elif only == name:
            yield name, _sender(settings, project, lake, name, None, due, now)


def said_of(name: str, state: ReportState) -> str:
    """What became of a report, in a line."""
    return f"{name}: sent, release {state.release}" if state.is_sent else f"{name}: {state.problem}"


def require_sent(states: dict[str, ReportState]) -> None:
    """Raise FilonError when a report did not reach everybody."""
    if waiting := [name for name, state in states.items() if not state.is_sent]:
        raise FilonError(f"not everybody has {', '.join(waiting)}; the next `filon reports send` tries again")


def _sender(
    settings: Settings,
    project: Project,
    lake: Lake,
    name: str,
    begun: ReportState | None,
    due: dt.datetime,
    now: dt.datetime,
) -> Send:
    def send() -> ReportState:
        state = _sent(settings, project, project.reports[name], begun or ReportState(due=due, at=now), now)
        book = read_book(lake, ReportBook)
        write_book(lake, book.model_copy(update={"reports": {**book.reports, name: state}}))
        return state

    return send


def _sent(settings: Settings, project: Project, rule: ReportRule, state: ReportState, now: dt.datetime) -> ReportState:
    """Make a report and send it to whom it did not reach yet; returns what became of it."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    client = ApiClient(settings.api_url, key)
    try:
        release, reached, problems = _deliver(settings, project, rule, client, state.reached)
    except FilonError as error:
        return state.model_copy(update={"at": now, "attempts": state.attempts + 1, "problem": str(error)})
    finally:
        client.close()
    told = {"at": now, "release": release, "reached": reached, "is_sent": not problems, "problem": "; ".join(problems)}
    return state.model_copy(update={**told, "attempts": state.attempts + bool(problems)})


def _deliver(
    settings: Settings, project: Project, rule: ReportRule, client: ApiClient, reached: tuple[str, ...]
) -> tuple[int, tuple[str, ...], list[str]]:
    """The release of the file, the addresses that have it, and why others do not."""
    # Streamlit is slow to import, and most calls find nothing due
    from filon.dashboard.takeaway.scheduled import page_file

    file = page_file(client, rule.page, rule.format, rule.language, rule.period, rule.filters)
    link = f"{settings.dashboard_url.rstrip('/')}/{file.query}" if settings.dashboard_url else ""
    facts: dict[str, object] = {"project": project.name, "title": file.title, "release": file.release, "link": link}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file.name
        path.write_bytes(file.content)
        body = "\n".join(part for part in (f"release {file.release}", link) if part)
        reached, problems = deliver_to_all(settings.reports, reached, file.title, body, facts, path)
    return file.release, reached, problems
