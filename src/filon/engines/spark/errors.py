"""What Spark says when something fails, as Filon's errors: one line, and never a stack of the JVM."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import filon.errors
from filon.engines.protocol import StatementInvalid
from filon.engines.spark.packages import errors_of_spark, grpc_error
from filon.errors import EngineError, EngineExhausted, LakeRefused, LakeUnavailable, SourcesMissing, SourcesUnavailable

LABEL = re.compile(r"^\[[A-Z0-9_.]+\]\s*|^\([\w.]+\)\s*")
STATE = re.compile(r"\s*SQLSTATE: \w+.*$", re.DOTALL)
LONGEST = 500
EXHAUSTED = ("OutOfMemory", "No space left on device", "SparkOutOfMemoryError", "exceeds spark.driver.maxResultSize")
NO_S3 = re.compile(r"(?:ClassNotFoundException|NoClassDefFoundError): .*(?:s3a|amazon)", re.IGNORECASE)
OF_STORE = ("s3a://", "AmazonS3", "SdkClientException", "AWSClientIOException", "AWSServiceIOException")
OTHER_PYTHON = re.compile(r"Python in worker has different version: (\S+) than that in driver: (\S+), ")
NO_MODULE = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'", re.MULTILINE)
NO_PACKAGE = re.compile(r"\[PACKAGE_NOT_INSTALLED\] (\w+)")
RAISED = re.compile(r"^filon\.errors\.(\w+): (.*)", re.MULTILINE)
FAILED = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\w.*)", re.MULTILINE)
OF_TASKS = (LakeUnavailable, LakeRefused, SourcesUnavailable, SourcesMissing)
"""Errors that a message is enough to make, and that whoever repeats a run tells apart."""
GONE = ("UNAVAILABLE", "INVALID_HANDLE.SESSION", "DEADLINE_EXCEEDED")


@contextmanager
def translated(remote: str) -> Iterator[None]:
    """Errors of Spark become Filon's; ``remote`` is the address of the server."""
    errors = errors_of_spark()
    try:
        yield
    except (errors.AnalysisException, errors.ParseException) as error:
        raise StatementInvalid(first_line(error), _line(str(error))) from error
    except (errors.PySparkException, grpc_error()) as error:
        raise _as_filon(error, remote) from error


def _as_filon(error: Exception, remote: str) -> Exception:
    text, message = str(error), first_line(error)
    if of_task := task_error(text):
        return of_task
    if any(word in text for word in EXHAUSTED):
        return EngineExhausted(message)
    if NO_S3.search(text):
        return EngineError(
            f"the Spark server cannot reach S3, since it lacks a part of hadoop-aws ({message}). Start it with "
            "hadoop-aws of the version of its Hadoop, see docs/scaling.md; or keep the lake in a folder"
        )
    if any(word in text for word in GONE):
        return EngineError(
            f"the Spark server at {remote} does not answer, or has ended the session: {message}. "
            "Check that it runs and that FILON_SPARK_REMOTE names it; then run again."
        )
    if any(word in text for word in OF_STORE):
        return LakeUnavailable(
            f"the object store failed: {message}. "
            "Check that it runs, and the settings of s3a on the Spark server; then run again."
        )
    return EngineError(message)


def task_error(text: str) -> Exception | None:
    """What a function of Filon raised on an executor, or why it could not be called there."""
    if versions := OTHER_PYTHON.search(text):
        theirs, own = versions.groups()
        return EngineError(
            f"Spark's executors run Python {theirs}, and Filon runs on {own} here: both must be of one minor version, "
            "since Filon's functions travel between them. PYSPARK_PYTHON of the cluster says which one it takes."
        )
    if lacking := (NO_MODULE.search(text) or NO_PACKAGE.search(text)):
        return EngineError(
            f"the Python of Spark's executors lacks {lacking[1]}; install there what Filon needs: pip install filon"
        )
    if raised := RAISED.search(text):
        kind = getattr(filon.errors, raised[1], EngineError)
        message = raised[2].strip()
        return cast("Exception", kind(message) if kind in OF_TASKS else EngineError(message))
    if failed := FAILED.search(text):
        return EngineError(f"a task failed on an executor of Spark: {failed[1].strip()}")
    return None


def first_line(error: Exception) -> str:
    """What is wrong, without the codes around it."""
    # errors of the connection hold what was said between codes and addresses
    said = error.details() if isinstance(error, grpc_error()) and hasattr(error, "details") else str(error)
    line = (said or "").strip().split("\n", 1)[0]
    line = STATE.sub("", LABEL.sub("", LABEL.sub("", line))).strip()
    return (line if len(line) <= LONGEST else f"{line[:LONGEST]}…") or type(error).__name__


def _line(text: str) -> int:
    found = re.search(r"\bline (\d+)(?:,| pos)", text)
    return int(found[1]) if found else 1
