"""What a process imports with a part of Filon: a fresh interpreter is asked, since this one has everything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from filon.projects import retail
from tests.integration.conftest import ACHATS, CLIENTS, Shop

READING = ("filon.project.loader", "sqlglot", "open_data_contract_standard", "babel")
"""What reads a project folder."""
DURABLE = ("filon.lake", "deltalake", "obstore", "boto3")
COMPUTING = ("filon.engines", "filon.stages", "filon.pipeline", "duckdb")
PARSERS = ("sqlglot", "open_data_contract_standard", "babel")
SERVERS = ("fastapi", "uvicorn", "streamlit", "plotly", "pandas", "prefect", "pymongo")

HEAVY = [
    pytest.param("filon.settings", ("filon.project", *READING, *DURABLE, *COMPUTING, *SERVERS), id="settings"),
    pytest.param("filon.project", (*READING, *DURABLE, *COMPUTING, *SERVERS), id="project"),
    pytest.param("filon.lake", (*READING, "deltalake", "boto3", *COMPUTING, *SERVERS), id="lake"),
    pytest.param("filon.api", ("filon.project.loader", *READING[2:], *DURABLE, *COMPUTING, *SERVERS[1:]), id="api"),
    pytest.param("filon.serving.sqlite", ("filon.project.loader", *READING[2:], *DURABLE, *COMPUTING), id="sqlite"),
    pytest.param("filon.serving.mongo", ("filon.project.loader", *READING[2:], *DURABLE, *COMPUTING), id="mongodb"),
    pytest.param("filon.pipeline.run", ("openlineage", "requests", "filon.pipeline.openlineage"), id="run"),
    pytest.param(
        "filon.cli.app",
        ("filon.settings", "filon.project", *READING, *DURABLE, *COMPUTING, "pyarrow", "numpy", "pydantic", *SERVERS),
        id="list of commands",
    ),
    *(
        pytest.param(
            f"filon.cli.{module}",
            ("deltalake", "boto3", "duckdb", "pyarrow", "numpy", "filon.api", "pydantic_settings", *SERVERS),
            id=f"commands of {module}",
        )
        for module in ("lake", "data", "quarantine", "project")
    ),
]
"""A module, and what it must not import, nor anything inside of that."""


@pytest.mark.parametrize(("module", "forbidden"), HEAVY)
def test_a_part_imports_only_what_it_needs(module: str, forbidden: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert module in loaded
    assert not {name for name in loaded if name.startswith(tuple(f"{item}." for item in forbidden))}
    assert not loaded & set(forbidden)


REPORTING = ("asyncio", "pydantic_settings", "deltalake", "boto3", "pyarrow", "numpy", "duckdb", *PARSERS, *SERVERS)
STARTS = [
    pytest.param(["--help"], 190, ("pydantic", "rich", "filon.settings", "filon.lake", *REPORTING), id="help"),
    *(
        pytest.param(
            command, 400, ("filon.project.models", "filon.stages", "filon.serving", "logging", *REPORTING), id=name
        )
        for name, command in (("status", ["status"]), ("releases", ["releases"]))
    ),
    pytest.param(["plan"], 620, ("filon.project.loader", "filon.stages.incremental", *REPORTING), id="plan"),
    pytest.param(["run"], 620, ("filon.project.loader", "filon.stages.incremental", *REPORTING), id="run"),
]
"""A command in a lake where nothing is new, the most modules that it imports, and what it does without."""
SAYS = """
import atexit, sys
from filon.cli import main

atexit.register(lambda: print(*sys.modules, file=sys.stderr))
main()
"""


@pytest.mark.parametrize(("arguments", "most", "forbidden"), STARTS)
def test_a_command_starts_with_few_modules(
    run_once: Shop, arguments: list[str], most: int, forbidden: tuple[str, ...]
) -> None:
    """Time depends on the machine; it is spent on importing, so that modules are counted instead."""
    command = [sys.executable, "-c", SAYS, *arguments]
    environment = run_once.environment()
    done = subprocess.run(command, cwd=run_once.folder, env=environment, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "filon.cli.app" in loaded
    assert not {name for name in loaded if name.startswith(tuple(f"{item}." for item in forbidden))}
    assert not loaded & set(forbidden)
    assert len(loaded) <= most


@pytest.fixture(scope="module")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop whose project was read, and whose files were taken in."""
    shop = Shop(tmp_path_factory.mktemp("run"), extra={"FILON_SERVING": "sqlite:///serving.db"})
    shop.put("clients.csv", CLIENTS)
    shop.put("achats.csv", ACHATS)
    shop.filon("run")
    return shop


def test_a_project_that_changed_is_read_again(shop: Shop, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(retail.FOLDER, project)
    changed = replace(shop, project=project)
    assert changed.run()["status"] == "published"
    assert changed.run()["status"] == "unchanged"
    path = project / "gold" / "kpi_ca_par_pays.sql"
    text = path.read_text()
    path.write_text("SELEC 1")
    assert "kpi_ca_par_pays.sql" in changed.filon("run", exit_code=2)
    path.write_text(text.replace("SELECT", "SELECT /* the same */", 1))
    assert changed.run()["status"] == "unchanged"
    path.write_text(text)
    assert changed.run()["status"] == "unchanged"
