"""The engines that the conformance suite runs on, each as one parameter: a new one is a new line here."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from filon.engines import Engine, LocalReader
from filon.lake import Location
from filon.pipeline.engine import Backends
from filon.project.functions import words
from filon.project.loader import load_project
from filon.projects import retail
from filon.settings import Settings
from tests.integration.conftest import free_ports
from tests.integration.servers.spark import SparkServer

AS_OF = dt.date(2026, 1, 31)


Start = Callable[[], str]
"""Starts a Spark server when it is first called, and gives its address."""


def _duckdb(_: Start) -> Settings:
    return Settings(threads=2)


def _spark(start: Start) -> Settings:
    return Settings(engine="spark", spark_remote=start())


ENGINES: dict[str, Callable[[Start], Settings]] = {"duckdb": _duckdb, "spark": _spark}
LACKS: dict[str, frozenset[str]] = {
    "spark": words(
        """
        damerau_levenshtein hamming jaccard jaro_similarity jaro_winkler_similarity printf regexp_escape
        url_decode url_encode even factorial fdiv fmod gamma gcd greatest_common_divisor lcm
        least_common_multiple levenshtein lgamma nextafter round_even roundbankers signbit age julian make_time
        make_timestamptz time_bucket list_avg list_intersect list_median list_product list_sum list_zip
        map_from_entries json_array_length json_contains json_exists json_extract json_keys json_type json_valid
        json_value to_json approx_count_distinct entropy favg fsum geomean geometric_mean histogram kahan_sum
        kurtosis kurtosis_pop mad mode product regr_count sem skewness sumkahan weighted_avg
        """
    )
}
"""Functions of common SQL that an engine refuses, since it cannot give what DuckDB gives."""
SKIPPED = os.environ.get("FILON_TEST_SKIP", "").split(",")
GIVEN = os.environ.get("FILON_TEST_SPARK")
"""The address of a server that runs already."""


@dataclass(frozen=True)
class Ground:
    """Where an engine works: a workspace, and a place for tables."""

    workspace: Path
    tables: Location


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Folders whose names need quoting."""
    root = tmp_path_factory.mktemp("it's [a] *place*")
    (root / "work").mkdir()
    (root / "tables").mkdir()
    return Ground(root / "work", Location((root / "tables").as_uri()))


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest, ground: Ground, spark_start: Start) -> Iterator[Engine]:
    """An engine for the retail project: French names, days in Paris."""
    settings = ENGINES[request.param](spark_start)
    engine = Backends(settings, ground.workspace, [ground.tables]).make_engine(load_project(retail.FOLDER), AS_OF)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def spark_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Gives the address of a Spark server: that of FILON_TEST_SPARK if it is set, else one that is started once."""
    servers: list[SparkServer] = []

    def start() -> str:
        if "spark" in SKIPPED:
            pytest.skip("FILON_TEST_SKIP names spark")
        if GIVEN:
            return GIVEN
        if not servers:
            servers.append(SparkServer(tmp_path_factory.mktemp("spark"), free_ports(1)[0]))
            servers[0].start()
        return servers[0].remote

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def spark_remote(spark_start: Start) -> str:
    """The address of a Spark server."""
    return spark_start()


@pytest.fixture(scope="session")
def reader(ground: Ground) -> Iterator[LocalReader]:
    """The reader of files, without an engine beside it."""
    reader = Backends(Settings(threads=2), ground.workspace, [ground.tables]).make_reader()
    yield reader
    reader.close()


@pytest.fixture
def table(ground: Ground, request: pytest.FixtureRequest) -> Location:
    """A folder that no other test writes to."""
    return ground.tables / f"t{abs(hash(request.node.nodeid)):x}"
