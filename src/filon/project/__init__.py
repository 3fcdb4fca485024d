"""A project folder, read into contracts, models and the order in which they are built.

What the rest of Filon needs of a project that is read; ``loader`` reads one, and imports the parsers of SQL and
of contracts.
"""

from filon.project.columns import Column, Reference, Rule
from filon.project.contract import Check, CheckStatus, Contract
from filon.project.dataset import Dataset
from filon.project.fingerprints import fingerprint_of
from filon.project.models import Model, Project
from filon.project.partition import Partition
from filon.project.types import INTEGER, PLACE, TEXT, TEXTS, ColumnType, Kind, TypedColumn, parse_type

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
