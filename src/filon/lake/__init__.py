"""All that is durable: tables, ledger, builds, releases, quarantined files."""

from filon.lake.datafile import ColumnStats, DataFile, TableFile
from filon.lake.documents import (
    Build,
    CheckResult,
    FileCounts,
    FileState,
    FileVersion,
    HeaderProfile,
    Ledger,
    NewBuild,
    Observation,
    Quality,
    Release,
    RunDocument,
    build_id,
)
from filon.lake.location import Layer, Location, locate
from filon.lake.s3 import S3, Keys, open_s3
from filon.lake.sources import SourceFile, Sources, name_given, spelled, unreadable
from filon.lake.store import Lake, new_run_id
from filon.project import CheckStatus

__all__ = [
    "S3",
    "Build",
    "CheckResult",
    "CheckStatus",
    "ColumnStats",
    "DataFile",
    "FileCounts",
    "FileState",
    "FileVersion",
    "HeaderProfile",
    "Keys",
    "Lake",
    "Layer",
    "Ledger",
    "Location",
    "NewBuild",
    "Observation",
    "Quality",
    "Release",
    "RunDocument",
    "SourceFile",
    "Sources",
    "TableFile",
    "build_id",
    "locate",
    "name_given",
    "new_run_id",
    "open_s3",
    "spelled",
    "unreadable",
]
