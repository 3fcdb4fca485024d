"""The lake: tables and documents under one root."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from filon.durable import Effect, durable
from filon.errors import ConfigError, Damage, LakeDamaged, ReleaseConflict, ReleaseMissing
from filon.lake.datafile import DataFile, TableFile
from filon.lake.documents import Build, Ledger, NewBuild, Release, RunDocument, build_id, note_name
from filon.lake.erasures import ErasureLog
from filon.lake.files import TableFiles
from filon.lake.leases import Lease
from filon.lake.ledgers import LedgerLog
from filon.lake.location import Entry, Layer, Location, locate
from filon.lake.numbered import NumberedLog
from filon.lake.probe import probe_creation
from filon.lake.s3 import open_s3
from filon.lake.sealed import seal, unseal
from filon.lake.syncing import sync_builds

SUPERSEDED = "superseded-records"
"""A folder that no dataset can have the name of."""
WITHOUT_RELEASE = ". Without one, `filon run --force` publishes what the ledger holds; a rollback is forgotten"


class Lake:
    """A root with one place per layer: ``root/bronze``, … or, for a root such as ``s3://{layer}``, a bucket each."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._layers = {layer: _place_of(root, layer) for layer in Layer}
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
        self.ledgers = LedgerLog(metadata, self.layer(Layer.BRONZE))
        self.releases = NumberedLog(metadata, "releases", Release, part="the releases", without_newest=WITHOUT_RELEASE)
        self.runs = NumberedLog(metadata, "runs", RunDocument, part="the reports of runs", compressed=True)
        self.erasures = ErasureLog(metadata)
        self.files = TableFiles(self.table)
        self.damaged_logs: set[str] = set()
        """Ids of builds whose Delta log is damaged; the next commit of their table writes another log."""
        self._lease: Lease | None = None
        self._published: Release | None = None

    def layer(self, layer: Layer) -> Location:
        """The place of a layer."""
        return self._layers[layer]

    def listing(self, layer: Layer) -> Iterator[Entry]:
        """The objects of a layer, without those of a layer inside it."""
        inside = f"{SUPERSEDED}/"
        for entry in self.layer(layer).listing():
            if layer is not Layer.QUARANTINE or not entry.name.startswith(inside):
                yield entry

    @property
    def places(self) -> list[Location]:
        """The places of tables, which an engine reads and writes."""
        return [self.layer(layer) for layer in (Layer.BRONZE, Layer.SILVER, Layer.GOLD, Layer.QUARANTINE)]

    def table(self, layer: Layer, name: str) -> Location:
        """The folder of a table."""
        return self.layer(layer) / name

    def accept_loss(self) -> None:
        """Continue from the newest ledger and release that can be read, although newer ones are lost."""
        self.ledgers.documents.accepts_loss = self.releases.accepts_loss = True

    def paths(self, build: Build) -> list[str]:
        """Verify the files of a build; returns their addresses for an engine.

        LakeDamaged when a file is gone, or has other bytes than were written.
        """
        return self.paths_of(build.layer, build.table, build.files, self.part_of(build))

    def paths_of(self, layer: Layer, table: str, files: Sequence[TableFile], part: str) -> list[str]:
        """Verify some files of a table; returns their addresses for an engine.

        Args:
            layer: the layer of the table
            table: its name
            files: the files
            part: what they belong to, for messages

        Raises:
            LakeDamaged: a file is gone, or has other bytes than were written

        """
        self.files.require_sound(layer, table, files, part)
        location = self.table(layer, table)
        return [location.path_of(file.name) for file in files]

    def is_complete(self, build: Build) -> bool:
        """Whether all files of a build exist, in their sizes; from now on the lease of this run protects them."""
        if self._lease is not None:
            self._lease.hold([build])
        if self.has_damage(build):
            return False
        entries = {entry.name: entry for entry in self.table(build.layer, build.table).listing()}
        return not self.files.compare(build, entries, self.part_of(build))

    def has_damage(self, build: Build) -> bool:
        """Whether damage of a file of a build was noticed before; no file is read."""
        return bool(self.files.known_damage(build.layer, build.table, build.files))

    def require_sound(self, release: Release) -> None:
        """Verify every file of a release; LakeDamaged, listing all of them, when some are gone or altered."""
        damages: list[Damage] = []
        for build in release.tables.values():
            try:
                self.paths(build)
            except LakeDamaged as error:
                damages += error.damages
        if damages:
            raise LakeDamaged(damages)

    @contextmanager
    def leased(self, run_id: str, release: Release | None) -> Iterator[None]:
        """Protect from sweeps, inside the context, a release and all after it, and builds found by ``is_complete``."""
        with Lease(self.layer(Layer.METADATA), run_id, release.number if release else 0) as lease:
            self._lease = lease
            try:
                yield
            finally:
                self._lease = None

    def part_of(self, build: Build) -> str:
        """What a file of a build belongs to, for messages: a release, or else a run."""
        release = self._published
        if release is not None and (pinned := release.tables.get(build.id)) and pinned.files == build.files:
            return f"{build.id} of release {release.number}"
        return f"{build.id} of run {build.run_id}"

    def prepare(self, run_id: str) -> None:
        """Create missing folders or buckets, and test whether the object store honours create-only writes.

        Raises:
            LakeForeign: a version of Filon with another format wrote the lake; nothing was written
            LakeUnsafe: the object store lets two writers create the same object, so releases could be lost
            LakeRefused: a bucket does not exist and may not be created

        """
        for log in (self.ledgers.documents, self.releases, self.runs, self.erasures.documents):
            log.require_own_format()
        for bucket in dict.fromkeys(self.layer(layer).bucket for layer in Layer):
            if bucket is not None:
                open_s3().make_bucket(bucket)
        for layer in Layer:
            self.layer(layer).make_folder(sync=True)
        metadata = self.layer(Layer.METADATA)
        if metadata.bucket is not None:
            probe_creation(metadata, f"probe/{run_id}")

    def ledger(self) -> Ledger:
        """The newest ledger; an empty one when nothing ever arrived."""
        return self.ledgers.latest()

    def release(self, number: int | None = None) -> Release | None:
        """A release by number (ReleaseMissing if there is none), or the published one (None if there is none)."""
        if number is None:
            self._published = self.releases.latest()
            return self._published
        try:
            return self.releases.linked(number)
        except FileNotFoundError:
            raise ReleaseMissing(number, self.releases.numbers()) from None

    def publish(self, release: Release) -> None:
        """Sync what a release names, then create it in one step, which publishes it.

        Raises:
            ReleaseConflict: another run created a release of that number
            LakeDamaged: an object that it names is gone
            LakeUnavailable: the disk refuses to store one

        """
        sync_builds(self.layer, release, self._published)
        if not self.releases.add(release.number, release):
            raise ReleaseConflict(release.number)

    def find_build(self, layer: Layer, table: str, fingerprint: str) -> Build | None:
        """The build of a table with this fingerprint, published or not; None when there is none or a file is gone."""
        build = self.find_note(layer, table, fingerprint)
        if build is None or not self.is_complete(build):
            return None
        # a sweep deletes notes before it reads leases: if the note still exists, the lease was written in time
        return self.find_note(layer, table, fingerprint)

    def find_note(self, layer: Layer, table: str, fingerprint: str) -> Build | None:
        """The noted build of a table with this fingerprint; None when there is no note, or a damaged one."""
        name, metadata = note_name(layer, table, fingerprint), self.layer(Layer.METADATA)
        try:
            return unseal(metadata.read(name), Build, metadata.path_of(name), build_id(layer, table), "").content
        except (FileNotFoundError, LakeDamaged):
            return None

    def seal(self, layer: Layer, table: str, files: Sequence[DataFile]) -> tuple[TableFile, ...]:
        """Hash files that an engine just wrote into a table's folder.

        They are not synced here, but together with the document that names them.
        """
        with self.layer(layer).usable(), durable(Effect.SEAL, build_id(layer, table)):
            return self.files.seal(layer, table, files)

    def keep_build(self, new: NewBuild, files: Sequence[TableFile]) -> Build:
        """Commit files as the whole content of a table to Delta, and write a note, by which later runs find the build.

        Args:
            new: table, fingerprint, columns and quality; it may be a build whose Delta log is damaged
            files: all files of the content

        Raises:
            WriteConflict: other writers committed first, many times

        """
        # deltalake is slow to import, and a run with nothing to build does not need it
        from filon.lake.tables import commit

        committed = commit(
            self.table(new.layer, new.table),
            new.columns,
            files,
            partition=new.partition,
            facts={"run_id": new.run_id, "fingerprint": new.fingerprint},
            now_ms=int(new.built_at.timestamp() * 1000),
            start_anew=new.id in self.damaged_logs,
        )
        self.damaged_logs.discard(new.id)
        facts = {name: getattr(new, name) for name in NewBuild.model_fields}
        build = Build(
            **facts,
            version=committed.version,
            log_bytes=committed.log_bytes,
            rows=sum(file.rows for file in files),
            files=tuple(file.with_stats({}) for file in files),
        )
        if build.layer is not Layer.BRONZE:  # the ledger has the same content
            self.note(build)
        return build

    def with_stats(self, build: Build) -> Build:
        """A build with the bounds and nulls of columns in its files, read from its Delta log.

        The log has no bounds of long texts, timestamps and amounts that JSON would round, and none at all if it was
        written anew after damage; these columns have no stats.
        """
        from filon.lake.tables import stats_of

        stats = stats_of(self.table(build.layer, build.table), build.version)
        files = tuple(file.with_stats(stats.get(file.name, {})) for file in build.files)
        return build.model_copy(update={"files": files})

    def note(self, build: Build) -> None:
        """Write the note of a build, by which it is found by its fingerprint."""
        # synced with the release; a power cut before that costs a build, but nothing that was published
        self.layer(Layer.METADATA).write(build.note, seal(build), sync=False)

    def keep_run(self, run: RunDocument) -> None:
        """Add the report of a finished run, as the newest one."""
        while not self.runs.add(self.runs.after(max(self.runs.numbers(), default=0)), run):
            continue

    def note_heads(self) -> None:
        """Note the newest documents where a killed writer left that out: their loss would not be noticed else."""
        for log in (self.ledgers.documents, self.releases, self.runs):
            log.note_head(max(log.numbers(), default=0))

    def last_run(self) -> RunDocument | None:
        """The newest report of a run, successful or not; None when there is none."""
        return self.runs.latest()

    def keep_file(self, name: str, content: Iterator[bytes]) -> None:
        """Store the content of a quarantined file under ``quarantine/files``."""
        self.layer(Layer.QUARANTINE).write(f"files/{name}", content)


def copy_name(version: int, sha256: str) -> str:
    """The name of the copy of a quarantined file, by the number of its version and the hash of its content."""
    return f"{version}-{sha256[:12]}"


def _place_of(root: str, layer: Layer) -> Location:
    if layer is Layer.SUPERSEDED:
        return _place_of(root, Layer.QUARANTINE) / SUPERSEDED
    return locate(root.replace("{layer}", layer)) if "{layer}" in root else locate(root) / layer


def new_run_id(now: dt.datetime) -> str:
    """A new run id, which sorts by time and ends with a random part."""
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
