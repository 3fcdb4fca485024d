"""Durable storage: tables, ledger, builds, releases, quarantined files, reports of runs."""

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
from filon.lake.names import listed_name, printable_name
from filon.lake.s3 import S3, Keys, open_s3
from filon.lake.sourcefile import Member, SourceFile
from filon.lake.sources import Sources, unreadable
from filon.lake.store import Lake, copy_name, new_run_id
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
    "Member",
    "NewBuild",
    "Observation",
    "Quality",
    "Release",
    "RunDocument",
    "SourceFile",
    "Sources",
    "TableFile",
    "build_id",
    "copy_name",
    "listed_name",
    "locate",
    "new_run_id",
    "open_s3",
    "printable_name",
    "unreadable",
]
