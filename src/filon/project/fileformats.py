"""What the files of a dataset are, and which words of its dialect they have a use for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic.alias_generators import to_camel

from filon.project.document import Document, Place
from filon.project.formats import DAY, MOMENT
from filon.project.places import ARCHIVE, PACKED
from filon.project.types import Kind
from filon.project.vocabulary import FileFormat, SourceSpec

if TYPE_CHECKING:
    from filon.project.contract import Contract

ENDINGS = {
    "jsonl": FileFormat.JSON_LINES,
    "ndjson": FileFormat.JSON_LINES,
    "parquet": FileFormat.PARQUET,
    "xlsx": FileFormat.SPREADSHEET,
    "xlsm": FileFormat.SPREADSHEET,
    "ods": FileFormat.SPREADSHEET,
}
TYPED_FORMATS = {Kind.DATE: (DAY,), Kind.TIMESTAMP: (MOMENT,)}
"""How dates and timestamps are spelled that files bring as such and not as texts."""
CSV = {FileFormat.CSV}
ROWS = {FileFormat.CSV, FileFormat.SPREADSHEET}
NEEDED_BY = {
    "sheet": {FileFormat.SPREADSHEET},
    "delimiter": CSV,
    "quote": CSV,
    "escape": CSV,
    "comment": CSV,
    "footer": ROWS,
    "short_records": CSV,
    "encoding": {FileFormat.CSV, FileFormat.JSON_LINES},
    "header": ROWS,
    "skip_lines": ROWS,
    "skip_until": ROWS,
}
"""Words of a dialect that not every format has a use for."""


def format_of(pattern: str) -> FileFormat:
    """What files are whose names match a pattern, by its ending; CSV when that says nothing."""
    ending = PACKED.sub("", ARCHIVE.sub("", pattern)).rpartition(".")[2].lower()
    return ENDINGS.get(ending, FileFormat.CSV)


def report_format(document: Document, place: Place, spec: SourceSpec) -> None:
    """Report words of a table's dialect that its format has no use for; ``place`` is that of the dialect."""
    chosen = spec.dialect.format or format_of(spec.file_pattern)
    for name, formats in NEEDED_BY.items():
        if name in spec.dialect.model_fields_set and chosen not in formats:
            what = f"`dialect.{to_camel(name)}` does not apply to files of the format {chosen}"
            fix = f"remove it, or set `format: {' or '.join(sorted(formats))}`"
            document.report((*place, to_camel(name)), what, fix)


def with_typed_formats(contract: Contract, spec: SourceSpec) -> Contract:
    """The contract of a source; where files bring typed values, moments may have the form that these are spelled in."""
    if (spec.dialect.format or format_of(spec.file_pattern)) not in (FileFormat.PARQUET, FileFormat.SPREADSHEET):
        return contract
    columns = []
    for column in contract.columns:
        others = [one for one in TYPED_FORMATS.get(column.type.kind, ()) if one not in column.formats]
        columns.append(replace(column, other_formats=(*column.other_formats, *others)))
    return replace(contract, columns=tuple(columns))
