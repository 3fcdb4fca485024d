"""Projects that were read before, kept by their content: the parsers of SQL and contracts are slow to import.

A kept project is used when every file that it was made of, the code that read it and all installed packages are as they
were. It is a pickle, which can make Python call anything. So it is read only from a file and a folder that nobody else
can write, and names nothing but the classes of a project.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from filon.errors import Problem
from filon.project.document import MOST_FILES, UnreadableText, read_text
from filon.project.folder import FILE, FOLDERS, is_inside
from filon.project.models import Project
from filon.version import __version__

SUFFIXES = (".yaml", ".yml", ".sql")
CODE = Path(__file__).parent.parent
READERS = ("project", "pages.py", "errors.py", "sql.py")
"""The code that decides what is read from the files of a project."""
PLAIN = {
    *(("builtins", name) for name in ("bytearray", "bytes", "frozenset", "set")),
    *(("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")),
    ("decimal", "Decimal"),
    ("pathlib", "PosixPath"),
}
"""Types of Python that a project is made of, beside its own."""
PROBLEM = (Problem.__module__, Problem.__name__)
MOST_KEPT = 100
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def content_key(folder: Path) -> str | None:
    """A hash of all that decides what is read from a project folder; None when a file of it cannot be read."""
    digest = hashlib.sha256()

    def add(*facts: object) -> None:
        text = repr(facts).encode("utf-8", "surrogateescape")
        digest.update(b"%d:%b" % (len(text), text))

    try:
        add(__version__, sys.version, str(folder), *_installed())
        for path, status in _code():
            add(path, status.st_size, status.st_mtime_ns)
        for file in _files(folder):
            add(str(file), read_text(file))
    except (OSError, UnreadableText):
        return None
    return digest.hexdigest()


def find_kept(cache: Path, folder: Path, key: str) -> Project | None:
    """The project that was kept of a folder under this key; None when there is none, or others could have written it.

    Args:
        cache: the folder of kept projects
        folder: the project folder
        key: its ``content_key``

    """
    with suppress(OSError):
        content = _read_own(_place(cache, folder))
        head, payload = content[: len(key)], content[len(key) + 64 :]
        if head == key.encode() and hashlib.sha256(payload).hexdigest().encode() == content[len(key) : len(key) + 64]:
            with suppress(pickle.UnpicklingError):
                project = _Unpickler(io.BytesIO(payload)).load()
                # where a link leads is no content of a file
                if isinstance(project, Project) and is_inside(folder, project.sources):
                    return project
    return None


def keep_project(cache: Path, project: Project, key: str) -> None:
    """Keep a project for ``find_kept``, instead of what was kept of its folder before.

    Without the space or the right to do so it is read anew each time.
    """
    _work_out(project)
    payload = pickle.dumps(project, pickle.HIGHEST_PROTOCOL)
    with suppress(OSError):
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=cache)  # made with mode 0600
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(key.encode() + hashlib.sha256(payload).hexdigest().encode() + payload)
            Path(name).replace(_place(cache, project.folder))
        finally:
            Path(name).unlink(missing_ok=True)
        for path in sorted(cache.iterdir(), key=lambda path: path.stat().st_mtime)[:-MOST_KEPT]:
            path.unlink(missing_ok=True)


class _Unpickler(pickle.Unpickler):
    """Makes nothing but the parts of a project."""

    def find_class(self, module: str, name: str) -> type:
        is_own = module == "filon.pages" or module.startswith(f"{__package__}.") or (module, name) == PROBLEM
        if is_own or (module, name) in PLAIN:
            found = super().find_class(module, name)
            if isinstance(found, type) and "." not in name:
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a project")


def _work_out(project: Project) -> None:
    """Let a project work out and remember what needs the parser of SQL, and every run asks for."""
    _ = project.fingerprint
    for dataset in project.datasets.values():
        _ = dataset.reads, dataset.acceptance_hash
    for contract in project.contracts.values():
        for check in contract.checks:
            _ = check.facts, check.tables, check.reads


def _place(cache: Path, folder: Path) -> Path:
    return cache / hashlib.sha256(os.fsencode(f"{folder.absolute()}\0{folder}")).hexdigest()


def _read_own(path: Path) -> bytes:
    """The bytes of a file of this user's, in a folder of this user's; OSError when others may write one of them."""
    _require_own(path.parent.stat())
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        _require_own(os.fstat(stream.fileno()))
        return stream.read()


def _require_own(status: os.stat_result) -> None:
    if status.st_uid != os.geteuid() or status.st_mode & OTHERS_WRITE:
        raise PermissionError("others may have written it")


def _files(folder: Path) -> Iterator[Path]:
    """The files that a project is read from, in order; OSError when they are too many."""
    yield folder / FILE
    for name in FOLDERS:
        if not (folder / name).is_dir():
            continue
        paths = sorted(path for path in (folder / name).iterdir() if path.suffix in SUFFIXES)
        if len(paths) > MOST_FILES:
            raise OSError("too many files")
        yield from paths


def _code() -> Iterator[tuple[str, os.stat_result]]:
    """The modules that read projects: in a working copy they change while the version stays."""
    waiting = [CODE / name for name in READERS]
    while waiting:
        path = waiting.pop()
        if path.suffix == ".py":
            yield path.name, path.stat()
        else:
            waiting += sorted(inner for inner in path.iterdir() if inner.suffix == ".py" or inner.is_dir())


def _installed() -> Iterator[str]:
    """The packages that are installed, with their versions."""
    for place in sys.path:
        with suppress(OSError):
            yield from sorted(path.name for path in Path(place).glob("*.dist-info"))
