"""The tables of the lake that rows of a store are computed from: before, now, and what changed in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from filon.engines import Engine
from filon.engines.changes import ChangeLog
from filon.lake import Build, Lake, Layer, Release
from filon.serving.affected import Versions
from filon.serving.feeds import Feed
from filon.serving.state import InputBuild, TableState

NEW, OLD = "served now", "served before"


def inputs_of(builds: Iterable[Build]) -> tuple[InputBuild, ...]:
    """What stores remember of builds."""
    return tuple(InputBuild(table=item.table, fingerprint=item.fingerprint, rows=item.rows) for item in builds)


def builds_of(feed: Feed, release: Release) -> tuple[Build, ...]:
    """The builds of a release that a feed is computed from, in the order of its inputs."""
    builds = (release.named(name) for name in feed.inputs)
    return tuple(build for build in builds if build is not None)


class FeedInputs:
    """The inputs of feeds as tables of the engine."""

    def __init__(self, lake: Lake, engine: Callable[[], Engine], changes: ChangeLog) -> None:
        self._lake = lake
        self._engine = engine
        self._changes = changes

    def bind(self, feed: Feed, side: str, builds: Sequence[Build]) -> dict[str, str]:
        """Make tables of builds; ``side`` is ``NEW`` or ``OLD``. Returns the name of each, by input."""
        bound = {}
        for name, build in zip(feed.inputs, builds, strict=True):
            bound[name] = f"{side} {name}"
            self._engine().bind(bound[name], self._lake.paths(build), build.columns)
        return bound

    def find_known(self, feed: Feed, before: TableState, builds: Sequence[Build]) -> tuple[Build, ...]:
        """What the rows of the load before were computed from, as the lake has it.

        Empty when they cannot be compared: contracts would compute others today, or the lake has some no more.
        """
        if before.recipe != feed.recipe:
            return ()
        released = {(build.table, build.fingerprint): build for build in builds}
        layers = {build.table: build.layer for build in builds}
        known = []
        for item in before.builds:
            build = released.get((item.table, item.fingerprint)) or self._lake.find_build(
                layers.get(item.table, Layer.GOLD), item.table, item.fingerprint
            )
            if build is None:
                return ()
            known.append(build)
        return tuple(known)

    def versions(self, feed: Feed, known: Sequence[Build], builds: Sequence[Build]) -> Versions | None:
        """The inputs before and now with what changed in each; None when that is not known of one."""
        changes = {}
        for name, before, build in zip(feed.inputs, known, builds, strict=True):
            found = self._changes.since(before.fingerprint, build)
            if found is None:
                return None
            changes[name] = found
        return Versions(self.bind(feed, OLD, known), self.bind(feed, NEW, builds), changes)

    def drop(self, feed: Feed) -> None:
        """Forget the tables of a feed."""
        self._engine().drop(f"{side} {name}" for side in (NEW, OLD) for name in feed.inputs)
