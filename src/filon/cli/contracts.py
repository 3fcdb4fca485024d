"""``filon check --against``: changes of contracts since a release, as text and as JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filon.differences.change import ContractChange, Reached
from filon.errors import ConfigError, Problem, ReleaseMissing

if TYPE_CHECKING:
    from filon.lake import Lake
    from filon.project import Project

LATEST = "latest"
MOST_NAMED = 6


@dataclass(frozen=True)
class Compared:
    """What changed since a release; what versions have to say of it is refused, or only warned of."""

    release: int
    changes: tuple[ContractChange, ...]
    refused: list[Problem]
    warned: list[Problem]


def compare_with(lake: Lake, project: Project, release: str, today: dt.date) -> Compared:
    """Compare a project with what a release recorded of it.

    Args:
        lake: where releases are
        project: the project of today
        release: a number, or ``latest``
        today: the date that a sunset is compared with

    Raises:
        ConfigError: this is no number, or the release was published by a version of Filon that recorded nothing
        ReleaseMissing: there is no such release

    """
    from filon.differences.contracts import changes_since, version_problems

    if release != LATEST and not (release.isascii() and release.isdigit()):
        raise ConfigError(f"--against {release} is no release; give a number, or {LATEST}")
    numbers = lake.releases.numbers()
    found = lake.release(None if release == LATEST else int(release)) if numbers else None
    if found is None:
        raise ReleaseMissing(0 if release == LATEST else int(release), numbers)
    if found.surface is None:
        raise ConfigError(
            f"release {found.number} does not say what its contracts were: it comes from an older version of Filon. "
            "`filon run --force` publishes one that does"
        )
    changes = changes_since(found.surface, project)
    return Compared(found.number, changes, *version_problems(project, found.surface, changes, today))


def change_lines(changes: Iterable[ContractChange]) -> Iterator[str]:
    """A line for each change, and one below for what it reaches."""
    listed = list(changes)
    width = max((len(change.table) for change in listed), default=0)
    for change in listed:
        yield f"{change.effect:<10}  {change.table:<{width}}  {change.what}"
        if reached := _reached(change.reached):
            yield f"{'':<12}reaches {reached}"


def _reached(reached: Reached) -> str:
    parts = ((word, names) for word, names in reached if names)
    return "; ".join(f"{word} {_listed(names)}" for word, names in parts)


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def change_facts(change: ContractChange) -> dict[str, object]:
    """A change as JSON has it."""
    return {**change.model_dump(mode="json"), "what": change.what}
