"""Run the layers of a run as flows of Prefect, and its steps as tasks."""

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
    """A StepRunner that runs layers as flows and steps as tasks, in this thread.

    ``conflict`` is set when another run published a release first.
    """

    def __init__(self, project: str) -> None:
        self._project = project
        self.conflict: ReleaseConflict | None = None

    def layer(self, layer: Until, work: Callable[[], None]) -> None:
        """Run a layer as a flow of its own."""

        def run_layer() -> None:
            work()

        name = layer.value
        Flow(run_layer, name=name, flow_run_name=f"{name} {self._project}", persist_result=False)()

    def step(self, name: str, work: Callable[[], Result]) -> Result:
        """Run a step as a task, with exponential backoff after retryable errors; other errors fail it at once."""

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
            retry_condition_fn=should_retry,
        )
        try:
            with TagsContext(
                current_tags=set()
            ):  # with tags, each task would query the server for their concurrency limits
                return task()
        except ReleaseConflict as conflict:
            self.conflict = conflict
            raise


def should_retry(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether a failed step is tried again, as Prefect asks it."""
    return is_worth_repeating(state.data)


def is_worth_repeating(error: object) -> bool:
    """Whether the same step may succeed later; after a ReleaseConflict, only another run can."""
    return isinstance(error, FilonError) and error.retryable and not isinstance(error, ReleaseConflict)
