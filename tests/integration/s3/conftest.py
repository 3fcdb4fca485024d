"""A shop whose lake is on a real S3 server, and that server behind a proxy that injects faults."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from filon.lake import Lake, Layer
from filon.projects.retail.generate import generate
from tests.integration.api.conftest import answering
from tests.integration.conftest import Shop, free_ports, surroundings
from tests.integration.s3.faults import Faults, proxy
from tests.integration.servers import ObjectStore


@dataclass(frozen=True)
class RemoteShop(Shop):
    """A shop whose lake is on an object store."""

    @property
    def root(self) -> str:
        """The address of its lake."""
        return self.extra["FILON_LAKE"]

    def release(self) -> dict[str, Any]:
        """The published release as it lies in the lake."""
        with surroundings(self.environment()):
            metadata = Lake(self.root).layer(Layer.METADATA)
            document: dict[str, Any] = json.loads(metadata.read(metadata.names("releases")[-1]))
        return document

    def rows(self, table: str, columns: str = "*", layer: str = "gold") -> list[tuple[Any, ...]]:
        """The published rows of a table, sorted; read by pyarrow, not by the engine that wrote them."""
        build = self.release()["tables"][f"{layer}/{table}"]
        with surroundings(self.environment()):
            location = Lake(self.root).table(Layer(layer), table)
            found = [
                pyarrow.parquet.read_table(io.BytesIO(location.read(file["name"]))) for file in build.get("files", [])
            ]
        names = None if columns == "*" else columns.split(", ")
        picked = [part.select(names) if names else part for part in found]
        return sorted((tuple(row.values()) for part in picked for row in part.to_pylist()), key=repr)

    def objects(self, layer: Layer, prefix: str = "") -> list[str]:
        """Names of the objects of a layer."""
        with surroundings(self.environment()):
            return Lake(self.root).layer(layer).names(prefix)


def remote(folder: Path, environment: Mapping[str, str], root: str | None = None) -> RemoteShop:
    """A shop with a year of dirty data, and a lake under a prefix that nobody else uses."""
    root = root or f"s3://lakes/{secrets.token_hex(6)}"
    shop = RemoteShop(folder, extra={**environment, "FILON_LAKE": root, "FILON_SERVING": "none"})
    generate(shop.sources, purchases=1500, clients=200, dirty=0.03)
    return shop


@pytest.fixture
def remote_shop(tmp_path: Path, object_store: ObjectStore) -> RemoteShop:
    """A shop whose lake is under a prefix of the object store."""
    return remote(tmp_path, object_store.environment)


@pytest.fixture
def twin(remote_shop: RemoteShop) -> Shop:
    """The same shop with a lake on the local disk."""
    return Shop(remote_shop.folder, extra={"FILON_SERVING": "none"})


@pytest.fixture
def faults() -> Faults:
    """What goes wrong: nothing yet."""
    return Faults()


@pytest.fixture
def shaky_shop(remote_shop: RemoteShop, object_store: ObjectStore, faults: Faults) -> Iterator[RemoteShop]:
    """The same shop, which reaches the object store only through a proxy with faults."""
    with answering(proxy(object_store.url, faults), limited=False) as url:
        yield replace(remote_shop, extra={**remote_shop.extra, **object_store.environment_for(url)})


@pytest.fixture
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An object store of the test's own, which it may kill."""
    store = ObjectStore(tmp_path_factory.mktemp("own"), free_ports(ObjectStore.PORTS))
    store.start()
    yield store
    store.stop()
