"""A real replica set of MongoDB, whose primary a test may kill."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.integration.servers.mongod import Mongod

NAME = "filon"
LONGEST_S = 60
LOOK_S = 0.1
ELECTION_MS = 1_000
"""How long members wait for a silent primary; ten times as long, if nothing is said."""


@dataclass
class ReplicaSet:
    """Three servers without accounts, of which one is the primary."""

    members: Sequence[Mongod]

    @property
    def uri(self) -> str:
        """The address of all, without a database."""
        return f"mongodb://{','.join(f'127.0.0.1:{member.port}' for member in self.members)}/?replicaSet={NAME}"

    def address(self, database: str) -> str:
        """The address of a database."""
        return self.uri.replace("/?", f"/{database}?")

    def start(self) -> None:
        """Start all, make them one set, and wait until there is a primary."""
        for member in self.members:
            member.start("--replSet", NAME)
        named = [{"_id": number, "host": f"127.0.0.1:{member.port}"} for number, member in enumerate(self.members)]
        first = self.members[0]
        with MongoClient[dict[str, Any]](first.uri, directConnection=True) as client:
            settings = {"electionTimeoutMillis": ELECTION_MS}
            client.admin.command("replSetInitiate", {"_id": NAME, "members": named, "settings": settings})
        self.primary()

    def primary(self) -> Mongod:
        """The server that is the primary now; waits until there is one that takes writes, and all others follow it."""
        end = time.monotonic() + LONGEST_S
        while time.monotonic() < end:
            states = {member.port: _state(member) for member in self.members if member.is_running}
            if sorted(states.values()) == ["PRIMARY"] + ["SECONDARY"] * (len(states) - 1):
                return next(member for member in self.members if states.get(member.port) == "PRIMARY")
            time.sleep(LOOK_S)
        raise TimeoutError("the replica set has no primary")

    def restart_the_dead(self) -> None:
        """Start again what was killed, and wait until it has caught up."""
        for member in self.members:
            if not member.is_running:
                member.start("--replSet", NAME)
        self.primary()

    def stop(self) -> None:
        """End all."""
        for member in self.members:
            if member.is_running:
                member.stop()


def replica_set(folder: Path, ports: Sequence[int]) -> ReplicaSet:
    """A set of as many servers as there are ports."""
    members = []
    for port in ports:
        place = folder / str(port)
        place.mkdir()
        members.append(Mongod(place, port))
    return ReplicaSet(members)


def _state(member: Mongod) -> str:
    try:
        with MongoClient[dict[str, Any]](member.uri, directConnection=True, serverSelectionTimeoutMS=2_000) as client:
            hello = client.admin.command("hello")
    except PyMongoError:
        return "DOWN"
    if hello.get("isWritablePrimary"):
        return "PRIMARY"
    return "SECONDARY" if hello.get("secondary") else "STARTING"
