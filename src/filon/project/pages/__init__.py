"""The pages of a project: its files below ``pages/``, read and held to the contracts of the tables that they show."""

from filon.project.pages.reading import FaultyPage, Pages, read_pages
from filon.project.pages.subjects import Subject, subjects_of

__all__ = ["FaultyPage", "Pages", "Subject", "read_pages", "subjects_of"]
