"""The parts of a run as Prefect sees them: a flow for each layer, a task for each dataset, table and other step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from prefect import Flow, Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TagsContext
from prefect.tasks import exponential_backoff

from filon.errors import FilonError, ReleaseConflict
from filon.pipeline.runner import Until

RETRIES = 3
BACKOFF_S = 2
JITTER = 0.5

Result = TypeVar("Result")


class FlowRunner:
    """Carries out the parts of a run as flows and tasks, in this thread. ``conflict``: a lost race for the release."""

    def __init__(self, project: str) -> None:
        self._project = project
        self.conflict: ReleaseConflict | None = None

    def layer(self, layer: Until, work: Callable[[], None]) -> None:
        """A layer as a flow of its own."""

        def run_layer() -> None:
            work()

        name = layer.value
        Flow(run_layer, name=name, flow_run_name=f"{name} {self._project}", persist_result=False)()

    def step(self, name: str, work: Callable[[], Result]) -> Result:
        """A step as a task: tried again, later and later, after errors that may pass; after others it fails at once."""

        def run_step() -> Result:
            return work()

        task = Task(
            run_step,
            name=name,
            task_run_name=name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=RETRIES,
            retry_delay_seconds=exponential_backoff(BACKOFF_S),
            retry_jitter_factor=JITTER,
            retry_condition_fn=may_pass,
        )
        try:
            with TagsContext(current_tags=set()):  # tags would cost each task a question to the server
                return task()
        except ReleaseConflict as conflict:
            self.conflict = conflict
            raise


def may_pass(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a step is worth another attempt."""
    return is_worth_repeating(state.data)


def is_worth_repeating(error: object) -> bool:
    """Whether the same step may succeed later. After a lost race for the release, only a whole run may."""
    return isinstance(error, FilonError) and error.retryable and not isinstance(error, ReleaseConflict)
