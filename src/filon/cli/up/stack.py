"""Start services in the order of their dependencies, and monitor them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from filon.cli.processes import Child, Group, Server, rotate_log
from filon.cli.up.programs import Missing
from filon.cli.up.services import Plan, Service
from filon.cli.up.site import Site
from filon.errors import FilonError, ServerFailed

READY_S = 120
TAIL = 15


class State(StrEnum):
    """The state of a service."""

    WAITING = "waiting"
    STARTING = "starting"
    HEALTHY = "healthy"
    DONE = "done"
    FAILED = "failed"
    MISSING = "not installed"


SETTLED = (State.HEALTHY, State.DONE, State.FAILED, State.MISSING)
ENDED = (State.DONE, State.FAILED, State.MISSING)


class Member:
    """A service of the stack: runs its commands one after the other, then checks its health.

    ``detail`` is the reason of a failure, or what to install.
    """

    def __init__(self, service: Service, site: Site, processes: Group, missing: Missing | None) -> None:
        self.service = service
        self.log = site.log(service.name)
        self.address = None if missing else site.address(service.name)
        self.state = State.MISSING if missing else State.WAITING
        self.detail = missing.why if missing else ""
        self._site = site
        self._processes = processes
        self._plan: Plan
        self._commands: deque[Sequence[str]]
        self._child: Child
        self._since = 0.0

    def begin(self) -> None:
        """Start the first command."""
        self._plan = self.service.plan(self._site)
        self._commands = deque([*self._plan.before, *([self._plan.serve] if self._plan.serve else [])])
        self.state = State.STARTING
        self._start_next()

    def poll(self) -> None:
        """Update the state from the running command: its exit code, or its health."""
        rotate_log(self.log)
        code = self._child.exit_code
        serves = not self._commands and self._plan.serve is not None
        if code == 0 and not serves:
            self._start_next()
        elif code is not None:
            self._fail(f"ended with exit code {code}")
        elif serves and self.state is State.STARTING:
            self._check_health()

    def failure(self) -> str:
        """The reason of a failure, and the last lines of the log."""
        with self.log.open(errors="replace") as lines:
            end = "".join(f"  {line}" for line in deque(lines, TAIL))
        return f"{self.service.name} {self.detail}. The end of {self.log}:\n{end.rstrip()}"

    def _start_next(self) -> None:
        if not self._commands:
            self.state = State.DONE
            return
        plan, command = self._plan, self._commands.popleft()
        server = Server(self.service.name, command, plan.health, plan.environment, self.log)
        self._child = self._processes.launch(server)
        self._since = time.monotonic()

    def _check_health(self) -> None:
        try:
            if self._plan.health():
                self.state = State.HEALTHY
            elif time.monotonic() - self._since > READY_S:
                self._fail(f"was not ready after {READY_S} s")
        except FilonError as error:
            self._fail(f"cannot be used: {error}")

    def _fail(self, why: str) -> None:
        self.state, self.detail = State.FAILED, why


class Stack:
    """The members of a site; ``step`` advances them."""

    def __init__(
        self, site: Site, services: Sequence[Service], missing: Mapping[str, Missing], processes: Group
    ) -> None:
        self.members = [Member(service, site, processes, missing.get(service.name)) for service in services]
        self._named = {member.service.name: member for member in self.members}

    @property
    def settled(self) -> bool:
        """Whether no member waits or starts any more."""
        return all(member.state in SETTLED for member in self.members)

    @property
    def alive(self) -> bool:
        """Whether a member runs, starts or waits."""
        return any(member.state not in ENDED for member in self.members)

    def require_success(self) -> None:
        """ServerFailed when a member failed."""
        for member in self.members:
            if member.state is State.FAILED:
                raise ServerFailed(member.failure())

    def step(self) -> Iterator[Member]:
        """Advance every member once, and yield those whose state changed; ServerFailed when one not optional failed."""
        for member in self.members:
            before = member.state
            if before is State.WAITING and self._may_begin(member.service):
                member.begin()
            elif before in (State.STARTING, State.HEALTHY):
                member.poll()
            if member.state is not before:
                yield member
            if member.state is State.FAILED and not member.service.optional:
                raise ServerFailed(member.failure())

    def _may_begin(self, service: Service) -> bool:
        needed = (self._named[name] for name in service.needs if name in self._named)
        return all(member.state in SETTLED for member in needed)
