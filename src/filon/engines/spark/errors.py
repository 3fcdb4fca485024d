"""What Spark says when something fails, as Filon's errors: one line, and never a stack of the JVM."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from filon.engines.protocol import StatementInvalid
from filon.engines.spark.packages import errors_of_spark, grpc_error
from filon.errors import EngineError, EngineExhausted, LakeUnavailable

LABEL = re.compile(r"^\[[A-Z0-9_.]+\]\s*|^\([\w.]+\)\s*")
STATE = re.compile(r"\s*SQLSTATE: \w+.*$", re.DOTALL)
LONGEST = 500
EXHAUSTED = ("OutOfMemory", "No space left on device", "SparkOutOfMemoryError", "exceeds spark.driver.maxResultSize")
OF_STORE = ("s3a://", "AmazonS3", "SdkClientException", "AWSClientIOException", "AWSServiceIOException")
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
    if any(word in text for word in EXHAUSTED):
        return EngineExhausted(message)
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


def first_line(error: Exception) -> str:
    """What is wrong, without the codes around it."""
    line = str(error).strip().split("\n", 1)[0]
    line = STATE.sub("", LABEL.sub("", LABEL.sub("", line))).strip()
    return (line if len(line) <= LONGEST else f"{line[:LONGEST]}…") or type(error).__name__


def _line(text: str) -> int:
    found = re.search(r"\bline (\d+)(?:,| pos)", text)
    return int(found[1]) if found else 1
