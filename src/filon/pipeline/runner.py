"""Who carries out a run: its layers, one after the other, and the steps in each."""

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
    """Carries out the parts of a run in the order in which they are given.

    A part that fails raises its error. It may be tried again: every part is safe to repeat.
    """

    def layer(self, layer: Until, work: Callable[[], None]) -> None:
        """Carry out a layer: its work asks for the steps in it."""

    def step(self, name: str, work: Callable[[], Result]) -> Result:
        """Carry out one step: a table, or a part of a run that is no table."""


class DirectRunner:
    """Calls each part once."""

    def layer(self, layer: Until, work: Callable[[], None]) -> None:  # noqa: ARG002
        """Carry out a layer."""
        work()

    def step(self, name: str, work: Callable[[], Result]) -> Result:  # noqa: ARG002
        """Carry out one step."""
        return work()
