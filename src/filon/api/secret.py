"""The secret by which cursors are signed: one for all workers, and the same after a restart."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from filon.errors import ConfigError

SECRET_BYTES = 32


def kept_secret(path: Path) -> bytes:
    """The secret in a file that only its owner can read; made by whoever comes first."""
    try:
        found = path.read_bytes() if path.exists() else _made(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}. It holds the secret by which cursors are signed: let the API write there, "
            "or set FILON_API_SECRET."
        ) from None
    if len(found) != SECRET_BYTES:
        raise ConfigError(f"{path} is no secret of {SECRET_BYTES} bytes. Delete it: the next start makes another.")
    return found


def _made(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_bytes(SECRET_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        path.hardlink_to(name)  # whole or not at all, and never over that of another worker
    except FileExistsError:
        pass
    finally:
        Path(name).unlink(missing_ok=True)
    return path.read_bytes()
