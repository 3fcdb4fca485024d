"""The bronze table of a dataset: the records of all its file versions, as one Delta table."""

from __future__ import annotations

from filon.lake import Build, Layer, Release
from filon.project import Dataset
from filon.stages.bronze.columns import bronze_columns, bronze_fingerprint
from filon.stages.bronze.ingest import IngestResult
from filon.stages.context import Context, TableReport, TableStatus


def build_bronze(context: Context, dataset: Dataset, ingested: IngestResult, published: Release | None) -> Build:
    """Commit the Parquet files that the ledger names as the content of a dataset's bronze table.

    Args:
        context: the run, in which the table is reported
        dataset: whose table it is
        ingested: the ledger, and the files that this run read
        published: the release before this run, whose build is used again if its files are the same

    """
    ledger, parsed = ingested.ledger, ingested.parsed
    named = [v for v in ledger.versions if v.dataset == dataset.name and v.bronze]
    files = {file.name: file for version in named for file in version.bronze}
    columns = bronze_columns(dataset)
    fingerprint = bronze_fingerprint(files, columns)
    if builds := context.find_builds(fingerprint, published, (Layer.BRONZE, dataset.name)):
        return builds[0]
    # files of this run come from its results: those of the ledger lack the bounds of columns
    new = {file.name: file for result in parsed if result.incoming.dataset == dataset for file in result.data}
    duration = sum(result.duration_s for result in parsed if result.incoming.dataset == dataset)
    content = [new.get(name, file) for name, file in files.items()]
    build = context.keep_build(
        Layer.BRONZE, dataset.name, fingerprint, content, columns=columns, duration_s=round(duration, 3)
    )
    status = TableStatus.BUILT if new else TableStatus.REUSED
    context.report(TableReport(dataset.name, Layer.BRONZE, status, build.rows, build.duration_s))
    return build
