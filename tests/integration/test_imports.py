"""What a process imports with a part of Filon: a fresh interpreter is asked, since this one has everything."""

from __future__ import annotations

import subprocess
import sys

import pytest

READING = ("filon.project.loader", "sqlglot", "open_data_contract_standard", "babel")
"""What reads a project folder."""
DURABLE = ("filon.lake", "deltalake", "obstore", "boto3")
COMPUTING = ("filon.engines", "filon.stages", "filon.pipeline", "duckdb")
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
            ("deltalake", "boto3", "duckdb", "pyarrow", "numpy", "filon.api", *SERVERS),
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
