"""The compose file: unprivileged services with health checks, published on loopback only, and no secrets in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from filon.cli.secrets import random_secret, read_variables
from tests.integration.servers.spark import NOT_S3A, S3A

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = read_variables(ROOT / ".env.example")
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
REQUIRED = r"\$\{(\w+):\?[^}]+\}"

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def program(name: str) -> str:
    """A program beside Python or on the path; the test is skipped where there is none."""
    beside = Path(sys.executable).with_name(name)
    path = str(beside) if beside.exists() else shutil.which(name)
    if path is None:
        pytest.skip(f"there is no {name} here")
    return path


@each_service
def test_a_service_says_how_it_is(service: dict[str, Any]) -> None:
    assert service["healthcheck"]["test"]


@each_service
def test_a_service_may_do_little(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    user, group = service["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0


@each_service
def test_ports_are_published_on_this_machine_only(service: dict[str, Any]) -> None:
    assert [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")] == []


@each_service
def test_a_service_waits_until_others_are_healthy(service: dict[str, Any]) -> None:
    for needed, how in service.get("depends_on", {}).items():
        assert needed in SERVICES
        assert how["condition"] == "service_healthy"


@each_service
def test_images_of_others_are_pinned_by_digest(service: dict[str, Any]) -> None:
    if "build" not in service:
        assert re.search(r"@sha256:[0-9a-f]{64}$", service["image"])


@each_service
def test_no_secret_is_written_down_or_has_a_default(service: dict[str, Any]) -> None:
    for name, value in service.get("environment", {}).items():
        if re.search("PASSWORD|SECRET|KEY(_ID)?$", name):
            if name == "FILON_API_KEY":  # an API without keys needs none
                assert value == "${FILON_API_KEY:-}"
            else:
                assert re.fullmatch(REQUIRED, value), name
        if login := re.search(r"://[^/@:]+:([^@]*)@", value):
            assert re.fullmatch(REQUIRED, login[1]), name


@each_service
def test_logs_are_bounded(service: dict[str, Any]) -> None:
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}


@each_service
def test_volumes_are_named_or_read_only(service: dict[str, Any]) -> None:
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith((".", "$")):
            assert volume.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_every_variable_stands_in_the_example_and_the_other_way_round() -> None:
    assert set(re.findall(REQUIRED, TEXT)) | {"COMPOSE_PROFILES"} == set(EXAMPLE)


def test_the_example_holds_no_secret() -> None:
    secrets = {name: value for name, value in EXAMPLE.items() if re.search("PASSWORD|SECRET|KEY$", name)}
    assert len(secrets) >= 9
    assert set(secrets.values()) == {""}


def test_an_api_key_goes_to_no_other_services_than_those_that_ask_the_api() -> None:
    told = [name for name, service in SERVICES.items() if "FILON_API_KEY" in service["environment"]]
    assert told == ["runner", "dashboard"], "the runner sends reports"


def test_readers_know_the_password_of_the_reader_only() -> None:
    for name in ("api", "mongo-express"):
        assert "MONGO_WRITER" not in str(SERVICES[name])
        assert "MONGO_ADMIN" not in str(SERVICES[name])


def test_compose_accepts_the_file(tmp_path: Path) -> None:
    command = [program("docker-compose"), "--file", str(ROOT / "compose.yaml"), "--env-file", str(tmp_path / "env")]
    filled = {name: value or random_secret() for name, value in EXAMPLE.items()}
    (tmp_path / "env").write_text("".join(f"{name}={value}\n" for name, value in filled.items()))
    completed = subprocess.run([*command, "config", "--quiet"], capture_output=True, text=True)
    assert (completed.returncode, completed.stderr) == (0, "")


def test_compose_refuses_to_start_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "env").touch()
    command = [program("docker-compose"), "--file", str(ROOT / "compose.yaml"), "--env-file", str(tmp_path / "env")]
    completed = subprocess.run([*command, "config", "--quiet"], capture_output=True, text=True)
    assert completed.returncode != 0
    assert "run filon secrets init" in completed.stderr


def test_the_dockerfile_has_no_faults() -> None:
    completed = subprocess.run([program("hadolint"), str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert (completed.returncode, completed.stdout) == (0, "")


def test_spark_fetches_what_its_tests_fetch() -> None:
    command = SERVICES["spark"]["command"]
    for name, packages in (("packages", S3A), ("excludes", NOT_S3A)):
        assert f"--conf=spark.jars.{name}={','.join(packages)}" in command
    documented = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert ",".join(S3A) in documented
    assert ",".join(NOT_S3A) in documented


def test_the_profile_spark_has_a_server_and_two_workers() -> None:
    own = {name for name, service in SERVICES.items() if service.get("profiles") == ["spark"]}
    assert own == {"spark", "spark-master", "spark-worker-1", "spark-worker-2"}
    for name in ("spark-worker-1", "spark-worker-2"):
        assert any(volume.endswith(":/sources:ro") for volume in SERVICES[name]["volumes"])


def test_mongo_express_asks_for_nothing_that_its_account_may_not_see() -> None:
    environment = SERVICES["mongo-express"]["environment"]
    assert environment["ME_CONFIG_MONGODB_URL"].startswith("mongodb://reader:")
    assert environment["ME_CONFIG_MONGODB_ENABLE_ADMIN"] == "false"
    assert "ME_CONFIG_MONGODB_SERVER" not in environment  # with it, the image forgets the URL
