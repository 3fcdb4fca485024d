"""The states of services on a console: a live table on a terminal, else a line per change; or one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from filon.cli.render import table_of
from filon.cli.up.services import MONGO_EXPRESS_USER
from filon.cli.up.site import ENVIRONMENT, EXPRESS_PASSWORD, SECRETS, Site
from filon.cli.up.stack import Member, State
from filon.pipeline.resources import sources_of

STYLES = {
    State.WAITING: "dim",
    State.STARTING: "yellow",
    State.HEALTHY: "green",
    State.DONE: "green",
    State.FAILED: "bold red",
    State.MISSING: "dim",
}


class Screen:
    """Prints the states of the members. Use as a context manager."""

    def __init__(self, console: Console, site: Site, *, as_json: bool) -> None:
        self._console = console
        self._site = site
        self._as_json = as_json
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal and not as_json else None
        self._hints: list[str] = []

    def __enter__(self) -> Screen:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, members: Sequence[Member], changed: Sequence[Member]) -> None:
        """Print the members that changed."""
        if self._live and changed:
            self._live.update(Group(_table(members), *self._hints), refresh=True)
        elif not self._as_json:
            for member in changed:
                self._say(f"{member.service.name:<14} {_line(member)}")

    def close_start(self, members: Sequence[Member]) -> None:
        """Print all members and hints, once every service has started or failed."""
        self._hints = _hints(self._site, members)
        if self._as_json:
            services = [_as_json(member) for member in members]
            typer.echo(json.dumps({"services": services, "environment": str(ENVIRONMENT)}, indent=2))
            sys.stdout.flush()
        elif self._live:
            self.show(members, members)
        else:
            self._console.print(_table(members))
            self._say(*self._hints)

    def close(self) -> None:
        """Print that services are being stopped, which takes some seconds."""
        if not self._as_json:
            self._say("stopping …")

    def _say(self, *lines: str) -> None:
        for line in lines:
            self._console.print(line)
        sys.stdout.flush()


def _hints(site: Site, members: Sequence[Member]) -> list[str]:
    sources = sources_of(site.settings, site.project)
    healthy = {member.service.name for member in members if member.state is State.HEALTHY}
    lines = [
        "",
        f"New CSV files go into {sources.folder or sources.uri}.",
        "To work on the same lake and store from another terminal:",
        f"  set -a; . {ENVIRONMENT}; set +a; filon run",
    ]
    if "mongo-express" in healthy:
        password = f"{EXPRESS_PASSWORD} in {SECRETS}"
        lines.append(f"Mongo Express asks for the user {MONGO_EXPRESS_USER} and the password {password}.")
    return [*lines, "Ctrl-C stops everything."]


def _table(members: Sequence[Member]) -> Table:
    table = table_of("service", "address", "state", "log")
    for member in members:
        log = str(member.log) if member.state is not State.MISSING else ""
        state = Text(member.state.value, style=STYLES[member.state])
        if member.detail:
            state.append(f": {member.detail}", style="default")
        table.add_row(member.service.name, member.address or "", state, log)
    return table


def _line(member: Member) -> str:
    detail = f": {member.detail}" if member.detail else ""
    address = f"  {member.address}" if member.address and member.state is State.HEALTHY else ""
    return f"{member.state.value}{detail}{address}"


def _as_json(member: Member) -> dict[str, str | None]:
    return {
        "name": member.service.name,
        "address": member.address,
        "state": member.state.value,
        "detail": member.detail or None,
        "log": str(member.log),
    }
