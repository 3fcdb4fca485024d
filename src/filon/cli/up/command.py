"""The command ``filon up``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from filon.cli.options import EngineOption, JsonOption, ProjectOption
from filon.cli.processes import HOST, LOOK_S, free_ports, group, is_free
from filon.cli.render import open_console
from filon.cli.secrets import ensure_secrets, format_variables
from filon.errors import ConfigError
from filon.pipeline.resources import open_project
from filon.private import write_private
from filon.settings import read_settings

if TYPE_CHECKING:
    from filon.cli.up.programs import Missing
    from filon.cli.up.screen import Screen
    from filon.cli.up.services import Service
    from filon.cli.up.site import Site
    from filon.cli.up.stack import Stack
    from filon.settings import Settings


class Ports(StrEnum):
    """How the ports of the services are chosen."""

    FIXED = "fixed"
    AUTO = "auto"


def up(
    only: Annotated[list[str] | None, typer.Option("--only", metavar="NAME", help="Only these services")] = None,
    without: Annotated[list[str] | None, typer.Option("--without", metavar="NAME", help="Not these services")] = None,
    ports: Annotated[
        Ports, typer.Option("--ports", help="fixed: the usual ports; auto: a free one where one is in use")
    ] = Ports.FIXED,
    project: ProjectOption = None,
    engine: EngineOption = None,
    json: JsonOption = False,
) -> None:
    """Run the whole stack on this machine, without containers, until Ctrl-C."""
    from filon.cli.up.site import ENVIRONMENT, SECRET_NAMES, SECRETS, Site

    settings = read_settings(project=project, engine=engine)
    services = _choose(settings, _names(only), _names(without))
    with _folder_lock() as lock:
        programs, missing = _find_programs(services)
        available = [service for service in services if service.name in programs]
        site = Site(
            settings=settings,
            project=open_project(settings),
            programs=programs,
            ports=_ports(available, ports),
            secrets=ensure_secrets(SECRETS, SECRET_NAMES),
        )
        write_private(ENVIRONMENT, format_variables(site.pipeline_settings()))
        _run(site, services, missing, lock, json=json)


def _run(site: Site, services: Sequence[Service], missing: Mapping[str, Missing], lock: int, *, json: bool) -> None:
    from filon.cli.up.screen import Screen
    from filon.cli.up.stack import Stack

    with Screen(open_console(quiet=json), site, as_json=json) as screen, group(lock) as processes:
        stack = Stack(site, services, missing, processes)
        try:
            _supervise(stack, screen)
        finally:
            screen.close()


def _supervise(stack: Stack, screen: Screen) -> None:
    """Start the services and monitor them; ServerFailed when one that is not optional fails, or none is left."""
    starting = True
    while starting or stack.alive:
        screen.show(stack.members, list(stack.step()))
        if starting and stack.settled:
            starting = False
            screen.close_start(stack.members)
        time.sleep(LOOK_S)
    stack.require_success()


def _names(texts: Sequence[str] | None) -> list[str]:
    return [name for text in texts or () for name in text.split(",")]


def _choose(settings: Settings, only: Sequence[str], without: Sequence[str]) -> list[Service]:
    from filon.cli.up.services import SERVICES

    services = [service for service in SERVICES if service.takes_part(settings)]
    names = [service.name for service in services]
    for name in (*only, *without):
        if name not in names:
            raise ConfigError(f"{name} is no service; there are {', '.join(names)}")
    chosen = [service for service in services if service.name not in without and (not only or service.name in only)]
    if not chosen:
        raise ConfigError("no service is left to start; --only and --without name the same ones")
    return chosen


def _find_programs(services: Sequence[Service]) -> tuple[dict[str, Path], dict[str, Missing]]:
    from filon.cli.up.programs import Missing

    programs: dict[str, Path] = {}
    missing: dict[str, Missing] = {}
    for service in services:
        program = service.find()
        lacking = [name for name in service.requires if name not in programs]
        if isinstance(program, Missing):
            missing[service.name] = program
        elif lacking:
            missing[service.name] = Missing(f"needs {', '.join(lacking)}")
        else:
            programs[service.name] = program
    return programs, missing


def _ports(services: Sequence[Service], ports: Ports) -> dict[str, int]:
    usual = {service.name: service.port for service in services if service.port is not None}
    for name, port in usual.items():
        if ports is Ports.FIXED and not is_free(HOST, port):
            raise ConfigError(f"{name}: port {port} is in use. Stop what listens there, or give --ports auto.")
    inner = {name: port for service in services for name, port in service.inner_ports.items()}
    named = usual | inner
    return dict(zip(named, free_ports(named.values(), HOST), strict=True))


@contextmanager
def _folder_lock() -> Iterator[int]:
    """Lock the folder of the services, so that no second stack uses the same data.

    Services inherit the lock, because those that a killed ``filon up`` left behind still use the data.
    """
    import fcntl

    from filon.cli.up.site import FOLDER

    FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"the services of {FOLDER.absolute()} are up already. If `filon up` was killed, end what it left: "
                f"`fuser -v {quote(str(FOLDER / 'lock'))}` names it."
            ) from None
        yield lock.fileno()
