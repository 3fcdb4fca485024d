"""DuckDB: engine and reader inside the process, for one machine."""

from filon.engines.duckdb.connection import DuckDBConnection
from filon.engines.duckdb.engine import DuckDBEngine
from filon.engines.duckdb.reader import DuckDBReader

__all__ = ["DuckDBConnection", "DuckDBEngine", "DuckDBReader"]
