"""Settings: options of the command line, else ``FILON_`` variables, else defaults under ``./.filon/``."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from filon.errors import ConfigError
from filon.hosts import read_hosts
from filon.suggestions import suggestion

PREFIX = "FILON_"
STATE = Path(".filon")
"""Where everything is kept whose place no setting names, below the current folder."""


SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT])(i?)B")


def _is_size(value: str) -> str:
    if not SIZE.fullmatch(value):
        raise ValueError("write a size, such as 2GB or 512MB")
    return value


def bytes_of(size: str) -> int:
    """The number of bytes of a size such as ``2GB`` or ``512MiB``; ValueError when it is no size."""
    match = SIZE.fullmatch(size)
    if match is None:
        raise ValueError(f"{size} is no size")
    number, unit, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** ("KMGT".index(unit) + 1))


def _are_hosts(value: str) -> str:
    read_hosts(value)
    return value


Size = Annotated[str, AfterValidator(_is_size)]
Hosts = Annotated[str, AfterValidator(_are_hosts)]


class Settings(BaseModel):
    """The settings of a command. ``read_settings`` reads them when a command starts, not at import."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    project: Path | None = Field(
        default=None,
        description="Project folder; the current folder if it holds filon.yaml, else the shipped retail project",
    )
    sources: str | None = Field(
        default=None,
        description="Where the files are; else what filon.yaml says, else .filon/PROJECT/sources",
    )
    lake: str | None = Field(default=None, description="Where tables and metadata are kept; else .filon/PROJECT/lake")
    serving: str | None = Field(
        default=None,
        description="The store that readers ask: sqlite:///FILE, mongodb://HOST/DATABASE, or none; "
        "else .filon/PROJECT/serving.db",
    )
    guard: bool = Field(
        default=False,
        description="Whether a run that breaks a rule under `guard` in filon.yaml publishes nothing",
    )
    reports: SecretStr | None = Field(
        default=None,
        description="Who is sent the project's reports: mail addresses of Apprise (mailto://…), folder:PATH or "
        "command:FILE, blanks between",
    )
    alerts: SecretStr | None = Field(
        default=None,
        description="Who is told of the project's alerts: addresses of Apprise, such as mailto://… or slack://…, "
        "or command:FILE, blanks between; else nobody",
    )
    openlineage: str | None = Field(
        default=None,
        pattern=r"^(none|file:.*[^/]|https?://[^\s?#]+)$",
        description="Where events of OpenLineage go: http://HOST:PORT, file:PATH or none; else where OpenLineage's own "
        "configuration says, if there is one",
    )
    serving_keep: int = Field(default=2, ge=1, description="How many loads before the current one can still be asked")
    api_host: str = Field(default="127.0.0.1", description="Address on which the API listens")
    api_port: int = Field(default=8000, ge=0, le=65535, description="Port of the API; 0 takes a free one")
    api_auth: Literal["auto", "required"] = Field(
        default="auto", description="Whether API keys are needed: always, or once a key was made"
    )
    api_keys: Path | None = Field(default=None, description="File of the API keys; else .filon/PROJECT/apikeys.json")
    api_rate_limit: str | None = Field(
        default=None,
        description="Most requests of a client, such as 100/minute, or none; else 1200/minute for each API key",
    )
    api_cors: str | None = Field(
        default=None, description="Origins of web pages that may ask the API, comma between; else none"
    )
    api_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Text that signs cursors, for several machines behind one address; "
        "else a random one, kept beside the API keys",
    )
    allowed_hosts: Hosts | None = Field(
        default=None,
        description="Hosts that API and dashboard are asked under, comma between, besides this machine's own",
    )
    api_url: str = Field(
        default="http://127.0.0.1:8000",
        pattern=r"^https?://[^\s?#]+$",
        description="Address of the API, for the dashboard, for filon mcp and for links in Prefect",
    )
    api_key: SecretStr | None = Field(
        default=None, description="API key of the dashboard and of filon mcp, if the API wants one"
    )
    dashboard_host: str = Field(default="127.0.0.1", description="Address on which the dashboard listens")
    dashboard_port: int = Field(default=8501, ge=1, le=65535, description="Port of the dashboard")
    dashboard_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="Address at which people find the dashboard, for links in Prefect; else that on which it listens",
    )
    dashboard_secrets: Path | None = Field(
        default=None, description="TOML file whose [auth] table names the OpenID Connect provider of the dashboard"
    )
    dashboard_users: str | None = Field(
        default=None, description="Who may sign in: mail addresses and @domains, comma between; else all that sign in"
    )
    trusted_proxies: str | None = Field(
        default=None,
        description="Addresses and networks of proxies whose X-Forwarded-For says who the client is, comma between; "
        "else none",
    )
    connections: int = Field(
        default=4096, ge=1, description="Most open connections of a process of the API or the dashboard"
    )
    connections_per_client: int | None = Field(
        default=None, ge=1, description="Most open connections of one address; else a quarter of all"
    )
    request_timeout_s: float = Field(
        default=10,
        gt=0,
        description="Seconds in which the head of a request must arrive, and its body, and part of an answer be read",
    )
    flows_schedule: str | None = Field(
        default=None,
        description="When Prefect runs the pipeline: a cron expression in the project's time zone; else never",
    )
    flows_look_s: int = Field(
        default=30, ge=1, description="Seconds between two looks for new files, which make Prefect run the pipeline"
    )
    engine: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="What computes: duckdb on this machine, or spark on a cluster"
    )
    spark_remote: str = Field(
        default="sc://localhost:15002",
        pattern=r"^sc://[^\s/?#]+(/\S*)?$",
        description="The server of Spark Connect, for the engine spark: sc://HOST:PORT",
    )
    memory_limit: Size = Field(
        default="2GB",
        description="Memory of the engine; beyond it, it uses the workspace",
    )
    threads: int | None = Field(default=None, ge=1, description="Threads of the engine; else one per core")
    workspace: Path | None = Field(default=None, description="Folder for temporary files; else the system's")
    max_unpacked_size: Size = Field(default="100GB", description="Most that one compressed file may unpack to")
    max_ratio: int = Field(
        default=200, ge=1, description="How many times its own size a file may unpack to, once that is above 256 MiB"
    )


def on_this_machine(settings: Settings) -> Settings:
    """The same settings, but for an engine that computes on this machine."""
    return settings.model_copy(update={"engine": Settings.model_fields["engine"].default})


def read_settings(**options: object) -> Settings:
    """Read the settings from the environment; options that are not None override it.

    Variables are known in any letter case; empty ones count as not set. ConfigError names unknown ``FILON_`` variables
    and invalid values.
    """
    names = {f"{PREFIX}{name.upper()}": name for name in Settings.model_fields}
    values: dict[str, object] = {}
    for name, value in sorted(os.environ.items()):
        if name.startswith(PREFIX) and name not in names:
            raise ConfigError(f"{name} is no setting; {suggestion(name, names)}")
        if value and (known := names.get(name.upper())):
            values[known] = value
    values |= {name: value for name, value in options.items() if value is not None}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_error_text(item) for item in error.errors(include_url=False))) from None


def _error_text(item: ErrorDetails) -> str:
    name = str(item["loc"][0])
    return f"{PREFIX}{name.upper()} (or its option) is {item['input']!r}: {item['msg']}"


def cache_folder(kind: str) -> Path | None:
    """Where Filon keeps what it can make again, of a kind and for this user alone.

    None for a user without a home, and on Windows, where the mode of a file does not say who may write it.
    """
    if sys.platform == "win32":
        return None
    given = os.environ.get("XDG_CACHE_HOME", "")
    if Path(given).is_absolute():
        return Path(given) / "filon" / kind
    with suppress(RuntimeError):
        if (home := Path.home()).is_dir():
            return home / ".cache" / "filon" / kind
    return None
