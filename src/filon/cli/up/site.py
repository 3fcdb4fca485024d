"""What the services of a machine know of each other: addresses, secrets, and who is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filon.cli.processes import HOST, surroundings, unproxied
from filon.project import Project
from filon.serving.mongo import ADMIN, READER, WRITER, address_of
from filon.settings import PREFIX, STATE, Settings

FOLDER = STATE / "services"
LOGS = STATE / "logs"
SECRETS = FOLDER / "secrets.env"
ENVIRONMENT = FOLDER / "stack.env"
REGION = "us-east-1"
S3_LAKE = "s3://{layer}"

S3_KEY, S3_SECRET, S3_INNER_KEY = "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_INTERNAL_KEY"
PASSWORDS = {ADMIN: "MONGO_ADMIN_PASSWORD", WRITER: "MONGO_WRITER_PASSWORD", READER: "MONGO_READER_PASSWORD"}
EXPRESS_PASSWORD, EXPRESS_COOKIE = "MONGO_EXPRESS_PASSWORD", "MONGO_EXPRESS_COOKIE_SECRET"
SECRET_NAMES = (S3_KEY, S3_SECRET, S3_INNER_KEY, *PASSWORDS.values(), EXPRESS_PASSWORD, EXPRESS_COOKIE)


@dataclass(frozen=True)
class Site:
    """The services that take part, by name, with their programs and ports; and the secrets between them."""

    settings: Settings
    project: Project
    programs: Mapping[str, Path]
    ports: Mapping[str, int]
    secrets: Mapping[str, str]

    def folder(self, service: str) -> Path:
        """Where a service keeps its data."""
        found = FOLDER.absolute() / service
        found.mkdir(parents=True, exist_ok=True, mode=0o700)
        return found

    def log(self, service: str) -> Path:
        """Where a service writes what it does."""
        return LOGS / f"{service}.log"

    def url(self, service: str) -> str:
        """The address of a service that speaks HTTP."""
        return f"http://{HOST}:{self.ports[service]}"

    def address(self, service: str) -> str | None:
        """The address that a user is shown."""
        if service not in self.ports:
            return None
        return f"mongodb://{HOST}:{self.ports[service]}" if service == "mongodb" else self.url(service)

    def store(self, account: str) -> str:
        """The database in MongoDB for an account."""
        return address_of(account, self.secrets[PASSWORDS[account]], self.ports["mongodb"])

    def serving(self, account: str) -> dict[str, str]:
        """The store, as an account of MongoDB sees it: what the settings name, else MongoDB, else the default."""
        if self.settings.serving is not None or "mongodb" not in self.programs:
            return _given(SERVING=self.settings.serving)
        return _given(SERVING=self.store(account))

    def lake(self) -> dict[str, str]:
        """The lake: what the settings name, else the object store, else the default."""
        if self.settings.lake is not None or "object-store" not in self.programs:
            return _given(LAKE=self.settings.lake)
        return _given(LAKE=S3_LAKE) | {
            "AWS_ENDPOINT_URL": self.url("object-store"),
            "AWS_ACCESS_KEY_ID": self.secrets[S3_KEY],
            "AWS_SECRET_ACCESS_KEY": self.secrets[S3_SECRET],
            "AWS_REGION": REGION,
        }

    def orchestration(self) -> dict[str, str]:
        """The address of Prefect, if it takes part."""
        return {"PREFECT_API_URL": f"{self.url('prefect')}/api"} if "prefect" in self.programs else {}

    def pipeline_settings(self) -> dict[str, str]:
        """All that the pipeline needs to run here; kept in a file too, for ``filon run`` in another terminal."""
        stack = self.lake() | self.serving(WRITER) | self.orchestration()
        return _given(PROJECT=self.settings.project) | stack | unproxied(os.environ)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of this process, and these."""
    return {**surroundings(), **variables}


def _given(**settings: object) -> dict[str, str]:
    return {PREFIX + name: str(value) for name, value in settings.items() if value is not None}
