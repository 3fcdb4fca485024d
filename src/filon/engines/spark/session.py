"""One session on a server of Spark Connect, with the settings on which the meaning of statements depends."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from filon.engines.spark.errors import translated
from filon.engines.spark.packages import session_class
from filon.errors import ConfigError, EngineError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyspark.sql.connect.dataframe import DataFrame as ConnectFrame
    from pyspark.sql.connect.shell.progress import ProgressHandler, StageInfo
    from pyspark.sql.dataframe import DataFrame

PORT = 15002
ANSWER_S = 20
OLDEST = (4, 2)
"""Older servers lack functions that statements are spelled with."""
SETTINGS = {
    "spark.sql.ansi.enabled": "true",  # what cannot be computed or cast is an error
    "spark.sql.storeAssignmentPolicy": "ANSI",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "false",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    # products of decimals keep every digit, or fail
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
    # it grows exponentially with columns that have several names
    "spark.sql.constraintPropagation.enabled": "false",
    # files of the lake hold ten times as much as their bytes: a task reads some two million records
    "spark.sql.files.maxPartitionBytes": "16m",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.writeLegacyFormat": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}
PLAIN_ESCAPES = "spark.sql.parser.escapedStringLiterals"
"""A setting that Spark warns of when it is made; its default is the one that statements are spelled for."""


def _require_listening(remote: str) -> None:
    """Somebody listens at the address: Spark's client itself would try for a quarter of an hour."""
    parts = urlsplit(remote)
    try:
        address = (parts.hostname or "", parts.port or PORT)
        socket.create_connection(address, timeout=ANSWER_S).close()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"no Spark server answers at {remote} ({error}). Start one (start-connect-server.sh), or set "
            "FILON_SPARK_REMOTE to its address, such as sc://host:15002"
        ) from error


class SparkConnection:
    """A session of its own on the server at ``remote``, such as ``sc://host:15002``; closed once."""

    def __init__(self, remote: str) -> None:
        self._remote = remote
        self._progress: float | None = None
        _require_listening(remote)
        create = session_class().builder.remote(remote).create
        with self.translated():
            self.session = create()
            version = self.session.version
            self._set_up()
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
            self.close()
            raise EngineError(
                f"the Spark server at {remote} is of version {version}; "
                f"Filon needs {'.'.join(map(str, OLDEST))} or newer"
            )
        self.session.registerProgressHandler(cast("ProgressHandler", self._note))

    def _set_up(self) -> None:
        for name, value in SETTINGS.items():
            self.session.conf.set(name, value)
        if self.session.conf.get(PLAIN_ESCAPES) != "false":
            raise EngineError(f"the Spark server at {self._remote} has {PLAIN_ESCAPES} set; leave it unset, or false")

    def translated(self) -> AbstractContextManager[None]:
        """Errors of Spark become Filon's."""
        return translated(self._remote)

    def frame(self, query: str) -> DataFrame:
        """A query, to be run when it is asked for its rows."""
        from pyspark.sql.connect.dataframe import DataFrame as ConnectFrame
        from pyspark.sql.connect.plan import SQL

        # `session.sql` asks the server at once whether the text is a command, which takes as long as an analysis
        return ConnectFrame(SQL(query), self.session)

    def keep(self, query: str) -> DataFrame:
        """Run a query and keep its rows, each part on the disks of two executors, without the query."""
        from pyspark.storagelevel import StorageLevel

        with self._as_active():
            return self.frame(query).localCheckpoint(storageLevel=StorageLevel.DISK_ONLY_2)

    @contextmanager
    def _as_active(self) -> Iterator[None]:
        """The thread's active session is this one meanwhile: to that one, Spark's client ascribes what was kept."""
        local = type(self.session)._active_session  # noqa: SLF001 (no public method sets it)
        before = getattr(local, "session", None)
        local.session = self.session
        try:
            yield
        finally:
            local.session = before

    def execute(self, command: str) -> None:
        """Run a command, which gives no rows."""
        self.session.sql(command)

    def tables(self, query: str) -> Iterator[pa.Table]:
        """The rows of a query, as they come."""
        import pyarrow as pa

        client, frame = self.session.client, cast("ConnectFrame", self.frame(query))
        plan = frame._plan  # noqa: SLF001 (no public method gives the batches of a result one by one)
        for part in client.to_table_as_iterator(plan.to_proto(client), plan.observations):
            if isinstance(part, pa.Table):
                yield part

    def _note(
        self, stages: Iterable[StageInfo] | None, inflight_tasks: int, operation_id: str | None, done: bool
    ) -> None:
        del inflight_tasks, operation_id
        stages = list(stages or ())
        total = sum(stage.num_tasks for stage in stages)
        self._progress = sum(stage.num_completed_tasks for stage in stages) / total if total and not done else None

    def progress(self) -> float | None:
        """The share of the tasks of the running statement that are done."""
        return self._progress

    def close(self) -> None:
        """End the session; the server drops its views and caches. Safe to repeat."""
        self.session.stop()
