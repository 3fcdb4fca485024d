"""Jobs and their runs: a START when the work begins, and a COMPLETE, FAIL or ABORT when it ends."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    JobFacet,
    RunFacet,
    documentation_job,
    error_message_run,
    job_type_job,
    processing_engine_run,
    sql_job,
)
from openlineage.client.uuid import generate_static_uuid

from filon.pipeline.openlineage.facets import PRODUCER, parent_facet, tags
from filon.pipeline.openlineage.sending import Sender, without_secrets
from filon.sql import DIALECT
from filon.version import __version__

DEFAULT_NAMESPACE = "default"


@dataclass
class JobRun:
    """A run of a job; ``name`` is that of the job inside the project, empty for the project's own."""

    name: str
    job: Job
    id: str
    inputs: list[InputDataset] = field(default_factory=list)
    is_begun: bool = False


class Jobs:
    """The jobs of a project in one run of Filon, which is the parent of all their runs.

    Args:
        sender: takes the events
        project: the name of the project, with which the names of its jobs begin
        title: what people call it
        run_id: the id of the run
        now: its start, in UTC
        command: the command, of one that is no run

    """

    def __init__(
        self, sender: Sender, project: str, title: str, *, run_id: str, now: dt.datetime, command: str = ""
    ) -> None:
        self._sender, self._project, self._run_id, self._now = sender, project, run_id, now
        self._namespace = os.environ.get("OPENLINEAGE_NAMESPACE") or DEFAULT_NAMESPACE
        self._top_name = command
        self._attempts: dict[str, int] = {}
        self._open: dict[str, JobRun] = {}
        self._top = self.run(command, "COMMAND" if command else "PIPELINE", title)
        self.begin(self._top)

    def run(self, name: str, kind: str, description: str = "", sql: str = "") -> JobRun:
        """The run of a job that is open, else a new one, of which nothing is sent yet."""
        if name in self._open:
            return self._open[name]
        facets: dict[str, JobFacet] = {
            "jobType": job_type_job.JobTypeJobFacet(
                processingType="BATCH", integration="FILON", jobType=kind, producer=PRODUCER
            )
        }
        if description:
            facets["documentation"] = documentation_job.DocumentationJobFacet(
                description=description, producer=PRODUCER
            )
        if sql:
            facets["sql"] = sql_job.SQLJobFacet(query=sql, dialect=DIALECT, producer=PRODUCER)
        attempt = self._attempts[name] = self._attempts.get(name, 0) + 1
        full = ".".join(filter(None, [self._project, name]))
        run_id = generate_static_uuid(self._now, f"{self._run_id}/{full}/{attempt}".encode())
        return JobRun(name, Job(self._namespace, full, facets), str(run_id))

    def begin(self, run: JobRun) -> None:
        """Send the START of a run, unless it was."""
        if not run.is_begun:
            run.is_begun = True
            self._open[run.name] = run
            self._send(run, RunState.START)

    def complete(self, run: JobRun, inputs: list[InputDataset], outputs: Sequence[OutputDataset]) -> None:
        """Send that a run did its work."""
        run.inputs = inputs
        self.begin(run)
        self._end(run, RunState.COMPLETE, outputs)

    def fail(self, run: JobRun, problem: str, inputs: Sequence[InputDataset] = ()) -> None:
        """Send that a run failed, and why."""
        run.inputs = list(inputs) or run.inputs
        self.begin(run)
        self._end(run, RunState.FAIL, problem=problem)

    def end_all(
        self, state: RunState, problem: str, outputs: Sequence[OutputDataset], facts: Mapping[str, object]
    ) -> None:
        """Send the end of the run of Filon; jobs that are open still were given up."""
        for run in list(self._open.values()):
            if run is not self._top:
                self._end(run, RunState.FAIL if state is RunState.FAIL else RunState.ABORT, problem=problem)
        self._end(self._top, state, outputs, problem, facts)

    def _end(
        self,
        run: JobRun,
        state: RunState,
        outputs: Sequence[OutputDataset] = (),
        problem: str = "",
        facts: Mapping[str, object] | None = None,
    ) -> None:
        del self._open[run.name]
        self._send(run, state, outputs, problem, facts or {})

    def _send(
        self,
        run: JobRun,
        state: RunState,
        outputs: Sequence[OutputDataset] = (),
        problem: str = "",
        facts: Mapping[str, object] | None = None,
    ) -> None:
        self._sender.send(
            RunEvent(
                eventTime=dt.datetime.now(dt.UTC).isoformat(),
                eventType=state,
                run=Run(run.id, self._facets(run, problem, facts or {})),
                job=run.job,
                inputs=run.inputs,
                outputs=list(outputs),
                producer=PRODUCER,
            )
        )

    def _facets(self, run: JobRun, problem: str, facts: Mapping[str, object]) -> dict[str, RunFacet]:
        facets: dict[str, RunFacet] = {
            "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
                version=__version__, name="Filon", openlineageAdapterVersion=__version__, producer=PRODUCER
            ),
            "tags": tags({"run": self._run_id, **facts}),
        }
        own = None if run.name == self._top_name else (self._top.job.namespace, self._top.job.name, self._top.id)
        if (parent := parent_facet(own)) is not None:
            facets["parent"] = parent
        if problem:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
                message=without_secrets(problem), programmingLanguage="PYTHON", producer=PRODUCER
            )
        return facets
