"""Filon's SQL and types as Spark spells them."""

from __future__ import annotations

from sqlglot.errors import ParseError, SqlglotError

from filon.engines.protocol import StatementInvalid
from filon.engines.spark.expressions import Facts
from filon.engines.spark.functions import FUNCTIONS
from filon.engines.spark.queries import QuerySpeller, Spelled
from filon.engines.spark.scopes import Typed
from filon.engines.spark.terms import Unspellable
from filon.engines.spark.types import found_type, read_type, type_of_column
from filon.engines.types import FoundType, Nature, OtherType
from filon.project.grammar import SqlRefused, read_plain
from filon.project.types import ColumnType


class SparkDialect:
    """Spells statements in Spark's SQL. What they mean depends on the types of columns, so it knows the tables.

    Args:
        facts: what functions read beside their arguments

    """

    name = "spark"

    def __init__(self, facts: Facts) -> None:
        self.tables: dict[str, tuple[Typed, ...]] = {}
        self._queries = QuerySpeller(facts, FUNCTIONS)

    def spell(self, query: str) -> str:
        """A query as Spark reads it; StatementInvalid when it cannot be said there."""
        return self.compile(query).sql

    def compile(self, query: str) -> Spelled:
        """A query as Spark reads it, and its columns."""
        try:
            query.encode()
            return self._queries.query(read_plain(query, composed=True), self.tables)
        except UnicodeEncodeError as error:  # bytes of a command line that are no UTF-8
            raise StatementInvalid("a value is not UTF-8 text; write it again", 1) from error
        except Unspellable as error:
            raise error.at(1) from error
        except SqlRefused as error:
            raise StatementInvalid(error.fault.what, error.fault.line) from error
        except ParseError as error:
            found = error.errors[0] if error.errors else {}
            raise StatementInvalid(str(found.get("description", error)), int(found.get("line") or 1)) from error
        except SqlglotError as error:
            raise StatementInvalid(str(error).split("\n", 1)[0], 1) from error

    def spell_type(self, kind: ColumnType) -> str:
        """The type that holds a column in Spark."""
        return type_of_column(kind).spark

    def read_type(self, spelling: str) -> FoundType:
        """A type as Spark names it."""
        kind = read_type(spelling)
        return found_type(kind) if kind else OtherType(spelling, Nature.OTHER)
