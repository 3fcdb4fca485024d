"""Everything at once: healthy, closed to the outside and to strangers, and of use from the first minute."""

from __future__ import annotations

import json
import shutil
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from filon.cli.up.services import MONGO_EXPRESS_USER, SERVICES
from tests.integration.up.conftest import Running, start

LISTEN = "0A"
OPTIONAL = {"mongo-express"}


def listening(pids: set[int]) -> set[tuple[str, int]]:
    """The hexadecimal addresses and the ports on which processes listen."""
    inodes = set()
    for pid in pids:
        with suppress(FileNotFoundError):
            inodes |= {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir()}
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and f"socket:[{fields[9]}]" in inodes:
                address, port = fields[1].split(":")
                addresses.add((address, int(port, 16)))
    return addresses


def is_loopback(address: str) -> bool:
    """Whether an address, as the system writes it in hexadecimal, is of this machine only."""
    raw = b"".join(bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8))
    text = socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)
    return text.startswith("127.") or text == "::1"


def express(stack: Running) -> str:
    """The address of Mongo Express, where it runs."""
    if stack.states()["mongo-express"] != "healthy":
        pytest.skip(f"Mongo Express is {stack.states()['mongo-express']}: {stack.services['mongo-express']['detail']}")
    return stack.address("mongo-express")


def test_all_services_are_healthy(stack: Running) -> None:
    assert set(stack.states()) == {service.name for service in SERVICES} - {"spark"}
    states = {name: state for name, state in stack.states().items() if name not in OPTIONAL}
    assert states.pop("pipeline") == "done"
    assert {name for name, state in states.items() if state not in ("healthy", "not installed")} == set()
    assert {"object-store", "api", "dashboard"} <= {name for name, state in states.items() if state == "healthy"}


@pytest.mark.parametrize(
    ("service", "path", "status"),
    [
        ("object-store", "", 403),
        ("prefect", "/api/health", 200),
        ("api", "/health", 200),
        ("dashboard", "/_stcore/health", 200),
    ],
)
def test_an_address_answers(stack: Running, service: str, path: str, status: int) -> None:
    assert httpx.get(stack.address(service) + path).status_code == status


def test_the_first_run_is_one_of_prefect(stack: Running) -> None:
    address = f"{stack.address('prefect')}/api/flow_runs/filter"
    runs = httpx.post(address, json={"flows": {"name": {"any_": ["pipeline"]}}}).json()
    assert [run["state_type"] for run in runs] == ["COMPLETED"]


def test_a_first_user_sees_data(stack: Running) -> None:
    response = httpx.get(f"{stack.address('api')}/api/v1/kpis/ca-par-pays").json()
    assert response["total"] > 5
    assert httpx.get(f"{stack.address('api')}/health").json()["mongodb"] == "connected"


def test_the_lake_lies_in_the_object_store(stack: Running) -> None:
    assert stack.environment["FILON_LAKE"] == "s3://{layer}"
    assert not (stack.folder / ".filon/retail/lake").exists()


def test_the_api_explains_figures_from_the_object_store(stack: Running) -> None:
    address = f"{stack.address('api')}/api/v1"
    [row] = httpx.get(f"{address}/ventes", params={"limit": 1}).json()["data"]
    found = httpx.get(f"{address}/explain/fact_ventes/{row['id_achat']}", timeout=60).json()
    records = [record["text"] for part in found["contributions"] for record in part["records"]]
    assert found["row"] == row
    assert any(text.startswith(str(row["id_achat"])) for text in records)


def test_another_terminal_works_on_the_same_lake(stack: Running) -> None:
    command = [sys.executable, "-m", "filon", "run", "--json"]
    completed = subprocess.run(command, cwd=stack.folder, env=stack.environment, capture_output=True, text=True)
    assert json.loads(completed.stdout)["status"] == "unchanged", completed.stderr


def test_nothing_listens_beyond_this_machine(stack: Running) -> None:
    addresses = listening(stack.tree())
    assert len(addresses) > 10
    assert {address for address, _ in addresses if not is_loopback(address)} == set()


def test_no_port_gives_away_the_lake_without_a_key(stack: Running) -> None:
    for _, port in listening(stack.tree()):
        with suppress(httpx.TransportError):
            answer = httpx.get(f"http://127.0.0.1:{port}/buckets/", headers={"accept": "application/json"}, timeout=5)
            assert "silver" not in answer.text


def test_the_database_asks_for_a_password_and_readers_cannot_write(stack: Running) -> None:
    with (
        MongoClient[dict[str, Any]](stack.address("mongodb")) as stranger,
        pytest.raises(OperationFailure, match="auth"),
    ):
        stranger.analytics.kpi_ca_par_pays.find_one()
    address = stack.address("mongodb").replace("//", f"//reader:{stack.secrets['MONGO_READER_PASSWORD']}@")
    with MongoClient[dict[str, Any]](f"{address}/analytics") as reader:
        assert reader.analytics.kpi_ca_par_pays.find_one()
        with pytest.raises(OperationFailure, match="not authorized"):
            reader.analytics.kpi_ca_par_pays.insert_one({})


def test_mongo_express_shows_collections_to_those_who_know_the_password(stack: Running) -> None:
    address = express(stack)
    assert httpx.get(address).status_code == 401
    user = (MONGO_EXPRESS_USER, stack.secrets["MONGO_EXPRESS_PASSWORD"])
    response = httpx.get(f"{address}/db/analytics/", auth=user)
    assert response.status_code == 200
    assert "kpi_ca_par_pays" in response.text
    countries = httpx.get(f"{stack.address('api')}/api/v1/kpis/ca-par-pays").json()["data"]
    shown = httpx.get(f"{address}/db/analytics/kpi_ca_par_pays", auth=user)
    assert shown.status_code == 200, "the tables are views, which Mongo Express would not show by itself"
    assert all(row["pays"] in shown.text for row in countries)


def test_secrets_are_in_files_of_their_owner_and_in_no_log(stack: Running) -> None:
    for name in ("secrets.env", "stack.env"):
        assert stat.S_IMODE((stack.folder / ".filon/services" / name).stat().st_mode) == 0o600
    for service, state in stack.states().items():
        if state != "not installed":
            log = stack.log(service)
            assert [name for name, secret in stack.secrets.items() if secret in log] == []


def test_a_folder_holds_one_stack(stack: Running) -> None:
    second = start(stack.folder, "--only", "api")
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "are up already" in errors


@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm here")
def test_mongo_express_is_up_where_npm_is(stack: Running) -> None:
    assert express(stack)
