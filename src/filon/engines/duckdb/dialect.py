"""Filon's SQL and types as DuckDB spells them: statements are DuckDB's already."""

from __future__ import annotations

from filon.engines.types import FoundType, Nature, OtherType
from filon.project.types import ColumnType, parse_type
from filon.sql import DIALECT

NATURES = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "HUGEINT"), Nature.WHOLE),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "BIGNUM"), Nature.WHOLE),
    "FLOAT": Nature.FLOATING,
    "TIMESTAMP": Nature.LOCAL,
    '"NULL"': Nature.NULL,
}


class DuckDBDialect:
    """Filon's SQL is spelled as DuckDB's, so that nothing changes on the way."""

    name = DIALECT

    def spell(self, query: str) -> str:
        """The query as it is."""
        return query

    def spell_type(self, kind: ColumnType) -> str:
        """As in Filon's SQL."""
        return kind.sql

    def read_type(self, spelling: str) -> FoundType:
        """Exactly the spellings of DESCRIBE; what only means the same in a statement, as INT8 does, never comes."""
        kind = parse_type(spelling)
        if kind is not None and kind.sql == spelling:
            return kind
        return OtherType(spelling, NATURES.get(spelling, Nature.OTHER))
