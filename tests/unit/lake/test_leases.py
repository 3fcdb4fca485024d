"""A lease says that its run lives; no clock decides it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from filon.lake.leases import Lease, LeaseDocument, end_dead_leases, leases
from filon.lake.location import Location
from filon.lake.sealed import seal


def dead(metadata: Location, run_id: str) -> None:
    """The lease that a killed run left."""
    metadata.write(f"leases/{run_id}.json", seal(LeaseDocument(run_id=run_id, beat=7, release=1, notes=())))


def test_a_lease_ends_with_its_run(tmp_path: Path) -> None:
    metadata = Location(tmp_path.as_uri())
    with Lease(metadata, "a", 3):
        [lease] = leases(metadata)
        assert (lease.run_id, lease.release) == ("a", 3)
    assert leases(metadata) == []


def test_living_leases_stay_and_dead_ones_go(tmp_path: Path) -> None:
    metadata = Location(tmp_path.as_uri())
    dead(metadata, "dead")
    with Lease(metadata, "alive", 1, beat_s=0.05):
        end_dead_leases(metadata, patience_s=1.0)
        assert [lease.run_id for lease in leases(metadata)] == ["alive"]


@pytest.mark.parametrize("hours", [-1_000, 1_000])
def test_the_time_of_writing_says_nothing(tmp_path: Path, hours: int) -> None:
    metadata = Location(tmp_path.as_uri())
    dead(metadata, "dead")
    path = tmp_path / "leases/dead.json"
    moved = path.stat().st_mtime + hours * 3600
    os.utime(path, (moved, moved))
    end_dead_leases(metadata, patience_s=0.3)
    assert leases(metadata) == []


def test_no_lease_costs_no_patience(tmp_path: Path) -> None:
    waited: list[float] = []
    end_dead_leases(Location(tmp_path.as_uri()), wait=waited.append)
    assert waited == []


def test_half_a_lease_is_none(tmp_path: Path) -> None:
    metadata = Location(tmp_path.as_uri())
    metadata.write("leases/half.json", b'{"sha256":"00')
    assert leases(metadata) == []
