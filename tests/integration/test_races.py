"""Two runs at once, twenty times: each extends the same tables, and no file is lost and no row doubled."""

from __future__ import annotations

from pathlib import Path

from tests.integration.races import racing

ROUNDS = 20


def test_two_runs_at_once_extend_a_lake_twenty_times_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    with racing(tmp_path, str(tmp_path / "lake"), {}) as race:
        lost = 0
        for number in range(1, ROUNDS + 1):
            lost += race.round(number)
            if number % 5 == 0:
                race.require_whole(tmp_path / f"fresh-{number}")
        assert lost, "the runs never met"
    print(f"{ROUNDS} rounds, {lost} runs lost")  # noqa: T201
