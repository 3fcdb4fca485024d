"""How each function of ``docs/sql.md`` is spelled for Spark. What is not here is refused there."""

from filon.engines.spark.expressions import Spelling
from filon.engines.spark.functions.aggregates import AGGREGATES
from filon.engines.spark.functions.dates import DATES
from filon.engines.spark.functions.json import JSON
from filon.engines.spark.functions.lists import LISTS
from filon.engines.spark.functions.numbers import NUMBERS
from filon.engines.spark.functions.own import OWN
from filon.engines.spark.functions.texts import TEXTS
from filon.engines.spark.functions.windows import WINDOWS

FUNCTIONS: dict[str, Spelling] = {**TEXTS, **NUMBERS, **DATES, **LISTS, **JSON, **AGGREGATES, **WINDOWS, **OWN}

__all__ = ["FUNCTIONS"]
