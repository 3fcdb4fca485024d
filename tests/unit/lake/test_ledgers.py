"""Ledgers are kept as changes, and come back whole."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filon.errors import LakeDamaged
from filon.lake import FileState, FileVersion, HeaderProfile, Ledger, Observation
from filon.lake.ledgers import MOST_CHANGES, LedgerLog
from filon.lake.location import Location

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def version(number: int, state: FileState = FileState.LIVE) -> FileVersion:
    return FileVersion(
        number=number,
        dataset="achats",
        path=f"achats-{number}.csv",
        sha256=f"{number:064x}",
        size=number,
        state=state,
        arrived_at=NOW,
        run_id="run",
        rows=number,
    )


def seen(number: int) -> Observation:
    return Observation(size=number, tag=str(number), sha256=f"{number:064x}", settled=True)


def log_in(folder: Path) -> LedgerLog:
    return LedgerLog(Location(folder.as_uri()), Location((folder / "bronze").as_uri()))


def grown(log: LedgerLog, runs: int) -> Ledger:
    """A ledger to which one file is added by each run."""
    ledger = log.latest()
    for number in range(len(ledger.versions) + 1, len(ledger.versions) + runs + 1):
        after = ledger.model_copy(
            update={
                "versions": (*ledger.versions, version(number)),
                "observations": {**ledger.observations, f"achats-{number}.csv": seen(number)},
                "project": "shop",
                "last_version": number,
            }
        )
        added = log.add(ledger, after)
        assert added is not None
        ledger = added
    return ledger


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sets(st.integers(1, 6), max_size=3),
            st.sets(st.integers(1, 6), max_size=3),
            st.sets(st.integers(1, 3), max_size=1),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_every_ledger_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, histories: list[tuple[set[int], set[int], set[int]]]
) -> None:
    log, ledger = log_in(tmp_path_factory.mktemp("ledger")), Ledger()
    states = list(FileState)
    written: list[Ledger] = []
    for step, (touched, observed, headers) in enumerate(histories):
        versions = {known.number: known for known in ledger.versions}
        versions |= {number: version(number, states[(number + step) % len(states)]) for number in touched}
        after = Ledger(
            project="shop",
            last_version=step,
            versions=tuple(versions.values()),
            observations={f"{number}.csv": seen(number + step % 2) for number in observed},
            headers={**ledger.headers, **{f"{n}": HeaderProfile(header=(f"{n}",), inferred={}) for n in headers}},
        )
        added = log.add(ledger, after)
        assert added is not None
        written.append(added)
        ledger = log.latest()
        assert ledger == added
    for expected in written:
        assert log.get(expected.number) == expected


def test_of_two_writers_one_adds(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    before = grown(log, 1)
    assert log.add(before, before.model_copy(update={"project": "a"})) is not None
    assert log.add(before, before.model_copy(update={"project": "b"})) is None
    assert log.latest().project == "a"


def test_documents_grow_with_what_changed_not_with_what_is_known(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    grown(log, 60)
    sizes = log.documents.sizes()
    whole = [number for number in sizes if log.documents.get(number).base == number]
    changes = [size for number, size in sizes.items() if number not in whole]
    assert max(changes) < 2 * min(changes)
    assert all(later - earlier <= MOST_CHANGES + 1 for earlier, later in pairwise(whole))
    grown(log, 120)
    assert sum(log.documents.sizes().values()) < 6 * sum(sizes.values())  # with the square of the runs it would be 9


def test_a_change_that_is_gone_is_missed(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    last = grown(log, 20).number
    while log.documents.get(last).base >= last - 1:
        last = grown(log, 1).number
    (tmp_path / f"ledger/{last - 1:010d}.json.gz").unlink()
    with pytest.raises(LakeDamaged, match=f"{last - 1:010d}.json.gz is gone"):
        log_in(tmp_path).latest()


def test_what_is_accepted_as_lost_is_never_numbered_again(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    grown(log, 3)
    (tmp_path / "ledger/0000000003.json.gz").unlink()
    log = log_in(tmp_path)
    with pytest.raises(LakeDamaged, match="number 3 of the ledger"):
        log.latest()
    log.documents.accepts_loss = True
    assert grown(log, 1).number == 4
    assert log_in(tmp_path).latest().number == 4


@pytest.mark.parametrize("bit", range(8))
def test_one_changed_bit_of_a_ledger_is_damage_or_changes_nothing(tmp_path: Path, bit: int) -> None:
    expected = grown(log_in(tmp_path), 2)
    newest = max((tmp_path / "ledger").iterdir())
    content = newest.read_bytes()
    damaged = 0
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << bit
        newest.write_bytes(changed)
        try:
            assert log_in(tmp_path).latest() == expected
        except LakeDamaged:
            damaged += 1
    assert damaged > len(content) * 0.9
