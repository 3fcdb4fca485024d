"""What a run reads and writes, told to those who draw lineage as it happens.

Nothing of OpenLineage is imported here: who sends no events does not pay for it.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filon.errors import ConfigError, FilonError
from filon.lake import Build, CheckResult, FileVersion, Lake, Release, Sources
from filon.project import Dataset, Project
from filon.serving.protocol import Store
from filon.serving.state import LoadReport
from filon.settings import Settings
from filon.stages.context import RunListener

NOWHERE = "none"
CONFIGURED_BY = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG")
TRANSPORT_PREFIX = "OPENLINEAGE__TRANSPORT"
CONFIG_FILE = "openlineage.yml"
NOT_INSTALLED = "the client of OpenLineage is not installed: pip install 'filon[openlineage]'"


class Trace:
    """Is told what a run reads and writes, and tells nobody; ``problem`` is why, where somebody should hear.

    What sends it on overrides the methods, and does not make the run wait.
    """

    def __init__(self, problem: str | None = None) -> None:
        self._problem = problem

    def listening(self, listener: RunListener) -> RunListener:
        """A listener that passes on what it hears, and learns when tables begin, and which fail."""
        return listener

    def received(self, dataset: Dataset, bronze: Build, versions: Sequence[FileVersion]) -> None:
        """The records of files are a dataset's bronze table."""

    def built(self, outputs: Sequence[Build], inputs: Sequence[Build]) -> None:
        """Tables were made from others; the first of them names the job."""

    def ended(self, problem: str | None, release: Release | None) -> None:
        """The run ended; ``problem`` is why it failed."""

    def checked(self, builds: Sequence[Build], checks: Sequence[CheckResult]) -> None:
        """The tables were checked."""

    def loaded(self, release: Release, load: LoadReport) -> None:
        """A store was brought to a release."""

    def published(self, before: Release | None, after: Release | None) -> None:
        """A release was published in place of another one, without a run."""

    def close(self) -> str | None:
        """Wait a little for what is still to be sent; returns why some of it did not arrive."""
        return self._problem


@contextmanager
def tracing(
    settings: Settings,
    project: Project,
    lake: Lake,
    sources: Sources | None,
    store: Store | None,
    *,
    run_id: str,
    now: dt.datetime,
    command: str = "",
) -> Iterator[Trace]:
    """A trace of a run, or of another command that publishes a release; its end is told when an error ends it.

    Args:
        settings: say where events go
        project: the project
        lake: where its tables are
        sources: where its files arrive; None for a command that reads none
        store: the store that is loaded
        run_id: the id of the run
        now: its start, in UTC
        command: the command, of one that is no run

    Raises:
        ConfigError: the settings ask for events, and what sends them is not installed

    """
    trace = _open(settings, project, lake, sources, store, run_id, now, command)
    try:
        yield trace
    except FilonError as error:
        trace.ended(str(error), None)
        trace.close()
        raise
    except BaseException as error:  # Ctrl-C, or a fault of Filon
        trace.ended(type(error).__name__, None)
        trace.close()
        raise


@contextmanager
def tracing_command(
    settings: Settings, project: Project, lake: Lake, store: Store | None, *, command: str, now: dt.datetime
) -> Iterator[Trace]:
    """A trace of a command that may publish a release without a run; what it published is told at its end."""
    if not is_wanted(settings.openlineage):
        yield Trace()
        return
    # documents of an erasure that was killed may not fit each other
    before = lake.release() if not lake.erasures.unfinished() else None
    run_id = f"{command}-{now:%Y%m%dT%H%M%S.%f}"
    with tracing(settings, project, lake, None, store, run_id=run_id, now=now, command=command) as trace:
        yield trace
        after = lake.release()
        trace.published(before, after)
        trace.ended(None, after)


def _open(
    settings: Settings,
    project: Project,
    lake: Lake,
    sources: Sources | None,
    store: Store | None,
    run_id: str,
    now: dt.datetime,
    command: str,
) -> Trace:
    if not is_wanted(settings.openlineage):
        return Trace()
    try:
        from filon.pipeline.openlineage.sending import Sender
        from filon.pipeline.openlineage.trace import OpenLineageTrace
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] != "openlineage":
            raise
        if settings.openlineage is not None:
            raise ConfigError(f"FILON_OPENLINEAGE is set, but {NOT_INSTALLED}") from None
        return Trace(NOT_INSTALLED)
    sender = Sender(settings.openlineage)
    return OpenLineageTrace(sender, project, lake, sources, store, run_id=run_id, now=now, command=command)


def is_wanted(setting: str | None) -> bool:
    """Whether events are wanted: by Filon's setting, else by a configuration of OpenLineage's own."""
    if setting == NOWHERE or os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    named = any(os.environ.get(name) for name in CONFIGURED_BY)
    named = named or any(name.startswith(TRANSPORT_PREFIX) for name in os.environ)
    files = (Path(CONFIG_FILE), Path("~/.openlineage").expanduser() / CONFIG_FILE)
    # a home that may not be entered configures nothing, and is no error; Path.is_file would raise one
    return setting is not None or named or any(os.path.isfile(file) for file in files)  # noqa: PTH113
