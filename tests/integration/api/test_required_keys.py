"""Keys that were made once stay required, whatever is lost, killed, damaged or full."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from httpx import Client

from tests.integration.api.conftest import ServedApi
from tests.integration.api.test_serving import started
from tests.integration.polling import until

LONGEST_S = 300
ASKED = "/api/v1/clients/1"

pytestmark = pytest.mark.parametrize("served", ["sqlite"], indirect=True)  # the other one is asked below


@pytest.fixture
def own(served: ServedApi, tmp_path: Path) -> ServedApi:
    """The shop in a folder and over a store of its own."""
    with (
        closing(sqlite3.connect(served.uri.removeprefix("sqlite:///"))) as shared,
        closing(sqlite3.connect(tmp_path / "serving.db")) as copy,
    ):
        shared.backup(copy)
    uri = f"sqlite:///{tmp_path / 'serving.db'}"
    extra = {"FILON_SERVING": uri, "FILON_API_KEYS": str(tmp_path / "keys.json")}
    return replace(served, shop=replace(served.shop, folder=tmp_path, extra=extra), uri=uri)


@pytest.fixture
def client(own: ServedApi, tmp_path: Path) -> Iterator[Client]:
    with own.client(api_keys=tmp_path / "keys.json") as client:
        yield client


def make(served: ServedApi, name: str = "reader") -> dict[str, str]:
    """The header of a key that is made on the command line."""
    return {"X-API-Key": served.shop.json("apikey", "create", name)["key"]}


def status(address: str, headers: dict[str, str] | None = None) -> int:
    """How a worker answers, one that is chosen anew by each connection."""
    return httpx.get(address + ASKED, headers=headers, timeout=30).status_code


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that answer for a server."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in _command_line(pid)]


def _command_line(pid: str) -> bytes:
    """The command of a process; nothing of one that has ended since it was listed."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_a_lost_file_opens_no_worker_whether_it_is_old_or_new(own: ServedApi, tmp_path: Path) -> None:
    with started(own, "--workers", "2") as (process, address):
        assert status(address) == 200
        key = make(own)
        assert {status(address) for _ in range(10)} == {401}
        assert status(address, key) == 200
        (tmp_path / "keys.json").rename(tmp_path / "saved.json")
        before = workers_of(process)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(found := workers_of(process)) == 2 and found != before, "two other workers", 180)
        until(lambda: status(address) == 401, "a refusal", 180)
        assert {status(address) for _ in range(20)} == {401}
        assert {status(address, key) for _ in range(10)} == {503}
        (tmp_path / "saved.json").rename(tmp_path / "keys.json")
        assert {status(address, key) for _ in range(10)} == {200}


def test_a_lost_file_opens_no_api_that_is_started_later(own: ServedApi, tmp_path: Path) -> None:
    make(own)
    (tmp_path / "keys.json").unlink()
    assert "nobody is let in" in own.shop.filon("apikey", "list")
    with started(own) as (process, address):
        assert status(address) == 401
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        said = [line for line in process.stdout.read().splitlines() if "keys.json" in line]
    assert len(said) == 1
    assert "Put it back from a backup" in said[0]
    assert "filon apikey create" in said[0]


def test_the_store_says_it_to_an_api_of_another_folder(own: ServedApi, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "keys.json"
    with own.client(api_keys=elsewhere) as stranger:
        assert stranger.get(ASKED).status_code == 200
        make(own)
        until(lambda: stranger.get(ASKED).status_code == 401, "a refusal")
    for kept in tmp_path.glob("keys.json*"):
        kept.unlink()
    with own.client(api_keys=tmp_path / "keys.json") as later:
        assert later.get(ASKED).status_code == 401


def test_a_file_that_was_copied_here_keeps_the_door_closed_too(client: Client, own: ServedApi, tmp_path: Path) -> None:
    key = make(own)
    text = (tmp_path / "keys.json").read_text()
    own.shop.filon("apikey", "open")
    (tmp_path / "keys.json").write_text(text)
    with own.client(api_keys=tmp_path / "keys.json") as later:
        assert later.get(ASKED, headers=key).status_code == 200
    (tmp_path / "keys.json").unlink()
    with own.client(api_keys=tmp_path / "keys.json") as last:
        assert last.get(ASKED).status_code == 401


def test_the_door_is_opened_on_purpose_only(client: Client, own: ServedApi, tmp_path: Path) -> None:
    make(own)
    assert client.get(ASKED).status_code == 401
    assert own.shop.json("apikey", "open") == {"deleted": 1}
    assert client.get(ASKED).status_code == 401  # it needs a new start
    with own.client(api_keys=tmp_path / "keys.json") as later:
        assert later.get(ASKED).status_code == 200
    assert "no API key" in own.shop.filon("apikey", "list")
    make(own)
    assert client.get(ASKED).status_code == 401


def test_keys_made_and_revoked_at_once_are_all_kept(own: ServedApi) -> None:
    own.shop.filon("apikey", "create", "leaving")
    commands = [["create", f"user{number}"] for number in range(6)] + [["revoke", "leaving"]]
    with ExitStack() as ended:
        running = [ended.enter_context(own.shop.start("apikey", *command)) for command in commands]
        outputs = [process.communicate(timeout=LONGEST_S)[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(running), outputs
    states = {key["name"]: key["state"] for key in own.shop.json("apikey", "list")}
    assert states == {"leaving": "revoked", **{f"user{number}": "valid" for number in range(6)}}


def damage(path: Path, how: str) -> None:
    """Damage a file of keys."""
    text = path.read_text()
    path.unlink()
    if how == "a folder":
        path.mkdir()
    elif how == "a link to nothing":
        path.symlink_to(path.with_name("gone"))
    else:
        path.write_text({"empty": "", "cut": text[:-9], "no key": '{"keys": []}', "a list": "[]"}.get(how, text))
    if how == "a hash that is none":
        path.write_text(text.replace('"sha256": "', '"sha256": "é'))
    if how == "a time without a zone":
        path.write_text(text.replace('"expires": null', '"expires": "2999-01-01T00:00:00"'))


@pytest.mark.parametrize(
    "how",
    [
        "empty",
        "cut",
        "no key",
        "a list",
        "a folder",
        "a link to nothing",
        "a hash that is none",
        "a time without a zone",
    ],
)
def test_a_damaged_file_lets_nobody_in_and_is_no_defect(
    client: Client, own: ServedApi, tmp_path: Path, how: str
) -> None:
    key = make(own)
    assert client.get(ASKED, headers=key).status_code == 200
    damage(tmp_path / "keys.json", how)
    with own.client(api_keys=tmp_path / "keys.json") as later:
        for asked in (client, later):
            assert asked.get(ASKED).status_code in (401, 503)
            assert asked.get(ASKED, headers=key).status_code in (401, 503)
            assert asked.get("/health").status_code == 200


def test_keys_that_were_made_somewhere_close_an_api_whose_store_is_damaged(own: ServedApi, tmp_path: Path) -> None:
    (tmp_path / "serving.db").write_bytes(b"no database" * 1000)
    with own.client(api_keys=tmp_path / "keys.json") as client:
        assert client.get("/api/v1/project").status_code == 503


def test_counters_that_cannot_be_written_still_limit(own: ServedApi, tmp_path: Path) -> None:
    (tmp_path / "rates.db").write_bytes(b"no database" * 1000)
    with own.client(api_keys=tmp_path / "keys.json", api_rate_limit="3/hour") as client:
        assert [client.get(ASKED).status_code for _ in range(5)] == [200] * 3 + [429] * 2


def test_a_full_disk_ends_no_request(own: ServedApi) -> None:
    key = make(own)
    limited = replace(own, shop=replace(own.shop, extra={**own.shop.extra, "FILON_API_RATE_LIMIT": "6/hour"}))
    with started(limited) as (process, address):
        assert status(address, key) == 200  # the store is open by now
        nothing = (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, nothing)  # from here on, no file grows
        assert [status(address, key) for _ in range(8)] == [200] * 6 + [429] * 2
        assert status(address) in (401, 429)


def test_a_full_disk_leaves_the_keys_as_they_were(own: ServedApi, tmp_path: Path) -> None:
    make(own)
    before = (tmp_path / "keys.json").read_bytes()
    process = own.shop.start("apikey", "create", "second")
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    output, _ = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 2, output
    assert len(output.strip().splitlines()) == 1
    assert "keys.json" in output
    assert (tmp_path / "keys.json").read_bytes() == before
