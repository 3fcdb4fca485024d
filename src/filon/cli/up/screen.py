"""How the stack shows itself: a live table on a terminal, a line for each change elsewhere, JSON at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from filon.cli.render import table_of
from filon.cli.up.services import MONGO_EXPRESS_USER
from filon.cli.up.site import ENVIRONMENT, EXPRESS_PASSWORD, SECRETS
from filon.cli.up.stack import Member, State

STYLES = {
    State.WAITING: "dim",
    State.STARTING: "yellow",
    State.HEALTHY: "green",
    State.DONE: "green",
    State.FAILED: "bold red",
    State.MISSING: "dim",
}


class Screen:
    """Tells a console how the members are. Use as a context manager."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal and not quiet else None

    def __enter__(self) -> Screen:
        with ExitStack() as opened:
            if self._live:
                opened.enter_context(self._live)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def show(self, members: Sequence[Member], changed: Sequence[Member]) -> None:
        """Show what changed."""
        if self._live and changed:
            self._live.update(_table(members), refresh=True)
        elif not self._quiet:
            for member in changed:
                self._console.print(f"{member.service.name:<14} {_line(member)}")
                if member.state is State.FAILED:
                    self._console.print(member.failure())
            sys.stdout.flush()

    def close_start(self, members: Sequence[Member]) -> None:
        """Say that the start is over, and how to go on."""
        if self._quiet:
            services = [_as_json(member) for member in members]
            print(json.dumps({"services": services, "environment": str(ENVIRONMENT)}, indent=2), flush=True)  # noqa: T201
            return
        names = {member.service.name for member in members if member.state is State.HEALTHY}
        if not self._live:
            self._console.print(_table(members))
        self._console.print()
        self._console.print("To work on the same lake and store from another terminal:")
        self._console.print(f"  set -a; . {ENVIRONMENT}; set +a; filon run")
        if "mongo-express" in names:
            where = f"{EXPRESS_PASSWORD} in {SECRETS}"
            self._console.print(f"Mongo Express asks for the user {MONGO_EXPRESS_USER} and the password {where}.")
        self._console.print("Ctrl-C stops everything.")
        sys.stdout.flush()


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
