from __future__ import annotations

from pathlib import Path

import pytest

from filon.api import rates
from filon.api.rates import SharedCounters


def test_counters_of_clients_do_not_grow_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_CLIENTS", 100)
    monkeypatch.setattr(rates, "SWEEP_EVERY", 500)
    counters = SharedCounters(tmp_path / "rates.db")
    try:
        for _ in range(5):
            counters.incr("busy", 86_400)
        for number in range(995):
            counters.incr(f"client {number}", 86_400)
        found = sum(counters.get(f"client {number}") for number in range(995))
        assert found == 99
        assert counters.get("busy") == 5, "who asks most stays counted"
    finally:
        counters.close()
