"""How a stack ends, and what it says when it cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.up.conftest import alive, running, start, surroundings

END_S = 60


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_every_process(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path, "--only", "object-store") as stack:
        processes = stack.tree()
        assert processes
        assert stack.stop(number) == 0
        assert not alive(processes)


def test_a_second_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    with running(tmp_path, "--only", "mongodb") as stack:
        processes = stack.tree()
        stack.process.send_signal(signal.SIGINT)
        assert stack.stop(signal.SIGINT) == 0
        assert not alive(processes)


def test_a_start_that_is_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    with start(tmp_path, "--only", "prefect") as process:
        log = tmp_path / ".filon/logs/prefect.log"
        while not log.exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(END_S) == 0
    running_here = [path for path in Path("/proc").glob("[0-9]*/environ") if _is_of(path, tmp_path)]
    assert running_here == []


def test_a_service_that_dies_is_reported_and_ends_the_stack(tmp_path: Path) -> None:
    with running(tmp_path, "--only", "mongodb,api") as stack:
        processes = stack.tree()
        [mongod] = [pid for pid in processes if Path(f"/proc/{pid}/comm").read_text().startswith("mongod")]
        os.kill(mongod, signal.SIGKILL)
        _, errors = stack.process.communicate(timeout=END_S)
        assert stack.process.returncode == 1
        assert "mongodb ended with exit code -9" in errors
        assert ".filon/logs/mongodb.log" in errors
        assert '  {"t":{"$date":' in errors
        assert not alive(processes)


def test_data_and_accounts_outlive_a_stack_and_lost_secrets_are_said(tmp_path: Path) -> None:
    for _ in range(2):
        with running(tmp_path, "--only", "object-store,mongodb,pipeline") as stack:
            states = {"object-store": "healthy", "mongodb": "healthy", "pipeline": "done"}
            assert stack.states() == states, stack.log("pipeline")
    assert "nothing new" in (tmp_path / ".filon/logs/pipeline.log").read_text()

    (tmp_path / ".filon/services/secrets.env").unlink()
    process = start(tmp_path, "--only", "mongodb")
    _, errors = process.communicate(timeout=END_S)
    assert process.returncode == 1
    assert "password is not the one kept here" in errors


def test_a_port_in_use_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        with suppress(OSError):  # somebody else has it, which is as good
            taken.bind(("127.0.0.1", 8000))
            taken.listen()
        command = [sys.executable, "-m", "filon", "up", "--only", "api"]
        completed = subprocess.run(command, cwd=tmp_path, env=surroundings(), capture_output=True, text=True)
    assert completed.returncode == 2
    assert completed.stderr == "error: api: port 8000 is in use. Stop what listens there, or give --ports auto.\n"


def test_without_mongodb_the_api_serves_the_default_store(tmp_path: Path) -> None:
    with running(tmp_path, "--without", "object-store,mongodb,prefect,pipeline,dashboard") as stack:
        assert stack.states() == {"api": "healthy", "mongo-express": "not installed", "flows": "not installed"}
        assert stack.services["mongo-express"]["detail"] == "needs mongodb"


def test_a_failing_npm_fails_mongo_express_only(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("npm", "node"):
        (programs / name).write_text("#!/bin/sh\necho no registry answers >&2\nexit 7\n")
        (programs / name).chmod(0o755)
    with running(tmp_path, "--only", "mongodb,mongo-express", PATH=f"{programs}:{os.environ['PATH']}") as stack:
        assert stack.states() == {"mongodb": "healthy", "mongo-express": "failed"}
        assert "exit code 7" in stack.services["mongo-express"]["detail"]
        assert "no registry answers" in stack.log("mongo-express")


def test_a_line_that_fails_is_said_and_alone_fails_the_command(tmp_path: Path) -> None:
    process = start(tmp_path, "--only", "pipeline", FILON_SOURCES=str(tmp_path / "nowhere"))
    output, errors = process.communicate(timeout=END_S)
    assert process.returncode == 1
    assert json.loads(output)["services"][0]["state"] == "failed"
    assert "pipeline ended with exit code 2. The end of .filon/logs/pipeline.log" in errors


@pytest.mark.parametrize("option", ["--only", "--without"])
def test_an_unknown_service_is_named_with_those_that_there_are(tmp_path: Path, option: str) -> None:
    process = start(tmp_path, option, "minio")
    _, errors = process.communicate(timeout=END_S)
    assert process.returncode == 2
    assert errors.startswith("error: minio is no service; there are object-store, mongodb, prefect")


def test_behind_a_proxy_services_still_find_each_other(tmp_path: Path) -> None:
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    with running(tmp_path, "--only", "object-store,pipeline", **proxy) as stack:
        assert stack.states() == {"object-store": "healthy", "pipeline": "done"}, stack.log("pipeline")
        assert stack.environment["NO_PROXY"] == "127.0.0.1"


def test_choosing_no_service_is_said(tmp_path: Path) -> None:
    process = start(tmp_path, "--only", "api", "--without", "api")
    _, errors = process.communicate(timeout=END_S)
    assert (process.returncode, errors.count("\n")) == (2, 1)
    assert errors.startswith("error: no service is left")


def test_no_second_stack_works_on_the_data_of_services_that_a_killed_one_left(tmp_path: Path) -> None:
    with running(tmp_path, "--only", "object-store") as stack:
        [left] = stack.tree()
        stack.stop(signal.SIGKILL)
        try:
            assert alive({left})
            second = start(tmp_path, "--only", "object-store")
            _, errors = second.communicate(timeout=END_S)
            assert second.returncode == 2
            assert "are up already" in errors
            assert "fuser -v .filon/services/lock" in errors
            assert alive({left})
        finally:
            os.kill(left, signal.SIGKILL)


def _is_of(environment: Path, folder: Path) -> bool:
    with suppress(OSError):
        return str(folder).encode() in environment.read_bytes()
    return False
