"""Work on several items side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from threading import Event

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> list[Result]:
    """The results of work on each item, in their order, in at most so many threads; a single item needs none."""
    listed = list(items)
    if min(threads, len(listed)) < 2:
        return [work(item) for item in listed]
    from concurrent.futures import ThreadPoolExecutor  # slow to import, for commands that have no such work

    with ThreadPoolExecutor(min(threads, len(listed))) as pool:
        return list(pool.map(work, listed))


def until_set(stopped: Event, items: Iterable[Item]) -> Iterator[Item]:
    """The items; CancelledError in place of the next one once the event is set."""
    from concurrent.futures import CancelledError  # as above

    for item in items:
        if stopped.is_set():
            raise CancelledError
        yield item
