"""Where raw files arrive: a folder or an object-store prefix, only ever read."""

from __future__ import annotations

import datetime as dt
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from filon.errors import SourceGone, SourcesAmbiguous, SourcesMissing, SourcesUnavailable, SourceUnreadable
from filon.lake.location import Location, locate, told

CHUNK = 4 << 20
OF_THE_DISK = "lost+found"
"""A folder that file systems make, and nobody else may list."""
UNKNOWN = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
INVALID_KEY = "Encountered object with invalid path"
UNPRINTABLE = r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
"""Control characters, those that change the direction of writing, and what stands for bytes that are not UTF-8."""
ESCAPED = r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}"


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

        SourcesMissing when there is no such folder, SourcesUnavailable when one inside it cannot be listed,
        SourcesAmbiguous when two files have one name: a name is what a file is known by.
        """
        folder = self._location.folder
        with self._answering():
            found = self._local(folder) if folder is not None else self._remote()
            files = sorted(found, key=lambda file: file.path)
        for file, other in pairwise(files):
            if file.path == other.path:
                raise SourcesAmbiguous(f"{self.uri} holds two files that are both called {file.path}; rename one")
        return files

    def again(self, file: SourceFile) -> SourceFile | None:
        """The file as it is now, or None when it is gone."""
        if file.local is not None:
            return _listed(file.path, file.local)
        try:
            with self._answering():
                meta = obstore.head(self._location.store, file.path)
        except FileNotFoundError:
            return None
        return SourceFile(file.path, meta["size"], str(meta["e_tag"] or ""), meta["last_modified"])

    def chunks(self, file: SourceFile) -> Iterator[bytes]:
        """The bytes of a file, a few mebibytes at a time.

        SourceGone when it left since it was listed, SourceUnreadable when the system or the store refuses it.
        """
        try:
            yield from self._read(file)
        except FileNotFoundError as error:
            raise SourceGone(
                f"{file.path} was listed, but is no longer in {self.uri}. Run again once nobody moves files there."
            ) from error
        except OSError as error:
            raise unreadable(error) from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise SourceUnreadable(f"{told(error)}; allow reading it") from error

    def _read(self, file: SourceFile) -> Iterator[bytes]:
        if file.local is not None:
            with file.local.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
            return
        with self._answering(allowed=(PermissionDeniedError, UnauthenticatedError)):
            for part in obstore.get(self._location.store, file.path).stream(min_chunk_size=CHUNK):
                yield bytes(part)

    @contextmanager
    def _answering(self, allowed: tuple[type[BaseError], ...] = ()) -> Iterator[None]:
        """What is not ``allowed`` to go through means that the object store cannot be used."""
        try:
            yield
        except allowed:
            raise
        except BaseError as error:
            if INVALID_KEY in str(error):
                raise SourcesUnavailable(
                    f"{self.uri}: {told(error)}. Rename that object: no name may hold control characters."
                ) from error
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
                if name.startswith("."):
                    continue
                if file := _listed(spelled(os.fsencode(path.relative_to(folder))), path):
                    yield file

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


def _listed(path: str, local: Path) -> SourceFile | None:
    """A file as it is now: None when it is gone or no file, without size and tag when the system does not tell them."""
    try:
        found = local.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # whoever reads it meets the same error, which then concerns this file alone
        return SourceFile(path, 0, "", UNKNOWN, local)
    if not stat.S_ISREG(found.st_mode):
        return None
    tag = f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_ctime_ns:x}"
    return SourceFile(path, found.st_size, tag, dt.datetime.fromtimestamp(found.st_mtime, dt.UTC), local)


def unreadable(error: OSError) -> SourceUnreadable:
    """The error for a file that the system does not let be read."""
    return SourceUnreadable(f"the system says: {error.strerror or error}; check its permissions and the disk")


def spelled(name: bytes) -> str:
    r"""A file name as printable text; different bytes give different texts.

    Most names are spelled as they are. One with bytes that are not UTF-8 or with characters that cannot be printed is
    escaped (``\xff``, ``\x0a``, ``\u202e``), backslashes doubled; so is one that looks as if it were escaped.
    """
    text = name.decode("utf-8", "surrogateescape")
    if not re.search(f"{UNPRINTABLE}|{ESCAPED}", text):
        return text
    return re.sub(rf"\\|{UNPRINTABLE}", _escape, text)


def name_given(text: str) -> str:
    """The name that somebody gave: as it is shown, or with its raw bytes, as a shell completes it."""
    return spelled(os.fsencode(text)) if re.search(UNPRINTABLE, text) else text


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == "\\":
        return r"\\"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
