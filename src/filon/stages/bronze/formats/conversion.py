"""What comes of a file that is no CSV: its records in a tidy file, as the patient reader writes them."""

from __future__ import annotations

from dataclasses import dataclass

from filon.stages.bronze.headers import Header
from filon.stages.bronze.records import Tidied


@dataclass(frozen=True)
class Converted:
    """The header of a file, the counts of its records, and remarks for the report."""

    header: Header
    tidied: Tidied
    notes: tuple[str, ...] = ()
