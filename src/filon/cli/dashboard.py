"""``filon dashboard``, and the two servers that ``filon demo`` starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from filon.cli.processes import Server, free_port, group, http_health, no_proxy_variables, require_free
from filon.cli.serve import is_loopback
from filon.dashboard import launch
from filon.errors import ConfigError
from filon.settings import PREFIX, STATE, Settings, read_settings

LOGS = STATE / "logs"


def dashboard(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on [FILON_DASHBOARD_HOST]")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port [FILON_DASHBOARD_PORT]")] = None,
    api: Annotated[str | None, typer.Option("--api", metavar="URL", help="Address of the API [FILON_API_URL]")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond this machine although nobody has to sign in")
    ] = False,
) -> None:
    """Serve the dashboard, over an API that runs already."""
    settings = read_settings(dashboard_host=host, dashboard_port=port, api_url=api)
    _require_sign_in(settings, insecure=insecure)
    require_free("dashboard", settings.dashboard_host, settings.dashboard_port)
    launch.read_secrets(settings)  # fail here, not in the process of the server
    with group() as servers:
        servers.start(dashboard_server(settings))
        typer.echo(f"dashboard on {address(settings.dashboard_host, settings.dashboard_port)}, over {settings.api_url}")
        sys.stdout.flush()
        servers.supervise()


def serve_both(settings: Settings) -> None:
    """Serve API and dashboard of a project until Ctrl-C; a free port replaces one that is in use."""
    host = settings.dashboard_host
    api_port = free_port(settings.api_host, settings.api_port)
    port = free_port(host, settings.dashboard_port)
    api_url = address(settings.api_host, api_port)
    settings = settings.model_copy(update={"api_url": api_url, "dashboard_port": port})
    with group() as servers:
        typer.echo("starting the API …")
        servers.start(api_server(settings, api_port, LOGS / "api.log"))
        typer.echo("starting the dashboard …")
        servers.start(dashboard_server(settings, LOGS / "dashboard.log"))
        typer.echo("")
        typer.echo(f"  dashboard  {address(host, port)}")
        typer.echo(f"  API        {api_url}/docs")
        typer.echo("")
        typer.echo(f"Ctrl-C stops both. Their logs are in {LOGS}.")
        sys.stdout.flush()
        servers.supervise()


def api_server(settings: Settings, port: int, log: Path | None = None) -> Server:
    """The API as a server process.

    Args:
        settings: project, store, lake and host; passed on as variables
        port: the port that it listens on
        log: the file that takes its output; None to discard standard output

    """
    options = {
        "PROJECT": settings.project,
        "SERVING": settings.serving,
        "LAKE": settings.lake,
        "API_HOST": settings.api_host,
        "API_PORT": port,
    }
    variables = {PREFIX + name: str(value) for name, value in options.items() if value is not None}
    command = [sys.executable, "-m", "filon", "api"]
    health = http_health(f"{address(settings.api_host, port)}/health/live")
    return Server(
        "the API", command, health, {**launch.environment(settings), **no_proxy_variables(os.environ), **variables}, log
    )


def dashboard_server(settings: Settings, log: Path | None = None) -> Server:
    """The dashboard as a server process; host, port and address of the API are those of the settings."""
    health = http_health(address(settings.dashboard_host, settings.dashboard_port) + launch.LIVE)
    return Server(
        "the dashboard",
        launch.command(),
        health,
        {**launch.environment(settings), **no_proxy_variables(os.environ)},
        log,
    )


def address(host: str, port: int) -> str:
    """The URL at which a browser on this machine reaches a server that listens on ``host``."""
    authority = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{authority}:{port}"


def _require_sign_in(settings: Settings, *, insecure: bool) -> None:
    if not (insecure or is_loopback(settings.dashboard_host) or settings.dashboard_secrets is not None):
        raise ConfigError(
            f"{settings.dashboard_host} is reached from other machines, and nobody has to sign in. "
            "Name an OpenID Connect provider in FILON_DASHBOARD_SECRETS, or give --insecure."
        )
