"""The command ``filon up`` itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from filon.cli.options import JsonOption, ProjectOption
from filon.cli.processes import HOST, LOOK_S, free_ports, group, is_free
from filon.cli.render import open_console
from filon.cli.secrets import kept_secrets, written
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


class Ports(StrEnum):
    """Which ports the services take."""

    FIXED = "fixed"
    AUTO = "auto"


def up(
    only: Annotated[list[str] | None, typer.Option("--only", metavar="NAME", help="Only these services")] = None,
    without: Annotated[list[str] | None, typer.Option("--without", metavar="NAME", help="Not these services")] = None,
    ports: Annotated[
        Ports, typer.Option("--ports", help="fixed: the usual ports; auto: a free one where one is in use")
    ] = Ports.FIXED,
    project: ProjectOption = None,
    json: JsonOption = False,
) -> None:
    """Run the whole stack on this machine, without containers, until Ctrl-C."""
    from filon.cli.up.site import ENVIRONMENT, SECRET_NAMES, SECRETS, Site

    settings = read_settings(project=project)
    services = _chosen(_names(only), _names(without))
    with _alone() as lock:
        programs, missing = _found(services)
        taking_part = [service for service in services if service.name in programs]
        site = Site(
            settings=settings,
            project=open_project(settings),
            programs=programs,
            ports=_ports(taking_part, ports),
            secrets=kept_secrets(SECRETS, SECRET_NAMES),
        )
        write_private(ENVIRONMENT, written(site.pipeline_settings()))
        _run(site, services, missing, lock, json=json)


def _run(site: Site, services: Sequence[Service], missing: Mapping[str, Missing], lock: int, *, json: bool) -> None:
    from filon.cli.up.screen import Screen
    from filon.cli.up.stack import Stack

    with Screen(open_console(quiet=json), site, as_json=json) as screen, group(lock) as processes:
        stack = Stack(site, services, missing, processes)
        try:
            _watch(stack, screen)
        finally:
            screen.close()


def _watch(stack: Stack, screen: Screen) -> None:
    """Bring the stack up and look after it; ServerFailed when nothing is left of it."""
    starting = True
    while starting or stack.alive:
        screen.show(stack.members, list(stack.step()))
        if starting and stack.settled:
            starting = False
            screen.close_start(stack.members)
        time.sleep(LOOK_S)
    stack.require_success()


def _names(given: Sequence[str] | None) -> list[str]:
    return [name for text in given or () for name in text.split(",")]


def _chosen(only: Sequence[str], without: Sequence[str]) -> list[Service]:
    from filon.cli.up.services import SERVICES

    known = [service.name for service in SERVICES]
    for name in (*only, *without):
        if name not in known:
            raise ConfigError(f"{name} is no service; there are {', '.join(known)}")
    chosen = [service for service in SERVICES if service.name not in without and (not only or service.name in only)]
    if not chosen:
        raise ConfigError("no service is left to start; --only and --without name the same ones")
    return chosen


def _found(services: Sequence[Service]) -> tuple[dict[str, Path], dict[str, Missing]]:
    from filon.cli.up.programs import Missing

    programs: dict[str, Path] = {}
    missing: dict[str, Missing] = {}
    for service in services:
        found = service.find()
        lacking = [name for name in service.requires if name not in programs]
        if isinstance(found, Missing):
            missing[service.name] = found
        elif lacking:
            missing[service.name] = Missing(f"needs {', '.join(lacking)}")
        else:
            programs[service.name] = found
    return programs, missing


def _ports(services: Sequence[Service], ports: Ports) -> dict[str, int]:
    wanted = {service.name: service.port for service in services if service.port is not None}
    for name, port in wanted.items():
        if ports is Ports.FIXED and not is_free(HOST, port):
            raise ConfigError(f"{name}: port {port} is in use. Stop what listens there, or give --ports auto.")
    inner = {name: port for service in services for name, port in service.inner_ports.items()}
    named = wanted | inner
    return dict(zip(named, free_ports(named.values(), HOST), strict=True))


@contextmanager
def _alone() -> Iterator[int]:
    """Hold the folder of the services, so that no second stack works on the same data.

    Services inherit the lock: those that a killed ``filon up`` left behind still work on the data.
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
