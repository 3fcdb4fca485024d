"""``filon api`` and ``filon apikey``: the REST API and its keys."""

from __future__ import annotations

import datetime as dt
import gc
import ipaddress
import json as json_module
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from filon.cli.options import JsonOption, LakeOption, ProjectOption, ServingOption
from filon.cli.render import open_console, table_of, warn
from filon.errors import ConfigError, StoreError
from filon.pipeline.resources import open_project, store_of
from filon.settings import PREFIX, Settings, read_settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from filon.api import ApiKey, KeyFile

FACTORY = "filon.cli.serve:application"
SHUTDOWN_S = 30
BACKLOG = 2048
WORKER_SILENT_S = 60
"""A worker that does not answer for so long is replaced. On a busy machine, starting takes more than the usual 5 s."""

apikey = typer.Typer(help="Keys that open the API.", no_args_is_help=True)


def application() -> FastAPI:
    """The API as the ``FILON_`` variables describe it; every worker process calls this."""
    from filon.api import create_app
    from filon.api.logs import configure_logs

    configure_logs()
    settings = read_settings()
    project = open_project(settings)
    store = store_of(settings, project)
    if store is None:
        raise ConfigError("FILON_SERVING is none: the API needs a store")
    app = create_app(project, store, settings)
    # what there is now stays, and to search it for cycles again and again takes a twentieth of all requests
    gc.collect()
    gc.freeze()
    return app


def api(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on [FILON_API_HOST]")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 takes a free one [FILON_API_PORT]")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Number of processes")] = 1,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Listen beyond this machine although no API key is needed")
    ] = False,
    project: ProjectOption = None,
    serving: ServingOption = None,
    lake: LakeOption = None,
) -> None:
    """Serve the REST API."""
    settings = read_settings(project=project, serving=serving, lake=lake, api_host=host, api_port=port)
    _require_keys(settings, insecure=insecure)
    opened = open_project(settings)
    if store_of(settings, opened) is None:
        raise ConfigError("FILON_SERVING is none: the API needs a store. Unset it, or give --serving.")
    warn(opened.page_problems)
    options = _server_options(settings)
    listening = _listen(settings)
    address, number = listening.getsockname()[:2]
    typer.echo(f"API on http://{f'[{address}]' if ':' in address else address}:{number}, OpenAPI at /docs")
    sys.stdout.flush()
    os.environ.update(_worker_environment(settings))
    _serve(listening, workers, options)


def _server_options(settings: Settings) -> Mapping[str, Any]:
    """Options of uvicorn that enforce the limits; the key of cursors is created and descriptors raised beforehand."""
    from filon.api import keys_path, secret_of
    from filon.web.connections import raise_descriptors, server_options

    secret_of(settings, keys_path(settings, open_project(settings)))
    raise_descriptors()
    return server_options(settings)


def _worker_environment(settings: Settings) -> dict[str, str]:
    """Variables for the workers, including those started later: options, and whether keys are required by now."""
    is_required = settings.api_auth == "required" or _key_file(settings).are_required()
    values = {
        "PROJECT": settings.project,
        "SERVING": settings.serving,
        "LAKE": settings.lake,
        "API_HOST": settings.api_host,
        "API_AUTH": "required" if is_required else settings.api_auth,
    }
    return {PREFIX + name: str(value) for name, value in values.items() if value is not None}


def _require_keys(settings: Settings, *, insecure: bool) -> None:
    if insecure or is_loopback(settings.api_host) or settings.api_auth == "required":
        return
    if not _key_file(settings).are_required():
        raise ConfigError(
            f"{settings.api_host} is reached from other machines, and no API key is needed. "
            "Make one with `filon apikey create`, or give --insecure."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(settings: Settings) -> socket.socket:
    """The listening socket of the API, opened first so that a port in use is one ConfigError."""
    endpoint = (settings.api_host, settings.api_port)
    try:
        [(family, kind, _, _, address), *_] = socket.getaddrinfo(*endpoint, type=socket.SOCK_STREAM)
        with ExitStack() as undo:
            listening = undo.enter_context(socket.socket(family, kind))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
            undo.pop_all()
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {endpoint[0]}:{endpoint[1]}: {error.strerror or error}. Give another --port or --host."
        ) from None
    listening.set_inheritable(True)
    return listening


def _serve(listening: socket.socket, workers: int, options: Mapping[str, Any]) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    def ignore(_signal: int, _frame: FrameType | None) -> None:
        """Ignore the signal: uvicorn has shut down by then, and raises the signals that it caught again."""

    signal.signal(signal.SIGTERM, ignore)
    signal.signal(signal.SIGINT, ignore)
    config = uvicorn.Config(
        FACTORY,
        factory=True,
        workers=workers,
        log_config=None,
        timeout_graceful_shutdown=SHUTDOWN_S,
        ws="none",
        timeout_worker_healthcheck=WORKER_SILENT_S,
        **options,
    )
    if workers == 1:
        uvicorn.Server(config).run(sockets=[listening])
        return
    with tempfile.TemporaryDirectory(prefix="filon-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # where workers share their counters
        Multiprocess(config, sockets=[listening]).run()


def _key_file(settings: Settings) -> KeyFile:
    from filon.api import KeyFile, keys_path

    return KeyFile(keys_path(settings, open_project(settings)))


@apikey.command()
def create(
    name: Annotated[str, typer.Argument(help="Who will use it")],
    scope: Annotated[str, typer.Option("--scope", help="read, or admin: metrics and raw records too")] = "read",
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DATE", help="Last day on which it is accepted, in UTC")
    ] = None,
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Make an API key and show it, this once."""
    from filon.api import Scope

    if scope not in list(Scope):
        raise ConfigError(f"--scope {scope} is neither read nor admin")
    settings = read_settings(project=project)
    keys = _key_file(settings)
    now = dt.datetime.now(dt.UTC)
    key, secret = keys.create(name, Scope(scope), now, _expiry(expires, now))
    _record_requirement(settings, now)
    if json:
        typer.echo(json_module.dumps({**_summary(key, now), "key": secret}, indent=2))
    else:
        typer.echo(secret)
        typer.echo(f"This is shown once. Its hash is in {keys.path}; requests now need a key.", err=True)


@apikey.command("list")
def list_all(project: ProjectOption = None, json: JsonOption = False) -> None:
    """List the API keys, without their secrets."""
    now = dt.datetime.now(dt.UTC)
    settings = read_settings(project=project)
    keys = [_summary(key, now) for key in _key_file(settings).known()]
    if json:
        typer.echo(json_module.dumps(keys, indent=2))
        return
    if not keys:
        typer.echo(_no_keys_message(_key_file(settings)))
        return
    table = table_of("id", "name", "scope", "state", "created", "expires")
    for key in keys:
        table.add_row(*(str(key[name] or "") for name in ("id", "name", "scope", "state", "created", "expires")))
    open_console().print(table)


@apikey.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its id, or its name")],
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Refuse an API key from now on."""
    now = dt.datetime.now(dt.UTC)
    revoked = _key_file(read_settings(project=project)).revoke(key, now)
    typer.echo(
        json_module.dumps(_summary(revoked, now), indent=2) if json else f"revoked {revoked.id} ({revoked.name})"
    )


@apikey.command("open")
def open_again(project: ProjectOption = None, json: JsonOption = False) -> None:
    """Delete all API keys and let everybody in again who reaches the API."""
    from filon.api.requirement import forget_in

    settings = read_settings(project=project)
    keys = _key_file(settings)
    store = store_of(settings, open_project(settings))
    if store is not None:
        try:
            forget_in(store.records)
        finally:
            store.shut()
    deleted = _key_count(keys)
    keys.delete()
    if json:
        typer.echo(json_module.dumps({"deleted": deleted}, indent=2))
        return
    typer.echo(
        f"{deleted} API keys deleted. An API that is started from now on needs no key; one that runs still does."
    )
    if settings.api_auth == "required":
        typer.echo("FILON_API_AUTH is required: as long as it is, nobody is let in without a key.", err=True)


def _key_count(keys: KeyFile) -> int:
    """Number of keys; 0 when the file is damaged, since a damaged file must be deletable too."""
    try:
        return len(keys.known())
    except ConfigError:
        return 0


def _no_keys_message(keys: KeyFile) -> str:
    if keys.are_required():
        return (
            f"{keys.path} holds no API key, and keys are required: nobody is let in. Put the file back from a backup, "
            "or make keys with `filon apikey create`."
        )
    return "there is no API key: the API is open to this machine only"


def _record_requirement(settings: Settings, now: dt.datetime) -> None:
    """Record in the store that keys are required; where its account may not write, the file of keys is enough."""
    from filon.api.requirement import note_in

    store = store_of(settings, open_project(settings))
    if store is None:
        return
    try:
        note_in(store.records, now)
    except StoreError as error:
        typer.echo(f"{store.uri} could not note that keys are required: {error}", err=True)
    finally:
        store.shut()


def _expiry(text: str | None, now: dt.datetime) -> dt.datetime | None:
    """The first moment, in UTC, after the day ``text``; ConfigError when it is no date or is over at ``now``."""
    if text is None:
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--expires {text} is no date; write it as 2026-11-30") from None
    end = dt.datetime.combine(day, dt.time.min, dt.UTC) + dt.timedelta(days=1)
    if end <= now:
        raise ConfigError(f"--expires {text} is over; give a day to come")
    return end


def _summary(key: ApiKey, now: dt.datetime) -> dict[str, str | None]:
    state = "revoked" if key.revoked else "valid" if key.is_valid(now) else "expired"
    return {
        "id": key.id,
        "name": key.name,
        "scope": key.scope.value,
        "state": state,
        "created": key.created.isoformat(timespec="seconds"),
        "expires": key.expires.isoformat(timespec="seconds") if key.expires else None,
    }
