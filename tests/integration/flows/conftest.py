"""What tests of flows share: a Prefect server, and shops whose project has a name of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from filon.projects import retail
from tests.integration.conftest import ACHATS, AS_OF, CLIENTS, Shop, free_ports
from tests.integration.servers import PrefectServer

Opener = Callable[..., "FlowShop"]

DAYS = " CROSS JOIN ".join(f"dim_temps AS day_{number}" for number in range(5))
SLOW = f"SELECT count(*) AS n FROM {DAYS} CROSS JOIN achats AS a CROSS JOIN achats AS b CROSS JOIN achats AS c"
"""A model that takes some seconds."""
ENDLESS = f"{SLOW} CROSS JOIN dim_temps AS d CROSS JOIN dim_temps AS e CROSS JOIN dim_temps AS f"
"""A model that nobody waits for."""
MODEL = """apiVersion: v3.1.0
kind: DataContract
id: kpi_extra
name: kpi_extra
version: 1.0.0
status: active
schema:
  - name: kpi_extra
    properties:
      - {name: n, logicalType: integer, primaryKey: true, required: true}
"""


@dataclass(frozen=True)
class FlowShop(Shop):
    """A shop whose pipeline runs under Prefect; every command is a process of its own."""

    name: str = "retail"

    def flows(self, *arguments: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run ``filon flows …`` to its end."""
        process = self.start("flows", *arguments)
        output, _ = process.communicate(timeout=150)
        assert process.returncode == exit_code, output
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def flow_report(self, *options: str, exit_code: int = 0) -> dict[str, Any]:
        """Run the pipeline as a flow and give back its report."""
        output = self.flows("run", "--json", "--as-of", AS_OF, *options, exit_code=exit_code).stdout
        report: dict[str, Any] = json.loads(output[output.index("{") :])
        return report


@pytest.fixture(scope="package")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A Prefect server for as long as the tests run."""
    server = PrefectServer(tmp_path_factory.mktemp("prefect"), free_ports(1)[0])
    server.begin()
    try:
        server.wait()
        yield server
    finally:
        server.stop()


def open_shop(folder: Path, name: str, server: PrefectServer, *, model: str | None = None, **extra: str) -> FlowShop:
    """A shop with a project of this name: that of the demo, and one more model if it is given."""
    project = folder / "project"
    shutil.copytree(retail.FOLDER, project, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    described = (project / "filon.yaml").read_text()
    (project / "filon.yaml").write_text(described.replace("name: retail", f"name: {name}", 1))
    if model is not None:
        (project / "gold" / "kpi_extra.sql").write_text(model)
        (project / "gold" / "kpi_extra.yaml").write_text(MODEL)
    variables = {
        "FILON_SERVING": f"sqlite:///{folder / 'serving.db'}",
        "FILON_THREADS": "1",
        **server.environment,
        **extra,
    }
    shop = FlowShop(folder, project, variables, name)
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    return shop


@pytest.fixture
def shop_of(tmp_path: Path, prefect_server: PrefectServer) -> Opener:
    """Opens a shop whose runs the server shows under its name."""

    def opened(name: str, **options: str) -> FlowShop:
        return open_shop(tmp_path / name, name, prefect_server, **options)

    return opened
