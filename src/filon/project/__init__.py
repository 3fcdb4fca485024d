"""A project folder, read into contracts, models and the order in which they are built."""

from filon.project.contract import Check, Column, Contract, Dataset, Model, Project, Reference, Rule, digest
from filon.project.loader import load_project
from filon.project.types import INTEGER, PLACE, TEXT, TEXTS, ColumnType, Kind, TypedColumn, parse_type

__all__ = [
    "INTEGER",
    "PLACE",
    "TEXT",
    "TEXTS",
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
    "TypedColumn",
    "digest",
    "load_project",
    "parse_type",
]
