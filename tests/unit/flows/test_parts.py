"""The parts of flows that ask nobody anything."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from prefect.exceptions import PrefectException
from prefect.server.schemas.schedules import CronSchedule

from filon.errors import (
    ChecksFailed,
    ConfigError,
    EngineError,
    FlowsUnavailable,
    LakeUnavailable,
    ReleaseConflict,
    StoreBusy,
    WriteConflict,
)
from filon.flows.artifacts import key_of, plain, quality, summary
from filon.flows.deployments import deployments, job_of
from filon.flows.pipeline import days
from filon.flows.runner import is_worth_repeating
from filon.flows.server import translated_errors
from filon.flows.watch import NONE, FileChangeDetector, unseen
from filon.lake import Ledger, Observation, SourceFile
from filon.pipeline.report import FileLine, RunReport, RunStatus
from filon.project.loader import load_project
from filon.project.reports import Every, ReportRule
from filon.projects import retail
from filon.serving.history import DatasetRecord
from filon.settings import Settings

DAY = dt.date(2026, 1, 31)
OLD, NEW = ("a.csv", 1, "x"), ("b.csv", 2, "y")


def report(**more: object) -> RunReport:
    return RunReport.model_validate(
        {
            "run_id": "20260131T000000-12",
            "release": 3,
            "engine": "duckdb",
            "as_of": DAY,
            "duration_s": 1.5,
            "status": RunStatus.PUBLISHED,
            **more,
        }
    )


@pytest.mark.parametrize("error", [LakeUnavailable("no"), StoreBusy("no"), WriteConflict("no")])
def test_errors_that_may_pass_are_worth_repeating(error: Exception) -> None:
    assert is_worth_repeating(error)


@pytest.mark.parametrize("error", [EngineError("no"), ChecksFailed([]), ReleaseConflict(3), ValueError("no"), None])
def test_other_errors_are_not(error: Exception | None) -> None:
    assert not is_worth_repeating(error)


def test_markdown_shows_names_of_files_as_they_are() -> None:
    assert plain("a|b_*c*\n<i>") == r"a\|b\_\*c\* \<i\>"
    assert plain("x" * 1000) == "x" * 299 + "…"
    assert plain(None) == ""


def test_keys_are_what_prefect_allows() -> None:
    assert key_of("Ma_Boutique 2", "run") == "filon-ma-boutique-2-run"


def test_a_summary_names_what_went_wrong() -> None:
    refused = FileLine(
        file="x|y.csv",
        dataset="achats",
        version=1,
        sha256="0",
        status="quarantined",
        reason="empty_file",
        detail=None,
        rows_read=0,
        rows_accepted=0,
        rows_superseded=0,
        rows_rejected=0,
    )
    text = summary(report(status=RunStatus.FAILED, error="first\nsecond", files=(refused,)), "retail")
    assert text.startswith("# retail: first second\n")
    assert "\nsecond  \n" in text
    assert r"| x\|y\.csv | empty\_file |  |" in text


def test_quality_is_a_row_for_each_dataset() -> None:
    line = DatasetRecord(dataset="achats", read=6, accepted=3, superseded=1, rejected=2, reasons={"a": 1, "b": 1})
    [row] = quality(report(datasets=(line,)))
    assert [row[name] for name in ("read", "accepted", "superseded", "rejected")] == [6, 3, 1, 2]
    assert row["rejected because"] == "a: 1, b: 1"


def test_days_of_a_range_include_both_ends() -> None:
    assert days(DAY, DAY) == [DAY]
    assert days(DAY, dt.date(2026, 2, 2)) == [DAY, dt.date(2026, 2, 1), dt.date(2026, 2, 2)]
    with pytest.raises(ConfigError, match="comes after"):
        days(dt.date(2026, 2, 2), DAY)


def test_a_file_is_unseen_until_a_run_read_it_as_it_is() -> None:
    moment = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    file = SourceFile("a.csv", 1, "x", moment)
    known = Observation(size=1, tag="x", sha256="0", settled=True)
    assert unseen([file], Ledger()) == {("a.csv", 1, "x")}
    assert not unseen([file], Ledger(observations={"a.csv": known}))
    rewritten = SourceFile("a.csv", 1, "z", moment)
    assert unseen([rewritten], Ledger(observations={"a.csv": known})) == {("a.csv", 1, "z")}


def test_news_is_told_once_it_stays_the_same_and_only_once() -> None:
    news = FileChangeDetector()
    looks = [frozenset({OLD}), frozenset({OLD}), frozenset({OLD}), frozenset({OLD, NEW}), frozenset({OLD, NEW})]
    assert [news.should_emit(look) for look in looks] == [False, True, False, False, True]


def test_news_that_was_read_is_no_news_but_may_come_again() -> None:
    news = FileChangeDetector()
    looks = [frozenset({OLD})] * 2 + [NONE] + [frozenset({OLD})] * 2
    assert [news.should_emit(look) for look in looks] == [False, True, False, False, True]


def test_workers_are_told_settings_but_no_secrets() -> None:
    settings = Settings(serving="mongodb://u:hush@host/db", threads=2, api_key="hush")
    job = job_of(settings, "process", Path("/here"))
    assert job == {
        "env": {"FILON_THREADS": "2", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"},
        "working_dir": "/here",
    }
    variables = job_of(Settings(serving="sqlite:///x.db"), "kubernetes", Path("/here"))
    assert variables["env"]["FILON_SERVING"] == "sqlite:///x.db"
    assert "working_dir" not in variables


def test_a_schedule_follows_the_clock_where_the_project_is_at_home() -> None:
    project = load_project(retail.FOLDER)
    pipeline, _ = deployments(Settings(flows_schedule="0 6 * * *"), project)
    [registered] = pipeline.schedules or []
    assert (registered.schedule.cron, registered.schedule.timezone) == ("0 6 * * *", "Europe/Paris")  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="FILON_FLOWS_SCHEDULE"):
        deployments(Settings(flows_schedule="daily"), project)


@pytest.mark.parametrize("every", list(Every))
def test_reports_are_sent_at_the_moments_at_which_they_fall_due(every: Every) -> None:
    rule = ReportRule(page="apercu", every=every, at="02:05")
    project = replace(load_project(retail.FOLDER), reports={"one": rule, "same": rule})
    [schedule] = deployments(Settings(), project)[-1].schedules or []
    assert schedule.schedule is not None
    clock = CronSchedule.model_validate(schedule.schedule.model_dump())
    zone = ZoneInfo(project.timezone)
    moments = asyncio.run(clock.get_dates(5, start=dt.datetime(2026, 3, 20, tzinfo=zone)))
    assert len(moments) == 5
    assert [rule.due(moment + dt.timedelta(hours=12), zone) for moment in moments] == moments


def test_a_server_that_does_not_answer_is_named_however_prefect_wraps_it() -> None:
    wrapped = PrefectException("something failed")
    wrapped.__cause__ = httpx.ConnectError("refused")
    with pytest.raises(FlowsUnavailable, match="does not answer"), translated_errors():
        raise wrapped
    refused = httpx.Response(401, request=httpx.Request("GET", "http://127.0.0.1/api"))
    with (
        pytest.raises(FlowsUnavailable, match=r"answers 401 Unauthorized\. Check PREFECT_API_URL"),
        translated_errors(),
    ):
        refused.raise_for_status()
    busy = httpx.Response(503, request=httpx.Request("GET", "http://127.0.0.1/api"))
    with (
        pytest.raises(FlowsUnavailable, match=r"answers 503 Service Unavailable\. Its log says why; rerun"),
        translated_errors(),
    ):
        busy.raise_for_status()
    with pytest.raises(ValueError, match="mine"), translated_errors():
        raise ValueError("mine")
