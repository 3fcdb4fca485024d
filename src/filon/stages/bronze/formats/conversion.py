"""What comes of a file that is no CSV: its records in a tidy file, as the patient reader writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filon.stages.bronze.headers import Header
from filon.stages.bronze.records import Tidied


@dataclass(frozen=True)
class Converted:
    """The header of a file, the counts of its records, remarks for the report, and the text of a footer, if any."""

    header: Header
    tidied: Tidied
    notes: tuple[str, ...] = ()
    footer: Path | None = None
