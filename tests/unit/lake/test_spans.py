"""When contents of files counted, as the ledger tells."""

from __future__ import annotations

import datetime as dt

from filon.lake import FileState, FileVersion, Ledger
from filon.lake.spans import spans_of

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
MS = dt.timedelta(milliseconds=1)
LIVE, REPLACED, RETRACTED = FileState.LIVE, FileState.REPLACED, FileState.RETRACTED


def version(number: int, path: str, state: FileState, arrived_at: dt.datetime = NOON, **facts: object) -> FileVersion:
    known = {"dataset": "clients", "sha256": f"{number:064x}", "size": 1, "run_id": "run", **facts}
    return FileVersion.model_validate(
        {"number": number, "path": path, "state": state, "arrived_at": arrived_at, **known}
    )


def spans(*versions: FileVersion) -> list[tuple[int, dt.datetime, dt.datetime | None]]:
    return [(s.version.number, s.since, s.until) for s in spans_of(Ledger(versions=versions), "clients")]


def test_a_content_counts_until_a_newer_one_of_its_path_arrives() -> None:
    found = spans(version(1, "a", REPLACED), version(2, "b", LIVE), version(3, "a", LIVE, NOON + dt.timedelta(1)))
    assert found == [
        (1, NOON, NOON + dt.timedelta(1)),
        (2, NOON + MS, None),
        (3, NOON + dt.timedelta(1), None),
    ]


def test_what_is_numbered_later_counts_as_later_although_the_clock_was_set_back() -> None:
    found = spans(version(1, "a", LIVE), version(2, "b", LIVE, NOON - dt.timedelta(1)))
    assert found == [(1, NOON, None), (2, NOON + MS, None)]


def test_moments_are_whole_milliseconds() -> None:
    assert spans(version(1, "a", LIVE, NOON + dt.timedelta(microseconds=1999))) == [(1, NOON + MS, None)]


def test_a_retracted_content_leaves_its_time_to_the_one_before_it() -> None:
    versions = [version(1, "a", REPLACED), version(2, "a", RETRACTED), version(3, "a", LIVE)]
    assert spans(*versions) == [(1, NOON, NOON + 2 * MS), (3, NOON + 2 * MS, None)]


def test_former_contents_of_a_file_that_does_not_count_any_more_do_not_count() -> None:
    assert spans(version(1, "a", REPLACED), version(2, "a", RETRACTED), version(3, "b", REPLACED)) == []


def test_a_refused_content_never_counted() -> None:
    versions = [version(1, "a", REPLACED), version(2, "a", REPLACED, reason="empty"), version(3, "a", LIVE)]
    assert [number for number, _, _ in spans(*versions)] == [1, 3]


def test_files_of_other_datasets_are_left_out_and_those_that_were_never_read_take_no_time() -> None:
    unread = version(1, "x", FileState.QUARANTINED, sha256="")
    other = version(2, "a", LIVE, dataset="orders")
    assert spans(unread, other, version(3, "a", LIVE)) == [(3, NOON + MS, None)]
