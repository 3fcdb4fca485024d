"""Silver: the current, typed row of each key; every other record accounted for.

Rules are compiled to one pass over the bronze records that collects all reasons. A record with a reason goes to the
quarantine table; of the others, one per key is accepted and the rest are superseded.
"""

from filon.stages.silver.build import QUARANTINE_COLUMNS, SilverResult, build_silver

__all__ = ["QUARANTINE_COLUMNS", "SilverResult", "build_silver"]
