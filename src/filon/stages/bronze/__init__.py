"""Bronze: every record of every accepted file, as received.

Sources are listed and compared with the ledger; new content is hashed, decoded, parsed and written as text with
``_file`` and ``_record``. A file that cannot be read is quarantined whole; the others go on.
"""

from filon.stages.bronze.columns import BRONZE_EXTRAS, bronze_columns
from filon.stages.bronze.ingest import IngestResult, receive_files, require_own_project
from filon.stages.bronze.listing import Listing, list_files, matching_files
from filon.stages.bronze.outcomes import FileOutcome
from filon.stages.bronze.table import build_bronze
from filon.stages.bronze.workers import LocalWorkers, Workers

__all__ = [
    "BRONZE_EXTRAS",
    "FileOutcome",
    "IngestResult",
    "Listing",
    "LocalWorkers",
    "Workers",
    "bronze_columns",
    "build_bronze",
    "list_files",
    "matching_files",
    "receive_files",
    "require_own_project",
]
