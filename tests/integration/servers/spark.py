"""A real server of Spark Connect, of the full package, which tests alone have."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.servers.object_store import ObjectStore
from tests.integration.servers.process import ServerProcess

ROOT = Path(__file__).parents[3]
ENVIRONMENT = ROOT / ".venv-spark"
CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
START_S = 120
HADOOP, AWS_SDK, ACCELERATOR = "3.5.0", "2.35.4", "1.3.1"
"""Versions that belong together: the Hadoop in Spark's package, and what its hadoop-aws is made with."""
S3A = (
    f"org.apache.hadoop:hadoop-aws:{HADOOP}",
    f"software.amazon.awssdk:s3:{AWS_SDK}",
    f"software.amazon.awssdk:s3-transfer-manager:{AWS_SDK}",
    f"software.amazon.s3.analyticsaccelerator:analyticsaccelerator-s3:{ACCELERATOR}",
)
"""What a server needs for S3: 16 MB. Spark fetches it when it first starts so, and keeps it in its environment."""
NOT_S3A = (
    "software.amazon.awssdk:bundle",
    "software.amazon.encryption.s3:*",
    "com.google*:*",
    "io.netty:*",
    "org.slf4j:*",
)
"""What would come along: a bundle of 600 MB, and what Spark has itself."""


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


def wait_for(process: ServerProcess, port: int, log: Path) -> None:
    """Wait until a process listens on a port of this machine."""
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.is_running:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"Spark does not listen on port {port}: {said}")


def settings_for(store: ObjectStore) -> dict[str, str]:
    """Settings of a server of which the lake is in an object store; credentials are in its environment."""
    return {
        "spark.jars.packages": ",".join(S3A),
        "spark.jars.excludes": ",".join(NOT_S3A),
        "spark.jars.ivy": str(ENVIRONMENT / "ivy"),
        "spark.hadoop.fs.s3a.endpoint": store.url,
        "spark.hadoop.fs.s3a.endpoint.region": store.environment["AWS_REGION"],
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }


@dataclass
class SparkServer(ServerProcess):
    """A server of Spark Connect: Spark with two threads in one process, or the driver of a cluster."""

    folder: Path
    port: int
    memory: str = "2g"
    master: str = "local[2]"
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def remote(self) -> str:
        """Its address."""
        return f"sc://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "log"

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
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
        command = [str(home / "bin" / "spark-submit"), "--class", CLASS, "--master", self.master]
        command += ["--driver-memory", self.memory, *options, "spark-internal"]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.launch(command, self.log, {**os.environ, **spark_environment(home), **self.environment})
        wait_for(self, self.port, self.log)


@dataclass
class SparkDaemon(ServerProcess):
    """A process of a standalone cluster, with the executors that it starts."""

    environment: Mapping[str, str] = field(default_factory=dict)

    def begin(self, role: str, port: int, folder: Path, *arguments: str) -> None:
        """Start it and wait until it listens."""
        home, log = spark_home(), folder / "log"
        place = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
        command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{role}", *place, *arguments]
        scratch = {"SPARK_LOCAL_DIRS": str(folder / "scratch")}
        environment = {**os.environ, **spark_environment(home), **scratch, **self.environment}
        self.launch(command, log, environment, apart=True)
        wait_for(self, port, log)

    def kill(self) -> None:
        """Kill it with its executors, as a machine that loses power."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class SparkCluster:
    """A standalone cluster, each part of it in a process of its own: master, workers of one core, a Connect server.

    It reaches the object store, and no folder of the lake.
    """

    folder: Path
    ports: Iterator[int]
    store: ObjectStore
    workers: list[SparkDaemon] = field(default_factory=list)
    master: SparkDaemon = field(default_factory=SparkDaemon)

    def start(self, workers: int) -> None:
        """Start all of it."""
        port = next(self.ports)
        self.address = f"spark://127.0.0.1:{port}"
        settings = {
            **settings_for(self.store),
            "spark.executor.memory": "1g",
            "spark.driver.host": "127.0.0.1",
        }
        self.server = SparkServer(
            self.folder / "server", next(self.ports), "1g", self.address, settings, self.store.environment
        )
        self.master.begin("master.Master", port, self.folder / "master")
        for _ in range(workers):
            self.add_worker()
        self.server.start()

    def add_worker(self) -> None:
        """Start one more worker."""
        folder = self.folder / f"worker-{len(self.workers)}"
        arguments = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / "work"), self.address]
        self.workers.append(SparkDaemon(environment=self.store.environment))
        self.workers[-1].begin("worker.Worker", next(self.ports), folder, *arguments)

    def stop(self) -> None:
        """End all of it."""
        if self.server.is_running:
            self.server.stop()
        for daemon in (*self.workers, self.master):
            if daemon.is_running:
                daemon.kill()
