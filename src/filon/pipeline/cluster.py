"""Files read by the executors of a cluster: each task is the reader of one machine, over a few files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from filon.engines import Executors
from filon.errors import EngineError
from filon.lake import Lake, Layer, Observation, SourceFile, Sources
from filon.pipeline.engine import Backends, open_workspace
from filon.project import Project
from filon.settings import read_settings
from filon.stages.bronze.refusals import FileRejected
from filon.stages.bronze.texts import Incoming, Parsed
from filon.stages.bronze.workers import LocalWorkers, Workers
from filon.stages.context import Context, Inputs
from filon.stages.limits import Limits

TASK_BYTES = 64 << 20
TASK_FILES = 500
"""A task gets small files up to this much together; a larger file is a task of its own."""
THREADS = 1
"""Spark counts a task as one core."""

Facts = Mapping[str, Any]
Sized = TypeVar("Sized", SourceFile, Incoming)


def make_workers(context: Context, sources: Sources, backends: Backends) -> Workers:
    """Who reads the files of a run: the executors of a cluster, or else this process."""
    if backends.make_executors is None:
        return LocalWorkers(context, sources)
    return ClusterWorkers(context, sources, backends.settings.memory_limit, backends.make_executors)


@dataclass(frozen=True)
class Site:
    """What all tasks of a run are told: no credential is among it."""

    project: Project
    lake: str
    sources: Sources
    inputs: Inputs
    limits: Limits
    memory: str


@dataclass(frozen=True)
class ClusterWorkers:
    """The executors of a cluster. They reach sources and lake at the same addresses, with credentials of their own."""

    context: Context
    sources: Sources
    memory: str
    executors: Callable[[], Executors]

    def observe(self, files: Sequence[SourceFile]) -> Iterator[Observation | FileRejected]:
        """The files are hashed where they are read."""
        for found in self._map(_observe, list(_pieces(files, lambda file: (file.size, "")))):
            yield from found

    def parse(self, incoming: Sequence[Incoming]) -> list[Parsed]:
        """The tables of all datasets at once; a table is credited with its files' share of the time."""
        start = time.perf_counter()
        with ExitStack() as timed:
            for name in dict.fromkeys(item.dataset.name for item in incoming):
                timed.enter_context(self.context.timed(Layer.BRONZE, name))
            pieces = list(_pieces(incoming, lambda item: (item.file.size, item.dataset.name)))
            found = [facts for answers in self._map(_parse, pieces) for facts in answers]
        by_number = {item.number: item for item in incoming}
        results = [Parsed(by_number[number], **facts) for number, facts in found]
        spent = sum(result.duration_s for result in results)
        share = (time.perf_counter() - start) / spent if spent else 0.0
        return [replace(result, duration_s=round(result.duration_s * share, 4)) for result in results]

    def _map(self, function: Callable[[Site, Any], Any], pieces: Sequence[object]) -> list[Any]:
        context = self.context
        root = context.lake.root
        site = Site(
            project=context.project,
            lake=root if "://" in root else str(Path(root).expanduser().absolute()),
            sources=self.sources,
            inputs=context.inputs,
            limits=context.limits,
            memory=self.memory,
        )
        return self.executors().map(partial(function, site), pieces) if pieces else []


def _pieces(items: Iterable[Sized], facts_of: Callable[[Sized], tuple[int, str]]) -> Iterator[list[Sized]]:
    """Items in their order, in pieces of one kind and a bounded size; ``facts_of`` gives bytes and kind."""
    piece: list[Sized] = []
    total, last = 0, ""
    for item in items:
        size, kind = facts_of(item)
        if piece and (total + size > TASK_BYTES or len(piece) == TASK_FILES or kind != last):
            yield piece
            piece, total = [], 0
        piece.append(item)
        total, last = total + size, kind
    if piece:
        yield piece


def _observe(site: Site, files: Sequence[SourceFile]) -> list[Observation | FileRejected]:
    """On an executor: the hashes of files."""
    with ExitStack() as opened:
        return list(_local(site, opened).observe(files))


def _parse(site: Site, incoming: Sequence[Incoming]) -> list[tuple[int, Facts]]:
    """On an executor: read files; the results by number of the file version, which the client knows."""
    names = [each.name for each in fields(Parsed) if each.name != "incoming"]
    with ExitStack() as opened:
        results = _local(site, opened).parse(incoming)
    return [(result.incoming.number, {name: getattr(result, name) for name in names}) for result in results]


def _local(site: Site, opened: ExitStack) -> LocalWorkers:
    """The reader of one machine, as a run on it would have it."""
    settings = read_settings(memory_limit=site.memory, threads=THREADS)
    lake = Lake(site.lake)
    for place in (*site.sources.places, lake.layer(Layer.BRONZE)):
        if place.folder is not None and not place.folder.is_dir():
            raise EngineError(
                f"Spark's executors do not see the folder {place.folder}; "
                "mount it on each machine at the same path, or keep sources and lake on S3"
            )
    workspace = opened.enter_context(open_workspace(settings))
    backends = Backends(settings, workspace, [*lake.places, *site.sources.places])
    opened.callback(backends.close)
    context = Context(
        project=site.project,
        lake=lake,
        inputs=site.inputs,
        workspace=workspace,
        make_reader=backends.make_reader,
        make_engine=partial(backends.make_engine, site.project, site.inputs.as_of),
        limits=site.limits,
    )
    return LocalWorkers(context, site.sources)
