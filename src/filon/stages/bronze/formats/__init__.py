"""Files that are no CSV: each is turned into the records that the reading layer knows."""

from __future__ import annotations

from pathlib import Path

from filon.project import Dataset
from filon.project.vocabulary import FileFormat
from filon.stages.bronze.formats.conversion import Converted
from filon.stages.bronze.formats.peek import FirstRows, first_rows
from filon.stages.limits import Limits

__all__ = ["Converted", "FirstRows", "convert", "first_rows"]


def convert(path: Path, target: Path, dataset: Dataset, packed: int, limits: Limits) -> Converted:
    """Write the records of a file into a tidy file, in the form that ``records.tidy`` gives.

    Args:
        path: the file, unpacked; a text in UTF-8
        target: the file to write
        dataset: format, columns and dialect; no CSV
        packed: bytes of the file as it was received
        limits: what may be read and written

    Raises:
        FileRejected: the file cannot be read, or does not fit the contract

    """
    if dataset.format is FileFormat.JSON_LINES:
        from filon.stages.bronze.formats.jsonlines import convert_json_lines

        return convert_json_lines(path, target, dataset, packed, limits)
    if dataset.format is FileFormat.SPREADSHEET:
        from filon.stages.bronze.formats.spreadsheets import convert_spreadsheet

        return convert_spreadsheet(path, target, dataset, packed, limits)
    from filon.stages.bronze.formats.parquet import convert_parquet

    return convert_parquet(path, target, dataset, packed, limits)
