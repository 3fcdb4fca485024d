"""A real S3 server."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from tests.integration.servers.process import ServerProcess

SERVICES = ("s3", "master", "volume", "filer", "admin")
OTHERS = ("s3.port.iceberg", "s3.port.lance", "webdav.port", "metricsPort")
LONGEST_S = 30


@dataclass
class ObjectStore(ServerProcess):
    """SeaweedFS, which a test may kill and start again; it needs so many ports."""

    PORTS: ClassVar[int] = 2 * len(SERVICES) + len(OTHERS)

    folder: Path
    ports: Sequence[int]
    secret: str = field(default_factory=secrets.token_hex)
    options: Sequence[str] = ()
    ca_file: Path | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"{'https' if self.ca_file else 'http'}://127.0.0.1:{self.ports[0]}"

    @property
    def environment(self) -> Mapping[str, str]:
        """What clients must be told."""
        return self.environment_for(self.url)

    def environment_for(self, url: str) -> Mapping[str, str]:
        """What clients must be told that reach it by another address."""
        return {
            "AWS_ACCESS_KEY_ID": "filon",
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url,
            **({"AWS_CA_BUNDLE": str(self.ca_file)} if self.ca_file else {}),
        }

    def start(self) -> None:
        """Start it and wait until it takes objects."""
        names = [*(f"{name}.port" for name in SERVICES), *(f"{name}.port.grpc" for name in SERVICES), *OTHERS]
        names[0] = "s3.port.https" if self.ca_file else "s3.port"
        ports = [f"-{name}={port}" for name, port in zip(names, self.ports, strict=True)]
        program = str(Path(sys.executable).with_name("weed"))
        command = [program, "mini", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false"]
        self.launch([*command, *ports, *self.options], self.folder / "log", {**os.environ, **self.environment})
        self._wait()

    def put(self, bucket: str, name: str, content: bytes) -> None:
        """Write an object."""
        obstore.put(self._bucket(bucket), name, content)

    def delete(self, bucket: str, name: str) -> None:
        """Delete an object."""
        obstore.delete(self._bucket(bucket), name)

    def _bucket(self, bucket: str) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self.url,
            access_key_id="filon",
            secret_access_key=self.secret,
            region="us-east-1",
            client_options={"allow_http": True, "allow_invalid_certificates": True},
        )

    def _wait(self) -> None:
        end = time.monotonic() + LONGEST_S
        while time.monotonic() < end:
            assert self.is_running, (self.folder / "log").read_text()[-2000:]
            with contextlib.suppress(BaseError):
                self.put("probe", "probe", b"up")
                return
            time.sleep(0.2)
        raise TimeoutError("the object store did not come up in time")
