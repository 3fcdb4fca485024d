"""Silver: the current, typed row of each key, and the reasons of rejected records.

The rules of a contract are compiled to one query over the bronze records that collects all reasons. A record with a
reason goes to the quarantine table; of the others, one per key is accepted and the rest are superseded.
"""

from filon.stages.silver.build import SilverResult, build_silver
from filon.stages.silver.history import HistoryResult, build_history
from filon.stages.silver.queries import QUARANTINE_COLUMNS, raw_text
from filon.stages.silver.records import LiveRecords, bind_records

__all__ = [
    "QUARANTINE_COLUMNS",
    "HistoryResult",
    "LiveRecords",
    "SilverResult",
    "bind_records",
    "build_history",
    "build_silver",
    "raw_text",
]
