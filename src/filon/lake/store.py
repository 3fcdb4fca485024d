"""The lake: everything that is durable, under one root."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable, Iterator, Sequence

from pydantic import ValidationError

from filon.errors import ConfigError, LakeCorrupt, ReleaseConflict, ReleaseMissing
from filon.lake.datafile import DataFile
from filon.lake.documents import Build, Ledger, Release, RunDocument
from filon.lake.location import Layer, Location, locate
from filon.lake.numbered import NumberedLog
from filon.lake.probe import probe_creation
from filon.lake.s3 import open_s3


class Lake:
    """A root with one place per layer: ``root/bronze``, … or, for a root such as ``s3://{layer}``, a bucket each."""

    def __init__(self, root: str) -> None:
        self.root = root
        metadata = self.layer(Layer.METADATA)
        folder = metadata.folder
        if folder is not None and "%" in str(folder):
            raise ConfigError(
                f"the lake cannot stand in {folder.parent}: Delta readers misread `%` in a path. Move it."
            )
        if metadata.bucket is not None and (odd := set(root) & set("%#?")):
            raise ConfigError(
                f"the lake cannot stand in {root}: Delta readers misread {' '.join(sorted(odd))}. Move it."
            )
        self.ledgers = NumberedLog(metadata, "ledger", Ledger, compressed=True)
        self.releases = NumberedLog(metadata, "releases", Release)

    def layer(self, layer: Layer) -> Location:
        """The place of a layer."""
        return locate(self.root.replace("{layer}", layer)) if "{layer}" in self.root else locate(self.root) / layer

    @property
    def places(self) -> list[Location]:
        """The places of tables: what an engine reads and writes."""
        return [self.layer(layer) for layer in (Layer.BRONZE, Layer.SILVER, Layer.GOLD, Layer.QUARANTINE)]

    def table(self, layer: Layer, name: str) -> Location:
        """The folder of a table."""
        return self.layer(layer) / name

    def paths(self, build: Build) -> list[str]:
        """The Parquet files of a build, as an engine reads them."""
        location = self.table(build.layer, build.table)
        return [location.path_of(name) for name in build.files]

    def is_complete(self, build: Build) -> bool:
        """Whether all files of a build are still there; a sweep may have taken those of an old one."""
        return set(build.files) <= set(self.table(build.layer, build.table).names())

    def prepare(self, run_id: str) -> None:
        """Create the buckets that are missing, and make sure that they keep what is only ever created.

        LakeUnsafe when an object store lets two writers create the same object: releases could be lost there.
        """
        for bucket in dict.fromkeys(self.layer(layer).bucket for layer in Layer):
            if bucket is not None:
                open_s3().make_bucket(bucket)
        metadata = self.layer(Layer.METADATA)
        if metadata.bucket is not None:
            probe_creation(metadata, f"probe/{run_id}")

    def ledger(self) -> Ledger:
        """The ledger as it stands."""
        return self.ledgers.latest() or Ledger()

    def release(self, number: int | None = None) -> Release | None:
        """A release by number (ReleaseMissing if there is none), or the published one (None if there is none)."""
        if number is None:
            return self.releases.latest()
        try:
            return self.releases.get(number)
        except FileNotFoundError:
            raise ReleaseMissing(number, self.releases.numbers()) from None

    def publish(self, release: Release) -> None:
        """Make a release the published one, wholly or not at all; ReleaseConflict when its number is taken."""
        if not self.releases.add(release.number, release):
            raise ReleaseConflict(release.number)

    def find_build(self, layer: Layer, table: str, fingerprint: str) -> Build | None:
        """A table content that some run finished, whether or not it was published."""
        name = _build_name(layer, table, fingerprint)
        try:
            content = self.layer(Layer.METADATA).read(name)
        except FileNotFoundError:
            return None
        try:
            return Build.model_validate_json(content)
        except ValidationError as error:
            raise LakeCorrupt(f"{name} cannot be understood; delete it and run again") from error

    def keep_build(
        self,
        build: Build,
        new: Iterable[DataFile],
        *,
        kept: Sequence[str] = (),
    ) -> Build:
        """Commit a table's files to Delta and note the build, so that any later run can use it."""
        # Delta is slow to import and a run with nothing to build never needs it
        from filon.lake.tables import commit

        version = commit(
            self.table(build.layer, build.table),
            build.columns,
            new,
            kept,
            facts={"run_id": build.run_id, "fingerprint": build.fingerprint},
            now_ms=int(build.built_at.timestamp() * 1000),
        )
        build = build.model_copy(update={"version": version})
        name = _build_name(build.layer, build.table, build.fingerprint)
        self.layer(Layer.METADATA).write(name, build.model_dump_json(exclude_defaults=True).encode())
        return build

    def keep_run(self, run: RunDocument) -> None:
        """Note what a finished run reported."""
        self.layer(Layer.METADATA).write(f"runs/{run.run_id}.json", run.model_dump_json(indent=1).encode())

    def last_run(self) -> RunDocument | None:
        """The newest run that finished, well or badly."""
        names = self.layer(Layer.METADATA).names("runs")
        if not names:
            return None
        return RunDocument.model_validate_json(self.layer(Layer.METADATA).read(names[-1]))

    def keep_file(self, name: str, content: Iterator[bytes]) -> None:
        """Keep the bytes of a quarantined file."""
        self.layer(Layer.QUARANTINE).write(f"files/{name}", content)


def new_run_id(now: dt.datetime) -> str:
    """A name for a run that sorts by time."""
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def _build_name(layer: Layer, table: str, fingerprint: str) -> str:
    return f"builds/{layer}/{table}/{fingerprint}.json"
