from __future__ import annotations

from pathlib import Path

from filon.api.rates import SharedCounters


def test_counters_of_clients_do_not_grow_without_bound(tmp_path: Path) -> None:
    counters = SharedCounters(tmp_path / "rates.db", most_clients=100, sweep_every=500)
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
