"""Two runs at once on a lake on S3: each extends the same tables, and no file is lost and no row doubled."""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.integration.durability.conftest import LONG
from tests.integration.races import racing
from tests.integration.servers import ObjectStore

ROUNDS = 20 if LONG else 5


def test_two_runs_at_once_extend_a_lake_on_s3_and_nothing_is_lost_or_doubled(
    tmp_path: Path, object_store: ObjectStore
) -> None:
    with racing(tmp_path, f"s3://lakes/{secrets.token_hex(6)}", object_store.environment) as race:
        lost = sum(race.round(number) for number in range(1, ROUNDS + 1))
        race.require_whole(tmp_path / "fresh")
    assert lost, "the runs never met"
    print(f"{ROUNDS} rounds, {lost} runs lost")  # noqa: T201
