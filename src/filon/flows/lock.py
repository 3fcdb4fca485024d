"""One run of a project at a time, by the slot of one of Prefect's global concurrency limits.

A run holds the slot by a lease, which it renews; the server frees the slot when the lease expires. A restarted server
has lost its leases but not the slots, so a waiting run also checks whether the holder has ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.variables import Variable

from filon.flows.server import server_url

LEASE_S = 60
"""The shortest lease that Prefect grants."""
REAPING_S = 15
"""The default interval in which Prefect's server looks for expired leases."""
RELEASED_S = LEASE_S + REAPING_S
"""Seconds after which the slot of a crashed run is free."""
HELD: ContextVar[str | None] = ContextVar("held", default=None)
"""The project whose slot this run, or its parent run, holds."""


def limit_name(project: str) -> str:
    """The name of a project's concurrency limit."""
    return f"filon-{project}"


@contextmanager
def only_run_of(project: str) -> Iterator[None]:
    """Hold the slot of a project during the block; waits until it is free.

    Does nothing with a server inside this process, which knows no other runs: a race between such runs ends with a
    ReleaseConflict.
    """
    if server_url() is None or HELD.get() == project:
        yield
        return
    name = limit_name(project)
    with get_client(sync_client=True) as client, ExitStack() as stack:
        with suppress(ObjectAlreadyExists):  # another run made it between this client's look and its own making
            client.upsert_global_concurrency_limit_by_name(name, 1)
        if client.read_global_concurrency_limit_by_name(name).active_slots:
            get_run_logger().info("another run of %s goes on; waiting until it ends", project)
        while not _acquire(stack, name):
            _free_if_lost(client, project)
        Variable.set(_holder_name(project), flow_run.id, overwrite=True)
        token = HELD.set(project)
        try:
            yield
        finally:
            HELD.reset(token)


def _acquire(stack: ExitStack, name: str) -> bool:
    """Whether the slot was acquired within ``RELEASED_S``.

    A lease that cannot be renewed does not end the run: a second run at the same time is safe, only wasteful.
    """
    slot = concurrency(
        name, strict=True, lease_duration=LEASE_S, timeout_seconds=RELEASED_S, raise_on_lease_renewal_failure=False
    )
    try:
        stack.enter_context(slot)
    except TimeoutError:
        return False
    return True


def _free_if_lost(client: SyncPrefectClient, project: str) -> None:
    """Free the slot when its holder has ended and its lease is lost."""
    holder = Variable.get(_holder_name(project), default=None)
    if isinstance(holder, str) and _has_ended(client, UUID(holder)):
        get_run_logger().warning("the run %s has ended without freeing its slot; freeing it", holder)
        client.update_global_concurrency_limit(limit_name(project), GlobalConcurrencyLimitUpdate(active_slots=0))


def _has_ended(client: SyncPrefectClient, run: UUID) -> bool:
    try:
        state = client.read_flow_run(run).state
    except ObjectNotFound:
        return True
    return state is not None and state.is_final()


def _holder_name(project: str) -> str:
    return "filon_running_" + re.sub(r"[^a-z0-9_]", "_", project.lower())
