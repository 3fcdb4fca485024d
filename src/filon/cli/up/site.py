"""Addresses, secrets, folders and variables of the services on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filon.cli.processes import HOST, inherited_environment, no_proxy_variables
from filon.project import Project
from filon.serving.mongo import ADMIN, READER, WRITER, address_of
from filon.settings import PREFIX, STATE, Settings

FOLDER = STATE / "services"
LOGS = STATE / "logs"
SECRETS = FOLDER / "secrets.env"
ENVIRONMENT = FOLDER / "stack.env"
REGION = "us-east-1"
S3_LAKE = "s3://{layer}"
SCHEMES = {"mongodb": "mongodb", "spark": "sc"}
"""Services that do not serve HTTP."""

S3_KEY, S3_SECRET, S3_INNER_KEY = "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_INTERNAL_KEY"
PASSWORDS = {ADMIN: "MONGO_ADMIN_PASSWORD", WRITER: "MONGO_WRITER_PASSWORD", READER: "MONGO_READER_PASSWORD"}
EXPRESS_PASSWORD, EXPRESS_COOKIE = "MONGO_EXPRESS_PASSWORD", "MONGO_EXPRESS_COOKIE_SECRET"
SECRET_NAMES = (S3_KEY, S3_SECRET, S3_INNER_KEY, *PASSWORDS.values(), EXPRESS_PASSWORD, EXPRESS_COOKIE)


@dataclass(frozen=True)
class Site:
    """Programs and ports of the services that take part, by service name, and the secrets that they share."""

    settings: Settings
    project: Project
    programs: Mapping[str, Path]
    ports: Mapping[str, int]
    secrets: Mapping[str, str]

    def folder(self, service: str) -> Path:
        """The data folder of a service; created when it is not there."""
        path = FOLDER.absolute() / service
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def log(self, service: str) -> Path:
        """The log file of a service."""
        return LOGS / f"{service}.log"

    def url(self, service: str) -> str:
        """The URL of a service that serves HTTP."""
        return f"http://{HOST}:{self.ports[service]}"

    def address(self, service: str) -> str | None:
        """The address to show to users; None for a service without a port."""
        if service not in self.ports:
            return None
        return f"{SCHEMES.get(service, 'http')}://{HOST}:{self.ports[service]}"

    def store(self, account: str) -> str:
        """The URL of the MongoDB database for an account, with its password."""
        return address_of(account, self.secrets[PASSWORDS[account]], self.ports["mongodb"])

    def serving(self, account: str) -> dict[str, str]:
        """The variable that names the store: that of the settings, else MongoDB under this account, else none."""
        if self.settings.serving is not None or "mongodb" not in self.programs:
            return _variables(SERVING=self.settings.serving)
        return _variables(SERVING=self.store(account))

    def lake(self) -> dict[str, str]:
        """The variables that name the lake: that of the settings, else the object store and its keys, else none."""
        if self.settings.lake is not None or "object-store" not in self.programs:
            return _variables(LAKE=self.settings.lake)
        return _variables(LAKE=S3_LAKE) | {
            "AWS_ENDPOINT_URL": self.url("object-store"),
            "AWS_ACCESS_KEY_ID": self.secrets[S3_KEY],
            "AWS_SECRET_ACCESS_KEY": self.secrets[S3_SECRET],
            "AWS_REGION": REGION,
        }

    def engine(self) -> dict[str, str]:
        """The variables that name the engine, if it is Spark: its server of the stack, else that of the settings."""
        if self.settings.engine != "spark":
            return {}
        return _variables(ENGINE="spark", SPARK_REMOTE=self.address("spark") or self.settings.spark_remote)

    def orchestration(self) -> dict[str, str]:
        """The variable that names Prefect's server, if that takes part."""
        return {"PREFECT_API_URL": f"{self.url('prefect')}/api"} if "prefect" in self.programs else {}

    def pipeline_settings(self) -> dict[str, str]:
        """All variables that the pipeline needs; also written to a file, for ``filon run`` in another terminal."""
        stack = self.lake() | self.serving(WRITER) | self.engine() | self.orchestration()
        return _variables(PROJECT=self.settings.project) | stack | no_proxy_variables(os.environ)


def has_spark(settings: Settings) -> bool:
    """Whether a server of Spark is part of the stack: it computes, and no address of another one is given."""
    return settings.engine == "spark" and "spark_remote" not in settings.model_fields_set


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The inherited environment, with these variables on top."""
    return {**inherited_environment(), **variables}


def _variables(**settings: object) -> dict[str, str]:
    return {PREFIX + name: str(value) for name, value in settings.items() if value is not None}
