"""The layers of a run, and the protocol of what executes its steps."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, TypeVar

Result = TypeVar("Result")


class Until(StrEnum):
    """The layers of a run in their order, and where a run may stop."""

    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"
    RELEASE = "release"
    SERVING = "serving"

    def includes(self, layer: Until) -> bool:
        """Whether a run that stops here carries out a layer."""
        order = list(Until)
        return order.index(layer) <= order.index(self)


class StepRunner(Protocol):
    """Executes layers and steps in the order in which they are given.

    A failed part raises its error. An implementation may try it again: every part is safe to repeat.
    """

    def layer(self, layer: Until, work: Callable[[], None]) -> None:
        """Execute a layer; ``work`` calls ``step`` for each step in it."""

    def step(self, name: str, work: Callable[[], Result]) -> Result:
        """Execute a step, such as building a table, and return its result."""


class DirectRunner:
    """A StepRunner that calls each part once."""

    def layer(self, layer: Until, work: Callable[[], None]) -> None:  # noqa: ARG002
        """Execute a layer."""
        work()

    def step(self, name: str, work: Callable[[], Result]) -> Result:  # noqa: ARG002
        """Execute a step."""
        return work()
