"""Engines: SQL over Parquet, in one process or on a cluster."""

from filon.engines.protocol import Columns, Content, CsvFile, CsvForm, CsvUnreadable, Engine, StatementInvalid

__all__ = ["Columns", "Content", "CsvFile", "CsvForm", "CsvUnreadable", "Engine", "StatementInvalid"]
