"""Checks that guard a release, and the release itself."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from filon.errors import ChecksFailed, EngineError, ReleaseConflict
from filon.lake import Build, CheckResult, Release
from filon.project import CheckStatus
from filon.stages.checks import require_passed, run_checks
from filon.stages.publish import publish
from filon.stages.silver import build_silver
from tests.unit.stages.bench import Bench, opened, write_project
from tests.unit.stages.test_silver import CLIENTS

CHECKS = """\
    quality:
      - {name: few, type: sql, query: "SELECT count(*) FROM clients", mustBeLessThan: 3, severity: warning}
      - {name: all known, type: sql, query: "SELECT count(*) FROM clients WHERE client > 2", mustBe: 0}
      - {name: average, type: sql, query: "SELECT avg(client) FROM clients WHERE client > 100", mustBe: 0}
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    files = {"sources/clients.yaml": CLIENTS + CHECKS}
    with opened(write_project(tmp_path / "project", files), tmp_path) as bench:
        yield bench


def clients(bench: Bench, *numbers: int) -> dict[str, Build]:
    dataset = bench.dataset("clients")
    bronze = bench.receive(dataset, [{"client": str(number)} for number in numbers])
    return {"clients": build_silver(bench.context, dataset, bench.ledger, bronze, {}, None).accepted}


def summary(results: tuple[CheckResult, ...]) -> dict[str, tuple[str, int, Decimal | None]]:
    return {result.check: (result.status.value, result.failed_rows, result.value) for result in results}


def test_checks_pass_warn_or_fail_and_count_bad_rows_where_they_can(bench: Bench) -> None:
    results = run_checks(bench.context, clients(bench, 1, 2, 3), None)
    assert summary(results) == {
        "unique(client)": ("passed", 0, Decimal(0)),
        "required(client)": ("passed", 0, Decimal(0)),
        "few": ("warned", 1, Decimal(3)),
        "all known": ("failed", 1, Decimal(1)),
        "average": ("failed", 1, None),
    }
    with pytest.raises(ChecksFailed) as caught:
        require_passed(results)
    assert [failure[:2] for failure in caught.value.failed] == [("clients", "all known"), ("clients", "average")]


def passed(results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
    return tuple(result.model_copy(update={"status": CheckStatus.PASSED}) for result in results)


def published(bench: Bench, tables: dict[str, Build]) -> Release:
    release = publish(bench.context, list(tables.values()), passed(run_checks(bench.context, tables, None)), 1, None)
    assert release is not None
    return release


def test_a_check_whose_query_and_tables_are_the_same_keeps_its_result(bench: Bench) -> None:
    tables = clients(bench, 1, 2, 3)
    release = published(bench, tables)
    again = bench.again()
    assert run_checks(again, tables, release) == release.checks
    assert "engine" not in vars(again), "an engine was started"
    assert run_checks(bench.again(force=True), tables, release) != release.checks
    assert run_checks(bench.context, clients(bench, 4), release) != release.checks


def test_a_release_is_published_once_for_the_same_content(bench: Bench) -> None:
    tables = clients(bench, 1)
    first = published(bench, tables)
    assert publish(bench.context, list(tables.values()), first.checks, 1, first) is None
    changed = clients(bench, 1, 2)
    second = publish(bench.context, list(changed.values()), first.checks, 2, first)
    assert second is not None
    assert (first.number, second.number, bench.context.lake.release()) == (1, 2, second)


def test_a_number_that_another_run_took_is_a_conflict(bench: Bench) -> None:
    tables = clients(bench, 1)
    published(bench, tables)
    with pytest.raises(ReleaseConflict):
        publish(bench.context, list(tables.values()), (), 1, None)


def test_a_check_that_cannot_be_answered_is_named(tmp_path: Path) -> None:
    broken = CHECKS + "      - {name: broken, type: sql, query: \"SELECT CAST('x' AS BIGINT)\", mustBe: 0}\n"
    with opened(write_project(tmp_path / "project", {"sources/clients.yaml": CLIENTS + broken}), tmp_path) as bench:
        tables = clients(bench, 1)
        with pytest.raises(EngineError, match="the check `broken` cannot be answered"):
            run_checks(bench.context, tables, None)
