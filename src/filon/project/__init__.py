"""A project folder, read into contracts, models and the order in which they are built."""

from filon.project.contract import Check, Column, Contract, Dataset, Model, Project, Reference, Rule
from filon.project.fingerprints import fingerprint_of
from filon.project.loader import load_project
from filon.project.types import INTEGER, TEXT, ColumnType, Kind, parse_type

__all__ = [
    "INTEGER",
    "TEXT",
    "Check",
    "Column",
    "ColumnType",
    "Contract",
    "Dataset",
    "Kind",
    "Model",
    "Project",
    "Reference",
    "Rule",
    "fingerprint_of",
    "load_project",
    "parse_type",
]
