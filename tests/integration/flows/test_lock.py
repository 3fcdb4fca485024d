"""The slot of a project, on a real server."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import PREFECT_API_URL, temporary_settings

from filon.flows.lock import limit_name, only_run_of
from tests.integration.servers import PrefectServer


def test_a_limit_that_another_run_makes_meanwhile_is_shared(
    prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = SyncPrefectClient.create_global_concurrency_limit

    def made_by_both(client: SyncPrefectClient, limit: Any) -> Any:
        make(client, limit)
        return make(client, limit)

    monkeypatch.setattr(SyncPrefectClient, "create_global_concurrency_limit", made_by_both)
    with temporary_settings({PREFECT_API_URL: prefect_server.url}), only_run_of("simultane"):
        assert prefect_server.limit(limit_name("simultane"))["active_slots"] == 1
    assert prefect_server.limit(limit_name("simultane"))["active_slots"] == 0
