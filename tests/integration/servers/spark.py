"""A real server of Spark Connect, of the full package, which tests alone have."""

from __future__ import annotations

import os
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from tests.integration.servers.process import ServerProcess

ROOT = Path(__file__).parents[3]
ENVIRONMENT = ROOT / ".venv-spark"
CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
START_S = 120


class SparkMissing(RuntimeError):
    """The full package of Spark, or Java, is not on this machine."""


def spark_home() -> Path:
    """The folder of the full package: SPARK_HOME, else what ``make test`` installed."""
    if given := os.environ.get("SPARK_HOME"):
        return Path(given)
    found = next(ENVIRONMENT.glob("lib/python*/site-packages/pyspark"), None)
    if found is None:
        raise SparkMissing(
            f"the full package of Spark is not in {ENVIRONMENT.name}: run `make spark`, or set SPARK_HOME"
        )
    return found


def spark_environment(home: Path) -> dict[str, str]:
    """Variables of Spark's processes: all on this machine, and Python as a cluster has it that can run Filon."""
    python = os.environ.get("PYSPARK_PYTHON") or str(ENVIRONMENT / "bin" / "python")
    return {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": python}


@dataclass
class SparkServer(ServerProcess):
    """Spark with two threads in one process, behind Spark Connect."""

    folder: Path
    port: int
    memory: str = "2g"

    @property
    def remote(self) -> str:
        """Its address."""
        return f"sc://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        home = spark_home()
        if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
            raise SparkMissing("Spark needs Java 17 or newer: install a JDK, or set JAVA_HOME")
        settings = {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(self.port),
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.warehouse.dir": str(self.folder / "warehouse"),
            "spark.local.dir": str(self.folder / "scratch"),
        }
        options = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
        command = [str(home / "bin" / "spark-submit"), "--class", CLASS, "--master", "local[2]"]
        command += ["--driver-memory", self.memory, *options, "spark-internal"]
        environment = {**os.environ, **spark_environment(home)}
        self.folder.mkdir(parents=True, exist_ok=True)
        self.launch(command, self.folder / "log", environment)
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if not self.is_running:
                break
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"Spark does not listen on port {self.port}: {log}")
