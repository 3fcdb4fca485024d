"""The packages that the engine needs, imported when it is used: they are an extra, and slow to import."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING

from filon.errors import ConfigError

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession


LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
"""They write each error with the stack of the JVM to the console; who asked gets the error as an exception too."""


USED = ("catalog", "conf", "dataframe", "functions", "readwriter", "session", "types")
"""Modules of the client; some are imported by its functions when they are first called."""


@lru_cache(maxsize=1)
def session_class() -> type[SparkSession]:
    """The class of sessions of Spark Connect; ConfigError when the package is not there."""
    with warnings.catch_warnings(), _as_program():
        # pandas comes with the dashboard, and no value of Filon's passes through it
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
        try:
            for module in USED:
                importlib.import_module(f"pyspark.sql.connect.{module}")
        except ImportError as error:
            raise ConfigError(
                f"the engine spark needs the extra filon[spark] ({error}): "
                "pip install 'filon[spark]', or choose --engine duckdb"
            ) from error
    from pyspark.logger import PySparkLogger
    from pyspark.sql.connect.session import SparkSession

    for logger in LOGGERS:
        PySparkLogger.getLogger(logger).disabled = True
    return SparkSession


@contextmanager
def _as_program() -> Iterator[None]:
    """The main module has a file meanwhile: without one, as in ``python -c``, Spark takes it for its own doctests."""
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
