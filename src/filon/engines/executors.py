"""Machines beside an engine that run Filon's own functions, where the files are too many for one machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Executors(Protocol):
    """Runs functions on other machines, which have the same Filon."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Call a function for each item; each call is a task.

        A task may be repeated, or run twice at once: only one result of each is returned, and what the others did
        must not matter.

        Args:
            function: a function of one of Filon's modules, or a ``partial`` of one
            items: what it is called with, values of Filon's classes

        Returns:
            The results, values of Filon's classes, in the order of the items.

        Raises:
            FilonError: a call raised it, every time that it was tried
            EngineError: the machines do not have what Filon needs, or failed otherwise

        """

    def check(self) -> None:
        """EngineError unless the machines have what Filon needs."""
