"""Where raw files arrive: a folder or an object-store prefix, only ever read."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import obstore
from obstore.exceptions import BaseError

from filon.errors import SourcesMissing, SourcesUnavailable
from filon.lake.location import Location, locate, told

CHUNK = 4 << 20
OF_THE_DISK = "lost+found"
"""A folder that file systems make, and nobody else may list."""


@dataclass(frozen=True)
class SourceFile:
    """A file as it is listed. ``path`` is relative to the sources; ``tag`` changes when the file is written again."""

    path: str
    size: int
    tag: str
    modified: dt.datetime
    local: Path | None = field(default=None, repr=False, compare=False)


class Sources:
    """The files under one place."""

    def __init__(self, uri: str) -> None:
        self._location: Location = locate(uri)
        self.uri = self._location.uri

    @property
    def folder(self) -> Path | None:
        """The local folder, or None when the sources lie on an object store."""
        return self._location.folder

    @property
    def places(self) -> list[Location]:
        """The place that an engine reads files from itself: the local folder, if the sources are one."""
        return [self._location] if self.folder is not None else []

    def holds(self, path: Path) -> bool:
        """Whether a file really lies in the local folder, all links followed."""
        return self.folder is not None and path.resolve().is_relative_to(self.folder.resolve())

    def files(self) -> list[SourceFile]:
        """Every file, by path, but those with a dot before their name or that of a folder.

        SourcesMissing when there is no such folder, SourcesUnavailable when one inside it cannot be listed.
        """
        folder = self._location.folder
        with self._answering():
            found = self._local(folder) if folder is not None else self._remote()
            return sorted(found, key=lambda file: file.path)

    def again(self, file: SourceFile) -> SourceFile | None:
        """The file as it is now, or None when it is gone."""
        if file.local is not None:
            try:
                return _listed(file.path, file.local)
            except FileNotFoundError:
                return None
        try:
            with self._answering():
                meta = obstore.head(self._location.store, file.path)
        except FileNotFoundError:
            return None
        return SourceFile(file.path, meta["size"], str(meta["e_tag"] or ""), meta["last_modified"])

    def chunks(self, file: SourceFile) -> Iterator[bytes]:
        """The bytes of a file, a few mebibytes at a time. SourcesUnavailable when it is gone since it was listed."""
        try:
            yield from self._read(file)
        except FileNotFoundError as error:
            raise SourcesUnavailable(
                f"{file.path} was listed, but is no longer in {self.uri}. Run again once nobody moves files there."
            ) from error

    def _read(self, file: SourceFile) -> Iterator[bytes]:
        if file.local is not None:
            with file.local.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
            return
        with self._answering():
            for part in obstore.get(self._location.store, file.path).stream(min_chunk_size=CHUNK):
                yield bytes(part)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except BaseError as error:
            raise SourcesUnavailable(
                f"{self.uri}: {told(error)}. Check the address, AWS_ENDPOINT_URL and the credentials; then run again."
            ) from error

    def _local(self, folder: Path) -> Iterator[SourceFile]:
        if not folder.is_dir():
            raise SourcesMissing(
                f"there is no folder {folder}. Say where the CSV files are: --sources URI, or FILON_SOURCES."
            )
        for parent, folders, names in os.walk(folder, onerror=_unlisted):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name != OF_THE_DISK)
            for name in names:
                path = Path(parent, name)
                if not name.startswith(".") and path.is_file():
                    yield _listed(_readable(os.fsencode(path.relative_to(folder))), path)

    def _remote(self) -> Iterator[SourceFile]:
        for chunk in obstore.list(self._location.store):
            for meta in chunk:
                if not any(part.startswith(".") for part in meta["path"].split("/")):
                    yield SourceFile(meta["path"], meta["size"], str(meta["e_tag"] or ""), meta["last_modified"])


def _unlisted(error: OSError) -> None:
    """A folder that cannot be listed ends the run: its files would be taken for deleted ones."""
    raise SourcesUnavailable(
        f"{error.filename} cannot be listed: {error.strerror}. Check its permissions and the disk; then run again."
    ) from error


def _listed(path: str, local: Path) -> SourceFile:
    stat = local.stat()
    tag = f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_ctime_ns:x}"
    return SourceFile(path, stat.st_size, tag, dt.datetime.fromtimestamp(stat.st_mtime, dt.UTC), local)


def _readable(name: bytes) -> str:
    """A file name as text, whatever bytes it has."""
    return name.decode("utf-8", "backslashreplace")
