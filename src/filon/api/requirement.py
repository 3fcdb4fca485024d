"""Whether API keys are required, noted where it outlives the file of keys.

Keys that were made once are required from then on. If the file of keys alone said so, its loss would open the API. So a
second file beside it says it too, and so do the records of the store, for a process that has another folder.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

from filon.errors import ConfigError
from filon.private import remove, write_private
from filon.serving.records import Records

KIND, KEY = "security", "api-keys-required"
TEXT = "API keys are required. `filon apikey open` ends that; do not delete this file.\n"


class Requirement:
    """The note beside the file of keys."""

    def __init__(self, keys: Path) -> None:
        self.path = keys.with_name(f"{keys.name}.required")

    def is_noted(self) -> bool:
        """Whether it is there; ConfigError when that cannot be read."""
        return is_there(self.path)

    def note(self) -> None:
        """Write it, for good."""
        write_private(self.path, TEXT)

    def forget(self) -> None:
        """Remove it, for good."""
        remove(self.path)


def is_there(path: Path) -> bool:
    """Whether a file is there, readable or not; ConfigError when its folder cannot be read."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; it says whether API keys are required") from None
    return True


def note_in(records: Records, now: dt.datetime) -> None:
    """Note in a store that keys are required."""
    records.keep(KIND, KEY, now, TEXT)


def forget_in(records: Records) -> None:
    """Remove the note from a store; one that has none need not be written to."""
    if records.known(KIND, KEY) is not None:
        records.forget(KIND, {KEY})


async def is_noted_in(records: Records) -> bool:
    """Whether a store says that keys are required."""
    return await records.find(KIND, KEY) is not None
