"""Expressions of Filon's SQL as Spark spells them, with their types."""

from filon.engines.spark.expressions.calls import CALLS, order_by, window
from filon.engines.spark.expressions.conditions import CONDITIONS
from filon.engines.spark.expressions.moments import MOMENTS, at_zone, interval
from filon.engines.spark.expressions.speller import Call, Expressions, Facts, Speller, Spelling, line_of, unified
from filon.engines.spark.expressions.values import UNNESTED, VALUES

EXPRESSIONS: Expressions = {**VALUES, **CONDITIONS, **CALLS, **MOMENTS}

__all__ = [
    "EXPRESSIONS",
    "UNNESTED",
    "Call",
    "Facts",
    "Speller",
    "Spelling",
    "at_zone",
    "interval",
    "line_of",
    "order_by",
    "unified",
    "window",
]
