"""The packages that the engine needs, imported when it is used: they are an extra, and slow to import."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from filon.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession


LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
"""They write each error with the stack of the JVM to the console; who asked gets the error as an exception too."""


def session_class() -> type[SparkSession]:
    """The class of sessions of Spark Connect; ConfigError when the package is not there."""
    with warnings.catch_warnings(), _with_a_file():
        # pandas comes with the dashboard, and no value of Filon's passes through it
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
        try:
            from pyspark.sql.connect.session import SparkSession
        except ImportError as error:
            raise ConfigError(
                f"the engine spark needs the extra filon[spark] ({error}): "
                "pip install 'filon[spark]', or choose --engine duckdb"
            ) from error
    from pyspark.logger import PySparkLogger

    for logger in LOGGERS:
        PySparkLogger.getLogger(logger).disabled = True
    return SparkSession


@contextmanager
def _with_a_file() -> Iterator[None]:
    """Give the main module a file: Spark takes one that has none, as with ``python -c``, for its own doctests."""
    main = sys.modules["__main__"]
    if hasattr(main, "__file__"):
        yield
        return
    main.__file__ = ""
    try:
        yield
    finally:
        del main.__file__


def errors_of_spark() -> ModuleType:
    """The module of Spark's exceptions."""
    import pyspark.errors

    return pyspark.errors


def grpc_error() -> type[Exception]:
    """What the connection raises."""
    import grpc  # type: ignore[import-untyped]

    found: type[Exception] = grpc.RpcError
    return found
