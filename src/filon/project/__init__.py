"""A project folder, read into contracts, models and the order in which they are built.

What the rest of Filon needs of a project that is read; ``loader`` reads one, and imports the parsers of SQL and
of contracts.
"""

from typing import TYPE_CHECKING

from filon.late import late

if TYPE_CHECKING:
    from filon.project.columns import Column, Reference, Rule
    from filon.project.contract import Check, Contract
    from filon.project.dataset import Dataset
    from filon.project.fingerprints import fingerprint_of
    from filon.project.models import Model, Project
    from filon.project.outcome import CheckStatus
    from filon.project.partition import Partition
    from filon.project.types import INTEGER, PLACE, TEXT, TEXTS, ColumnType, Kind, TypedColumn, parse_type
else:
    __getattr__ = late(
        __name__,
        {
            "columns": "Column Reference Rule",
            "contract": "Check Contract",
            "dataset": "Dataset",
            "fingerprints": "fingerprint_of",
            "models": "Model Project",
            "outcome": "CheckStatus",
            "partition": "Partition",
            "types": "INTEGER PLACE TEXT TEXTS ColumnType Kind TypedColumn parse_type",
        },
    )

__all__ = [
    "INTEGER",
    "PLACE",
    "TEXT",
    "TEXTS",
    "Check",
    "CheckStatus",
    "Column",
    "ColumnType",
    "Contract",
    "Dataset",
    "Kind",
    "Model",
    "Partition",
    "Project",
    "Reference",
    "Rule",
    "TypedColumn",
    "fingerprint_of",
    "parse_type",
]
