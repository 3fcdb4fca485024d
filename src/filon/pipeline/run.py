"""One run from sources to a served release: the composition root.

``run_pipeline`` opens the resources of a run, and ``PipelineRun`` carries out its layers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from filon.errors import (
    ErasureUnfinished,
    FilonError,
    LakeError,
)
from filon.lake import Lake, Sources, new_run_id
from filon.pipeline.alerting import RunOutcome, tell_alerts
from filon.pipeline.cluster import make_workers
from filon.pipeline.engine import open_backends
from filon.pipeline.layers import PipelineRun, Review
from filon.pipeline.report import RunReport, RunStatus, with_alerts
from filon.pipeline.run_history import record_alerts
from filon.pipeline.runner import DirectRunner, StepRunner, Until
from filon.pipeline.tracing import Trace, tracing
from filon.project import Project
from filon.project.guard import GuardRule
from filon.serving.protocol import Store
from filon.settings import Settings, bytes_of
from filon.stages.context import Context, Inputs, NullListener, RunListener
from filon.stages.limits import Limits


def run_pipeline(
    settings: Settings,
    project: Project,
    lake: Lake,
    sources: Sources,
    store: Store | None = None,
    *,
    as_of: dt.date,
    now: dt.datetime,
    until: Until = Until.SERVING,
    force: bool = False,
    retry_quarantined: bool = False,
    plan: Sequence[GuardRule] | None = None,
    listener: RunListener | None = None,
    runner: StepRunner | None = None,
) -> RunReport:
    """Bring the published tables, and the store, up to date with the sources.

    Args:
        settings: memory, threads, workspace, limits of files, releases that the store keeps
        project: contracts and models
        lake: where tables and documents are kept; created when it is not there
        sources: where the project's files arrive
        store: the store to load; None to publish only
        as_of: the date that rules and models compare with
        now: the start of the run, in UTC; its run id begins with it
        until: the last layer that is carried out
        force: hash every file again, try quarantined files again, build silver and gold anew
        retry_quarantined: try quarantined files again
        plan: stop before the release, and report what it would change and which of these rules that breaks
        listener: told about each table as it is started and finished
        runner: carries out the steps; directly, one after the other, if not given

    Returns:
        The report, also of a run that failed.

    Raises:
        FilonError: nothing could be started: the lake cannot be opened, or the sources cannot be listed

    """
    _finish_erasures(settings, project, lake, sources, store, now, is_run=plan is None)
    inputs = Inputs(
        new_run_id(now), now, as_of, settings.engine, force=force, retry_quarantined=retry_quarantined or force
    )
    with (
        _telling_alerts(settings, project, lake, store, now, is_run=plan is None) as tell,
        _tracing(settings, project, lake, sources, store, inputs, is_run=plan is None) as trace,
    ):
        with open_backends(settings, [*lake.places, *sources.places]) as backends:
            context = Context(
                project=project,
                lake=lake,
                inputs=inputs,
                workspace=backends.workspace,
                make_reader=backends.make_reader,
                make_engine=lambda: backends.make_engine(project, as_of),
                listener=trace.listening(listener or NullListener()),
                limits=Limits(bytes_of(settings.max_unpacked_size), settings.max_ratio),
            )
            workers = make_workers(context, sources, backends)
            rules = project.guard if settings.guard else ()
            review = Review(rules if plan is None else plan, publishes=plan is None)
            run = PipelineRun(
                context, sources, workers, store, runner or DirectRunner(), until, settings.serving_keep, review, trace
            )
            try:
                report = run.execute()
            finally:
                context.close()
        try:
            report = tell(run.keep(report))
        except LakeError as error:  # the report is returned all the same; its error says that the lake does not have it
            report = _failed(report, f"the report of this run could not be kept: {error}")
        trace.ended(report.error if report.status is RunStatus.FAILED else None, run.current_release)
        return report.model_copy(update={"untraced": trace.close()})


def _finish_erasures(
    settings: Settings,
    project: Project,
    lake: Lake,
    sources: Sources,
    store: Store | None,
    now: dt.datetime,
    *,
    is_run: bool,
) -> None:
    """Erase whom a killed process was erasing; a plan, which knows no store, leaves that to a run."""
    if not lake.erasures.unfinished():
        return
    if not is_run:
        raise ErasureUnfinished
    from filon.pipeline.forgetting.erase import Forgetting  # brings what explains figures, which hardly a run needs

    Forgetting(settings, project, lake, sources, store).finish(now)


def _tracing(
    settings: Settings,
    project: Project,
    lake: Lake,
    sources: Sources,
    store: Store | None,
    inputs: Inputs,
    *,
    is_run: bool,
) -> AbstractContextManager[Trace]:
    """A trace of a run. Of a plan there is none: the run after it tells of the tables that it made."""
    if not is_run:
        return nullcontext(Trace())
    return tracing(settings, project, lake, sources, store, run_id=inputs.run_id, now=inputs.now)


def _failed(report: RunReport, problem: str) -> RunReport:
    """The report of a run with one more reason why it failed."""
    both = f"{report.error}\n{problem}" if report.error else problem
    return report.model_copy(update={"status": RunStatus.FAILED, "error": both})


@contextmanager
def _telling_alerts(
    settings: Settings, project: Project, lake: Lake, store: Store | None, now: dt.datetime, *, is_run: bool
) -> Iterator[Callable[[RunReport], RunReport]]:
    """Tell people of the alerts of a project at the end of a run, also of one that could not be started.

    Gives what notes in a report which alerts hold. A plan tells nobody.
    """

    def tell(report: RunReport) -> RunReport:
        if not project.alerts or not is_run:
            return report
        problem = report.error if report.status is RunStatus.FAILED else None
        try:
            book = tell_alerts(settings, project, lake, now, RunOutcome(problem))
        except FilonError as error:
            return _failed(report, f"the alerts of the project could not be looked at: {error}")
        unrecorded = report.unrecorded or (record_alerts(store, book, now) if store is not None else None)
        return with_alerts(report.model_copy(update={"unrecorded": unrecorded}), book)

    try:
        yield tell
    except FilonError as error:
        if project.alerts and is_run:
            with suppress(FilonError):  # that of the run says more, and is raised
                book = tell_alerts(settings, project, lake, now, RunOutcome(str(error)))
                if store is not None:
                    record_alerts(store, book, now)
        raise
