"""Engines: SQL over Parquet, in one process or on a cluster; and the reader of files, which needs none of them."""

from filon.engines.dialect import Dialect
from filon.engines.executors import Executors
from filon.engines.protocol import BulkExport, Columns, Content, Engine, SqlEngine, StatementInvalid
from filon.engines.reader import (
    Aside,
    CsvFile,
    CsvForm,
    CsvUnreadable,
    Faults,
    FieldSample,
    LocalReader,
    MalformedRecord,
    Part,
    RecordLayout,
    Sifted,
)
from filon.engines.types import FoundColumn, FoundType, Nature, OtherType, has_nature

__all__ = [
    "Aside",
    "BulkExport",
    "Columns",
    "Content",
    "CsvFile",
    "CsvForm",
    "CsvUnreadable",
    "Dialect",
    "Engine",
    "Executors",
    "Faults",
    "FieldSample",
    "FoundColumn",
    "FoundType",
    "LocalReader",
    "MalformedRecord",
    "Nature",
    "OtherType",
    "Part",
    "RecordLayout",
    "Sifted",
    "SqlEngine",
    "StatementInvalid",
    "has_nature",
]
