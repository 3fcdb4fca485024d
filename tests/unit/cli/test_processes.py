"""Servers are stopped with all their descendants, and their logs stay bounded."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from filon.cli.processes import (
    Server,
    free_ports,
    group,
    http_health,
    is_free,
    no_proxy_variables,
    rotate_log,
    until_signal,
)
from filon.errors import ServerFailed

LEAVES_A_SESSION = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_group_ends_what_left_the_session_of_its_parent(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with group() as servers:
        servers.start(Server("it", [sys.executable, "-c", LEAVES_A_SESSION], lambda: bool(log.read_text()), log=log))
        grandchild = int(log.read_text())
        assert Path(f"/proc/{grandchild}").exists()
    assert not Path(f"/proc/{grandchild}").exists()


def test_a_group_spares_processes_of_others(tmp_path: Path) -> None:
    with group() as outer:
        child = outer.launch(Server("other", [sys.executable, "-c", "import time; time.sleep(600)"], lambda: True))
        with group():
            pass
        assert child.exit_code is None


def test_a_server_that_ends_before_it_is_ready_is_an_error() -> None:
    with group() as servers, pytest.raises(ServerFailed, match="it ended with exit code 3 before it was ready"):
        servers.start(Server("it", [sys.executable, "-c", "raise SystemExit(3)"], lambda: False))


def test_a_closed_terminal_ends_servers_but_under_nohup() -> None:
    before = signal.getsignal(signal.SIGHUP)
    try:
        for handler, goes_on in ((signal.SIG_DFL, False), (signal.SIG_IGN, True)):
            signal.signal(signal.SIGHUP, handler)
            reached = False
            with until_signal():
                signal.raise_signal(signal.SIGHUP)
                reached = True
            assert reached is goes_on
            assert signal.getsignal(signal.SIGHUP) == handler
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    ("variables", "exempt"),
    [
        ({"HTTP_PROXY": "http://proxy:80"}, "127.0.0.1"),
        ({"https_proxy": "http://proxy:80", "no_proxy": "a.example,127.0.0.1"}, "a.example,127.0.0.1"),
        ({"ALL_PROXY": "http://proxy:80", "NO_PROXY": ".example"}, ".example,127.0.0.1"),
        ({"http_proxy": "", "NO_PROXY": ".example"}, None),
    ],
)
def test_a_proxy_is_not_asked_for_what_is_on_this_machine(variables: dict[str, str], exempt: str | None) -> None:
    assert no_proxy_variables(variables) == ({} if exempt is None else {"NO_PROXY": exempt, "no_proxy": exempt})


def test_nobody_answers_at_a_free_port() -> None:
    [port] = free_ports([0])
    assert not http_health(f"http://127.0.0.1:{port}")()


def test_free_ports_are_the_wanted_ones_where_these_are_free() -> None:
    [preferred] = free_ports([0])
    ports = free_ports([preferred, preferred])
    assert ports[0] == preferred
    assert len(set(ports)) == 2
    assert all(is_free("127.0.0.1", port) for port in ports)


def test_a_full_log_starts_anew_and_the_one_before_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    with log.open("a") as stream:
        for text in ("short\n", "long enough\n", "new\n"):
            stream.write(text)
            stream.flush()
            rotate_log(log, most_bytes=10)
    assert (tmp_path / "it.log.1").read_text() == "short\nlong enough\n"
    assert log.read_text() == "new\n"


def test_a_log_that_nobody_wrote_yet_is_no_error(tmp_path: Path) -> None:
    rotate_log(tmp_path / "none.log")
    rotate_log(None)
