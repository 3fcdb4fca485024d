"""Records that the reader holds, written to Parquet files of the bronze table, with remarks for the report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from filon.engines import CsvFile, CsvForm, RecordLayout
from filon.lake import HeaderProfile, Layer, TableFile
from filon.project import Dataset
from filon.project.vocabulary import Drift
from filon.stages.bronze.footers import tidy_footer
from filon.stages.bronze.headers import Header
from filon.stages.bronze.inference import infer, surprises
from filon.stages.bronze.records import TIDY_COLUMNS
from filon.stages.bronze.refusals import LONGEST_DETAIL
from filon.stages.bronze.texts import Parsed, SourceText, field_name
from filon.stages.context import Context


def write_records(
    context: Context,
    texts: Sequence[SourceText],
    counts: Mapping[int, int],
    malformed: Mapping[int, int],
    start: float,
) -> list[Parsed]:
    """Write the records that the reader holds to Parquet.

    Args:
        context: the run, whose reader has read the texts
        texts: texts of one header and form
        counts: records by number of the file version
        malformed: malformed records by number of the file version; 0 where a number is absent
        start: when reading began, by ``time.perf_counter``

    Returns:
        A result per text, in their order.

    """
    dataset, header = texts[0].incoming.dataset, texts[0].header
    fields = {name: field_name(index) for name, index in header.columns}
    declared = {name: fields[name] for name in dataset.contract.column_names if name in fields}
    inferred = infer(context.reader, dataset, declared)
    written = context.reader.write(_layout(dataset, header), context.lake.table(Layer.BRONZE, dataset.name))
    data = context.lake.seal(Layer.BRONZE, dataset.name, written)
    context.reader.forget()
    share = round((time.perf_counter() - start) / len(texts), 4)
    results = []
    for text in texts:
        number = text.incoming.number
        looks = inferred.get(number, {})
        profile = HeaderProfile(header=header.names, inferred={name: look.name for name, look in looks.items()})
        kept, footer_notes = _write_footer(context, text, counts[number]) if text.footer else ((), ())
        notes = (*text.notes, *_drift_notes(header, dataset), *surprises(dataset, looks), *footer_notes)
        parsed = Parsed(text.incoming, counts[number], malformed.get(number, 0), (*data, *kept), profile, notes)
        results.append(replace(parsed, duration_s=share))
    return results


def _write_footer(context: Context, text: SourceText, records: int) -> tuple[Sequence[TableFile], Sequence[str]]:
    """Write the footer of a text to Parquet, behind its records; the files, and a remark for the report."""
    if text.footer is None:
        return (), ()
    dataset, number = text.incoming.dataset, text.incoming.number
    target = text.footer.with_suffix(".tidy.csv")
    form = CsvForm((*TIDY_COLUMNS, *text.form.columns), numbered=True)
    try:
        lines = tidy_footer(text.footer, target, text.dialect, len(text.header.names), records + 1)
        context.reader.read([CsvFile(number, target)], form)
    finally:
        target.unlink(missing_ok=True)
    written = context.reader.write(_layout(dataset, text.header), context.lake.table(Layer.BRONZE, dataset.name))
    context.reader.forget()
    noun = "line" if lines == 1 else "lines"
    return context.lake.seal(Layer.BRONZE, dataset.name, written), (f"{lines} {noun} of a footer kept, not judged",)


def _layout(dataset: Dataset, header: Header) -> RecordLayout:
    """Which field each column of the bronze table is written from."""
    fields = {name: field_name(index) for name, index in header.columns}
    extras = () if dataset.drift is Drift.DISCARD else header.extras
    return RecordLayout(
        columns=tuple((name, fields.get(name)) for name in dataset.contract.column_names),
        extras=tuple((name, field_name(index)) for name, index in extras),
        packed_extras=field_name(header.packed_extras) if extras and header.packed_extras is not None else None,
    )


def _drift_notes(header: Header, dataset: Dataset) -> list[str]:
    """What the report says of columns that a header lacks, and of those that the contract does not declare."""
    notes = []
    if header.extras:
        fate = "left out" if dataset.drift is Drift.DISCARD else "kept as text in _extra"
        notes.append(f"undeclared columns {fate}: {_listed([name for name, _ in header.extras])}")
    found = dict(header.columns)
    absent = [column.header for column in dataset.read_columns if column.name not in found]
    if absent:
        hint = "; if one has another name here, give the column `aliases`" if header.extras else ""
        notes.append(f"declared columns absent, null in every record: {_listed(absent)}{hint}")
    return notes


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(names)
    return text if len(text) <= LONGEST_DETAIL else f"{text[:LONGEST_DETAIL]}…"
